"""What the server answers, as frozen values. Fields that this version does not know are passed over."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from .message import Voice
from .wire import moment_of

Form: TypeAlias = Mapping[str, Any]
BulkStatus: TypeAlias = Literal["PENDING", "PAUSED", "PROCESSING", "CANCELED", "FINISHED", "FAILED"]


@dataclass(frozen=True, slots=True)
class Status:
    """What became of a message (contract section 3)."""

    group_id: int
    group_name: str
    id: int
    name: str
    description: str
    action: str | None = None


@dataclass(frozen=True, slots=True)
class Error:
    """Why; `permanent` says whether asking again could change it (contract section 3)."""

    group_id: int
    group_name: str
    id: int
    name: str
    description: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class Price:
    """Of one second, exactly as the tariff says, and its currency (ISO 4217)."""

    per_second: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class SentMessage:
    """What was said to one number. No message id where it can't be dialled."""

    to: str
    message_id: str | None
    status: Status

    @property
    def refused(self) -> bool:
        """Whether nobody will be called: the number can't be dialled, or the message id was used before."""
        return self.status.group_name == "REJECTED"


@dataclass(frozen=True, slots=True)
class SendResponse:
    """What was accepted, and under which ids, in the order of the request."""

    bulk_id: str
    messages: tuple[SentMessage, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A delivery report (contract section 4).

    `duration` is in whole seconds from the answer to the end. `dtmf_codes` is "" when keys were asked for and
    none came, None when none were asked for. `done_at` is never before `sent_at`.
    """

    bulk_id: str
    message_id: str
    to: str
    sent_at: datetime
    done_at: datetime
    duration: int
    mcc_mnc: str | None
    callback_data: str | None
    dtmf_codes: str | None
    recorded_audio_file_url: str | None
    price: Price | None
    status: Status
    error: Error


@dataclass(frozen=True, slots=True)
class Log:
    """A message of the last 48 hours, also one that is not over yet: then the later fields are None."""

    bulk_id: str
    message_id: str
    caller: str | None
    to: str
    text: str | None
    sent_at: datetime | None
    done_at: datetime | None
    duration: int | None
    mcc_mnc: str | None
    price: Price | None
    status: Status
    error: Error | None


@dataclass(frozen=True, slots=True)
class Bulk:
    """All messages of one send: when it starts, and how it stands."""

    bulk_id: str
    send_at: datetime
    status: BulkStatus


@dataclass(frozen=True, slots=True)
class Ledger:
    """How many messages there are: `accepted` is the sum of the others at every moment (contract section 4).

    `pending` ones have no report yet; `waiting` is every report that nobody has.
    """

    accepted: int
    pending: int
    waiting: int
    collected: int
    pushed: int


def send_response(form: Form) -> SendResponse:
    messages = [SentMessage(one["to"], one.get("messageId"), status(one["status"])) for one in form["messages"]]
    return SendResponse(form["bulkId"], tuple(messages))


def report(form: Form) -> Report:
    return Report(
        bulk_id=form["bulkId"],
        message_id=form["messageId"],
        to=form["to"],
        sent_at=datetime.fromisoformat(form["sentAt"]),
        done_at=datetime.fromisoformat(form["doneAt"]),
        duration=form["duration"],
        mcc_mnc=form.get("mccMnc"),
        callback_data=form.get("callbackData"),
        dtmf_codes=form.get("dtmfCodes"),
        recorded_audio_file_url=form.get("recordedAudioFileUrl"),
        price=_price(form.get("price")),
        status=status(form["status"]),
        error=_error(form["error"]),
    )


def log(form: Form) -> Log:
    return Log(
        bulk_id=form["bulkId"],
        message_id=form["messageId"],
        caller=form.get("from"),
        to=form["to"],
        text=form.get("text"),
        sent_at=moment_of(form.get("sentAt")),
        done_at=moment_of(form.get("doneAt")),
        duration=form.get("duration"),
        mcc_mnc=form.get("mccMnc"),
        price=_price(form.get("price")),
        status=status(form["status"]),
        error=_error(form["error"]) if form.get("error") else None,
    )


def reports(form: Form) -> tuple[Report, ...]:
    return tuple(report(one) for one in form["results"])


def logs(form: Form) -> tuple[Log, ...]:
    return tuple(log(one) for one in form["results"])


def voices(form: Form) -> tuple[Voice, ...]:
    return tuple(Voice(one["name"], one.get("gender"), bool(one.get("isDefault"))) for one in form["voices"])


def send_at(form: Form) -> datetime:
    return datetime.fromisoformat(form["sendAt"])


def bulk_status(form: Form) -> BulkStatus:
    found: BulkStatus = form["status"]
    return found


def ledger(form: Form) -> Ledger:
    return Ledger(form["accepted"], form["pending"], form["waiting"], form["collected"], form["pushed"])


def status(form: Form) -> Status:
    name, text = form["name"], form.get("description", "")
    return Status(form["groupId"], form["groupName"], form["id"], name, text, form.get("action"))


def _error(form: Form) -> Error:
    name, text = form["name"], form.get("description", "")
    return Error(form["groupId"], form["groupName"], form["id"], name, text, bool(form.get("permanent")))


def _price(form: Form | None) -> Price | None:
    if form is None or form.get("pricePerSecond") is None:
        return None
    return Price(Decimal(form["pricePerSecond"]), form["currency"])
