"""Which counts a transaction adds to the rollups: dashboards read these, never the messages."""

import math
import re
from collections import Counter
from collections.abc import Iterable

from terkirim.store.times import HOUR_US

Count = tuple[int, str, str]  # hour, kind, key

COUNTED_LENGTH = 100  # characters
LATENCY_STEPS_PER_OCTAVE = 4
_ADDRESS = re.compile(r"[^\s<>\"'(),:;\[\]]+@[^\s<>\"'(),:;\[\]]+")
_NUMBER = re.compile(r"[0-9][0-9a-f-]{3,}", re.IGNORECASE)


class Counts:
    """The counts of one transaction, handed out sorted: else two nodes lock each other out."""

    def __init__(self) -> None:
        self._by_key: Counter[Count] = Counter()

    def add(self, at_us: int, kind: str, key: str, count: int = 1) -> None:
        """Count `kind`/`key` in the hour of the instant."""
        self._by_key[(at_us // HOUR_US, kind, key)] += count

    def rows(self) -> list[tuple[int, str, str, int]]:
        """Return (hour, kind, key, count), sorted by key."""
        return [(*key, count) for key, count in sorted(self._by_key.items())]


def countable(words: str) -> str:
    """Return a provider's words as a key to count by: nobody's address, no number, not long.

    Counts are kept for ever, and each distinct key costs a row an hour.
    """
    return _NUMBER.sub("#", _ADDRESS.sub("<address>", words))[:COUNTED_LENGTH]


def latency_bucket(us: int) -> str:
    """Return the name of the log-scaled bucket that a latency in microseconds falls into."""
    return str(math.ceil(math.log2(max(us, 1)) * LATENCY_STEPS_PER_OCTAVE))


def bucket_us(name: str) -> float:
    """Return the upper end of a bucket in microseconds."""
    return float(2 ** (int(name) / LATENCY_STEPS_PER_OCTAVE))


def percentile_us(buckets: Iterable[tuple[str, int]], share: float) -> float | None:
    """Return the latency below which `share` of the counts lie; None without counts."""
    ordered = sorted((int(name), count) for name, count in buckets)
    total = sum(count for _, count in ordered)
    seen = 0
    for name, count in ordered:
        seen += count
        if seen >= share * total:
            return bucket_us(str(name))
    return None
