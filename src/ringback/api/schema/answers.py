"""Answers as the OpenAPI document shows them. Source: contract sections 1 to 4 and 7."""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ...model.later_form import FEATURE
from ...model.status import Error, Status

BulkStatusName: TypeAlias = Literal["PENDING", "PAUSED", "PROCESSING", "CANCELED", "FINISHED", "FAILED"]

_Written: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}$",
        description="In the account's time zone. RFC 3339 but for the colon that the zone lacks.",
        examples=["2015-02-12T09:58:20.323+0100"],
    ),
]
_Currency: TypeAlias = Annotated[str, Meta(description="ISO 4217.", examples=["EUR"])]


class SentMessage(msgspec.Struct, rename="camel"):
    """What became of one number of a request. No messageId where it can't be dialled."""

    to: Annotated[str, Meta(description="As it was given.")]
    status: Status
    message_id: str | UnsetType = UNSET


class SendResponse(msgspec.Struct, rename="camel"):
    """The answer to a send, a line for every number in the request's order."""

    bulk_id: str
    messages: list[SentMessage]


class Price(msgspec.Struct, rename="camel"):
    """The tariff's price, exactly as configured."""

    price_per_second: float
    currency: _Currency


class ReportXmlPrice(msgspec.Struct, rename="camel"):
    """The same price; the founding page's XML calls it otherwise."""

    price_per_message: float
    currency: _Currency


class Report(msgspec.Struct, rename="camel", kw_only=True):
    """What became of one message. What is unknown is null, and left out of the XML."""

    bulk_id: str
    message_id: str
    to: Annotated[str, Meta(description="Digits only.")]
    sent_at: _Written
    done_at: _Written
    duration: Annotated[int, Meta(ge=0, description="Seconds from answer to end, 0 when nobody answered.")]
    mcc_mnc: Annotated[str | None, Meta(description="The network's country and network code.")] = None
    callback_data: Annotated[str, Meta(description="Only when the message carried some.")] | UnsetType = UNSET
    dtmf_codes: Annotated[str | None, Meta(description="What was entered; several entries are joined by commas.")]
    recorded_audio_file_url: str | None
    price: Price | None
    status: Status
    error: Error


class ReportXml(Report, kw_only=True):
    """A report in XML."""

    price: ReportXmlPrice | None  # type: ignore[assignment]


class ReportResponse(msgspec.Struct, rename="camel"):
    """Reports, the oldest finished first. Each is returned once."""

    results: list[Report]


class ReportResponseXml(msgspec.Struct, rename="camel"):
    """Reports in XML."""

    results: list[ReportXml]


class VoiceCall(msgspec.Struct, rename="camel"):
    """The call itself, of the last attempt. What was never sent has no times."""

    feature: Annotated[str, Meta(examples=[FEATURE])]
    start_time: _Written | None
    answer_time: _Written | None
    end_time: _Written | None
    duration: Annotated[int, Meta(ge=0, description="Seconds from answer to end, 0 when nobody answered.")]
    charged_duration: Annotated[
        int | None, Meta(description="The seconds that are paid for, by the tariff's increments.")
    ]
    file_duration: Annotated[float | None, Meta(description="Seconds that the message takes to say.")]
    dtmf_codes: str | None
    answered_by: Literal["HUMAN", "MACHINE"] | None
    ivr: None


class LaterReport(msgspec.Struct, rename="camel", kw_only=True):
    """What became of one message, in the later form."""

    bulk_id: str
    message_id: str
    from_: str | None = msgspec.field(name="from")
    to: Annotated[str, Meta(description="Digits only.")]
    sent_at: _Written
    mcc_mnc: Annotated[str | None, Meta(description="The network's country and network code.")]
    callback_data: str | None
    voice_call: VoiceCall
    price: Price | None
    status: Status
    error: Error


class LaterReportResponse(msgspec.Struct, rename="camel"):
    """Reports in the later form, the oldest finished first. Each is returned once."""

    results: list[LaterReport]


class Log(msgspec.Struct, rename="camel", kw_only=True):
    """A message, finished or pending. What is unknown is null, and left out of the XML."""

    bulk_id: str
    message_id: str
    from_: str | None = msgspec.field(name="from")
    to: str
    text: Annotated[str | None, Meta(description="null where a file was played.")]
    sent_at: Annotated[_Written, Meta(description="Of what was not dialled yet: when it is to be.")]
    done_at: _Written | None
    duration: int | None
    mcc_mnc: str | None
    price: Price | None
    status: Status
    error: Error


class LogXml(Log, kw_only=True):
    """A log in XML."""

    price: ReportXmlPrice | None  # type: ignore[assignment]


class LogsResponse(msgspec.Struct, rename="camel"):
    """Messages of the last 48 hours, the latest first."""

    results: list[Log]


class LogsResponseXml(msgspec.Struct, rename="camel"):
    """The same in XML."""

    results: list[LogXml]


class OfferedVoice(msgspec.Struct, rename="camel"):
    """A voice; its name is what `voice.name` takes."""

    name: str
    is_default: bool
    is_neural: bool
    supplier: str
    ssml_supported: bool
    gender: Literal["male", "female"] | UnsetType = UNSET


class VoicesResponse(msgspec.Struct, rename="camel"):
    """The voices of a language, the default first."""

    voices: list[OfferedVoice]


class LoginResponse(msgspec.Struct, rename="camel"):
    """The token that `Authorization: IBSSO TOKEN` takes; it dies after one hour without use."""

    token: str


class Ledger(msgspec.Struct, rename="camel"):
    """How many messages there are: accepted is the sum of the rest, each counted for itself, all at one moment."""

    accepted: Annotated[int, Meta(ge=0)]
    pending: Annotated[int, Meta(ge=0, description="No report yet.")]
    waiting: Annotated[int, Meta(ge=0, description="Reports that nobody has: they wait to be collected, or pushed.")]
    collected: Annotated[int, Meta(ge=0)]
    pushed: Annotated[int, Meta(ge=0)]
    bulk_id: Annotated[str, Meta(description="Where one bulk was asked for.")] | UnsetType = UNSET


class Bulk(msgspec.Struct, rename="camel"):
    """When a bulk is sent."""

    bulk_id: str
    send_at: _Written


class BulkStatus(msgspec.Struct, rename="camel"):
    """How a bulk stands."""

    bulk_id: str
    status: BulkStatusName


class ServiceException(msgspec.Struct, rename="camel"):
    """What is wrong. validationErrors hold texts by the path of the field at fault."""

    message_id: str
    text: str
    validation_errors: dict[str, list[str]] | UnsetType = UNSET


class RequestErrorInside(msgspec.Struct, rename="camel"):
    """The one thing in a requestError."""

    service_exception: ServiceException


class RequestError(msgspec.Struct, rename="camel"):
    """Every refusal."""

    request_error: RequestErrorInside


class ValidationErrorXml(msgspec.Struct, rename="camel"):
    """A field at fault, in XML."""

    path: str
    messages: list[str]


class ServiceExceptionXml(msgspec.Struct, rename="camel"):
    """What is wrong, in XML."""

    message_id: str
    text: str
    validation_errors: list[ValidationErrorXml] | UnsetType = UNSET


class RequestErrorXml(msgspec.Struct, rename="camel"):
    """Every refusal in XML: the element requestError."""

    service_exception: ServiceExceptionXml
