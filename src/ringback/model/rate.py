"""So many a second: a bucket of tokens, kept as one number."""

Until = float
"""When the bucket would be full again, in seconds of the caller's clock; any moment that is past means it is full."""


def spent(per_second: int, until: Until, now: float) -> tuple[Until, float]:
    """Takes a token from a bucket that holds one second's worth and fills at `per_second`, at least 1.

    Gives the bucket's new state and 0.0, or its old one and the seconds until there is a token.
    """
    each = 1 / per_second
    behind = max(until - now, 0.0)
    missing = behind + each - 1
    if missing > _ROUNDING:
        return until, missing
    return now + behind + each, 0.0


_ROUNDING = 1e-6  # seconds: adding up thousandths of a second loses some of the last digits of a clock's float
