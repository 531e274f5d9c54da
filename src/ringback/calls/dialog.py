"""A call as the SIP stack tells of it: its events in order, kept from before its INVITE leaves."""

import asyncio
from collections import deque
from collections.abc import Callable

from baresip import Call as SipCall
from baresip.errors import AudioNotActive, AudioRestarted, BaresipError, split_status
from baresip.events import Event, StackEvent

from ..model.times import Instant
from .conversation import Stirring

_BUFFER = 32_768  # bytes: the stack's buffers hold two seconds
_HEARD_KEYS = 64  # keys kept between two looks; a storm of them is cut
_MEDIA_DIED = ("rtp stream error", "no media")
"""How the stack says that an answered call did not end by a BYE."""


class Dialog:
    """One INVITE and what follows (RFC 3261 section 12). Times are by the engine's clock."""

    def __init__(self, clock: Callable[[], Instant]) -> None:
        self._clock = clock
        self.ringing_at: Instant | None = None
        self.answered_at: Instant | None = None
        self.ended_at: Instant | None = None
        self.reason = ""
        self.call_id: str | None = None
        self.keys: deque[str] = deque(maxlen=_HEARD_KEYS)
        self.stirring = Stirring()
        self.settled = asyncio.Event()  # answered, or over

    def on_event(self, event: StackEvent) -> None:
        """Something happened to the call."""
        self.call_id = self.call_id or event.call_id
        if event.event in (Event.CALL_RINGING, Event.CALL_PROGRESS):
            self.ringing_at = self.ringing_at or self._clock()
        elif event.event is Event.CALL_ESTABLISHED:
            self.answered_at = self.answered_at or self._clock()
            self.settled.set()
        elif event.event is Event.CALL_DTMF_START and event.text:
            self.keys.append(event.text)
        elif event.event is Event.CALL_CLOSED:
            self.close(event.text or "")
        self.stirring.ring()

    def close(self, reason: str) -> None:
        """The call is over."""
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
        return any(sign in self.reason.lower() for sign in _MEDIA_DIED)


class SipLine:
    """Implements `Line` on an answered SIP call."""

    def __init__(self, call: SipCall, dialog: Dialog) -> None:
        self._audio = call.audio
        self._dialog = dialog

    def write(self, pcm: bytes) -> int:
        """Queues samples to be sent: how many bytes were taken."""
        try:
            return int(self._audio.write(pcm))
        except (AudioNotActive, AudioRestarted):  # not yet, no more, or just renegotiated by a re-INVITE
            return 0

    def read(self) -> bytes:
        """What was heard since the last read."""
        try:
            return bytes(self._audio.read(_BUFFER))
        except (AudioNotActive, AudioRestarted):
            return b""

    def unsent(self) -> int:
        """Bytes that are queued and not sent yet."""
        try:
            return int(self._audio.info().tx_buffered)
        except BaresipError:
            return 0

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
