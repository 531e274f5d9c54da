"""What places calls: one Protocol, so that a second engine passes the same suite."""

from typing import Protocol

from ..model.call import Call, CallResult
from ..model.message import Network


class CallEngine(Protocol):
    """Places calls on one network, at most `channels` of them at once."""

    network: Network

    async def start(self) -> None:
        """Ready to place calls when it returns. Raises `ConfigError` when the trunk can't be used."""

    def free_channels(self) -> int:
        """How many calls could be placed now; 0 once it is stopping."""

    async def place(self, call: Call) -> CallResult:
        """Phones, speaks, listens, records; returns when the call is over and its line is free again.

        Never raises for what a phone, a network or an audio file does: that is the result. Returns
        within ringTimeout + callTimeout + a few seconds, whatever the peer does.
        """

    async def stop(self, grace: float) -> None:
        """Places no more, lets live calls end for up to `grace` seconds, then hangs up what is left."""
