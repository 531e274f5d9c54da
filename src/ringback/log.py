"""Logging: one line an event, readable on a terminal, JSON elsewhere; no stranger's text can forge a line."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

GRANIAN: dict[str, Any] = {
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"level": "INFO"}, "granian.access": {"level": "WARNING"}},
}
"""For Granian's `log_dictconfig`: it installs no handler of its own, so its lines go where ours go."""

_QUIETER = {
    "httpx": logging.WARNING,  # a line per request, with the whole address
    "httpcore": logging.WARNING,
    "asyncio": logging.WARNING,
    "baresip": logging.WARNING,
    "baresip.native": logging.ERROR,  # the C stack's own chatter, SIP messages included
}
_EXPECTED = "Embedded server is experimental!"  # why: docs/decisions/0002

# Control characters of both blocks, line and paragraph separators, and what turns text around.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SIP_PASSWORD = re.compile(r"(sips?:[^\s:@;<>\"]+):[^\s@<>\"]*@", re.IGNORECASE)
_NEVER_LOGGED = frozenset({"password", "text", "api_key", "key", "authorization", "secret", "token"})

Event = MutableMapping[str, Any]


def set_up(level: str = "info", form: str = "auto") -> None:
    """Send every line of this process to stderr. `form` is console, json, or auto: console on a terminal."""
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        safe,
        _renderer(console),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    _set_up_libraries(level, structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))


def _set_up_libraries(level: str, formatter: logging.Formatter) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    handler.addFilter(lambda record: record.getMessage() != _EXPECTED)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name, least in _QUIETER.items():
        logging.getLogger(name).setLevel(max(least, root.level))
    logging.captureWarnings(True)


def _renderer(console: bool) -> Any:
    if not console:
        return structlog.processors.JSONRenderer(ensure_ascii=True)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())


def safe(_logger: Any, _method: str, event: Event) -> Event:
    """Takes away what may not be logged, and escapes what would end or rewrite a line."""
    for key, value in event.items():
        if key == "exception":
            event[key] = "\n".join(f"    {escaped(line)}" for line in str(value).splitlines())
        else:
            event[key] = "***" if key in _NEVER_LOGGED else _safe(value)
    return event


def _safe(value: Any) -> Any:
    match value:
        case str():
            return escaped(value)
        case bool() | int() | float() | None:
            return value
        case dict():
            return {escaped(str(k)): "***" if k in _NEVER_LOGGED else _safe(v) for k, v in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_safe(item) for item in value]
    return escaped(str(value))


def escaped(text: str) -> str:
    """One line of text: what would end or rewrite it is escaped, and a SIP password is left out."""
    text = _SIP_PASSWORD.sub(r"\1:***@", text)
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
