"""When credits run out: from the burn by hour of the week, and from the mail that waits.

A week has a level (what it used in all) and a shape (which hour used which share of it). Early,
likely and late differ in the level that they expect, and in how long they believe that the pace of
the last day goes on: a quiet day may end tomorrow, and a rush may last.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from statistics import median

from terkirim.domain.credit import Ahead, Forecast

WEEK = 168  # hours
HISTORY_HOURS = 8 * WEEK  # how far back the burn is read
HISTORY_LEAST = 48  # hours of history below which nothing is said
AHEAD_DAYS = 90  # how far the credits are followed

_DAY = 24  # hours
_HOUR = timedelta(hours=1)
_QUIET_DAYS = (1, 2, 7)  # how long a slow pace is believed to last: early, likely, late
_RUSH_DAYS = (3, 1, 0)  # the same of a fast one
_RUSH_AT_MOST = 1.5  # of the level: a campaign's day is no new pace
_DOUBT = 0.03  # of a week: while few of the last day's hours are busy ones, its pace counts less
_FEW_WEEKS = 4  # from here on the highest and the lowest week are left out
_MARGINS = {0: (1.5, 0.5), 1: (1.25, 0.75)}  # by whole weeks of history: for early, for late

_Three = tuple[float, float, float]  # for early, likely, late


def forecast(
    balance: int,
    burn: Mapping[int, int],
    *,
    now: datetime,
    due: float = 0.0,
    later: Mapping[int, float] | None = None,
) -> Forecast:
    """Return when `balance` is used up, as a range from early to late.

    Args:
        balance: the credits that are left now.
        burn: credits used by hour (UTC, hours since 1970); hours that are missing used nothing.
            The present hour, which is not over, is left out.
        now: the instant from which to look ahead.
        due: credits that the mail which waits now will cost, on top of the usual burn.
        later: credits that scheduled mail will cost, on top, by hour since 1970.
    """
    history = _history(burn, until=_hour_of(now))
    if len(history) < HISTORY_LEAST:
        return Forecast(is_known=False)
    early, likely, late = (
        _end(balance - due, uses, now) for uses in _expected(history, later or {}, now)
    )
    per_day = round(_levels(history)[1] / 7)
    return Forecast(is_known=True, early=early, likely=likely, late=late, per_day=per_day)


def course(
    balance: int,
    burn: Mapping[int, int],
    *,
    now: datetime,
    due: float = 0.0,
    later: Mapping[int, float] | None = None,
    days: int,
) -> list[Ahead]:
    """Return what is left now and after each of the next `days`; arguments as `forecast`.

    Empty while there is too little history to tell.
    """
    history = _history(burn, until=_hour_of(now))
    if len(history) < HISTORY_LEAST:
        return []
    lefts = [balance - due] * 3
    found = [Ahead(now, balance, balance, balance)]
    expected = _expected(history, later or {}, now)
    begin = datetime.fromtimestamp(_hour_of(now) * 3_600, UTC)
    for day in range(1, min(days, AHEAD_DAYS) + 1):
        used = (sum(islice(uses, _DAY)) for uses in expected)
        lefts = [max(left - gone, 0.0) for left, gone in zip(lefts, used, strict=True)]
        found.append(Ahead(begin + day * _DAY * _HOUR, *map(round, lefts)))
    return found


def _hour_of(at: datetime) -> int:
    return int(at.timestamp()) // 3_600


def _expected(
    history: Sequence[int], later: Mapping[int, float], now: datetime
) -> list[Iterator[float]]:
    """Return the use of each hour ahead, once for early, for likely and for late."""
    shape = _shape(history, until=_hour_of(now))
    levels = _levels(history)
    paces = _paces(levels, _present(history, shape, levels[1], until=_hour_of(now)))
    return [_uses([three[which] for three in paces], shape, later, now) for which in range(3)]


def _history(burn: Mapping[int, int], *, until: int) -> list[int]:
    """Return what each hour used, from the first one that used anything to the last whole one."""
    first = until - HISTORY_HOURS
    since = min((hour for hour, used in burn.items() if used and hour >= first), default=until)
    return [burn.get(hour, 0) for hour in range(since, until)]


def _shape(history: Sequence[int], *, until: int) -> list[float]:
    """Return each hour's share of a week; before a whole week was seen, by the hour of the day."""
    period = WEEK if len(history) >= WEEK else _DAY
    since = until - len(history)
    used, seen = [0.0] * period, [0] * period
    for hour, count in enumerate(history, start=since):
        used[hour % period] += count
        seen[hour % period] += 1
    usual = [count / times for count, times in zip(used, seen, strict=True)] * (WEEK // period)
    total = sum(usual)
    return [count / total for count in usual]


def _levels(history: Sequence[int]) -> _Three:
    """Return what a week is expected to use."""
    whole = len(history) // WEEK
    ends = [len(history) - week * WEEK for week in range(whole)]
    weeks = [float(sum(history[end - WEEK : end])) for end in ends]
    if not weeks:
        weeks = [sum(history) / len(history) * WEEK]
    likely = median(weeks[:_FEW_WEEKS])
    more, less = _MARGINS.get(whole, (1.0, 1.0))
    ordered = sorted(weeks)
    left_out = 1 if whole >= _FEW_WEEKS else 0
    high, low = ordered[-1 - left_out] * more, ordered[left_out] * less
    return max(high, likely), likely, min(low, likely)


def _present(history: Sequence[int], shape: Sequence[float], likely: float, *, until: int) -> float:
    """Return the level of a week that goes on as the last day went."""
    share = sum(shape[hour % WEEK] for hour in range(until - _DAY, until))
    return (sum(history[-_DAY:]) + _DOUBT * likely) / (share + _DOUBT)


def _paces(levels: _Three, present: float) -> list[_Three]:
    """Return the levels that each day ahead is expected to have."""
    return [_pace(levels, present, day) for day in range(AHEAD_DAYS)]


def _pace(levels: _Three, present: float, day: int) -> _Three:
    early, likely, late = (
        _believed(level, present, day, quiet=quiet, rush=rush)
        for level, quiet, rush in zip(levels, _QUIET_DAYS, _RUSH_DAYS, strict=True)
    )
    return max(early, likely), likely, min(late, likely)


def _believed(level: float, present: float, day: int, *, quiet: int, rush: int) -> float:
    if present < level:
        return present if day < quiet else level
    return min(present, level * _RUSH_AT_MOST) if day < rush else level


def _uses(
    paces: Sequence[float], shape: Sequence[float], later: Mapping[int, float], now: datetime
) -> Iterator[float]:
    """Yield what the rest of this hour uses, and each hour after it."""
    hour = _hour_of(now)
    rest = 1 - now.timestamp() % 3_600 / 3_600
    yield shape[hour % WEEK] * paces[0] * rest + later.get(hour, 0.0)
    for ahead in range(1, AHEAD_DAYS * _DAY):
        at = hour + ahead
        yield shape[at % WEEK] * paces[ahead // _DAY] + later.get(at, 0.0)


def _end(left: float, uses: Iterable[float], now: datetime) -> datetime | None:
    """Return the instant at which `left` is used up, None where `uses` end before it."""
    begin = datetime.fromtimestamp(_hour_of(now) * 3_600, UTC)
    for ahead, used in enumerate(uses):
        if used >= left:
            share = max(left, 0.0) / used if used else 0.0
            return max(begin + _HOUR * (ahead + share), now)
        left -= used
    return None
