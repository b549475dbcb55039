"""How many requests one API key may make: a token bucket per key, in this process."""

import math
from collections.abc import Callable
from typing import NamedTuple

from terkirim.policy.rates import Rate

STANDING = "terkirim.standing"  # the place in a request's scope where its `Standing` waits
NOBODY = ""  # callers without a key that is known share one bucket: they cannot use up another's


class Standing(NamedTuple):  # one a request: a frozen dataclass takes six times as long to make
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
        if self.retry_after:
            told.append((b"retry-after", b"%d" % self.retry_after))
        return told


class Limiter:
    """Counts requests by key; `rate` None counts nothing, and then no header is sent either."""

    def __init__(self, rate: Rate | None, *, monotonic: Callable[[], float]) -> None:
        self._most = 0 if rate is None else rate.count
        self._a_second = 0.0 if rate is None else rate.count / rate.seconds
        self._monotonic = monotonic
        self._buckets: dict[str, tuple[float, float]] = {}  # key id -> tokens left, counted when

    def take(self, key_id: str) -> Standing | None:
        """Count one request; with `retry_after` the caller must wait, and nothing was counted."""
        return self._standing(key_id, 1)

    def look(self, key_id: str) -> Standing | None:
        """Return where a caller stands, and count nothing."""
        return self._standing(key_id, 0)

    def _standing(self, key_id: str, want: int) -> Standing | None:
        most, a_second = self._most, self._a_second
        if not most:
            return None
        now = self._monotonic()
        left, counted_at = self._buckets.get(key_id, (most, now))
        tokens = min(most, left + (now - counted_at) * a_second)
        if tokens < want:
            self._buckets[key_id] = (tokens, now)
            wait = max(math.ceil((want - tokens) / a_second), 1)
            return Standing(most, int(tokens), math.ceil((most - tokens) / a_second), wait)
        tokens -= want
        self._buckets[key_id] = (tokens, now)
        return Standing(most, int(tokens), math.ceil((most - tokens) / a_second))
