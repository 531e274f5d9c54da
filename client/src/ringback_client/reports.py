"""Every report into the caller's hands, once, over a network that loses answers and through crashes.

Each take is written down before it is asked, with the Idempotency-Key under which it is asked, for as long as it
has no answer: the server gives the same answer to the same key, and those reports to nobody else (contract
section 4). The answer is written down before its first report is handed out, and each report when the next
is asked for.
"""

import threading
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType

from . import answers
from .answers import Report
from .bookmark import Bookmark, Take
from .connection import ANSWER_S, Connection, Question, json_text, made_out
from .exceptions import (
    BadRequest,
    BookmarkDamaged,
    BookmarkOfAnother,
    NoAnswer,
    Refused,
    RingbackError,
    UnexpectedAnswer,
)

PATH = "/tts/3/reports"

_LEAVING_S = 5.0
_NOTHING = '{"results":[]}'
_BAD_REQUEST = "BAD_REQUEST"  # contract section 7; a gateway's 400 may follow a lost answer that had reports in it


class Reports(Iterator[Report]):
    """An iterator of reports; `Ringback.reports` makes it. For one thread, except that any may call `stop`.

    A report is in the caller's hands when the next one is asked for, or `acknowledge` is called, or a `with` block
    around the iterator is left without an exception. Until then a crash brings it again: while a report is being
    worked on it comes at least once, at every other moment exactly once.

    `next` may be called again after any exception of this package: nothing is lost and nothing comes twice.
    """

    def __init__(
        self,
        connection: Connection,
        owner: str,
        bookmark: Bookmark,
        *,
        wait: int,
        limit: int,
        bulk_id: str | None,
        message_id: str | None,
    ) -> None:
        self._connection = connection
        self._owner = owner
        self._bookmark = bookmark
        self._wait = wait
        self._limit = limit
        self._filter = (bulk_id, message_id)
        self._stopped = threading.Event()
        self._closed = False
        self._in_hand: int | None = None  # which report of the answer
        self._read: tuple[Take | None, tuple[Report, ...]] = (None, ())
        try:
            self._resume()
        except BaseException:
            bookmark.close()
            raise

    def __next__(self) -> Report:
        """The next report. Ends after `stop`, and without `wait` when the server has none."""
        self.acknowledge()
        while not self._over() and not self._left():
            if not self._take():
                raise StopIteration
        if self._over():
            raise StopIteration
        report = self._left()[0]
        self._in_hand = self._bookmark.handed_out
        return report

    def acknowledge(self) -> None:
        """The last report is done with, and won't come again. Asking for the next one says the same."""
        if self._in_hand == self._bookmark.handed_out and not self._closed:
            self._bookmark.hand_out()
        self._in_hand = None

    def stop(self) -> None:
        """Ends the iteration at the next report, or when a wait that is under way is over; from any thread."""
        self._stopped.set()

    def close(self) -> None:
        """Lets another have the bookmark. An answer that was lost is asked for once more, so as to leave none open."""
        if self._closed:
            return
        try:
            if self._bookmark.open:
                with suppress(RingbackError):
                    self._ask(0, _LEAVING_S, patience=0)
        finally:
            self._closed = True
            self._bookmark.close()

    def __enter__(self) -> "Reports":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.acknowledge()
        finally:
            self.close()

    def _over(self) -> bool:
        return self._closed or self._stopped.is_set()

    def _take(self) -> bool:
        """One take, and its answer; whether it is worth asking for more."""
        if not self._bookmark.open:
            bulk_id, message_id = self._filter
            self._bookmark.begin(self._owner, bulk_id, message_id, self._limit)
        try:
            self._ask(self._wait, ANSWER_S)
        except (NoAnswer, Refused):
            if not self._stopped.is_set():
                raise
        return bool(self._left() or self._wait)

    def _ask(self, wait: int, within: float, patience: float | None = None) -> None:
        """Asks the open take, as often as its answer gets lost, and writes the answer down."""
        take = self._bookmark.asked()
        question = Question("GET", PATH, _query(take), key=take.key, wait=wait, within=within, never=self._stopped)
        try:
            text = self._connection.ask(question, json_text, patience)
        except BadRequest as why:
            if why.message_id == _BAD_REQUEST:  # Ringback's own: it can't ever have been answered otherwise
                self._bookmark.answered(_NOTHING)
            raise
        made_out(text, answers.reports, PATH)
        self._bookmark.answered(text)

    def _left(self) -> tuple[Report, ...]:
        """What is in the bookmark and not handed out. Read from there, it is true after any interruption."""
        take = self._bookmark.take
        if take is None or take.answer is None:
            return ()
        if self._read[0] is not take:
            self._read = (take, made_out(take.answer, answers.reports, PATH))
        return self._read[1][self._bookmark.handed_out :]

    def _resume(self) -> None:
        """Looks at what the last iterator on this bookmark left."""
        bulk_id, message_id = self._filter
        if "" in self._filter:
            raise ValueError("an empty bulk_id or message_id would take all reports")
        f"{bulk_id}{message_id}".encode()  # raises where it can't be asked
        take = self._bookmark.take
        try:
            left = self._left()
        except UnexpectedAnswer as why:
            raise BookmarkDamaged(self._bookmark.path, f"its reports can't be read: {why}") from why
        if take is None or not (left or self._bookmark.open):
            return
        if (take.owner, take.bulk_id, take.message_id) != (self._owner, bulk_id, message_id):
            raise BookmarkOfAnother(self._bookmark.path, _whose(take))


def _query(take: Take) -> list[tuple[str, str]]:
    given = {"bulkId": take.bulk_id, "messageId": take.message_id, "limit": str(take.limit)}
    return [(name, value) for name, value in given.items() if value is not None]


def _whose(take: Take) -> str:
    return (
        f"it is in the middle of other reports, those of {take.owner} with bulkId={take.bulk_id} and "
        f"messageId={take.message_id}: bring these to their end first, or use another file"
    )
