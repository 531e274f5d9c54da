"""What `serve` tells whoever started it: commands to copy, that work as they stand."""

import shlex
from pathlib import Path

from .config import Config

DEMO_USER = "Aladdin"
DEMO_PASSWORD = "open sesame"  # noqa: S105 - the founding page's own, and public: that is why --demo is loopback only
DOCS_PATH = "/docs"

_SAMPLE_NUMBER = "385981178"  # the founding page's, for the sandbox only: there whoever has it presses 1


def welcome(config: Config) -> str:
    """What is printed when the server is ready."""
    where = "the sandbox: no real phone rings" if config.trunk is None else f"the trunk {config.trunk}"
    lines = [
        "",
        f"Ringback is ready at http://{config.http.reachable()}, calling by {where}.",
        f"  Data        {_short(config.data)}",
        f"  Docs        {config.public_url}{DOCS_PATH}",
    ]
    if config.demo:
        lines.append(f"  Account     user {DEMO_USER}, password {DEMO_PASSWORD}")
    else:
        lines.append(f"  Accounts    ringback account add NAME --data {shlex.quote(_short(config.data))}")
    return "\n".join([*lines, "", *_commands(config), ""])


def demonstration_ended(config: Config) -> str:
    """What is printed when the demonstration call has ended and its report waits."""
    return "\n".join(
        [
            "",
            "The demonstration call has ended. Its report has a recording, and the key that was pressed:",
            f"  {collect_command(config)}",
            "Run it again: the collection is empty, because a report is handed out once.",
            "",
        ]
    )


def send_command(config: Config) -> str:
    """A curl that sends a message."""
    to = _SAMPLE_NUMBER if config.trunk is None else "NUMBER"  # on a trunk it would ring a stranger
    body = (
        f'{{"messages":[{{"destinations":[{{"to":"{to}"}}],'
        '"text":"Hello from Ringback. Press one.","record":true,"maxDtmf":1}]}'
    )
    return (
        f"curl {_account(config)} -H 'Content-Type: application/json' "
        f"{shlex.quote(config.public_url + '/tts/3/advanced')} -d {shlex.quote(body)}"
    )


def collect_command(config: Config, form: str = "json") -> str:
    """A curl that collects reports."""
    url = shlex.quote(config.public_url + "/tts/3/reports")
    return f"curl {_account(config)} -H 'Accept: application/{form}' {url}"


def _short(folder: Path) -> str:
    here = Path.cwd()
    return f"./{folder.relative_to(here)}" if folder.is_relative_to(here) else str(folder)


def _account(config: Config) -> str:
    return f"-u {shlex.quote(f'{DEMO_USER}:{DEMO_PASSWORD}')}" if config.demo else "-u NAME"


def _commands(config: Config) -> list[str]:
    return [
        "Send a message:",
        f"  {send_command(config)}",
        "Collect reports, in JSON or in XML:",
        f"  {collect_command(config)}",
        f"  {collect_command(config, 'xml')}",
    ]
