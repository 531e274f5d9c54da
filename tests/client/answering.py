"""A small HTTP server that gives the answers that a test wrote down, and notes what it was asked and when."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Given(NamedTuple):
    status: int
    body: bytes = b"{}"
    headers: dict[str, str] = {}  # noqa: RUF012  (read only)


class Asked(NamedTuple):
    at: float
    path: str
    headers: dict[str, str]
    body: bytes


class Answering:
    """`answers` in their order; the last one again and again."""

    def __init__(self, *answers: Given) -> None:
        self.answers = list(answers)
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def __enter__(self) -> "Answering":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.asked.append(Asked(time.monotonic(), self.path, dict(self.headers), body))
                given = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                self.send_response(given.status)
                for name, value in ({"Content-Length": str(len(given.body))} | given.headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(given.body)

            do_POST = do_PUT = do_GET  # noqa: N815

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        return Handler
