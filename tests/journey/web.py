"""A web server of the customer's: pages, audio files, and a place where reports are pushed to."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Visit(NamedTuple):
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Site(NamedTuple):
    """Where it is, and who came, in order."""

    origin: str
    visits: list[Visit]


@contextmanager
def site(content_type: str, body: Callable[[], bytes] = bytes) -> Iterator[Site]:
    """Answers every request with 200 and this body."""
    visits: list[Visit] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            visits.append(Visit(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, came))
            shown = body()
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(shown)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(shown)

        do_HEAD = do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Site(f"http://127.0.0.1:{server.server_port}", visits)
        server.shutdown()
        thread.join()
