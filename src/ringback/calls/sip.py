"""The call engine on baresip: dial, speak, listen for keys, record, hang up. RFC 3261 as a user agent client."""

import asyncio
import contextlib
import time
from collections.abc import Callable

import structlog
from baresip import Account, Config, Runtime, UserAgent
from baresip import Call as SipCall
from baresip.call import CallState
from baresip.errors import BaresipError, CommandTimeout, RuntimeDead
from baresip.events import Event, StackEvent

from ..audio.announcements import NOT_HEARD, Announcements
from ..audio.recordings import Recordings
from ..audio.speech import Sound
from ..model.call import Call, CallResult, Cause
from ..model.exceptions import ConfigError
from ..model.message import Network
from ..model.times import Instant
from ..model.trunk import Trunk
from .conversation import Conversation
from .dialog import STOPPING, Dialog, SipLine, knocking

_log = structlog.get_logger()

MOST_CALLERS = 500
"""Caller ids with a user agent of their own. The stack never frees one, and has 1,023 handles for agents and calls."""

MOST_CHANNELS = 250
"""The stack has 256 places for calls with sound; one more would be answered and hear nothing."""

_GOODBYE = 3.0  # seconds for the calls that `stop` hangs up to come to their end
_INVITE_DIES = 32.0  # seconds until an INVITE without any answer is over: timer B, RFC 3261 section 17.1.1.2
_LAST_WORDS = 0.5  # seconds from the last BYE or CANCEL to the end of the stack, which repeats them until then
_SUSPICIOUS = 1.0  # seconds without a word from the trunk until we ask whether anybody is there
_NOBODY = "ringback"
_CODECS = ("pcma", "pcmu")


class SipEngine:
    """Implements `CallEngine`, in the server's own process and event loop. One a process: the stack allows no more."""

    def __init__(
        self,
        trunk: Trunk,
        network: Network,
        announcements: Announcements,
        recordings: Recordings,
        channels: int,
        *,
        clock: Callable[[], Instant],
        on_dead: Callable[[], None] = lambda: None,
        most_callers: int = MOST_CALLERS,
        media_lost: int = 20,  # seconds without a packet until a phone that vanished is given up
    ) -> None:
        self.network = network
        self._trunk = trunk
        self._announcements = announcements
        self._recordings = recordings
        self._channels = channels
        self._clock = clock
        self._on_dead = on_dead
        self._most_callers = most_callers
        self._media_lost = media_lost
        self._runtime = Runtime()
        self._agents: dict[str, asyncio.Task[UserAgent]] = {}
        self._live: set[Dialog] = set()  # every call from place() until its result
        self._given_up: set[asyncio.Task[None]] = set()  # calls with a result, that can't be hung up yet
        self._dialogs: dict[int, Dialog] = {}  # those whose INVITE left, by the stack's handle
        self._early: dict[int, list[StackEvent]] = {}
        self._turned_away: set[asyncio.Task[None]] = set()
        self._dialling = 0
        self._stopping = self._dead = False
        self._ended = asyncio.Event()  # a call

    async def start(self) -> None:
        """Ready to place calls. Raises `ConfigError` when the SIP stack can't be used."""
        if self._channels > MOST_CHANNELS:
            raise ConfigError(f"channels: at most {MOST_CHANNELS} on one SIP stack, not {self._channels}")
        config = Config(
            net_interface="127.0.0.1" if self._trunk.is_loopback else None,
            max_concurrent_calls=None,
            rtp_timeout=self._media_lost,
            native_log_level="error",
        )
        try:
            await self._runtime.start(config)
        except BaresipError as fault:
            raise ConfigError(f"the SIP stack did not start: {fault}") from fault
        self._runtime.on_dead = self._died
        self._runtime.subscribe(self._on_event)

    def free_channels(self) -> int:
        """How many calls could be placed now; 0 once it is stopping."""
        return 0 if self._stopping else self._channels - len(self._live) - len(self._given_up)

    async def place(self, call: Call) -> CallResult:
        """Phones, speaks, listens, records; returns when the call is over and its line is free again.

        Cancelled, it hangs up before it lets go: an INVITE that is on its way can't be left alone.
        """
        if self._stopping:
            return CallResult(Cause.NOT_PLACED, self._clock())
        dialog = Dialog(self._clock)
        self._live.add(dialog)
        placing = asyncio.ensure_future(self._place(call, dialog))
        placing.add_done_callback(lambda _: self._release(dialog))
        try:
            return await asyncio.shield(placing)
        except asyncio.CancelledError:
            dialog.close("called off")
            await asyncio.wait([placing])
            raise

    def _release(self, dialog: Dialog) -> None:
        self._live.discard(dialog)
        self._ended.set()

    async def stop(self, grace: float) -> None:
        """Places no more, lets live calls end for up to `grace` seconds, then hangs up what is left."""
        self._stopping = True
        for dialog in [dialog for dialog in self._live if dialog.invited_at is None]:
            dialog.close(STOPPING)  # nobody was rung yet: it waits for the next start
        await self._until(lambda: not self._live, grace)
        hung_up = bool(self._live or self._given_up)
        for dialog in list(self._live):
            dialog.close(STOPPING)
        await self._until(lambda: not self._live and not self._given_up, _GOODBYE)
        for dialog in self._dialogs.values():
            dialog.heard.set()  # a CANCEL leaves if the phone said as little as 100 Trying
        if hung_up:
            await asyncio.sleep(_LAST_WORDS)
        with contextlib.suppress(BaresipError):
            await self._runtime.close()

    async def _until(self, done: Callable[[], bool], seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while not done() and loop.time() < until:
            self._ended.clear()
            await _within(until - loop.time(), self._ended)

    async def _place(self, call: Call, dialog: Dialog) -> CallResult:
        try:
            sound = await self._sound(call, dialog)
        except tuple(NOT_HEARD) as fault:
            _log.warning("nothing to be heard", message_id=call.message_id, why=str(fault))
            return CallResult(NOT_HEARD[type(fault)], self._clock())
        if sound is None:
            return CallResult(Cause.NOT_PLACED, self._clock())
        try:
            sip = await self._dial(call, dialog)
        except (CommandTimeout, RuntimeDead):  # an INVITE may have left
            return CallResult(Cause.UNKNOWN, self._clock(), invited_at=dialog.invited_at)
        except (BaresipError, ValueError) as fault:
            _log.warning("no INVITE left", message_id=call.message_id, why=str(fault))
            return CallResult(Cause.UNREACHABLE, self._clock())
        if sip is None:
            return CallResult(Cause.NOT_PLACED, self._clock())
        try:
            return await self._follow(call, sip, dialog, sound)
        finally:
            await self._let_go(sip, dialog)

    async def _sound(self, call: Call, dialog: Dialog) -> Sound | None:
        """What will be heard; None when the call was called off before it was ready."""
        preparing = asyncio.ensure_future(self._announcements.sound(call.message))
        over = asyncio.ensure_future(dialog.settled.wait())
        await asyncio.wait({preparing, over}, return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        if not preparing.done():
            preparing.cancel()
            return None
        return preparing.result()

    async def _dial(self, call: Call, dialog: Dialog) -> SipCall | None:
        """Sends the INVITE, unless the call was called off meanwhile.

        Its events are kept from before it leaves: an answer may come within a millisecond.
        """
        agent, headers = await self._agent(call.message.caller)
        if dialog.over or self._stopping:
            return None
        self._dialling += 1
        try:
            uri = f"sip:{call.to}@{self._trunk.address};transport={self._trunk.transport}"
            dialog.invited_at = self._clock()
            sip = await agent.dial(uri, headers)
            self._dialogs[sip.handle] = dialog
            for event in self._early.pop(sip.handle, ()):
                dialog.on_event(event)
                sip._on_stack_event(event)  # it missed these, and stays subscribed until it hears of its end
            return sip
        finally:
            self._dialling -= 1
            if not self._dialling:
                self._early.clear()

    async def _agent(self, caller: str | None) -> tuple[UserAgent, dict[str, str]]:
        """The user agent whose `From` is the caller id.

        Beyond `most_callers` the trunk's own one calls, with the caller id in P-Asserted-Identity (RFC 3325
        section 9.1), which is what a trunk shows where there is one.
        """
        user, headers = caller or self._trunk.user or _NOBODY, {}
        if user not in self._agents and len(self._agents) >= self._most_callers:
            headers = {"P-Asserted-Identity": f"<sip:{user}@{self._trunk.address}>"}
            user = self._trunk.user or _NOBODY
        if user not in self._agents:
            self._agents[user] = asyncio.ensure_future(UserAgent.create(self._runtime, self._account(user)))
        try:
            return await asyncio.shield(self._agents[user]), headers
        except BaresipError:
            self._agents.pop(user, None)
            raise

    def _account(self, user: str) -> Account:
        trunk = self._trunk
        return Account(
            user=user,
            domain=trunk.address,
            password=trunk.password or "",
            reg_interval=0,
            transport=trunk.transport,  # type: ignore[arg-type]
            audio_codecs=_CODECS,
            auth_user=trunk.user,
            extra_params=("inreq_allowed=no",),  # nobody calls us: only requests inside our calls are heard
        )

    async def _follow(self, call: Call, sip: SipCall, dialog: Dialog, sound: Sound) -> CallResult:
        await self._ring(dialog, call.message.ring_timeout)
        if dialog.answered_at is None:
            return self._unanswered(dialog)
        recording = self._recordings.open() if call.message.record else None
        talk = Conversation(SipLine(sip, dialog), sound.pcm, call.message, recording, time.monotonic)
        try:
            await talk.hold()
        finally:
            ended_at = dialog.ended_at or self._clock()
            await self._hang_up(sip, dialog)
            kept = await recording.close() if recording else None
        if talk.starved:
            _log.warning("audio starved", message_id=call.message_id, times=talk.starved)
        return CallResult(
            self._cause(dialog, talk),
            ended_at,
            invited_at=dialog.invited_at,
            ringing_at=dialog.ringing_at,
            answered_at=dialog.answered_at,
            dtmf=talk.keys.entries() if talk.keys else None,
            recording=kept,
            sip_call_id=dialog.call_id,
            file_seconds=sound.seconds,
        )

    async def _ring(self, dialog: Dialog, seconds: float) -> None:
        """Returns when it was answered, is over, or that time has passed."""
        suspicious = min(_SUSPICIOUS, seconds)
        if await _within(suspicious, dialog.settled) or dialog.ringing_at or self._trunk.transport != "udp":
            await _within(seconds - suspicious, dialog.settled)
            return
        with contextlib.suppress(OSError):
            async with knocking(self._trunk.host, self._trunk.port, dialog.refused):
                await _within(seconds - suspicious, dialog.settled)
                return
        await _within(seconds - suspicious, dialog.settled)

    def _cause(self, dialog: Dialog, talk: Conversation) -> Cause:
        if self._dead:
            return Cause.UNKNOWN
        return Cause.BROKEN if dialog.broken or talk.stuck else Cause.ANSWERED

    def _unanswered(self, dialog: Dialog) -> CallResult:
        if self._dead:
            cause = Cause.UNKNOWN
        elif dialog.sip_status:
            cause = Cause.REFUSED
        else:
            cause = Cause.NO_ANSWER if dialog.ringing_at else Cause.UNREACHABLE
        return CallResult(
            cause,
            dialog.ended_at or self._clock(),
            invited_at=dialog.invited_at,
            ringing_at=dialog.ringing_at,
            sip_status=dialog.sip_status,
            sip_call_id=dialog.call_id,
        )

    async def _let_go(self, sip: SipCall, dialog: Dialog) -> None:
        """The call has its result. Until the phone has said something, no CANCEL may leave (RFC 3261 section 9.1).

        The stack would forget such a call, and the phone ring for ever: somebody has to stay until it speaks.
        """
        if dialog.heard.is_set():
            await self._forget(sip, dialog)
            return
        task = asyncio.ensure_future(self._forget_later(sip, dialog))
        self._given_up.add(task)
        task.add_done_callback(self._buried)

    async def _forget_later(self, sip: SipCall, dialog: Dialog) -> None:
        await _within(_INVITE_DIES, dialog.heard)
        await self._forget(sip, dialog)

    async def _forget(self, sip: SipCall, dialog: Dialog) -> None:
        await self._hang_up(sip, dialog)
        self._dialogs.pop(sip.handle, None)

    def _buried(self, task: asyncio.Task[None]) -> None:
        self._given_up.discard(task)
        self._ended.set()

    async def _hang_up(self, sip: SipCall, dialog: Dialog) -> None:
        """BYE, or CANCEL while nobody has answered. Nothing to do when the call is gone."""
        if not dialog.gone:
            with contextlib.suppress(BaresipError):
                await sip.hangup()
        dialog.close("hung up")

    def _on_event(self, event: StackEvent) -> None:
        if event.event is Event.CALL_INCOMING:
            self._turn_away(event)
            return
        dialog = self._dialogs.get(event.call)
        if dialog is not None:
            dialog.on_event(event)
        elif event.call and self._dialling:
            self._early.setdefault(event.call, []).append(event)

    def _turn_away(self, event: StackEvent) -> None:
        """Nobody calls us. `inreq_allowed=no` does not see to it: a stranger would ring for ever and keep a handle."""
        stranger = SipCall(self._runtime, handle=event.call, ua_handle=event.ua, state=CallState.INCOMING)
        task = asyncio.ensure_future(_refuse(stranger))
        self._turned_away.add(task)
        task.add_done_callback(self._turned_away.discard)

    def _died(self) -> None:
        self._stopping = self._dead = True
        for dialog in list(self._dialogs.values()):
            dialog.end("the SIP stack died")
        self._on_dead()


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Whether it is set, waiting so long for it."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()


async def _refuse(stranger: SipCall) -> None:
    with contextlib.suppress(BaresipError):  # it may be gone already
        await stranger.reject()
