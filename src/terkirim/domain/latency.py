"""Latencies in log-scaled buckets: counts of them add up over hours, nodes and years."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from itertools import accumulate

STEPS_PER_OCTAVE = 4  # a bucket is a fifth wider than the one before: 2 ** (1 / 4)
_US = 1_000_000


def bucket_of(us: int) -> int:
    """Return the bucket that a latency in microseconds falls into."""
    return math.ceil(math.log2(max(us, 1)) * STEPS_PER_OCTAVE)


def upper_end(bucket: int) -> float:
    """Return the longest latency of a bucket, in seconds."""
    return float(2 ** (bucket / STEPS_PER_OCTAVE)) / _US


def percentiles(buckets: Mapping[int, int], shares: Sequence[float]) -> list[timedelta | None]:
    """Return the latencies below which these shares of all lie, never too low; None of none.

    `buckets`: bucket -> count.
    """
    total = sum(buckets.values())
    if not total:
        return [None for _ in shares]
    ordered = sorted(buckets)
    seen = list(accumulate(map(buckets.__getitem__, ordered)))
    return [_longest(ordered[bisect_left(seen, share * total)]) for share in shares]


@lru_cache(maxsize=512)  # a month of hours asks 2,000 times for some forty of them
def _longest(bucket: int) -> timedelta:
    return timedelta(seconds=upper_end(bucket))
