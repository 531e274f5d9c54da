"""Statuses and errors: the contract's two tables (section 3), and which SIP answer is which error."""

import msgspec


class Status(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Where a message stands, as reports, logs and send answers show it."""

    group_id: int
    group_name: str
    id: int
    name: str
    description: str
    action: str | None = None


class Error(msgspec.Struct, frozen=True, rename="camel"):
    """What became of the call. `permanent` is shown to callers; nothing of ours decides by it."""

    group_id: int
    group_name: str
    id: int
    name: str
    description: str
    permanent: bool


STATUS_GROUPS = {0: "ACCEPTED", 1: "PENDING", 2: "UNDELIVERABLE", 3: "DELIVERED", 4: "EXPIRED", 5: "REJECTED"}
ERROR_GROUPS = {0: "OK", 1: "HANDSET_ERRORS", 2: "USER_ERRORS", 3: "OPERATOR_ERRORS"}


def _status(number: int, group: int, name: str, description: str, action: str | None = None) -> Status:
    return Status(group, STATUS_GROUPS[group], number, name, description, action)


def _error(number: int, group: int, name: str, description: str, permanent: bool) -> Error:
    return Error(group, ERROR_GROUPS[group], number, name, description, permanent)


# Contract section 3, in its order; only what Ringback itself can say.
PENDING_WAITING_DELIVERY = _status(3, 1, "PENDING_WAITING_DELIVERY", "Message sent, waiting for delivery report")
UNDELIVERABLE_REJECTED_OPERATOR = _status(4, 2, "UNDELIVERABLE_REJECTED_OPERATOR", "Message rejected by operator")
DELIVERED_TO_HANDSET = _status(5, 3, "DELIVERED_TO_HANDSET", "Message delivered to handset")
UNDELIVERABLE_NOT_DELIVERED = _status(9, 2, "UNDELIVERABLE_NOT_DELIVERED", "Message sent not delivered")
EXPIRED_EXPIRED = _status(15, 4, "EXPIRED_EXPIRED", "Message expired")
REJECTED_ROUTE_NOT_AVAILABLE = _status(
    19, 5, "REJECTED_ROUTE_NOT_AVAILABLE", "Route not available", "Contact account manager"
)
EXPIRED_UNKNOWN = _status(22, 4, "EXPIRED_UNKNOWN", "Unknown Reason")
REJECTED_DUPLICATE_MESSAGE_ID = _status(23, 5, "REJECTED_DUPLICATE_MESSAGE_ID", "Rejected duplicate message ID")
PENDING_ACCEPTED = _status(26, 1, "PENDING_ACCEPTED", "Message accepted, pending for delivery.")
REJECTED_DESTINATION = _status(52, 5, "REJECTED_DESTINATION", "Invalid destination address.", "Check to parameter.")

NO_ERROR = _error(0, 0, "NO_ERROR", "No Error", False)
UNKNOWN_ERROR = _error(255, 3, "EC_UNKNOWN_ERROR", "Unknown Reason", True)
CANCELLED = _error(4100, 3, "EC_Cancelled", "Cancelled", True)
VALIDITY_EXPIRED = _error(4101, 3, "EC_ValidityExpired", "Validity period expired", True)
ANSWERED = _error(5000, 0, "VOICE_ANSWERED", "Call answered by human", True)
ANSWERED_MACHINE = _error(5001, 0, "VOICE_ANSWERED_MACHINE", "Call answered by machine", True)
USER_BUSY = _error(5002, 2, "EC_VOICE_USER_BUSY", "User was busy during call attempt", True)
NO_ANSWER = _error(5003, 2, "EC_VOICE_NO_ANSWER", "User was notified, but did not answer call", True)
DOWNLOADING_FILE = _error(
    5004, 2, "EC_VOICE_ERROR_DOWNLOADING_FILE", "File provided for call could not be downloaded", True
)
UNSUPPORTED_AUDIO_FORMAT = _error(
    5005, 2, "EC_VOICE_ERROR_UNSUPPORTED_AUDIO_FORMAT", "Format of file provided for call is not supported", True
)
FORBIDDEN = _error(5403, 3, "EC_VOICE_ERROR_FORBIDDEN", "Received request was rejected", False)
DESTINATION_NOT_FOUND = _error(5404, 3, "EC_VOICE_ERROR_DESTINATION_NOT_FOUND", "The number does not exist there", True)
REQUEST_TIMEOUT = _error(5408, 3, "EC_VOICE_ERROR_REQUEST_TIMEOUT", "The destination was not found in time", False)
TEMPORARILY_NOT_AVAILABLE = _error(
    5480, 3, "EC_VOICE_ERROR_TEMPORARILY_NOT_AVAILABLE", "Callee currently unavailable", False
)
INTERNAL_SERVER_ERROR = _error(
    5500, 3, "EC_VOICE_INTERNAL_SERVER_ERROR", "The server could not fulfil the request", False
)
SERVICE_UNAVAILABLE = _error(
    5503, 3, "EC_VOICE_SERVICE_UNAVAILABLE", "The service failed to complete the request", False
)
DECLINE = _error(5603, 3, "EC_DECLINE", "Decline.", False)

_BY_SIP_STATUS = {
    403: FORBIDDEN,
    404: DESTINATION_NOT_FOUND,
    408: REQUEST_TIMEOUT,
    480: TEMPORARILY_NOT_AVAILABLE,
    484: DESTINATION_NOT_FOUND,
    486: USER_BUSY,
    500: INTERNAL_SERVER_ERROR,
    503: SERVICE_UNAVAILABLE,
    600: USER_BUSY,
    603: DECLINE,
    604: DESTINATION_NOT_FOUND,
}

# Asking again can't change these answers [ours]; the contract leaves their `permanent` open.
_PERMANENT_SIP = frozenset({400, 410, 413, 414, 415, 416, 420, 488, 501, 505, 606})

_SIP_PHRASES = {  # IANA's registry of SIP response codes; HTTP's own phrases differ, and by Python's version
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    410: "Gone",
    412: "Conditional Request Failed",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    417: "Unknown Resource-Priority",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    424: "Bad Location Information",
    425: "Bad Alert Message",
    428: "Use Identity Header",
    429: "Provide Referrer Identity",
    430: "Flow Failed",
    433: "Anonymity Disallowed",
    436: "Bad Identity Info",
    437: "Unsupported Credential",
    438: "Invalid Identity Header",
    439: "First Hop Lacks Outbound Support",
    440: "Max-Breadth Exceeded",
    469: "Bad Info Package",
    470: "Consent Needed",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    485: "Ambiguous",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    494: "Security Agreement Required",
    501: "Not Implemented",
    502: "Bad Gateway",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    555: "Push Notification Service Not Supported",
    580: "Precondition Failure",
    606: "Not Acceptable",
    607: "Unwanted",
    608: "Rejected",
}

# Which status goes with which error (contract section 3, "[wire]"; what it leaves open is ours).
_STATUS_OF_ERROR = {
    ANSWERED.id: DELIVERED_TO_HANDSET,
    ANSWERED_MACHINE.id: DELIVERED_TO_HANDSET,
    USER_BUSY.id: EXPIRED_EXPIRED,
    NO_ANSWER.id: EXPIRED_EXPIRED,
    REQUEST_TIMEOUT.id: EXPIRED_EXPIRED,
    TEMPORARILY_NOT_AVAILABLE.id: EXPIRED_EXPIRED,
    DECLINE.id: EXPIRED_EXPIRED,
    CANCELLED.id: EXPIRED_EXPIRED,
    VALIDITY_EXPIRED.id: EXPIRED_EXPIRED,
    FORBIDDEN.id: UNDELIVERABLE_REJECTED_OPERATOR,
    UNKNOWN_ERROR.id: EXPIRED_UNKNOWN,
}


def error_of_sip(sip_status: int) -> Error:
    """The error for a final SIP answer to the INVITE: 300 to 699 (RFC 3261 section 21).

    Named ones are the contract's; any other is 5000 + the SIP status, named after the SIP reason phrase.
    """
    known = _BY_SIP_STATUS.get(sip_status)
    if known:
        return known
    phrase = _SIP_PHRASES.get(sip_status, f"SIP status {sip_status}")
    name = "EC_VOICE_" + "".join(c if c.isalnum() else "_" for c in phrase.upper())
    return _error(5000 + sip_status, 3, name, phrase, sip_status in _PERMANENT_SIP)


def status_of(error: Error) -> Status:
    """The final status that goes with an error; what the contract does not name was not delivered."""
    return _STATUS_OF_ERROR.get(error.id, UNDELIVERABLE_NOT_DELIVERED)
