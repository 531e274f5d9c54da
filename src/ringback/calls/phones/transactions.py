"""What SIP repeats over UDP until it is heard, and what it answers to repetitions (RFC 3261 section 17)."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from typing import TypeAlias

from .wire import Address, Header, Request, respond

T1, T2, PATIENCE = 0.5, 4.0, 64 * 0.5  # RFC 3261 section 17.1.1.1: T1, T2 and 64*T1, in seconds
Send: TypeAlias = Callable[[bytes, Address], None]


class Repetition:
    """Sends a message, and again after T1, 2*T1, … T2, until it is stopped or 64*T1 are over."""

    def __init__(self, send: Callable[[], None], on_silence: Callable[[], None]) -> None:
        self._send = send
        self._on_silence = on_silence
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + PATIENCE
        self._timer: asyncio.TimerHandle | None = None
        self._again(T1)

    def _again(self, interval: float) -> None:
        self._send()
        self._timer = self._loop.call_later(interval, self._due, min(2 * interval, T2))

    def _due(self, interval: float) -> None:
        if self._loop.time() < self._deadline:
            self._again(interval)
        else:
            self._on_silence()

    def stop(self) -> None:
        """It was heard."""
        if self._timer:
            self._timer.cancel()


class Answering:
    """A request that came and what we said to it last (RFC 3261 section 17.2, RFC 6026)."""

    def __init__(self, request: Request, send: Send, on_final: Callable[[], None]) -> None:
        self.request = request
        self.tag = request.to_tag or secrets.token_hex(8)
        self.final = False
        self._send = send
        self._on_final = on_final
        self._last = b""
        self._repetition: Repetition | None = None

    def respond(
        self,
        status: int,
        extra: Sequence[Header] = (),
        body: bytes = b"",
        on_silence: Callable[[], None] = lambda: None,
    ) -> None:
        """Says it; to an INVITE finally, again and again until the ACK. `on_silence`: it never came."""
        if self.final:
            return
        self._last = respond(self.request.headers, status, self.tag, extra, body)
        self.final = status >= 200
        if self.final:
            self._on_final()
        if self.final and self.request.method == "INVITE":
            self._repetition = Repetition(self.repeat, on_silence)
        else:
            self.repeat()

    def repeat(self) -> None:
        """The same again, to the same request again."""
        if self._last:
            self._send(self._last, self.request.answer_to)

    def heard(self) -> None:
        """The ACK came, or nobody waits for the answer any more."""
        if self._repetition:
            self._repetition.stop()

    def fall_silent(self) -> None:
        """Says nothing from now on, whatever comes."""
        self.heard()
        self.final, self._last = True, b""
