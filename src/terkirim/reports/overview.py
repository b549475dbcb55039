"""How much mail came in, went out and was given up, by span and by hour: read from the rollups."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any, Protocol

from terkirim.domain.message import State
from terkirim.domain.phrase import Phrase, phrase
from terkirim.ports import Clock
from terkirim.ports.search import Insight

KINDS = ("submitted", "outcome", "state", "event_first")
_FIRSTS = {
    "accepted": "sent",
    "delivered": "delivered",
    "opened": "opened",
    "clicked": "clicked",
    "bounced": "bounced",
}
HOUR = timedelta(hours=1)
RECALLED_FOR = 30.0  # seconds
_SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Messages taken in, sent (a real provider took them), heard of, kept by the sandbox, dead.

    A message is counted where it was first said to be delivered, opened, clicked, bounced.
    """

    taken: int = 0
    sent: int = 0
    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    bounced: int = 0
    sandboxed: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A span that ends now, beside the one of the same length before it."""

    key: str
    label: Phrase
    now: Figures
    before: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """What one hour (or one day, where hours are too many) brought."""

    at: datetime
    sent: int
    dead: int


class Sums(Protocol):
    """Who sums rollups."""

    async def sums(
        self, kinds: Sequence[str], *, since: datetime, until: datetime
    ) -> list[tuple[str, str, int]]:
        """Return (kind, key, count), as `Insight.sums`."""
        ...


class Recalled:
    """Sums of rollups; those of hours that are over are asked for once in half a minute.

    What a figure of 90 days costs is read again only where it may have changed: in the last hours.
    """

    def __init__(self, insight: Insight, clock: Clock) -> None:
        self._insight = insight
        self._clock = clock
        self._kept: dict[tuple[Any, ...], tuple[float, list[tuple[str, str, int]]]] = {}

    async def sums(
        self, kinds: Sequence[str], *, since: datetime, until: datetime
    ) -> list[tuple[str, str, int]]:
        """Return (kind, key, count), as `Insight.sums`."""
        edge = _begun(self._clock.now()) - HOUR
        if since >= edge:
            return await self._insight.sums(kinds, since=since, until=until)
        if until <= edge:
            return await self._past(kinds, since, until)
        recent = await self._insight.sums(kinds, since=edge, until=until)
        return [*await self._past(kinds, since, edge), *recent]

    async def _past(
        self, kinds: Sequence[str], since: datetime, until: datetime
    ) -> list[tuple[str, str, int]]:
        present = self._clock.monotonic()
        key = (*kinds, _begun(since), _begun(until))
        kept = self._kept.get(key)
        if kept is None or present - kept[0] > RECALLED_FOR:
            fresh = {k: v for k, v in self._kept.items() if present - v[0] <= RECALLED_FOR}
            found = await self._insight.sums(kinds, since=since, until=until)
            self._kept = fresh | {key: (present, found)}
            return found
        return kept[1]


async def periods(insight: Sums, *, now: datetime, zone: tzinfo) -> list[Period]:
    """Return today, and the last 24 hours, 7, 30 and 90 days; hours that have begun count whole."""
    midnight = datetime.combine(now.astimezone(zone).date(), time(), zone).astimezone(UTC)
    spans = [
        ("today", phrase("Today"), now - midnight, timedelta(days=1)),
        ("24h", phrase("24 hours"), timedelta(hours=24), timedelta(hours=24)),
        ("7d", phrase("7 days"), timedelta(days=7), timedelta(days=7)),
        ("30d", phrase("30 days"), timedelta(days=30), timedelta(days=30)),
        ("90d", phrase("90 days"), timedelta(days=90), timedelta(days=90)),
    ]
    return [
        Period(
            key=key,
            label=label,
            now=figures(await insight.sums(KINDS, since=_hour(now - span, span), until=now)),
            before=figures(
                await insight.sums(KINDS, since=_hour(now - span, span) - back, until=now - back)
            ),
        )
        for key, label, span, back in spans
    ]


def figures(sums: Iterable[tuple[str, str, int]]) -> Figures:
    """Return the figures that (kind, key, count) make."""
    counts: Counter[str] = Counter()
    for kind, key, count in sums:
        counts[_figure(kind, key)] += count
    return Figures(
        taken=counts["taken"],
        sent=counts["sent"],
        delivered=counts["delivered"],
        opened=counts["opened"],
        clicked=counts["clicked"],
        bounced=counts["bounced"],
        sandboxed=counts["sandboxed"],
        dead=counts["dead"],
    )


async def by_hour(insight: Insight, *, now: datetime, hours: int, each: int = 1) -> list[Hour]:
    """Return what each stretch of `each` hours brought, the oldest first, none left out."""
    first = now.replace(minute=0, second=0, microsecond=0) - (hours - 1) * HOUR
    counts: Counter[tuple[int, str]] = Counter()
    for place, kind, key, count in await insight.series(
        ("event_first", "state"), since=first, until=now, each=each
    ):
        counts[place, _figure(kind, key)] += count
    return [
        Hour(at=first + at * each * HOUR, sent=counts[at, "sent"], dead=counts[at, "dead"])
        for at in range(-(-hours // each))
    ]


def per_minute(hours: Sequence[Hour], *, now: datetime) -> float:
    """Return how many messages a minute went out in about the last hour; hours as `by_hour`."""
    if not hours:
        return 0.0
    passed = (now - hours[-1].at) / HOUR
    before = hours[-2].sent if len(hours) > 1 else 0
    return round((hours[-1].sent + before * max(1 - passed, 0)) / 60, 1)


def _figure(kind: str, key: str) -> str:
    if kind == "submitted":
        return "taken"
    if kind == "state":
        return "dead" if key == State.DEAD else ""
    provider, what, *_ = key.split(":")
    if kind == "event_first":
        return _FIRSTS.get(what, "")
    return "sandboxed" if (provider, what) == (_SANDBOX, "accepted") else ""


def _begun(at: datetime) -> datetime:
    """Return when the hour of an instant began."""
    return at.replace(minute=0, second=0, microsecond=0)


def _hour(at: datetime, span: timedelta) -> datetime:
    """Return where a span begins: at a full hour, so that it has as many hours as it says."""
    full = _begun(at)
    return full if full == at or span < timedelta(hours=24) else full + HOUR
