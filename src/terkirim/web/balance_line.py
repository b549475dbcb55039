"""What a chart of the credits shows: the balance as it was read, and the days ahead."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from terkirim.compose import Gateway
from terkirim.domain.credit import Ahead, Standing

_AHEAD_LEAST = 2  # days that a forecast shows, where it knows anything


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One place of the chart: what was left, or what is expected to be; None: nothing is known."""

    at: datetime
    left: int | None = None
    ahead: Ahead | None = None


async def balance_line(
    gateway: Gateway, standing: Standing, *, days: int, each: int
) -> Sequence[Point]:
    """Return the points of so many days back, one in `each` hours, and at most as many ahead."""
    lookout = gateway.lookout
    since = standing.at - timedelta(days=days)
    read = await lookout.statistics.balances(
        standing.provider, since=since, each=timedelta(hours=each)
    )
    course = await lookout.standings.course(standing, days=_days_ahead(standing, days))
    past = [Point(at=at, left=left) for at, left in read if at < standing.at]
    if standing.balance is None:
        return past
    ahead = course[0] if course else None
    now = Point(at=standing.at, left=standing.balance, ahead=ahead)
    return [*past, now, *(Point(at=one.at, ahead=one) for one in course[1:])]


def _days_ahead(standing: Standing, days: int) -> int:
    """Return how far the chart looks ahead: until the credits are gone, at most as far as back."""
    late = standing.forecast.late
    if late is None:
        return days
    return min(max((late - standing.at) // timedelta(days=1) + 1, _AHEAD_LEAST), days)
