"""The contract's section 3: statuses, errors, and which goes with which."""

import pytest

from ringback.model import status as s

STATUSES = [
    (s.PENDING_WAITING_DELIVERY, 3, 1, "PENDING_WAITING_DELIVERY", "Message sent, waiting for delivery report", None),
    (s.UNDELIVERABLE_REJECTED_OPERATOR, 4, 2, "UNDELIVERABLE_REJECTED_OPERATOR", "Message rejected by operator", None),
    (s.DELIVERED_TO_HANDSET, 5, 3, "DELIVERED_TO_HANDSET", "Message delivered to handset", None),
    (s.UNDELIVERABLE_NOT_DELIVERED, 9, 2, "UNDELIVERABLE_NOT_DELIVERED", "Message sent not delivered", None),
    (s.EXPIRED_EXPIRED, 15, 4, "EXPIRED_EXPIRED", "Message expired", None),
    (
        s.REJECTED_ROUTE_NOT_AVAILABLE,
        19,
        5,
        "REJECTED_ROUTE_NOT_AVAILABLE",
        "Route not available",
        "Contact account manager",
    ),
    (s.EXPIRED_UNKNOWN, 22, 4, "EXPIRED_UNKNOWN", "Unknown Reason", None),
    (
        s.REJECTED_DUPLICATE_MESSAGE_ID,
        23,
        5,
        "REJECTED_DUPLICATE_MESSAGE_ID",
        "Rejected duplicate message ID",
        None,
    ),
    (s.PENDING_ACCEPTED, 26, 1, "PENDING_ACCEPTED", "Message accepted, pending for delivery.", None),
    (s.REJECTED_DESTINATION, 52, 5, "REJECTED_DESTINATION", "Invalid destination address.", "Check to parameter."),
]
STATUS_GROUPS = {0: "ACCEPTED", 1: "PENDING", 2: "UNDELIVERABLE", 3: "DELIVERED", 4: "EXPIRED", 5: "REJECTED"}
ERROR_GROUPS = {0: "OK", 1: "HANDSET_ERRORS", 2: "USER_ERRORS", 3: "OPERATOR_ERRORS"}

OURS = "said in our words: the contract gives the sense"
ERRORS = [
    (s.NO_ERROR, 0, 0, "NO_ERROR", OURS, False),
    (s.UNKNOWN_ERROR, 255, 3, "EC_UNKNOWN_ERROR", OURS, True),
    (s.CANCELLED, 4100, 3, "EC_Cancelled", OURS, True),
    (s.VALIDITY_EXPIRED, 4101, 3, "EC_ValidityExpired", OURS, True),
    (s.ANSWERED, 5000, 0, "VOICE_ANSWERED", "Call answered by human", True),
    (s.ANSWERED_MACHINE, 5001, 0, "VOICE_ANSWERED_MACHINE", "Call answered by machine", True),
    (s.USER_BUSY, 5002, 2, "EC_VOICE_USER_BUSY", "User was busy during call attempt", True),
    (s.NO_ANSWER, 5003, 2, "EC_VOICE_NO_ANSWER", "User was notified, but did not answer call", True),
    (
        s.DOWNLOADING_FILE,
        5004,
        2,
        "EC_VOICE_ERROR_DOWNLOADING_FILE",
        "File provided for call could not be downloaded",
        True,
    ),
    (
        s.UNSUPPORTED_AUDIO_FORMAT,
        5005,
        2,
        "EC_VOICE_ERROR_UNSUPPORTED_AUDIO_FORMAT",
        "Format of file provided for call is not supported",
        True,
    ),
    (s.FORBIDDEN, 5403, 3, "EC_VOICE_ERROR_FORBIDDEN", "Received request was rejected", False),
    (s.DESTINATION_NOT_FOUND, 5404, 3, "EC_VOICE_ERROR_DESTINATION_NOT_FOUND", OURS, True),
    (s.REQUEST_TIMEOUT, 5408, 3, "EC_VOICE_ERROR_REQUEST_TIMEOUT", OURS, False),
    (
        s.TEMPORARILY_NOT_AVAILABLE,
        5480,
        3,
        "EC_VOICE_ERROR_TEMPORARILY_NOT_AVAILABLE",
        "Callee currently unavailable",
        False,
    ),
    (s.INTERNAL_SERVER_ERROR, 5500, 3, "EC_VOICE_INTERNAL_SERVER_ERROR", OURS, False),
    (s.SERVICE_UNAVAILABLE, 5503, 3, "EC_VOICE_SERVICE_UNAVAILABLE", OURS, False),
    (s.DECLINE, 5603, 3, "EC_DECLINE", "Decline.", False),
]

NAMED_BY_SIP = [
    (403, s.FORBIDDEN),
    (404, s.DESTINATION_NOT_FOUND),
    (408, s.REQUEST_TIMEOUT),
    (480, s.TEMPORARILY_NOT_AVAILABLE),
    (484, s.DESTINATION_NOT_FOUND),
    (486, s.USER_BUSY),
    (500, s.INTERNAL_SERVER_ERROR),
    (503, s.SERVICE_UNAVAILABLE),
    (600, s.USER_BUSY),
    (603, s.DECLINE),
    (604, s.DESTINATION_NOT_FOUND),
]
AFTER_THE_PHRASE = [  # SIP's own phrases, where HTTP has others for the same number as well
    (302, "EC_VOICE_MOVED_TEMPORARILY", "Moved Temporarily", False),
    (400, "EC_VOICE_BAD_REQUEST", "Bad Request", True),
    (407, "EC_VOICE_PROXY_AUTHENTICATION_REQUIRED", "Proxy Authentication Required", False),
    (410, "EC_VOICE_GONE", "Gone", True),
    (413, "EC_VOICE_REQUEST_ENTITY_TOO_LARGE", "Request Entity Too Large", True),
    (414, "EC_VOICE_REQUEST_URI_TOO_LONG", "Request-URI Too Long", True),
    (415, "EC_VOICE_UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type", True),
    (416, "EC_VOICE_UNSUPPORTED_URI_SCHEME", "Unsupported URI Scheme", True),
    (421, "EC_VOICE_EXTENSION_REQUIRED", "Extension Required", False),
    (423, "EC_VOICE_INTERVAL_TOO_BRIEF", "Interval Too Brief", False),
    (481, "EC_VOICE_CALL_TRANSACTION_DOES_NOT_EXIST", "Call/Transaction Does Not Exist", False),
    (487, "EC_VOICE_REQUEST_TERMINATED", "Request Terminated", False),
    (488, "EC_VOICE_NOT_ACCEPTABLE_HERE", "Not Acceptable Here", True),
    (491, "EC_VOICE_REQUEST_PENDING", "Request Pending", False),
    (501, "EC_VOICE_NOT_IMPLEMENTED", "Not Implemented", True),
    (504, "EC_VOICE_SERVER_TIME_OUT", "Server Time-out", False),
    (606, "EC_VOICE_NOT_ACCEPTABLE", "Not Acceptable", True),
    (699, "EC_VOICE_SIP_STATUS_699", "SIP status 699", False),
]
GOES_WITH = [
    (s.ANSWERED, s.DELIVERED_TO_HANDSET),
    (s.ANSWERED_MACHINE, s.DELIVERED_TO_HANDSET),
    (s.NO_ANSWER, s.EXPIRED_EXPIRED),
    (s.DECLINE, s.EXPIRED_EXPIRED),
    (s.TEMPORARILY_NOT_AVAILABLE, s.EXPIRED_EXPIRED),
    (s.USER_BUSY, s.EXPIRED_EXPIRED),
    (s.REQUEST_TIMEOUT, s.EXPIRED_EXPIRED),
    (s.CANCELLED, s.EXPIRED_EXPIRED),
    (s.VALIDITY_EXPIRED, s.EXPIRED_EXPIRED),
    (s.DESTINATION_NOT_FOUND, s.UNDELIVERABLE_NOT_DELIVERED),
    (s.DOWNLOADING_FILE, s.UNDELIVERABLE_NOT_DELIVERED),
    (s.UNSUPPORTED_AUDIO_FORMAT, s.UNDELIVERABLE_NOT_DELIVERED),
    (s.INTERNAL_SERVER_ERROR, s.UNDELIVERABLE_NOT_DELIVERED),
    (s.SERVICE_UNAVAILABLE, s.UNDELIVERABLE_NOT_DELIVERED),
    (s.FORBIDDEN, s.UNDELIVERABLE_REJECTED_OPERATOR),
    (s.UNKNOWN_ERROR, s.EXPIRED_UNKNOWN),
]


def table(kind: type) -> set[int]:
    """The ids of every value of a kind that the module has."""
    return {value.id for value in vars(s).values() if isinstance(value, kind)}


@pytest.mark.parametrize(("status", "number", "group", "name", "description", "action"), STATUSES)
def test_status(status: s.Status, number: int, group: int, name: str, description: str, action: str | None) -> None:
    expected = s.Status(group, STATUS_GROUPS[group], number, name, description, action)
    assert status == expected


@pytest.mark.parametrize(("error", "number", "group", "name", "description", "permanent"), ERRORS)
def test_error(error: s.Error, number: int, group: int, name: str, description: str, permanent: bool) -> None:
    assert (error.id, error.group_id, error.group_name) == (number, group, ERROR_GROUPS[group])
    assert (error.name, error.permanent) == (name, permanent)
    assert error.description == description or (description is OURS and error.description)


def test_every_row_is_in_the_tables_above() -> None:
    assert table(s.Status) == {row[1] for row in STATUSES}
    assert table(s.Error) == {row[1] for row in ERRORS}


@pytest.mark.parametrize(("sip", "error"), NAMED_BY_SIP)
def test_a_sip_answer_with_a_name_of_its_own(sip: int, error: s.Error) -> None:
    assert s.error_of_sip(sip) == error


@pytest.mark.parametrize(("sip", "name", "phrase", "permanent"), AFTER_THE_PHRASE)
def test_any_other_sip_answer_is_called_after_its_phrase(sip: int, name: str, phrase: str, permanent: bool) -> None:
    assert s.error_of_sip(sip) == s.Error(3, "OPERATOR_ERRORS", 5000 + sip, name, phrase, permanent)


def test_every_final_sip_answer_has_an_error_and_a_final_status() -> None:
    for sip in range(300, 700):
        error = s.error_of_sip(sip)
        assert error.name.startswith(("EC_VOICE_", "EC_DECLINE"))
        assert error.name.replace("_", "").isalnum()
        assert s.status_of(error).group_id in (2, 4)


@pytest.mark.parametrize(("error", "status"), GOES_WITH, ids=lambda value: value.name)
def test_the_status_that_goes_with_an_error(error: s.Error, status: s.Status) -> None:
    assert s.status_of(error) == status
