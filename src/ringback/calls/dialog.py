"""A call as the SIP stack tells of it: its events in order, kept from before its INVITE leaves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from baresip import Call as SipCall
from baresip.errors import AudioNotActive, AudioRestarted, BaresipError, split_status
from baresip.events import Event, StackEvent

from ..model.times import Instant
from .conversation import Stirring

_BUFFER = 32_768  # bytes: the stack's buffers hold two seconds
_KEYS = frozenset("0123456789ABCD*#")  # RFC 4733 section 3.2; a hook flash is none of them
_HEARD_KEYS = 64  # keys kept between two looks; a storm of them is cut
STOPPING = "Ringback is stopping"

_CUT_OFF = ("rtp stream error", "no media", STOPPING.lower())
"""How it is said that an answered call did not end by a BYE of theirs, nor when all was said."""


class Dialog:
    """One INVITE and what follows (RFC 3261 section 12). Times are by the engine's clock."""

    def __init__(self, clock: Callable[[], Instant]) -> None:
        self._clock = clock
        self.invited_at: Instant | None = None
        self.ringing_at: Instant | None = None
        self.answered_at: Instant | None = None
        self.ended_at: Instant | None = None
        self.reason = ""
        self.call_id: str | None = None
        self.keys: list[str] = []
        self.stirring = Stirring()
        self.settled = asyncio.Event()  # answered, or over
        self.heard = asyncio.Event()  # the phone said something, or never will
        self.gone = False  # the stack has forgotten it: there is nothing to hang up

    def on_event(self, event: StackEvent) -> None:
        """Something happened to the call."""
        self.call_id = self.call_id or event.call_id
        if event.event in (Event.CALL_RINGING, Event.CALL_PROGRESS):
            self.ringing_at = self.ringing_at or self._clock()
            self.heard.set()
        elif event.event is Event.CALL_ESTABLISHED:
            self.answered_at = self.answered_at or self._clock()
            self.heard.set()
            self.settled.set()
        elif event.event is Event.CALL_DTMF_START:
            self._press((event.text or "").upper())
        elif event.event is Event.CALL_CLOSED:
            self.end(event.text or "")
        self.stirring.ring()

    def _press(self, key: str) -> None:
        if key and key in _KEYS and len(self.keys) < _HEARD_KEYS:
            self.keys.append(key)

    def end(self, reason: str) -> None:
        """The stack has ended the call, and forgot it."""
        self.gone = True
        self.heard.set()
        self.close(reason)

    def refused(self) -> None:
        """Nobody can have heard the INVITE."""
        self.heard.set()
        self.close("nobody listens there")

    def close(self, reason: str) -> None:
        """The call is over, for us at least."""
        if self.ended_at is None:
            self.ended_at, self.reason = self._clock(), reason
        self.settled.set()
        self.stirring.ring()

    @property
    def over(self) -> bool:
        """No packet of it will come any more."""
        return self.ended_at is not None

    @property
    def sip_status(self) -> int | None:
        """The final answer that refused the INVITE: 300 to 699."""
        status = split_status(self.reason)[0]
        return status if status and 300 <= status <= 699 else None

    @property
    def broken(self) -> bool:
        """It was answered and then ended otherwise than by a BYE."""
        return any(sign in self.reason.lower() for sign in _CUT_OFF)


class SipLine:
    """Implements `Line` on an answered SIP call."""

    def __init__(self, call: SipCall, dialog: Dialog) -> None:
        self._audio = call.audio
        self._dialog = dialog
        self._heard = bytearray()
        self._queued = 0  # bytes that were not sent when it was last looked at
        self._lost = 0

    def write(self, pcm: bytes) -> int:
        """Queues samples to be sent: how many bytes were taken."""
        try:
            taken = int(self._audio.write(pcm))
        except (AudioNotActive, AudioRestarted):  # not yet, no more, or just renegotiated by a re-INVITE
            return 0
        self._queued += taken
        return taken

    def read(self) -> bytes:
        """What was heard since the last read."""
        self._look()
        heard, self._heard = bytes(self._heard), bytearray()
        return heard

    def unsent(self) -> int:
        """Bytes that are queued and not sent yet."""
        self._look()
        try:
            self._queued = int(self._audio.info().tx_buffered)
        except BaresipError:
            self._queued = 0
        return self._queued

    def drop(self) -> None:
        """Lets what is queued fall, all but the packet that is being sent; what a re-INVITE cost is not missed."""
        with contextlib.suppress(AudioNotActive, AudioRestarted):  # then it is gone already
            self._audio.flush_tx()
        self._queued = self._lost = 0

    def lost(self) -> int:
        """Bytes that a re-INVITE cost since this was last asked."""
        self._look()
        lost, self._lost = self._lost, 0
        return lost

    def _look(self) -> None:
        """Only a read tells that the streams were replaced; whatever else is asked first would hide it."""
        try:
            self._heard += self._audio.read(_BUFFER)
        except AudioRestarted:
            self._lost, self._queued = self._lost + self._queued, 0
        except AudioNotActive:
            pass

    def pressed(self) -> str:
        """The keys pressed since this was last asked."""
        keys = "".join(self._dialog.keys)
        self._dialog.keys.clear()
        return keys

    @property
    def over(self) -> bool:
        """The other side, or the network, has ended the call."""
        return self._dialog.over

    async def stir(self, seconds: float) -> None:
        """Returns when something happens on the call, at the latest after so many seconds."""
        await self._dialog.stirring.wait(seconds)


@contextlib.asynccontextmanager
async def knocking(host: str, port: int, on_refused: Callable[[], None]) -> AsyncIterator[None]:
    """Asks the host whether anybody listens at a UDP port; what it says by ICMP, the stack's socket never hears.

    What is sent is an empty line, as a keep-alive is (RFC 5626 section 3.5.1): nobody answers it.
    """
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Knock(on_refused), remote_addr=(host, port))
    try:
        transport.sendto(b"\r\n\r\n")
        yield
    finally:
        transport.close()


class _Knock(asyncio.DatagramProtocol):
    def __init__(self, on_refused: Callable[[], None]) -> None:
        self._on_refused = on_refused

    def error_received(self, exc: Exception) -> None:
        if isinstance(exc, ConnectionRefusedError):
            self._on_refused()
