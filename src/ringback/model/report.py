"""Delivery reports: the facts of one, and the founding page's form of it."""

from decimal import Decimal
from typing import Any

import msgspec

from .status import Error, Status
from .times import Instant, written


class Price(msgspec.Struct, frozen=True):
    """The tariff's price of one second, exactly as configured, and its currency (ISO 4217)."""

    per_second: Decimal
    currency: str


class DeliveryReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that any form of a report shows. Never changed.

    `duration` is whole seconds from answer to end, rounded half up, 0 when nobody answered; `charged_duration` is
    what of it is paid for (`tariff.charged`), None without a rate. `started_at` is when the last attempt began to
    ring, or was sent where nothing rang; None when nothing was sent. `answered_by` is `HUMAN` or `MACHINE` where that
    was looked at. `zone` is the IANA name of the account's time zone when the report was written.
    """

    bulk_id: str
    message_id: str
    to: str
    sent_at: Instant
    done_at: Instant
    duration: int
    status: Status
    error: Error
    zone: str = "UTC"
    caller: str | None = None
    mcc_mnc: str | None = None
    callback_data: str | None = None
    dtmf_codes: str | None = None
    recorded_audio_file_url: str | None = None
    price: Price | None = None
    answered_at: Instant | None = None
    file_seconds: float | None = None
    charged_duration: int | None = None
    started_at: Instant | None = None
    answered_by: str | None = None


class Beside(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the later form shows and the founding page's does not: kept beside the rendered JSON.

    What an older Ringback did not write down is None. The field names are in the database: they don't change.
    """

    zone: str
    caller: str | None = None
    answered_at: Instant | None = None
    file_seconds: float | None = None
    charged_duration: int | None = None
    started_at: Instant | None = None
    answered_by: str | None = None


def beside(report: DeliveryReport) -> str:
    """`Beside` of a report, as JSON."""
    extra = Beside(
        report.zone,
        report.caller,
        report.answered_at,
        report.file_seconds,
        report.charged_duration,
        report.started_at,
        report.answered_by,
    )
    return msgspec.json.encode(extra).decode()


def tts3_form(report: DeliveryReport) -> dict[str, Any]:
    """The report as `GET /tts/3/reports` gives it, keys in the contract's order (section 4)."""
    price = report.price
    form: dict[str, Any] = {
        "bulkId": report.bulk_id,
        "messageId": report.message_id,
        "to": report.to,
        "sentAt": written(report.sent_at, report.zone),
        "doneAt": written(report.done_at, report.zone),
        "duration": report.duration,
        "mccMnc": report.mcc_mnc,
    }
    if report.callback_data is not None:
        form["callbackData"] = report.callback_data
    form |= {
        "dtmfCodes": report.dtmf_codes,
        "recordedAudioFileUrl": report.recorded_audio_file_url,
        "price": price and {"pricePerSecond": price.per_second, "currency": price.currency},
        "status": msgspec.to_builtins(report.status),
        "error": msgspec.to_builtins(report.error),
    }
    return form


def tts3_json(report: DeliveryReport) -> str:
    """The report's JSON object, rendered once, when it is written. The price is a number, digit for digit."""
    form = tts3_form(report)
    if price := report.price:
        form["price"] |= {"pricePerSecond": msgspec.Raw(format(price.per_second, "f").encode())}  # never 1E-7
    return msgspec.json.encode(form).decode()


def tts3_xml_forms(joined: bytes) -> list[dict[str, Any]]:
    """Rendered JSON objects, separated by commas, as what their XML says.

    The founding page's XML says `pricePerMessage` where its JSON says `pricePerSecond`, for the same number.
    """
    forms = exact_forms(joined)
    for form in forms:
        if price := form["price"]:
            form["price"] = {"pricePerMessage": price["pricePerSecond"], "currency": price["currency"]}
    return forms


def exact_forms(joined: bytes) -> list[dict[str, Any]]:
    """JSON objects, separated by commas, as dicts whose fractions are `Decimal`."""
    forms: list[dict[str, Any]] = _exact.decode(b"[" + joined + b"]")
    return forms


_exact = msgspec.json.Decoder(float_hook=Decimal)
