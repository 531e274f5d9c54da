"""What one voice message of a request says and how, field by field. Source: contract section 2."""

import re
from collections.abc import Callable
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from ..model.message import Notify, Voice, VoiceMessage
from ..model.times import Instant
from .checks import Fields, json_of
from .timing_fields import timing
from .xml import Malformed

LONGEST_TEXT = 1_400
LONGEST_CALLBACK = 700
LONGEST_ID = 100
"""Characters, all three (contract sections 1 and 2)."""

SLOWEST, FASTEST = 0.5, 2.0
"""What `speechRate` is clamped to (contract section 2)."""

LONGEST_URL = 2_048
MOST_DIGITS = 50
LONGEST_DTMF_S = 60
LONGEST_RING_S = 180
LONGEST_CALL_S = 7_200
"""Bounds that the contract leaves open [ours]. A proxy gives up an INVITE after three minutes (RFC 3261,
16.6: timer C); a call of two hours is no voice message."""

CALLER = r"[0-9]{3,14}"
LANGUAGE = r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8}){0,3}"
REPEAT_KEYS = r"#*[0-9A-D*][0-9A-D*#]*"
"""Regular expressions of whole fields; the OpenAPI document shows them."""

_ELEMENTS = (
    "(?:speak|break|emphasis|prosody|say-as|phoneme|sub|audio|voice|lang|mark|desc|p|s|w|token|lexicon|lookup|meta"
    "|metadata)"
)
_SPEAK = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?<speak[\s>]")
_EMPTY = re.compile(rf"<{_ELEMENTS}(?:\s[^<>]*)?/>")
_TAG = re.compile(rf"<(?P<end>/?)(?P<name>{_ELEMENTS})(?:\s[^<>]*)?>")

MOST_REPEAT_KEYS = 12
LONGEST_VOICE_NAME = 100
LONGEST_PAUSE_S = 10

LATER = ("callTransfers",)
"""Fields of contract section 2 that are not built yet. They are refused by name, never silently ignored."""

_NOT_YET = "is not available yet: it comes with a later release"


_LONGEST_VOICE = 1_000  # characters of a voice that is a JSON string


Speaks: TypeAlias = Callable[[str], bool]
"""Whether a language is spoken here."""


def any_language(_language: str) -> bool:
    """`Speaks`, of a server that leaves it to the calls to find out."""
    return True


def voice_message(fields: Fields, now: Instant, speaks: Speaks = any_language) -> VoiceMessage:
    """The message; its faults are noted in `fields`."""
    refuse_later(fields)
    return VoiceMessage(
        text=_text(fields),
        audio_file_url=fields.string("audioFileUrl", _url),
        language=_language(fields, speaks),
        voice=_voice(fields),
        speech_rate=min(max(fields.number("speechRate", 1.0), SLOWEST), FASTEST),
        pause=fields.whole("pause", 0, LONGEST_PAUSE_S) or 0,
        caller=fields.string("from", _caller),
        record=fields.flag("record") or False,
        repeat_dtmf=(fields.string("repeatDtmf", _repeat_keys) or "").replace("#", ""),
        max_dtmf=fields.whole("maxDtmf", 1, MOST_DIGITS),
        dtmf_timeout=fields.whole("dtmfTimeout", 1, LONGEST_DTMF_S) or 10,
        ring_timeout=fields.whole("ringTimeout", 1, LONGEST_RING_S) or 45,
        call_timeout=fields.whole("callTimeout", 1, LONGEST_CALL_S),
        callback_data=fields.string("callbackData", _callback),
        notify=_notify(fields),
        **timing(fields, now),
    )


def bulk_id(fields: Fields) -> str | None:
    """The caller's own `bulkId`, verbatim."""
    return fields.string("bulkId", _id)


def message_id(fields: Fields) -> str | None:
    """The caller's own `messageId`, verbatim."""
    return fields.string("messageId", _id)


def refuse_later(fields: Fields) -> None:
    """Names what is not built yet, except where it says what happens anyway."""
    for name in LATER:
        if fields.given(name) not in (None, []):
            fields.fault(name, _NOT_YET)
    machine = fields.given("machineDetection")
    if machine in ("hangup", "continue"):
        fields.fault("machineDetection", _NOT_YET)
    elif machine not in (None, "disable"):
        fields.fault("machineDetection", "must be hangup, continue or disable")


def _notify(fields: Fields) -> Notify | None:
    url = fields.string("notifyUrl", _url)
    content_type = fields.string("notifyContentType", _notify_type)
    version = fields.whole("notifyContentVersion", 1, 2)
    if url is None:
        return None
    return Notify(url, "xml" if content_type == "application/xml" else "json", version or 1)


def _text(fields: Fields) -> str | None:
    text, url = fields.given("text"), fields.given("audioFileUrl")
    if text is not None and url is not None:
        fields.fault("text", "give either text or audioFileUrl, not both")
        fields.fault("audioFileUrl", "give either text or audioFileUrl, not both")
    elif text is None and url is None:
        fields.fault("text", "is required where there is no audioFileUrl")
    return fields.string("text", _speakable)


def _voice(fields: Fields) -> Voice:
    """`voice` is an object, or a JSON string that holds one [client]."""
    value = fields.given("voice")
    if isinstance(value, str) and len(value) > _LONGEST_VOICE:
        fields.fault("voice", f"must be at most {_LONGEST_VOICE} characters")
        return Voice()
    if isinstance(value, str):
        value = _decoded(value)
    if value is None:
        return Voice()
    if not isinstance(value, dict):
        fields.fault("voice", "must be an object with name and gender")
        return Voice()
    voice = fields.nested("voice", value)
    return Voice(voice.string("name", _voice_name), voice.string("gender", _gender))


def _decoded(text: str) -> Any:
    if not text.strip():
        return None
    try:
        return json_of(text)
    except Malformed:
        return text


def _speakable(text: str) -> str | None:
    if not text.strip():
        return "must not be blank"
    if len(text) > LONGEST_TEXT:
        return f"must be at most {LONGEST_TEXT} characters"
    if "<" in text and is_ssml(text):
        return "holds SSML, which is not spoken here: write plain text, where a comma is half a second's pause"
    return None if any(map(str.isalnum, text)) else "must not be punctuation only"


def is_ssml(text: str) -> bool:
    """Whether it is, or has in it, whole elements of SSML 1.1. A plain `<` is text, and so is a tag without its end."""
    if _SPEAK.match(text) or _EMPTY.search(text):
        return True
    opened = set()
    for tag in _TAG.finditer(text):
        if tag["end"] and tag["name"] in opened:
            return True
        if not tag["end"]:
            opened.add(tag["name"])
    return False


def _caller(caller: str) -> str | None:
    return None if re.fullmatch(CALLER, caller) else "must be 3 to 14 digits"


def _callback(data: str) -> str | None:
    return None if len(data) <= LONGEST_CALLBACK else f"must be at most {LONGEST_CALLBACK} characters"


def _language(fields: Fields, speaks: Speaks) -> str:
    """`language`; whether it is spoken here is asked only of a text that is to be spoken."""
    language = fields.string("language", _language_code) or "en"
    if fields.given("text") is not None and not speaks(language):
        fields.fault("language", f"is not spoken here: see GET /tts/3/voices/{language}")
    return language


def _language_code(language: str) -> str | None:
    return None if re.fullmatch(LANGUAGE, language) else "must be a language code, such as en or pt-br"


def _voice_name(name: str) -> str | None:
    return None if 1 <= len(name) <= LONGEST_VOICE_NAME else f"must be 1 to {LONGEST_VOICE_NAME} characters"


def _gender(gender: str) -> str | None:
    return None if gender in ("male", "female") else "must be male or female"


def _repeat_keys(keys: str) -> str | None:
    """Programs say `1#` when they mean a 1 and then the key that ends an entry; # by itself asks for nothing."""
    if not re.fullmatch(REPEAT_KEYS, keys):
        return "must be keys of a telephone: 0-9, * and A-D; # ends an entry and can't be collected"
    return None if len(keys) <= MOST_REPEAT_KEYS else f"must be at most {MOST_REPEAT_KEYS} keys"


def _notify_type(media: str) -> str | None:
    return None if media in ("application/json", "application/xml") else "must be application/json or application/xml"


def _id(chosen: str) -> str | None:
    fits = 1 <= len(chosen) <= LONGEST_ID and chosen.isprintable()
    return None if fits else f"must be 1 to {LONGEST_ID} printable characters"


def _url(url: str) -> str | None:
    try:
        parts = urlsplit(url)  # passes over line breaks, and blanks in front
        written = url.isprintable() and url == url.strip() and len(url) <= LONGEST_URL
        good = written and parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return "must be an http or https URL"
    if parts.username is not None:
        return "must not hold a user and a password"
    return None if good else "must be an http or https URL"
