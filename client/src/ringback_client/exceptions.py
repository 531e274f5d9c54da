"""What can go wrong, each a class of its own under `RingbackError`."""

from collections.abc import Mapping
from pathlib import Path


class RingbackError(Exception):
    """Anything that this package raises, wrong arguments (`ValueError`, `TypeError`) apart."""

    passing = False
    """Whether asking again may help; the client did, for as long as its patience lasts."""

    retry_after = 0.0
    """Seconds after which the server wants to be asked again."""

    idempotency_key: str | None = None
    """Of a send: the key under which the same messages can be sent again within 48 hours, calling nobody twice."""


class NoAnswer(RingbackError):
    """No answer came, or only a part of one. What was asked may have been done all the same."""

    passing = True


class UnexpectedAnswer(RingbackError):
    """An answer that is whole, and no answer of Ringback's."""


class Refused(RingbackError):
    """The server refused, with the `requestError` of contract section 7.

    `validation_errors` are texts by the path of the field at fault. `asked_again`: an earlier answer to the same
    request was lost, so the server may be refusing what it has done already.
    """

    def __init__(
        self,
        status: int,
        message_id: str,
        text: str,
        validation_errors: Mapping[str, tuple[str, ...]] | None = None,
        retry_after: float = 0.0,
    ) -> None:
        self.status = status
        self.message_id = message_id
        self.text = text
        self.validation_errors = dict(validation_errors or {})
        self.retry_after = retry_after
        self.asked_again = False
        faults = [f"{path}: {', '.join(texts)}" for path, texts in self.validation_errors.items()]
        super().__init__("; ".join([f"{status} {text}", *faults]))


class BadRequest(Refused):
    """400: `validation_errors` names every fault, and nothing was kept."""


class Unauthorized(Refused):
    """401: no such account, or a wrong password or key."""


class Forbidden(Refused):
    """403."""


class NotFound(Refused):
    """404: there is no such thing, or it is another account's."""


class KeyUsed(Refused):
    """422: the idempotency key was used for another request."""


class TooManyRequests(Refused):
    """429: a limit of the account. It was asked again as the server wished, while patience lasted."""

    passing = True


class ServerFault(Refused):
    """500 and above: the server, or something before it, can't just now."""

    passing = True


class BookmarkError(RingbackError):
    """The file that remembers which reports were handed out. `path` names it."""

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(f"{path}: {text}")
        self.path = path


class BookmarkInUse(BookmarkError):
    """Another iterator, in this process or another, has it."""


class BookmarkNotKept(BookmarkError):
    """It can't be read or written: no folder, no right, no room. Nothing is lost: go on with `next` when there is."""


class BookmarkDamaged(BookmarkError):
    """It does not hold what this package wrote."""


class BookmarkOfAnother(BookmarkError):
    """It is in the middle of another server's, account's or filter's reports."""


class BookmarkExpired(BookmarkError):
    """An answer was lost, and nobody asked again within the 48 hours for which the server remembers it."""


BY_STATUS: dict[int, type[Refused]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    422: KeyUsed,
    429: TooManyRequests,
}
"""The class of a refusal; `ServerFault` from 500 on, else `Refused` itself."""
