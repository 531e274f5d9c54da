"""One call as the called phone lives through it: it rings, is answered, and its person does what they do."""

import asyncio
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec

from .diary import Diary
from .heard import Heard
from .media import Media, Metronome
from .people import Behaviour, Deed
from .sdp import Agreement, agree, describe
from .transactions import Answering
from .wire import MAGIC, Address, Header, Request, SipError, address_of, shown, tag_of, uri_of, user_of, written

_LONGEST_CALL = 600.0  # seconds; then the phone hangs up, or stops ringing
_RING_AGAIN = 60.0  # RFC 3261 section 13.3.1.1: a proxy between us may give up after three minutes of silence
_VANISHED_FOR = 120.0  # so long a vanished phone is remembered, as one that does not answer


class Line(msgspec.Struct, frozen=True):
    """What a phone is plugged into."""

    address: Address
    diary: Diary
    metronome: Metronome
    pace: float
    keep_audio: Path | None
    ask: Callable[[bytes, str, Address, Callable[[], None]], None]  # sends a request until it is answered
    forget: Callable[["Phone"], None]


def who(request: Request) -> dict[str, str]:
    """How the log names a call: the number as dialled, the caller as shown, and the Call-ID."""
    caller = user_of(uri_of(request.headers.first("from") or ""))
    return {"to": user_of(request.uri), "from": caller, "callId": shown(request.call_id)}


class Phone:
    """A phone that is being called. Everything about one dialog (RFC 3261 section 12) is here."""

    def __init__(self, line: Line, invite: Answering, agreed: Agreement | None, behaviour: Behaviour) -> None:
        self._line = line
        self._invite = invite
        self._agreed = agreed
        self._behaviour = behaviour
        self.who = who(invite.request)
        self.key = invite.request.call_id, invite.tag
        self.vanished = False
        self._ended = False
        self._cseq, self._remote_cseq = 0, invite.request.cseq
        self._latest = invite  # or the re-INVITE after it
        self._offering = agreed is None  # the offer is ours, and the ACK has their answer
        self._sdp_version = 0
        self._target = uri_of(invite.request.headers.first("contact") or "")
        self._media: Media | None = None
        self._heard = Heard(line.keep_audio is not None, lambda key: self._note("heard", key=key))
        self._life = asyncio.create_task(self._live())

    # What its person does

    async def _live(self) -> None:
        await self._ring(self._behaviour.rings)
        if self._behaviour.refuses:
            self._refuse(self._behaviour.refuses)
        elif self._answer():
            await self._talk(self._behaviour)

    async def _ring(self, seconds: float) -> None:
        left = min(seconds * self._line.pace, _LONGEST_CALL)
        while left > 0:
            self._invite.respond(180, self._dialog_headers())
            await asyncio.sleep(min(left, _RING_AGAIN))
            left -= _RING_AGAIN
        if seconds > _LONGEST_CALL:
            self._refuse(480)

    async def _talk(self, behaviour: Behaviour) -> None:
        self._say(behaviour.says)
        await asyncio.sleep(behaviour.after * self._line.pace)
        if behaviour.deed is Deed.PRESS:
            await self._press(behaviour.keys, behaviour.every)
        elif behaviour.deed is Deed.HANG_UP:
            self._hang_up()
        elif behaviour.deed is Deed.VANISH:
            self._vanish()
        await asyncio.sleep(_VANISHED_FOR if self.vanished else _LONGEST_CALL)
        self._hang_up()

    def _say(self, sound: str) -> None:
        if self._media:
            self._media.play(sound)

    async def _press(self, keys: str, every: float) -> None:
        for key in keys:
            if self._media and not self._media.press(key):
                self._note("no-keys")  # the caller offered no telephone-event
                return
            await asyncio.sleep(every * self._line.pace)

    # What its person's doings are in SIP

    def _refuse(self, status: int) -> None:
        self._end("phone", status=status)
        self._invite.respond(status)

    def _answer(self) -> bool:
        try:
            self._media = Media(self._line.address[0], self._heard, lambda key: self._note("key", key=key))
        except OSError:
            self._refuse(503)
            return False
        self._note("answer")
        if self._agreed:
            self._aim(self._agreed)
        self._line.metronome.add(self._media)
        self._invite.respond(200, self._dialog_headers(), self._sdp(), self._hang_up)
        return True

    def _sdp(self) -> bytes:
        if not self._media:
            return b""
        self._sdp_version += 1
        return describe(self._media.address, self._agreed, self._sdp_version)

    def _dialog_headers(self) -> list[Header]:
        """RFC 3261 section 12.1.1: what forms a dialog carries our Contact and the route that it came by."""
        routes = [f for f in self._invite.request.headers.fields if f[0] == "record-route"]
        return [*routes, ("contact", f"<sip:{self._line.address[0]}:{self._line.address[1]}>")]

    def _hang_up(self) -> None:
        """A BYE of ours (RFC 3261 section 15.1.1), after which nothing is heard any more."""
        if self.vanished:
            self._line.forget(self)
        if self._ended:
            return
        self._end("phone", keep=True)
        branch = MAGIC + secrets.token_hex(8)
        message, to = self._bye(branch)
        self._line.ask(message, branch, to, lambda: self._line.forget(self))

    def _bye(self, branch: str) -> tuple[bytes, Address]:
        """A request within the dialog (RFC 3261 section 12.2.1.1)."""
        asked, self._cseq = self._invite.request.headers, self._cseq + 1
        routes = asked.every("record-route")
        target = self._target or uri_of(asked.first("from") or "")
        host, port = self._line.address
        fields = [
            ("via", f"SIP/2.0/UDP {host}:{port};branch={branch};rport"),
            ("max-forwards", "70"),
            *(("route", route) for route in routes),
            ("from", f"{asked.first('to')};tag={self._invite.tag}"),
            ("to", asked.first("from") or ""),
            ("call-id", self._invite.request.call_id),
            ("cseq", f"{self._cseq} BYE"),
        ]
        to = address_of(uri_of(routes[0]) if routes else target) or self._invite.request.source
        return written(f"BYE {target} SIP/2.0", fields), to

    def _vanish(self) -> None:
        """Gone without a word. The port stays taken, so that no ICMP message tells on it."""
        self.vanished = True
        self._invite.fall_silent()
        self._end("nobody", keep=True)

    # What the caller does

    def knows(self, request: Request) -> bool:
        """Whether a request is of this dialog's other end (RFC 3261 section 12.2.2)."""
        return request.from_tag == tag_of(self._invite.request.headers.first("from") or "")

    def on_ack(self, request: Request) -> None:
        """Our answer was heard; where the INVITE had no offer, the ACK has the answer (RFC 3261 section 13.2.1)."""
        self._latest.heard()
        if not self._offering or not self._media or not request.body:
            return
        self._offering, first = False, self._agreed is None
        try:
            self._aim(agree(request.body))
        except SipError:
            self._hang_up()
        if first:
            self._say(self._behaviour.says)

    def _aim(self, agreed: Agreement) -> None:
        self._agreed = agreed
        if self._media:
            self._media.aim(agreed)

    def on_cancel(self) -> None:
        """The caller gave up before anybody answered (RFC 3261 section 9.2)."""
        if not self._invite.final:
            self._end("caller")
            self._invite.respond(487)

    def on_bye(self, bye: Answering) -> None:
        """The caller hung up (RFC 3261 section 15.1.2); an INVITE that waits is answered with 487."""
        self._end("caller")
        self._invite.respond(487)
        bye.respond(200)

    def on_reinvite(self, again: Answering, agreed: Agreement | None) -> None:
        """The caller changes the session: hold, or another address (RFC 3261 section 14.2)."""
        request = again.request
        if not self._invite.final or not self._media:
            again.respond(491)
        elif request.cseq <= self._remote_cseq:
            again.respond(500)
        else:
            self._remote_cseq = request.cseq
            self._target = uri_of(request.headers.first("contact") or "") or self._target
            self._latest, self._offering = again, agreed is None
            if agreed:
                self._aim(agreed)
            again.respond(200, self._dialog_headers(), self._sdp(), self._hang_up)

    def _end(self, by: str, keep: bool = False, status: int | None = None) -> None:
        """The call is over, once. With `keep` the dialog is not forgotten yet."""
        if self._ended:
            return
        self._ended = True
        more: dict[str, object] = {"status": status} if status else {}
        if self._media:
            self._line.metronome.remove(self._media)
            self._latest.heard()
            more = {"heard": self._heard.keys, **self._heard.quality(), **self._kept()}
        self._note("end", by=by, **more)
        if not keep:
            self._line.forget(self)

    def _kept(self) -> dict[str, str]:
        if self._line.keep_audio is None:
            return {}
        name = f"{secrets.token_hex(8)}.wav"
        return {"audio": name} if self._heard.save(self._line.keep_audio / name) else {}

    def close(self) -> None:
        """Nothing of it is left."""
        if self._media:
            self._media.close()
        if self._life is not asyncio.current_task():
            self._life.cancel()

    def _note(self, event: str, **more: object) -> None:
        self._line.diary.write(event, self.who, **more)
