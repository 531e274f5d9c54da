"""The configuration: one typed object, from a file, the environment and flags; the later is the stronger."""

import difflib
import json
import os
import tomllib
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from .model.exceptions import ConfigError
from .model.tariff import RateDeck, parse_deck
from .model.trunk import Trunk
from .model.voice import VoiceFile
from .settings import (
    Address,
    read_address,
    read_between,
    read_networks,
    read_one_of,
    read_origins,
    read_switch,
    read_trunk,
    read_url,
    read_voices,
)

SAMPLE_DECK = Path(__file__).with_name("sample-deck.csv")


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting; docs/running.md says what each is for. `trunk` is None in the sandbox."""

    http: Address = Address("127.0.0.1", 8080)
    data: Path = Path("ringback-data")
    store: str = "sqlite"
    public_url: str = ""
    trunk: Trunk | None = None
    demo: bool = False
    tariff: Path = SAMPLE_DECK
    piper: tuple[VoiceFile, ...] = ()
    channels: int = 40
    retention_hours: int = 48
    private_urls: tuple[str, ...] = ()
    drain_seconds: int = 30
    trusted_proxies: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    log_level: str = "info"
    log_format: str = "auto"

    def deck(self) -> RateDeck:
        """The rate deck, read anew. Raises `ConfigError`."""
        try:
            return parse_deck(self.tariff.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"the rate deck {self.tariff} can't be read: {reason(error)}") from error

    def line(self) -> bytes:
        """Itself as one line of JSON, secrets included: only for the pipe to the server process."""
        return msgspec.json.encode(self, enc_hook=str) + b"\n"


def received(line: bytes) -> Config:
    """The configuration that a parent process sent by `Config.line`."""
    return msgspec.json.decode(line, type=Config, dec_hook=lambda _, text: Path(text))


class _Given(msgspec.Struct, frozen=True):
    """A setting's text, where it came from, and the folder that its relative paths start in."""

    text: str
    source: str
    folder: Path


def _read_store(text: str) -> str:
    if text.startswith(("postgresql:", "postgres:")):
        raise ValueError("PostgreSQL is not built yet; this version keeps everything in sqlite")
    return read_one_of("sqlite")(text)


_READERS: dict[str, Callable[[str], object]] = {
    "http": read_address,
    "data": Path,
    "store": _read_store,
    "public_url": read_url,
    "trunk": read_trunk,
    "demo": read_switch,
    "tariff": Path,
    "piper": read_voices,
    "channels": read_between(1, 250),  # one SIP stack has no more places for calls with sound
    "retention_hours": read_between(1, 24 * 365),
    "private_urls": read_networks,
    "drain_seconds": read_between(0, 3600),
    "trusted_proxies": read_networks,
    "cors_origins": read_origins,
    "log_level": read_one_of("debug", "info", "warning", "error"),
    "log_format": read_one_of("auto", "console", "json"),
}


_LISTS = frozenset({"private_urls", "trusted_proxies", "cors_origins"})
_KINDS = {False: "a string, a whole number or true or false", True: "a string or a list of strings"}


def load(
    flags: Mapping[str, object | None] | None = None,
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> Config:
    """The configuration; flags that are None were not given. Raises `ConfigError` naming every fault."""
    environment = os.environ if environment is None else environment
    file = file or (Path(environment["RINGBACK_CONFIG"]) if environment.get("RINGBACK_CONFIG") else None)
    faults: list[str] = []
    given = _from_file(file, faults) if file else {}
    given |= _from_environment(environment) | _from_flags(flags or {})
    config = _completed(_values(given, faults))
    faults += _demo_faults(config) + _piper_faults(config)
    if not any(fault.startswith("tariff ") for fault in faults):
        faults += _deck_faults(config)
    if faults:
        raise ConfigError("\n".join(faults))
    return config


def variable(key: str) -> str:
    """The environment's name of a setting."""
    return f"RINGBACK_{key.upper()}"


def flag(key: str) -> str:
    """The command line's name of a setting."""
    return "--" + key.replace("_", "-")


def reason(error: Exception) -> str:
    """What went wrong with a file, without its name."""
    return getattr(error, "strerror", None) or str(error)


def _from_file(file: Path, faults: list[str]) -> dict[str, _Given]:
    try:
        values = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        faults.append(f"the configuration file {file} can't be read: {reason(error)}")
        return {}
    given = {}
    for key, value in values.items():
        if key not in _READERS:
            faults.append(f"{key!r} in {file} is not a setting{_did_you_mean(key)}")
        elif key in _LISTS and isinstance(value, list) and all(isinstance(word, str) for word in value):
            given[key] = _Given(",".join(value) or "none", f"in {file}", file.absolute().parent)
        elif not isinstance(value, str | int):
            faults.append(f"{key} in {file}: must be {_KINDS[key in _LISTS]}")
        else:
            given[key] = _Given(_text(value), f"in {file}", file.absolute().parent)
    return given


def _did_you_mean(key: str) -> str:
    near = difflib.get_close_matches(key.lower().replace("-", "_"), _READERS, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; the settings are {', '.join(_READERS)}"


def _from_environment(environment: Mapping[str, str]) -> dict[str, _Given]:
    here = Path.cwd()
    return {
        key: _Given(environment[variable(key)], f"in {variable(key)}", here)
        for key in _READERS
        if environment.get(variable(key))
    }


def _from_flags(flags: Mapping[str, object | None]) -> dict[str, _Given]:
    here = Path.cwd()
    return {key: _Given(_text(v), f"in {flag(key)}", here) for key, v in flags.items() if v is not None}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _values(given: Mapping[str, _Given], faults: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, found in given.items():
        try:
            value = _READERS[key](found.text)
        except ValueError as error:
            faults.append(f"{key} {found.source}: {error}")
        else:
            values[key] = _placed(value, found.folder)
    return values


def _placed(value: object, folder: Path) -> object:
    """With its relative paths in that folder."""
    if isinstance(value, Path):
        return folder / value
    if isinstance(value, tuple):
        return tuple(_placed(item, folder) for item in value)
    if isinstance(value, VoiceFile):
        return msgspec.structs.replace(value, path=folder / value.path)
    return value


def _completed(values: Mapping[str, Any]) -> Config:
    config = Config(**values)
    url = config.public_url or f"http://{config.http.reachable()}"
    data = Path(os.path.normpath(config.data.expanduser().absolute()))
    return msgspec.structs.replace(config, public_url=url, data=data)


def _demo_faults(config: Config) -> list[str]:
    faults = []
    if config.demo and not config.http.is_loopback:
        faults.append(
            "demo: everybody knows the demonstration account's password, so http must be bound to the "
            f"loopback, such as 127.0.0.1:8080, and not to {config.http}"
        )
    if config.demo and config.trunk:
        faults.append("demo: the demonstration calls no real phones, so trunk must be sandbox")
    return faults


def _piper_faults(config: Config) -> list[str]:
    if config.piper and find_spec("piper") is None:
        return ["piper: Piper is not installed; it comes with pip install 'ringback[piper]'"]
    return [f"piper: {fault}" for voice in config.piper if (fault := _voice_fault(voice.path))]


def _voice_fault(path: Path) -> str | None:
    """What is wrong with a voice file, as far as it shows without being loaded."""
    beside = Path(f"{path}.json")
    for file in (path, beside):
        if not file.is_file():
            return f"there is no file {file}"
    try:
        described = json.loads(beside.read_text("utf-8"))
        known = isinstance(described["audio"]["sample_rate"], int) and bool(described["phoneme_id_map"])
    except (OSError, ValueError, KeyError, TypeError):
        known = False
    return None if known else f"{beside} does not describe a voice of Piper's"


def _deck_faults(config: Config) -> list[str]:
    try:
        config.deck()
    except ConfigError as error:
        return [f"tariff {config.tariff}: {error}"]
    return []
