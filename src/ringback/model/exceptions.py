"""What can go wrong that is nobody's phone being busy."""


class RingbackError(Exception):
    """The root of all errors of ours."""


class StoreUnavailable(RingbackError):
    """The disk or the database refused; nothing of the request was kept. It may be tried again."""


class StoreInUse(RingbackError):
    """Another Ringback owns this data folder."""


class BulkInUse(RingbackError):
    """The account has used this bulk id before."""


class NoSuchBulk(RingbackError):
    """The account has no bulk of that id."""


class NothingToCall(RingbackError):
    """Of the bulk, nothing is left that could be moved, paused, resumed or cancelled."""


class WindowNeverOpens(RingbackError):
    """Nobody could be phoned before the validity ends: no delivery window opens until then."""


class TooManyWaiting(RingbackError):
    """The account has as many destinations waiting to be called as it may."""


class AlreadyFinished(RingbackError):
    """The message has its one final report; there will be no second one."""


class AccountExists(RingbackError):
    """An account of that name exists."""


class NoSuchAccount(RingbackError):
    """No account has that name."""


class ConfigError(RingbackError):
    """The configuration can't be used; the message names every fault, a line each."""
