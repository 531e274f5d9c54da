"""The command line: `ringback serve`, `account`, `send`, `reports` and `reload`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import cyclopts
from cyclopts import Parameter

from . import __version__, log, supervisor
from .cli_accounts import accounts
from .cli_messages import NOBODY_THERE, NobodyThere, reports, send
from .cli_reload import reload
from .config import Config, load
from .model.exceptions import ConfigError, RingbackError, StoreInUse

EXIT_CODES = {
    0: "it was done",
    1: "it was refused or it failed: the line on standard error says why",
    2: "the command line is wrong",
    69: "no Ringback answers there (`send`, `reports`, `reload`)",
    70: "the server process kept dying (`serve`)",
    78: "the configuration can't be used, or the data folder or the address is in use",
    130: "interrupted with Ctrl-C",
}

app = cyclopts.App(
    name="ringback",
    help="Phones people, speaks a message, and hands back one report of each, exactly once.",
    version=__version__,
    result_action="return_value",
)
app.command(accounts)
app.command(send)
app.command(reports)
app.command(reload)


@app.command
def serve(
    *,
    http: str | None = None,
    data: str | None = None,
    demo: Annotated[bool | None, Parameter(negative=())] = None,
    trunk: str | None = None,
    public_url: str | None = None,
    store: str | None = None,
    tariff: str | None = None,
    piper: str | None = None,
    channels: str | None = None,
    retention_hours: str | None = None,
    private_urls: str | None = None,
    drain_seconds: str | None = None,
    trusted_proxies: str | None = None,
    cors_origins: str | None = None,
    log_level: str | None = None,
    log_format: str | None = None,
    config: Path | None = None,
) -> int:
    """Run the server until Ctrl-C. Every setting can stand in a file or in the environment as well.

    Parameters
    ----------
    http
        HOST:PORT to serve at. [default: 127.0.0.1:8080]
    data
        The folder that everything is kept in. [default: ./ringback-data]
    demo
        With the demonstration account and one call to look at. Loopback and sandbox only.
    trunk
        sandbox, or sip:user:password@host:port;transport=udp. Other users of this machine can read
        a command line: a password is better put in the file or in RINGBACK_TRUNK. [default: sandbox]
    public_url
        The address that customers reach this server by, for the URLs in reports. [default: http://HOST:PORT]
    store
        What it is kept in. [default: sqlite]
    tariff
        The rate deck, a CSV file. [default: a sample]
    piper
        none, or voice files of Piper's by language, separated by commas: en=/voices/en_US-joe-medium.onnx
        [default: none]
    channels
        How many calls at once. [default: 40]
    retention_hours
        How long collected reports stay readable in the logs. [default: 48]
    private_urls
        none, or networks (CIDR, separated by commas) that customers' URLs may reach although they are private.
        [default: none]
    drain_seconds
        How long live calls may go on after a SIGTERM. [default: 30]
    trusted_proxies
        Addresses or networks of your reverse proxies, separated by commas: whom they name in X-Forwarded-For
        is whose wrong passwords are counted. [default: none]
    cors_origins
        Web origins whose pages may call this server from a browser, separated by commas, such as
        https://www.example.com. [default: none]
    log_level
        debug, info, warning or error. [default: info]
    log_format
        auto, console or json. [default: auto]
    config
        A TOML file of these settings.
    """
    flags = {key: value for key, value in locals().items() if key != "config"}
    return _serve(load(flags, file=config))


def _serve(config: Config) -> int:
    log.set_up(config.log_level, config.log_format)
    code = supervisor.serve(config)
    if code == supervisor.KEEPS_DYING:
        _complain("the server process kept dying, so it was given up: the lines above say how")
    return code


def main() -> None:
    """The command `ringback`."""
    os.umask(0o077)  # the store's files are its owner's alone, whoever of our processes makes them
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """One command; its exit code. Errors are one line each, on standard error."""
    try:
        found = app(arguments, exit_on_error=False, print_error=False)
    except cyclopts.CycloptsError as error:
        _complain(" ".join(str(error).split()) + " (see ringback --help)")
        return 2
    except (ConfigError, StoreInUse) as error:
        _complain(str(error))
        return supervisor.BAD_CONFIG
    except NobodyThere as error:
        _complain(str(error))
        return NOBODY_THERE
    except RingbackError as error:
        _complain(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return found if isinstance(found, int) else 0


def _complain(text: str) -> None:
    for line in text.splitlines():
        print(f"ringback: {log.escaped(line)}", file=sys.stderr)
