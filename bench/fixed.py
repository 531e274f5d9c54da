"""The measure: Granian embedded with Ringback's own settings, on uvloop, answering fixed bodies, and nothing else.

    python -m bench.fixed PORT FOLDER

answers `GET /NAME` with the file NAME of FOLDER, with the headers of an answer of reports.
"""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import uvloop

from ringback.app import _server
from ringback.config import Config
from ringback.settings import Address

_HEADERS = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]


async def _main(port: int, bodies: dict[str, bytes]) -> None:
    async def app(scope: Any, _receive: Any, send: Any) -> None:
        body = bodies.get(scope["path"], b"")
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": body})

    server = _server(Config(http=Address("127.0.0.1", port)), app)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    serving = asyncio.create_task(server.serve())
    await stopping.wait()
    server.stop()  # type: ignore[no-untyped-call]
    await asyncio.wait([serving], timeout=5)


if __name__ == "__main__":
    uvloop.run(_main(int(sys.argv[1]), {f"/{file.name}": file.read_bytes() for file in Path(sys.argv[2]).iterdir()}))
