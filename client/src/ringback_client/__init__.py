"""A client of Ringback: send voice messages, and get each delivery report exactly once."""

from .answers import Bulk, BulkStatus, Error, Ledger, Log, Price, Report, SendResponse, SentMessage, Status
from .client import Ringback
from .exceptions import (
    BadRequest,
    BookmarkDamaged,
    BookmarkError,
    BookmarkExpired,
    BookmarkInUse,
    BookmarkNotKept,
    BookmarkOfAnother,
    Forbidden,
    KeyUsed,
    NoAnswer,
    NotFound,
    Refused,
    RingbackError,
    ServerFault,
    TooManyRequests,
    Unauthorized,
    UnexpectedAnswer,
)
from .message import CallTransfer, DeliveryTimeWindow, Destination, Message, Retry, SendingSpeed, Voice
from .reports import Reports

__version__ = "0.1.0"

__all__ = [
    "BadRequest",
    "BookmarkDamaged",
    "BookmarkError",
    "BookmarkExpired",
    "BookmarkInUse",
    "BookmarkNotKept",
    "BookmarkOfAnother",
    "Bulk",
    "BulkStatus",
    "CallTransfer",
    "DeliveryTimeWindow",
    "Destination",
    "Error",
    "Forbidden",
    "KeyUsed",
    "Ledger",
    "Log",
    "Message",
    "NoAnswer",
    "NotFound",
    "Price",
    "Refused",
    "Report",
    "Reports",
    "Retry",
    "Ringback",
    "RingbackError",
    "SendResponse",
    "SendingSpeed",
    "SentMessage",
    "ServerFault",
    "Status",
    "TooManyRequests",
    "Unauthorized",
    "UnexpectedAnswer",
    "Voice",
]
