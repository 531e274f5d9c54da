"""The exchange: where calls arrive on UDP and are put through to phones (RFC 3261, as a user agent server)."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .diary import Diary
from .media import Metronome
from .people import behaviour_at
from .phone import Line, Phone, who
from .sdp import Agreement, agree
from .transactions import PATIENCE, Answering, Repetition
from .wire import Address, Request, Response, SipError, parse, respond

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS"


class Exchange(asyncio.DatagramProtocol):
    """Every phone of the box behind one UDP port. `pace` scales the times of people, not those of SIP."""

    def __init__(self, diary: Diary, pace: float = 1.0, keep_audio: Path | None = None) -> None:
        self._diary = diary
        self._pace = pace
        self._keep_audio = keep_audio
        self._answerings: dict[tuple[str, str, str, int, str], Answering] = {}
        self._asked: dict[str, Callable[[], None]] = {}  # by branch: what to do when the answer came
        self._phones: dict[tuple[str, str], Phone] = {}

    def connection_made(self, transport: Any) -> None:
        """The port is there."""
        self._transport: asyncio.DatagramTransport = transport
        self._loop = asyncio.get_running_loop()
        self._line = Line(
            address=transport.get_extra_info("sockname")[:2],
            diary=self._diary,
            metronome=Metronome(),
            pace=self._pace,
            keep_audio=self._keep_audio,
            ask=self._ask,
            forget=self._forget,
        )

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """Whatever came. What can't be understood is refused when it can be, and dropped otherwise."""
        try:
            message = parse(data, addr[:2])
        except SipError as fault:
            if fault.headers and not data.startswith(b"ACK"):
                self._transport.sendto(respond(fault.headers, fault.status, "malformed"), addr[:2])
            return
        if isinstance(message, Response):
            self._on_response(message)
        else:
            self._on_request(message)

    # Requests of theirs

    def _on_request(self, request: Request) -> None:
        phone = self._phone_of(request)
        if phone and phone.vanished:
            return
        if request.method == "ACK":  # never answered (RFC 3261 section 17)
            self._on_ack(request, phone)
        elif known := self._answerings.get(request.key(request.method)):
            known.repeat()
        else:
            self._on_new(self._answering(request), phone)

    def _phone_of(self, request: Request) -> Phone | None:
        phone = self._phones.get((request.call_id, request.to_tag))
        return phone if phone and phone.knows(request) else None

    def _answering(self, request: Request) -> Answering:
        """A server transaction; it is remembered for 64*T1 after its last word (RFC 3261 section 17.2)."""
        key = request.key(request.method)

        def on_final() -> None:
            self._loop.call_later(PATIENCE, self._answerings.pop, key, None)

        answering = self._answerings[key] = Answering(request, self._transport.sendto, on_final)
        return answering

    def _on_new(self, answering: Answering, phone: Phone | None) -> None:
        request = answering.request
        if request.method == "INVITE":
            self._on_invite(answering, phone)
        elif request.method == "CANCEL":
            self._on_cancel(answering)
        elif request.method == "BYE" and phone:
            phone.on_bye(answering)
        elif request.method == "OPTIONS":
            answering.respond(200, [("allow", ALLOW), ("accept", "application/sdp")])
        elif request.method == "BYE" or request.to_tag:
            answering.respond(481)
        else:
            answering.respond(405, [("allow", ALLOW)])

    def _on_invite(self, invite: Answering, phone: Phone | None) -> None:
        request = invite.request
        again = {"again": True} if request.to_tag else {}
        self._diary.write("invite", who(request), **again)
        try:
            agreed = self._agreed(request)
        except SipError as fault:
            invite.respond(fault.status)
            self._diary.write("end", who(request), by="phone", status=fault.status, **again)
            return
        if phone:
            phone.on_reinvite(invite, agreed)
        elif request.to_tag:
            invite.respond(481)
        elif required := request.headers.first("require"):
            invite.respond(420, [("unsupported", required)])
        else:
            self._ring(invite, agreed)

    def _agreed(self, request: Request) -> Agreement | None:
        kind = request.headers.first("content-type") or "application/sdp"
        if request.body and kind.split(";")[0].strip().lower() != "application/sdp":
            raise SipError("not a session description", 415)
        return agree(request.body) if request.body else None

    def _ring(self, invite: Answering, agreed: Agreement | None) -> None:
        phone = Phone(self._line, invite, agreed, behaviour_at(who(invite.request)["to"]))
        self._phones[phone.key] = phone

    def _on_ack(self, request: Request, phone: Phone | None) -> None:
        answered = self._answerings.get(request.key("INVITE"))
        if answered:
            answered.heard()
        if phone:
            phone.on_ack(request)

    def _on_cancel(self, cancel: Answering) -> None:
        invite = self._answerings.get(cancel.request.key("INVITE"))
        if not invite:
            cancel.respond(481)
            return
        cancel.tag = invite.tag  # RFC 3261 section 9.2
        cancel.respond(200)
        if phone := self._phones.get((invite.request.call_id, invite.tag)):
            phone.on_cancel()

    # Requests of ours

    def _ask(self, message: bytes, branch: str, to: Address, on_end: Callable[[], None]) -> None:
        def over() -> None:
            self._asked.pop(branch, None)
            on_end()

        repetition = Repetition(lambda: self._transport.sendto(message, to), over)

        def answered() -> None:
            repetition.stop()
            over()

        self._asked[branch] = answered

    def _on_response(self, response: Response) -> None:
        if response.status >= 200 and (answered := self._asked.get(response.branch)):
            answered()

    def _forget(self, phone: Phone) -> None:
        self._phones.pop(phone.key, None)
        phone.close()
