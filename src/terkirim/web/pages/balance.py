"""The credits: what is left, how long it lasts, what it was used for, and what can be paid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler

from terkirim.domain.credit import Preflight, Standing
from terkirim.domain.email import Priority
from terkirim.domain.errors import NotFound
from terkirim.domain.phrase import Phrase, phrase, proper
from terkirim.reports.credits import (
    LEVELS,
    balance_in_words,
    forecast_in_words,
    preflight_in_words,
)
from terkirim.web.balance_line import balance_line
from terkirim.web.numbers import whole_number
from terkirim.web.site import Site
from terkirim.web.visit import Visit

MOST_MAILS = 100_000_000
# Key in the address -> days, hours between two points of the chart, label.
SPANS: dict[str, tuple[int, int, Phrase]] = {
    "7d": (7, 1, phrase("7 days")),
    "30d": (30, 6, phrase("30 days")),
    "90d": (90, 24, phrase("90 days")),
}
_USUAL = "30d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What the calculator was asked and answers; `fault`: why it cannot."""

    text: str
    priority: Priority
    found: Preflight | None = None
    says: Phrase | None = None
    fault: Phrase | None = None


def routes(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers."""
    return [*_showing(site), *_checking(site)]


def _showing(site: Site) -> list[HTTPRouteHandler]:
    lookout = site.gateway.lookout

    @site.get("/credits")
    async def credits_(visit: Visit) -> Response[Any]:
        accounts = lookout.standings.providers
        if not accounts:
            return visit.page("credits_none.html", place="/credits")
        standing = await lookout.standings.one(_account(accounts, visit))
        key = visit.query.get("span", _USUAL)
        days, each, label = SPANS.get(key, SPANS[_USUAL])
        statistics = await lookout.statistics.over(standing.provider, days=days, now=visit.now)
        return visit.page(
            "credits.html",
            place="/credits",
            accounts=accounts,
            standing=standing,
            level=LEVELS[standing.level],
            balance_says=balance_in_words(standing),
            forecast_says=forecast_in_words(standing),
            scale=_scale(site, standing),
            levels=lookout.standings.levels,
            points=await balance_line(site.gateway, standing, days=days, each=each),
            statistics=statistics,
            in_words_of=lookout.alarms.in_words,
            usage=_usage(visit, statistics.usage),
            spans=SPANS,
            span_key=key if key in SPANS else _USUAL,
            span_label=label,
            zone=visit.zone.key,
            sum=await _sum(site, visit),
            priorities=PRIORITIES,
        )

    return [credits_]


def _checking(site: Site) -> list[HTTPRouteHandler]:
    lookout = site.gateway.lookout

    @site.post("/credits/check")
    async def check(visit: Visit) -> Response[Any]:
        account = _account(lookout.standings.providers, visit)
        standings = await lookout.monitor.check(who=visit.name)
        standing = next(one for one in standings if one.provider == account)
        return visit.go(f"/credits?account={account}", visit.say(_checked(standing)))

    return [check]


def _checked(standing: Standing) -> Phrase:
    if standing.failures:
        return phrase(
            "{provider} did not tell its balance: {reason}",
            provider=proper(standing.provider),
            reason=standing.reason,
        )
    return balance_in_words(standing)


def _account(accounts: Sequence[str], visit: Visit) -> str:
    """Return the prepaid account that is asked for, or the first one."""
    wanted = visit.form.get("account") or visit.query.get("account") or next(iter(accounts), "")
    if wanted not in accounts:
        raise NotFound(f"there is no prepaid account {wanted}")
    return wanted


def _scale(site: Site, standing: Standing) -> int:
    """Return where the gauge is full: at what the account held, and well above the first level."""
    read = 0 if standing.reading is None else standing.reading.credits or 0
    levels = site.gateway.lookout.standings.levels
    return max(read, standing.balance or 0, 2 * levels.warning)


def _usage(visit: Visit, usage: Any) -> list[tuple[datetime, int]]:
    """Return the use of each day, the day as an instant of it in the reader's zone."""
    zone = visit.zone
    return [
        (datetime.combine(day, time(12), zone).astimezone(UTC), used) for day, used in usage.items()
    ]


async def _sum(site: Site, visit: Visit) -> Sum | None:
    """Answer the calculator; None where it was asked nothing."""
    text = visit.query.get("count", "").strip()
    wanted = visit.query.get("priority", "")
    priority = Priority(wanted) if wanted in set(Priority) else Priority.NORMAL
    if not text:
        return None
    count = whole_number(text)
    if count is None or not 1 <= count <= MOST_MAILS:
        fault = phrase("Give a whole number from 1 to {most}.", most=MOST_MAILS)
        return Sum(text=text, priority=priority, fault=fault)
    found = await site.gateway.lookout.preflights.estimate(count, priority=priority)
    return Sum(text=text, priority=priority, found=found, says=preflight_in_words(found))


PRIORITIES = {
    Priority.NORMAL: phrase("normal"),
    Priority.HIGH: phrase("high: also the last credits"),
    Priority.LOW: phrase("low"),
}
