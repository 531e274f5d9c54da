"""The phones' process: `python -m ringback.calls.phones --log FILE`. Says `{"port": N}` when it is ready.

It dies with its parent: when its standard input ends, it is gone at once, whatever it was doing.
"""

import argparse
import asyncio
import json
import os
import resource
import signal
import threading
from pathlib import Path

from .diary import Diary
from .exchange import Exchange


def main() -> None:
    """Runs until SIGTERM or the end of standard input. Ctrl-C is for our parent, who asks us to go when it will."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _allow_many_ports()
    asyncio.run(_serve(_arguments()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ringback.calls.phones", description="A phone network in a box.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="UDP; 0 is any that is free")
    parser.add_argument("--log", type=Path, required=True, help="a line of JSON for whatever a phone lives through")
    parser.add_argument("--keep-audio", type=Path, help="a folder for what each phone heard, as WAV")
    parser.add_argument("--pace", type=float, default=1.0, help="scales how long people take")
    return parser.parse_args()


async def _serve(args: argparse.Namespace) -> None:
    exchange = Exchange(Diary(args.log), args.pace, args.keep_audio)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: exchange, local_addr=(args.host, args.port))
    print(json.dumps({"port": transport.get_extra_info("sockname")[1]}), flush=True)
    await asyncio.Event().wait()


def _die_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


def _allow_many_ports() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
