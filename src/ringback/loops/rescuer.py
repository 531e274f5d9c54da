"""The rescuer: what an earlier Ringback left ringing gets its report."""

from collections.abc import Callable

import structlog

from ..model.call import CallResult, Cause
from ..model.settle import Terms, report_of
from ..model.times import Instant
from ..store.store import Store

_log = structlog.get_logger()


async def rescue(store: Store, terms: Terms, now: Callable[[], Instant]) -> int:
    """Ends, before anything is placed, what was ringing when Ringback died: how many.

    Nobody knows how those calls went, and nobody is called again: EXPIRED_UNKNOWN (contract section 3).
    """
    left = await store.unfinished()
    for call in left:
        result = CallResult(Cause.UNKNOWN, ended_at=now())
        await store.finish(call, result, report_of(call, result, terms))
        _log.warning("the end of a call is unknown", message_id=call.message_id)
    return len(left)
