"""What a program does with the official Python client, infobip-api-python-client, and how its answers are read."""

from datetime import UTC, datetime, timedelta
from typing import Any

from infobip_api_client import ApiClient, Configuration, VoiceApi
from infobip_api_client.models import CallsAdvancedBody, CallsAdvancedMessage, CallsDestination, CallsReport

from tests.eventually import eventually
from tests.journey.server import Server

ZAGREB = timedelta(hours=1), timedelta(hours=2)
PENDING = (1, "PENDING", 26, "PENDING_ACCEPTED", "Message accepted, pending for delivery.")
DELIVERED = (3, "DELIVERED", 5, "DELIVERED_TO_HANDSET", "Message delivered to handset")
EXPIRED = (4, "EXPIRED", 15, "EXPIRED_EXPIRED", "Message expired")
HUMAN = (0, "OK", 5000, "VOICE_ANSWERED", "Call answered by human", True)
BUSY = (2, "USER_ERRORS", 5002, "EC_VOICE_USER_BUSY", "User was busy during call attempt", True)


def signed_in(town: Server, key: str) -> VoiceApi:
    return VoiceApi(ApiClient(Configuration(host=town.url, api_key=key)))


def later(**delta: float) -> datetime:
    """Whole milliseconds, as Ringback keeps them."""
    moment = datetime.now(UTC) + timedelta(**delta)
    return moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)


def status_of(thing: Any) -> tuple[Any, ...]:
    status = thing.status
    return status.group_id, status.group_name, status.id, status.name, status.description


def error_of(thing: Any) -> tuple[Any, ...]:
    error = thing.error
    return error.group_id, error.group_name, error.id, error.name, error.description, error.permanent


def moment(text: str | None) -> datetime:
    assert text
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def message(*numbers: str, **more: Any) -> CallsAdvancedMessage:
    destinations = [CallsDestination(to=number) for number in numbers]
    return CallsAdvancedMessage(**{"destinations": destinations, "text": "Please press one."} | more)


def send(voice: VoiceApi, *messages: CallsAdvancedMessage, bulk_id: str | None = None) -> Any:
    return voice.send_advanced_voice_tts(CallsAdvancedBody(messages=list(messages), bulk_id=bulk_id))


def collected(voice: VoiceApi, number: int, **wanted: Any) -> list[CallsReport]:
    found: list[CallsReport] = []

    def enough() -> bool:
        found.extend(voice.get_voice_delivery_reports(**wanted).results or [])
        return len(found) >= number

    eventually(enough, 40, f"{number} reports")
    assert len(found) == number
    return found
