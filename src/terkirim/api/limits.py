"""How many requests one API key may make: a token bucket per key, in this process."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from terkirim.policy.rates import Rate

STANDING = "terkirim.standing"  # the place in a request's scope where its `Standing` waits
NOBODY = ""  # callers without a key that is known share one bucket: they cannot use up another's


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands: whole seconds until its bucket is full again, or has one token."""

    limit: int
    remaining: int
    reset: int
    retry_after: int = 0

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that Resend's SDKs read, as ASGI has them."""
        told = [
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % self.remaining),
            (b"ratelimit-reset", b"%d" % self.reset),
        ]
        return [*told, (b"retry-after", b"%d" % self.retry_after)] if self.retry_after else told


class Limiter:
    """Counts requests by key; `rate` None counts nothing, and then no header is sent either."""

    def __init__(self, rate: Rate | None, *, monotonic: Callable[[], float]) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._buckets: dict[str, tuple[float, float]] = {}  # key id -> tokens left, counted when

    def take(self, key_id: str) -> Standing | None:
        """Count one request; with `retry_after` the caller must wait, and nothing was counted."""
        return self._standing(key_id, 1)

    def look(self, key_id: str) -> Standing | None:
        """Return where a caller stands, and count nothing."""
        return self._standing(key_id, 0)

    def _standing(self, key_id: str, want: int) -> Standing | None:
        if self._rate is None:
            return None
        now, most = self._monotonic(), float(self._rate.count)
        a_second = most / self._rate.seconds
        left, counted_at = self._buckets.get(key_id, (most, now))
        tokens = min(most, left + (now - counted_at) * a_second)
        is_granted = tokens >= want
        tokens -= want * is_granted
        self._buckets[key_id] = (tokens, now)
        return Standing(
            limit=self._rate.count,
            remaining=int(tokens),
            reset=math.ceil((most - tokens) / a_second),
            retry_after=0 if is_granted else max(math.ceil((want - tokens) / a_second), 1),
        )
