"""Which counts a transaction adds to the rollups: dashboards read these, never the messages."""

import re
from collections import Counter
from collections.abc import Container, Iterable
from datetime import date, datetime, time, tzinfo
from functools import lru_cache
from zlib import crc32

from terkirim.domain.latency import bucket_of
from terkirim.store.times import HOUR_US, instant, micros

Count = tuple[int, str, str]  # hour, kind, key
Named = tuple[str, str, str]  # kind, what, tag or sender
BoundedKey = tuple[int, str, str]  # day since 1970, kind, tag or sender

DAY, MONTH = "_day", "_month"  # what the kind of a day's, and a month's, count ends in
# Counted by day as well as by hour, so that a year is as fast to add up as a week.
ALSO_BY_DAY = frozenset(
    {"submitted", "outcome", "state", "reason", "wait", "latency", "event", "event_first"}
)
KEYS_A_DAY = 1_000  # tags, and senders, that have counts of their own on one day
ACCEPTED = "accepted"
OTHERS = "(others)"  # where the rest is counted
COUNTED_LENGTH = 100  # characters
_REMEMBERED = 20_000  # tags and senders of which a process knows whether their day has room
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_ADDRESS = re.compile(r"[^\s<>\"'(),:;\[\]]+@[^\s<>\"'(),:;\[\]]+")
_NUMBER = re.compile(r"[0-9][0-9a-f-]{3,}", re.IGNORECASE)


class Rollups:
    """How one process counts: in which rows of its own, and in days of which zone.

    `places`: over so many rows the processes spread what they count, so that nodes seldom wait for
    each other, and a process that lives for one e-mail costs no row of its own.
    """

    def __init__(self, node: str, zone: tzinfo, *, places: int) -> None:
        self.node = node
        self.zone = zone
        self.place = str(crc32(node.encode()) % places)
        self._has_room: dict[BoundedKey, bool] = {}

    def unknown(self, keys: Iterable[BoundedKey]) -> list[BoundedKey]:
        """Return the keys of which is not known whether their day has room for them."""
        return [key for key in keys if key not in self._has_room]

    def learn(self, keys: Iterable[BoundedKey], *, refused: Container[BoundedKey]) -> None:
        """Remember for which keys there is room.

        Also where the transaction is rolled back afterwards: a day then has one key more.
        """
        if len(self._has_room) > _REMEMBERED:
            self._has_room.clear()
        self._has_room.update((key, key not in refused) for key in keys)

    def has_room(self, key: BoundedKey) -> bool:
        """Return whether a key has counts of its own on its day; it was learnt before."""
        return self._has_room.get(key, False)


class Counts:
    """The counts of one transaction, handed out sorted: else two nodes lock each other out.

    By hour, and some by day too. What is `bounded` is counted by day and by month, and of that a
    day has a bounded number of names.
    """

    def __init__(self) -> None:
        self._by_key: Counter[Count] = Counter()
        self._bounded: Counter[tuple[int, Named]] = Counter()

    def add(self, at_us: int, kind: str, key: str, count: int = 1) -> None:
        """Count `kind`/`key` in the hour of the instant."""
        self._by_key[(at_us // HOUR_US, kind, key)] += count

    def add_bounded(self, at_us: int, key: Named, count: int = 1) -> None:
        """Count a key on the day of the instant."""
        self._bounded[(at_us // HOUR_US, key)] += count

    def add_accepted(self, at_us: int, *, provider: str, sender: str, tags: Iterable[str]) -> None:
        """Count a message that a provider took: it answered so, an event or a person says so.

        Once, when the message comes into a state of `SENT`, which it never leaves; not for the
        sandbox. Whoever speaks of accepted mail reads this count: those of `outcome` are attempts.
        """
        self.add_message(at_us, ACCEPTED, provider=provider, sender=sender, tags=tags)

    def add_message(
        self,
        at_us: int,
        what: str,
        *,
        provider: str,
        sender: str,
        tags: Iterable[str],
        count: int = 1,
    ) -> None:
        """Count a message for the first of its sort: in all, by its sender, and by its tags."""
        self.add(at_us, "event_first", f"{provider}:{what}", count)
        self.add_bounded(at_us, ("event_sender", what, sender), count)
        for tag in tags:
            self.add_bounded(at_us, ("event_tag", what, tag), count)

    def add_to(self, other: "Counts") -> None:
        """Add to another one what this one has counted."""
        for (hour, kind, key), count in self._by_key.items():
            other.add(hour * HOUR_US, kind, key, count)
        for (hour, named), count in self._bounded.items():
            other.add_bounded(hour * HOUR_US, named, count)

    def bounded_keys(self, zone: tzinfo) -> list[BoundedKey]:
        """Return (day, kind, name), sorted."""
        keys = {(day_of(hour, zone)[1], kind, name) for hour, (kind, _, name) in self._bounded}
        return sorted(keys)

    def rows(self, rollups: Rollups) -> list[tuple[int, str, str, int]]:
        """Return (hour, kind, key, count), sorted; of a day and a month it is their first hour."""
        counts = Counter(self._by_key)
        for (hour, kind, key), count in self._by_key.items():
            if kind in ALSO_BY_DAY:
                counts[day_of(hour, rollups.zone)[0], kind + DAY, key] += count
        for (hour, (kind, what, name)), count in self._bounded.items():
            first, day = day_of(hour, rollups.zone)
            own = name if rollups.has_room((day, kind, name)) else OTHERS
            counts[first, kind, f"{what}:{own}"] += count
            counts[month_of(hour, rollups.zone), kind + MONTH, f"{what}:{own}"] += count
        return [(*key, count) for key, count in sorted(counts.items()) if count]


@lru_cache(maxsize=4_096)
def day_of(hour: int, zone: tzinfo) -> tuple[int, int]:
    """Return the first hour of the day in that zone, and the day's number since 1970."""
    local = instant(hour * HOUR_US).astimezone(zone).date()
    midnight = datetime.combine(local, time(), zone)
    return micros(midnight) // HOUR_US, local.toordinal() - _EPOCH_DAY


@lru_cache(maxsize=4_096)
def month_of(hour: int, zone: tzinfo) -> int:
    """Return the first hour of the month in that zone."""
    local = instant(hour * HOUR_US).astimezone(zone).date()
    return micros(datetime.combine(local.replace(day=1), time(), zone)) // HOUR_US


def countable(words: str) -> str:
    """Return a provider's words as a key to count by: nobody's address, no number, not long.

    Counts are kept for ever, and each distinct key costs a row an hour.
    """
    return _NUMBER.sub("#", _ADDRESS.sub("<address>", words))[:COUNTED_LENGTH]


def latency_bucket(us: int) -> str:
    """Return the name of the log-scaled bucket that a latency in microseconds falls into."""
    return str(bucket_of(us))
