"""Latencies in log-scaled buckets: counts of them add up over hours, nodes and years."""

import math
from collections.abc import Iterable, Mapping
from datetime import timedelta

STEPS_PER_OCTAVE = 4  # a bucket is a fifth wider than the one before: 2 ** (1 / 4)
_US = 1_000_000


def bucket_of(us: int) -> int:
    """Return the bucket that a latency in microseconds falls into."""
    return math.ceil(math.log2(max(us, 1)) * STEPS_PER_OCTAVE)


def upper_end(bucket: int) -> float:
    """Return the longest latency of a bucket, in seconds."""
    return float(2 ** (bucket / STEPS_PER_OCTAVE)) / _US


def percentiles(
    buckets: Mapping[int, int] | Iterable[tuple[int, int]], shares: Iterable[float]
) -> list[timedelta | None]:
    """Return the latencies below which these shares of all lie, never too low; None of none.

    `buckets`: bucket -> count.
    """
    ordered = sorted(dict(buckets).items())
    total = sum(count for _, count in ordered)
    return [_percentile(ordered, share * total) if total else None for share in shares]


def _percentile(ordered: Iterable[tuple[int, int]], rank: float) -> timedelta:
    seen, found = 0, 0
    for bucket, count in ordered:
        seen, found = seen + count, bucket
        if seen >= rank:
            break
    return timedelta(seconds=upper_end(found))
