"""Small makers of what the store's tests talk about."""

import asyncio
from collections.abc import Iterable
from itertools import count
from typing import Any

import msgspec

from ringback.model.account import Account
from ringback.model.call import Call, CallResult, Cause
from ringback.model.message import AccountId, Bulk, Destination, Network, Notify, VoiceMessage
from ringback.model.report import DeliveryReport
from ringback.model.settle import Terms, settle
from ringback.model.tariff import RateDeck
from ringback.model.times import Instant
from ringback.store.store import Answer, Filter, Keep, Store

NOW: Instant = 1_750_000_000_000
ANY = Filter()
TERMS = Terms(RateDeck({}), "http://here")

_serial = count(1)


async def an_account(store: Store, name: str | None = None) -> Account:
    name = name or f"account-{next(_serial)}"
    return await store.add_account(name, f"hash of {name}", f"key of {name}".encode(), "UTC")


def a_bulk(bulk_id: str, ids: int | Iterable[str], *, network: Network = Network.SANDBOX, parts: int = 1) -> Bulk:
    """A request of `ids` messages, or of those ids, spread over `parts` voice messages."""
    names = [f"{bulk_id}-{n:05}" for n in range(ids)] if isinstance(ids, int) else list(ids)
    each = -(-len(names) // parts)
    texts = [VoiceMessage(text=f"text {part}", max_dtmf=1) for part in range(parts)]
    return Bulk(
        bulk_id,
        network,
        tuple(
            (text, tuple(Destination(f"4179{i:07}", name) for i, name in enumerate(names[n * each : (n + 1) * each])))
            for n, text in enumerate(texts)
        ),
    )


def notified(bulk: Bulk, url: str = "http://there.example.com/", form: str = "json", version: int = 1) -> Bulk:
    """The same request, its reports to be pushed."""
    parts = [(msgspec.structs.replace(m, notify=Notify(url, form, version)), to) for m, to in bulk.messages]
    return msgspec.structs.replace(bulk, messages=tuple(parts))


def an_end(call: Call, **facts: Any) -> tuple[Call, CallResult, DeliveryReport]:
    """What `finish` wants to hear of a claimed call that was answered."""
    began = call.placed_at
    result = CallResult(Cause.ANSWERED, ended_at=began + 9_000, answered_at=began + 2_000, dtmf=("1",), **facts)
    return call, result, settle(call, result, TERMS)


async def finish_all(store: Store, now: Instant = NOW, slice_: int = 500) -> list[str]:
    """Claims and finishes everything that is due: message ids, in the order in which they were finished."""
    done = []
    while calls := await store.claim(slice_, now):
        await asyncio.gather(*(store.finish(*an_end(call)) for call in calls))  # they are queued in this order
        done += [call.message_id for call in calls]
    return done


async def with_reports(store: Store, account: AccountId, bulk_id: str, ids: int | Iterable[str]) -> list[str]:
    await store.accept(account, a_bulk(bulk_id, ids), NOW)
    return await finish_all(store)


async def take(
    store: Store,
    account: AccountId,
    limit: int = 1000,
    *,
    bulk: str | None = None,
    message: str | None = None,
    now: Instant = NOW,
) -> list[str]:
    """The message ids of what a take without a key gives, in its order."""
    taken = await store.take(account, limit, Filter(bulk, message), now)
    assert (taken.answer, taken.replayed, taken.conflict) == (None, False, False)
    return ids_of(taken.reports)


def ids_of(reports: bytes) -> list[str]:
    """The message ids of rendered reports, in their order."""
    return [report["messageId"] for report in msgspec.json.decode(b"[" + reports + b"]")]


def a_key(key: str, question: bytes = b"the question") -> Keep:
    return Keep(key, question, rendered)


def rendered(reports: bytes) -> Answer:
    return Answer("application/json", b'{"results":[' + reports + b"]}")


def ids_in(answer: Answer) -> list[str]:
    return [result["messageId"] for result in msgspec.json.decode(answer.body)["results"]]
