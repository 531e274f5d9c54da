"""The call engine of a script: for tests of whatever stands on calls. Nothing rings, and nothing takes time."""

import asyncio
from collections.abc import Callable

from ..model.call import Call, CallResult, Cause
from ..model.message import Network
from ..model.times import SECOND, Instant


class ScriptedEngine:
    """Implements `CallEngine`. What comes of each call is a function of it; time is a clock's.

    With `hold`, a call lasts until `release` lets it end.
    """

    def __init__(
        self,
        channels: int,
        *,
        clock: Callable[[], Instant],
        outcome: Callable[[Call], CallResult] | None = None,
        network: Network = Network.SANDBOX,
        hold: bool = False,
    ) -> None:
        self.network = network
        self.placed: list[Call] = []  # in order, each as often as it was placed
        self._channels = channels
        self._clock = clock
        self._outcome = outcome or self._answered
        self._hold = hold
        self._held: dict[asyncio.Future[None], Call] = {}
        self._idle = asyncio.Event()
        self._stopping = False

    async def start(self) -> None:
        """Ready to place calls."""

    def free_channels(self) -> int:
        """How many calls could be placed now; 0 once it is stopping."""
        return 0 if self._stopping else self._channels - len(self._held)

    @property
    def live(self) -> list[Call]:
        """The calls that are held."""
        return list(self._held.values())

    async def place(self, call: Call) -> CallResult:
        """Writes the call down, and gives what the script says."""
        if self._stopping:
            return CallResult(Cause.NOT_PLACED, self._clock())
        self.placed.append(call)
        held = asyncio.get_running_loop().create_future()
        self._held[held] = call
        self._idle.clear()
        try:
            if self._hold:
                await held
            return self._outcome(call)
        finally:
            del self._held[held]
            if not self._held:
                self._idle.set()

    def release(self, call: Call | None = None) -> None:
        """Lets a held call end, or all of them."""
        for held, its in self._held.items():
            if not held.done() and call in (None, its):
                held.set_result(None)

    async def stop(self, grace: float) -> None:
        """Places no more, lets held calls go on for up to `grace` seconds, then ends them."""
        self._stopping = True
        if self._held:
            await asyncio.wait(list(self._held), timeout=grace)
        self.release()
        if self._held:
            await self._idle.wait()

    def _answered(self, call: Call) -> CallResult:
        now = self._clock()
        dtmf = ("1",) if call.message.max_dtmf else None
        return CallResult(Cause.ANSWERED, now, now - 2 * SECOND, now - SECOND, dtmf)
