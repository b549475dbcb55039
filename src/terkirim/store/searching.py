"""How a search goes through its candidates, piece by piece; the same for every database."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from terkirim.domain.ids import uuid7
from terkirim.domain.message import UNFINISHED, State
from terkirim.domain.record import MessageRow
from terkirim.domain.search import Facts, Findings, Found, Search
from terkirim.policy.search import fits, wanted
from terkirim.ports.search import Stopped
from terkirim.store.rows import from_json, storable, tuples_of
from terkirim.store.times import HOUR_US, instant, micros

LOOKED_AT_ONCE = 3_000  # messages that one search looks at: some 30 ms
FIRST_PIECE, GROWTH = 60, 4
INDEXED_AT_ONCE = 500  # messages in one transaction, so that no accept waits long behind it
YOUNG = timedelta(seconds=20)  # an accept rarely takes longer from its id to its commit
PROBED, COMMON = 300, 30  # a thirtieth of so many messages
ATTEMPTS_LOOKED_AT = 2_000  # of all providers
LAST, FIRST = "g", ""  # no id sorts behind the one, or before the other
_SELDOM = frozenset({State.BOUNCED, State.COMPLAINED, State.SUPPRESSED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Listing:
    """A statement that gives ids, newest first, and what it is told beside the bounds."""

    name: str = "ids_all"
    bound: Mapping[str, Any] = field(default_factory=dict)


class Looking:
    """One search under way: which candidates it wants next, and when it has found enough."""

    def __init__(self, search: Search, *, limit: int, older_than: str | None) -> None:
        high = storable(older_than or LAST)
        self.low = FIRST if search.after is None else floor(search.after)
        self.high = high if search.before is None else min(high, floor(search.before))
        self._limit = limit
        self._left = LOOKED_AT_ONCE
        self._piece = max(FIRST_PIECE, limit + 1)
        self._found: list[Found] = []

    @property
    def most(self) -> int:
        """How many candidates older than `high` to look at next."""
        return min(self._piece, self._left)

    def took(self, ids: Sequence[str], found: Iterable[Found]) -> Findings | None:
        """Add what was found among these candidates; return the findings once that is enough.

        Fewer candidates than `most` were the last ones.
        """
        is_end = len(ids) < self.most
        for one in found:
            self._found.append(one)
            if len(self._found) == self._limit:
                id_ = one.message.id
                return self._findings(None if is_end and id_ == ids[-1] else id_)
        if is_end:
            return self._findings(None)
        self._left -= len(ids)
        self._piece *= GROWTH
        self.high = ids[-1]
        return self._findings(self.high) if self._left <= 0 else None

    def _findings(self, looked_to: str | None) -> Findings:
        return Findings(rows=tuple(self._found), looked_to=looked_to)


def floor(at: datetime) -> str:
    """Return the smallest id of an instant."""
    return uuid7(max(int(at.timestamp() * 1_000), 0), 0)


def listing_by_state(search: Search) -> Listing | None:
    """Return the narrow list of those messages that stand as wanted, None where there is none."""
    states = search.states or frozenset(State)
    if states <= UNFINISHED:
        return Listing("ids_unfinished")
    if states == {State.DEAD}:
        return Listing("ids_dead")
    if len(states) == 1 and states <= _SELDOM:
        return Listing("ids_seldom", {"state": next(iter(states)).value})
    return Listing("ids_sandbox") if search.is_sandbox else None


def is_by_terms(search: Search) -> bool:
    """Return True where what an e-mail says narrows a search more than how its message stands."""
    return bool(search.to or search.tags) or listing_by_state(search) is None


def has_beginning(search: Search) -> bool:
    """Return True where a beginning is wanted: an index may have much that goes on from it."""
    return any(is_start for choices in wanted(search) for _, is_start in choices)


def is_common(search: Search, facts: Collection[Facts]) -> bool:
    """Return True where many of these messages are wanted: the next ones are found soon as well."""
    return sum(fits(search, one) for one in facts) * COMMON > len(facts)


def facts_of(rows: Iterable[Sequence[Any]]) -> dict[str, Facts]:
    """Return by id what rows of (id, recipient, sender, subject, tags) say."""
    return {
        id_: Facts(
            recipient=recipient,
            sender=sender,
            subject=subject,
            tags=tuples_of(from_json(tags)) if tags else (),
        )
        for id_, recipient, sender, subject, tags in rows
    }


def found_of(
    ids: Iterable[str], facts: Mapping[str, Facts], rows: Iterable[MessageRow]
) -> list[Found]:
    """Return the messages of these rows as a search answers them, in the order of `ids`."""
    by_id = {row.id: row for row in rows}
    return [
        Found(message=by_id[id_], subject=fact.subject, sender=fact.sender, tags=fact.tags)
        for id_, fact in ((id_, facts[id_]) for id_ in ids if id_ in by_id)
    ]


def stopped_of(row: Sequence[Any]) -> Stopped:
    """Return the message that stopped, as the statement selects it."""
    return Stopped(
        id=row[0],
        recipient=row[1],
        state=State(row[2]),
        reason=row[3],
        created_at=instant(row[4]),
        provider=row[5],
        is_kept=bool(row[6]),
    )


def hours_between(since: datetime, until: datetime) -> dict[str, int]:
    """Return the hours of a time as bounds; the hour that has begun counts."""
    return {"since": micros(since) // HOUR_US, "until": -(-micros(until) // HOUR_US)}
