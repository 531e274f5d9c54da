"""What each route is, for people and for generators of clients. api/routes.py puts the URL and the endpoint to it."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from ...model.status import PENDING_ACCEPTED, REJECTED_DESTINATION, STATUS_GROUPS
from ..message_fields import LANGUAGE, LONGEST_ID
from ..question import LONGEST_KEY, LONGEST_WAIT, MOST
from . import answers, requests
from .operation import Answer, Example, Operation, Parameter, founding

_Id = Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)]
_Key = Annotated[str, Meta(pattern=rf"^([\x21-\x7e]{{1,{LONGEST_KEY}}})$")]

BULK_ID = Parameter("bulkId", _Id, "The id that the answer to the send gave.")
THE_BULK_ID = msgspec.structs.replace(BULK_ID, required=True, example="8c20f086-d82b-48cc-b2b3-3ca5f7aca9fb")
MESSAGE_ID = Parameter("messageId", _Id, "The message's id.")
LIMIT = Parameter(
    "limit", Annotated[int, Meta(ge=1)], f"How many reports at most; 50 if absent, above {MOST:,} taken as that."
)
KEY = Parameter(
    "Idempotency-Key",
    _Key,
    "A repeat under the same key within 48 hours gets the same answer again, with Idempotent-Replayed: true. The key"
    " is bound to method, path, query, body and form: another request under it is refused with 422.",
)
PREFER = Parameter(
    "Prefer",
    str,
    f"wait=20 holds an otherwise empty answer until a report comes, for 20 seconds at most (RFC 7240); above"
    f" {LONGEST_WAIT} it is taken as that.",
)
_REPLAYED = {"Idempotent-Replayed": "true where this answer was given before, under the same Idempotency-Key."}
_WAITED = {"Preference-Applied": "How long it would have waited: wait=20."}


_SENT = Answer(
    "Accepted: what was not refused number by number will be phoned.",
    answers.SendResponse,
    "sendResponse",
    headers=_REPLAYED,
    examples=[
        Example(
            "accepted",
            "One number is phoned, the other can't be.",
            {
                "bulkId": "8c20f086-d82b-48cc-b2b3-3ca5f7aca9fb",
                "messages": [
                    {
                        "to": "41793026727",
                        "status": msgspec.to_builtins(PENDING_ACCEPTED),
                        "messageId": "ff4804ef-6ab6-4abd-984d-ab3b1387e852",
                    },
                    {"to": "Alphanumeric", "status": msgspec.to_builtins(REJECTED_DESTINATION)},
                ],
            },
        )
    ],
)
_SAY = "Hello from Ringback. Press one."
_SENDING: dict[str, Any] = {
    "tag": "Sending",
    "headers": (KEY,),
    "answer": _SENT,
    "errors": (400, 406, 413, 415, 422),
}

SEND_SINGLE = Operation(
    name="sendSingle",
    summary="Send one message to one number",
    body=requests.SingleBody,
    examples=[
        Example(
            "single",
            "A text",
            {"from": "41793026700", "to": "41793026727", "text": _SAY, "language": "en"},
            f"<request><from>41793026700</from><to>41793026727</to><text>{_SAY}</text><language>en</language></request>",
        )
    ],
    **_SENDING,
)
SEND_MULTI = Operation(
    name="sendMulti",
    summary="Send several messages, each to several numbers",
    body=requests.MultiBody,
    examples=[
        Example(
            "multi",
            "Two numbers hear the same",
            {"messages": [{"from": "41793026700", "to": ["41793026727", "41793026731"], "text": _SAY}]},
            "<request><messages><message><to><to>41793026727</to><to>41793026731</to></to>"
            f"<text>{_SAY}</text></message></messages></request>",
        )
    ],
    **_SENDING,
)
SEND_ADVANCED = Operation(
    name="sendAdvanced",
    summary="Send messages with ids, times, keys and recording of your own",
    body=requests.AdvancedBody,
    examples=[
        Example(
            "advanced",
            "Ask for a key, record the call, try again when nobody answers",
            {
                "messages": [
                    {
                        "from": "41793026700",
                        "destinations": [{"to": "41793026727"}],
                        "text": _SAY,
                        "language": "en",
                        "voice": {"gender": "female"},
                        "record": True,
                        "maxDtmf": 1,
                        "dtmfTimeout": 10,
                        "ringTimeout": 45,
                        "callbackData": "order 17",
                        "validityPeriod": 720,
                        "retry": {"minPeriod": 1, "maxPeriod": 5, "maxCount": 4},
                        "deliveryTimeWindow": {
                            "days": ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
                        },
                    }
                ]
            },
            "<request><messages><message><destinations><destination><to>41793026727</to></destination></destinations>"
            f"<text>{_SAY}</text><record>true</record><maxDtmf>1</maxDtmf></message></messages></request>",
        )
    ],
    **_SENDING,
)

TAKE_REPORTS = Operation(
    name="takeReports",
    summary="Take delivery reports: each is returned once",
    tag="Reports",
    description="The oldest finished first. Only what is returned is taken. With an Idempotency-Key an answer that"
    " was lost on the way can be asked for again.",
    query=(BULK_ID, MESSAGE_ID, LIMIT),
    headers=(KEY, PREFER),
    answer=Answer(
        "Reports, or none.",
        answers.ReportResponse,
        "reportResponse",
        answers.ReportResponseXml,
        headers=_REPLAYED | _WAITED,
        examples=[
            founding("all", "All that wait: the founding page's sample"),
            founding("limit-2", "limit=2: the founding page's sample"),
            Example("none", "Nothing waits", {"results": []}, "<reportResponse><results/></reportResponse>"),
        ],
    ),
    errors=(400, 406, 422),
)

TAKE_LATER_REPORTS = Operation(
    name="takeLaterReports",
    summary="Take delivery reports in the later form: each is returned once, by one of the two",
    tag="Reports",
    description="The same queue as /tts/3/reports: what one has taken is gone for the other.",
    query=(BULK_ID, MESSAGE_ID, LIMIT),
    headers=(KEY, PREFER),
    answer=Answer("Reports, or none.", answers.LaterReportResponse, "reportResponse", headers=_REPLAYED | _WAITED),
    errors=(400, 406, 422),
)

_Since = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
_MANY = list[_Id]
READ_LOGS = Operation(
    name="readLogs",
    summary="Messages of the last 48 hours, as often as they are asked for",
    tag="Reports",
    query=(
        Parameter("from", str, "The caller's number."),
        Parameter("to", str, "The number that was phoned."),
        Parameter("bulkId", _MANY, "The bulk's id; may be given several times."),
        Parameter("messageId", _MANY, "The message's id; may be given several times."),
        Parameter("generalStatus", Literal[tuple(STATUS_GROUPS.values())], "The status group."),
        Parameter("sentSince", _Since, "Sent then or later."),
        Parameter("sentUntil", _Since, "Sent before or then."),
        LIMIT,
        Parameter("mcc", Annotated[str, Meta(pattern="^[0-9]{3}$")], "The network's country code."),
        Parameter("mnc", Annotated[str, Meta(pattern="^[0-9]{2,3}$")], "The network's code in its country."),
    ),
    answer=Answer("Messages, or none.", answers.LogsResponse, "logsResponse", answers.LogsResponseXml),
    errors=(400, 406),
)
GET_LEDGER = Operation(
    name="getLedger",
    summary="How many messages were accepted, are pending, wait, were collected and pushed",
    tag="Reports",
    query=(BULK_ID,),
    answer=Answer("All of the account's, or one bulk's.", answers.Ledger, "ledger"),
    errors=(400, 404, 406),
)
LIST_VOICES = Operation(
    name="listVoices",
    summary="The voices that a language is spoken with",
    tag="Sending",
    path=(Parameter("language", Annotated[str, Meta(pattern=f"^{LANGUAGE}$")], "A language code.", True, "en"),),
    query=(Parameter("includeNeural", bool, "false leaves those out that are slower and sound better."),),
    answer=Answer("The voices.", answers.VoicesResponse, "voicesResponse"),
    errors=(400, 404, 406),
)
_MOMENT = "2015-07-07T17:00:00.000+0100"
_ID = THE_BULK_ID.example
_WHEN = Answer(
    "When it is sent.", answers.Bulk, "bulk", examples=[Example("bulk", "A bulk", {"bulkId": _ID, "sendAt": _MOMENT})]
)
_HOW = Answer(
    "How it stands.",
    answers.BulkStatus,
    "bulkStatus",
    examples=[Example("status", "A bulk that waits for its time", {"bulkId": _ID, "status": "PENDING"})],
)
_OF_BULKS: dict[str, Any] = {"tag": "Bulks", "query": (THE_BULK_ID,)}

GET_BULK = Operation(name="getBulk", summary="When a bulk is sent", answer=_WHEN, errors=(400, 404, 406), **_OF_BULKS)
MOVE_BULK = Operation(
    name="moveBulk",
    summary="Send at another time what was not called yet",
    answer=_WHEN,
    body=requests.BulkMove,
    examples=[Example("move", "Another time", {"sendAt": _MOMENT}, f"<request><sendAt>{_MOMENT}</sendAt></request>")],
    errors=(400, 404, 406, 413, 415),
    **_OF_BULKS,
)
GET_BULK_STATUS = Operation(
    name="getBulkStatus", summary="How a bulk stands", answer=_HOW, errors=(400, 404, 406), **_OF_BULKS
)
CHANGE_BULK_STATUS = Operation(
    name="changeBulkStatus",
    summary="Pause, resume or cancel what was not called yet",
    answer=_HOW,
    body=requests.BulkChange,
    examples=[Example("pause", "Pause", {"status": "PAUSED"}, "<request><status>PAUSED</status></request>")],
    errors=(400, 404, 406, 413, 415),
    **_OF_BULKS,
)

DOWNLOAD_RECORDING = Operation(
    name="downloadRecording",
    summary="The recording of a call",
    tag="Reports",
    path=(
        Parameter("messageId", _Id, "The message's id.", True, "ff4804ef-6ab6-4abd-984d-ab3b1387e852"),
        Parameter("to", Annotated[str, Meta(pattern="^[0-9]{3,15}$")], "The number, digits only.", True, "385981178"),
    ),
    headers=(Parameter("Range", str, "Bytes of it alone: bytes=0-1023 (RFC 9110 section 14)."),),
    answer=Answer("The audio, or a range of it.", media="audio/wav"),
    errors=(404, 416),
)

BEGIN_SESSION = Operation(
    name="beginSession",
    summary="A token for a name and a password",
    tag="Sessions",
    body=requests.Login,
    examples=[
        Example(
            "login",
            "Sign in",
            {"username": "Aladdin", "password": "open sesame"},
            "<request><username>Aladdin</username><password>open sesame</password></request>",
        )
    ],
    answer=Answer("The token.", answers.LoginResponse, "loginResponse"),
    errors=(400, 401, 406, 413, 415, 429, 503),
    signed_in=False,
)
END_SESSION = Operation(
    name="endSession",
    summary="End the session whose token the request carries",
    tag="Sessions",
    answer=Answer("It is ended.", status=204),
    errors=(400,),
)
