"""What happens on an answered line: speak, listen for keys, record, hang up.

It works on plain samples (mono, signed 16 bit, 8,000 a second) and knows no SIP stack.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from ..audio.recordings import Recording
from ..audio.speech import TELEPHONE_RATE
from ..model.message import VoiceMessage
from .keys import Keys

STEP = 0.1  # seconds between two looks at a line, whose buffers are two seconds deep; why: docs/decisions/0003
_AFTER_THE_LAST_WORD = 0.3  # seconds, so that a jitter buffer plays it out
_LONGEST = 1_800  # seconds an answered call may last when callTimeout says nothing
_STUCK = 30.0  # seconds in which a line takes no sample: it was answered without audio, or is on hold for good
_BYTES_PER_SECOND = 2 * TELEPHONE_RATE
_LATE = _BYTES_PER_SECOND // 10  # bytes of jitter that a recording evens out
_FRAME = 320  # bytes in 20 ms: a sound ends on a whole packet, so that none is counted as cut short


class Line(Protocol):
    """An answered call's two streams, and what happens on it."""

    def write(self, pcm: bytes) -> int:
        """Queues samples to be sent: how many bytes were taken. Never waits."""

    def read(self) -> bytes:
        """What was heard since the last read."""

    def unsent(self) -> int:
        """Bytes that are queued and not sent yet."""

    def drop(self) -> None:
        """Lets what is queued fall, and what was lost. It is gone when `unsent` says 0, a packet's time later.

        Until then nothing may be written.
        """

    def lost(self) -> int:
        """Bytes that were queued and will never be sent, since this was last asked: its streams were replaced."""

    def pressed(self) -> str:
        """The keys pressed since this was last asked, in order."""

    @property
    def over(self) -> bool:
        """The other side, or the network, has ended the call."""

    async def stir(self, seconds: float) -> None:
        """Returns when a key is pressed or the call is over, at the latest after so many seconds."""


class Conversation:
    """One answered call, from the first word to the reason to hang up."""

    def __init__(
        self, line: Line, pcm: bytes, message: VoiceMessage, recording: Recording | None, clock: Callable[[], float]
    ) -> None:
        self._line = line
        self._first_word = message.pause * _BYTES_PER_SECOND  # what is before it, silence, is not said again
        self._pcm = bytes(self._first_word) + pcm + bytes(-len(pcm) % _FRAME)
        self._message = message
        self._track = _Track(recording) if recording else None
        self._clock = clock
        self._written = 0
        self._begun = self._acted = self._moved = clock()  # acted: when the last word was said or the last key pressed
        self._spoken = self._interrupted = self._dropping = False
        self.stuck = False  # the message could not be said to its end
        self.starved = 0  # times the line ran dry in mid-speech
        self.keys = Keys(message.max_dtmf, message.repeat_dtmf) if message.max_dtmf or message.repeat_dtmf else None

    async def hold(self) -> None:
        """Returns when there is nothing more to say or to wait for, or the call is over."""
        while not self._line.over:
            self._speak()
            self._listen()
            if self._finished():
                break
            await self._line.stir(STEP)
        else:
            self._listen()
        if self._track:
            self._track.end(self._clock() - self._begun)

    def _speak(self) -> None:
        if lost := self._line.lost():
            self._written, self._spoken, self._interrupted = max(0, self._written - lost), False, True
        self._dropping = self._dropping and self._line.unsent() > 0
        if self._dropping:
            return
        if self._written < len(self._pcm):
            dry = self._written > 0 and self._line.unsent() == 0
            taken = self._line.write(self._pcm[self._written : self._written + 2 * _BYTES_PER_SECOND])
            self._written += taken
            self._moved = self._clock() if taken else self._moved
            self.starved += dry and taken > 0 and not self._interrupted  # one that takes nothing is on hold, or over
            self._interrupted &= taken == 0
        elif not self._spoken and self._line.unsent() == 0:
            self._spoken, self._acted = True, self._clock()

    def _listen(self) -> None:
        heard = self._line.read()
        if self._track:
            said = self._pcm[self._track.said : max(self._track.said, self._written - self._line.unsent())]
            self._track.run(self._clock() - self._begun, heard, said)
        for key in self._line.pressed():
            self._acted = self._clock()
            if self.keys and self.keys.press(key):
                self._say_anew()

    def _say_anew(self) -> None:
        self._line.drop()
        self._written = self._first_word
        self._spoken, self._dropping, self._interrupted, self._moved = False, True, True, self._clock()
        if self._track:
            self._track.said = self._first_word

    def _finished(self) -> bool:
        now = self._clock()
        if now - self._begun >= (self._message.call_timeout or _LONGEST):
            return True
        if self.keys and self.keys.done:
            return True
        if not self._spoken and now - self._moved >= _STUCK:
            self.stuck = True
            return True
        patience = self._message.dtmf_timeout if self.keys and self.keys.awaited else _AFTER_THE_LAST_WORD
        return self._spoken and now - self._acted >= patience


class _Track:
    """Both sides on one time line: where a side is silent, or late by more than `_LATE`, there is silence."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._heard = bytearray()
        self._said = bytearray()
        self._length = 0  # bytes of each side that were written
        self.said = 0  # bytes of the message that were sent, of this round

    def run(self, elapsed: float, heard: bytes, said: bytes) -> None:
        """What came by then. It is written `_LATE` later, so that nothing late tears a hole."""
        self.said += len(said)
        now = int(elapsed * TELEPHONE_RATE) * 2
        self._queue(self._heard, heard, now)
        self._queue(self._said, said, now)
        self._write(now - _LATE)

    def end(self, elapsed: float) -> None:
        """The call is over; what came too early is cut off."""
        self._write(int(elapsed * TELEPHONE_RATE) * 2)

    def _queue(self, queue: bytearray, piece: bytes, now: int) -> None:
        missing = now - self._length - len(queue) - len(piece)
        if piece and missing > _LATE:
            queue += bytes(missing)
        queue += piece

    def _write(self, until: int) -> None:
        size = until - self._length
        if size > 0:
            self._recording.write(_cut(self._heard, size), _cut(self._said, size))
            self._length += size


def _cut(queue: bytearray, size: int) -> bytes:
    piece = bytes(queue[:size])
    del queue[:size]
    return piece + bytes(size - len(piece))


class Stirring:
    """What a line waits on: rung when something happens on it."""

    def __init__(self) -> None:
        self._bell = asyncio.Event()

    def ring(self) -> None:
        """Something happened."""
        self._bell.set()

    async def wait(self, seconds: float) -> None:
        """Returns when it was rung, at the latest after so many seconds."""
        timer = asyncio.get_running_loop().call_later(seconds, self._bell.set)
        try:
            await self._bell.wait()
        finally:
            timer.cancel()
            self._bell.clear()
