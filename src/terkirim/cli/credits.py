"""`terkirim credits`: what is left, how long it lasts, and what can be paid."""

import click

from terkirim.api.credit_shapes import credits_shape, preflight_shape
from terkirim.cli.desk import desk
from terkirim.cli.exits import DONE, REFUSED
from terkirim.cli.noting import person
from terkirim.cli.screen import Screen, json_option, wrapped
from terkirim.cli.submitting import submitted
from terkirim.compose import Gateway
from terkirim.domain.credit import Level, Preflight, Standing
from terkirim.domain.email import Priority
from terkirim.domain.errors import NotFound
from terkirim.ports.credits import CreditStatistics
from terkirim.reports.credits import balance_in_words, forecast_in_words, preflight_in_words

MOST_MAILS = 100_000_000
LONGEST_DAYS = 3_650


@click.group()
def credits() -> None:  # noqa: A001 - the command's name
    """See credits, how long they last, and what can be paid."""


@credits.command()
@click.option("--days", type=click.IntRange(1, LONGEST_DAYS), default=30, show_default=True)
@json_option
def show(days: int, as_json: bool) -> int:
    """Show balance, level, forecast and use; no provider is asked."""
    at = desk(as_json=as_json)

    async def found(gateway: Gateway) -> tuple[Standing, CreditStatistics]:
        provider, now = _prepaid(gateway), gateway.clock.now()
        standing = await gateway.lookout.standings.one(provider)
        return standing, await gateway.lookout.statistics.over(provider, days=days, now=now)

    standing, statistics = submitted(at.settings, found)
    lines = [*_standing_lines(at.screen, standing), *_use_lines(at.screen, statistics)]
    at.screen.answer(credits_shape(standing, statistics), lines)
    return DONE


@credits.command()
@json_option
def check(as_json: bool) -> int:
    """Ask the provider for its balance now; 1 where it does not say."""
    at = desk(as_json=as_json)

    async def checked(gateway: Gateway) -> Standing:
        provider = _prepaid(gateway)
        standings = await gateway.lookout.monitor.check(who=person())
        return next(one for one in standings if one.provider == provider)

    standing = submitted(at.settings, checked)
    at.screen.answer(credits_shape(standing), _standing_lines(at.screen, standing))
    return REFUSED if standing.level is Level.UNKNOWN else DONE


@credits.command()
@click.argument("count", type=click.IntRange(1, MOST_MAILS))
@click.option(
    "--priority",
    type=click.Choice([one.value for one in Priority]),
    default=Priority.NORMAL.value,
    show_default=True,
    help="Mail of high priority may use the last credits too.",
)
@json_option
def estimate(count: int, priority: str, as_json: bool) -> int:
    """Say whether COUNT mails can be paid.

    The exit code is 1 where they cannot, or where nobody knows.
    """
    at = desk(as_json=as_json)

    async def estimated(gateway: Gateway) -> Preflight:
        _prepaid(gateway)
        return await gateway.lookout.preflights.estimate(count, priority=Priority(priority))

    found = submitted(at.settings, estimated)
    says = at.screen.say(preflight_in_words(found))
    at.screen.answer(preflight_shape(found), wrapped(says, first="", others=""))
    return DONE if found.is_enough else REFUSED


def _prepaid(gateway: Gateway) -> str:
    providers = gateway.lookout.standings.providers
    if not providers:
        raise NotFound("no provider on a route is prepaid: there are no credits")
    return providers[0]


def _standing_lines(screen: Screen, standing: Standing) -> list[str]:
    say = screen.say
    lines = wrapped(say(balance_in_words(standing)), first="", others="")
    if standing.reading is not None:
        lines.append(say("read {at}", at=screen.at(standing.reading.at)))
    if standing.failures:
        lines += wrapped(say("The last check failed: {reason}", reason=standing.reason))
    lines += wrapped(say(forecast_in_words(standing)), first="", others="")
    waiting = standing.waiting
    if waiting.count:
        later = waiting.count - waiting.due
        says = say("Waiting: {due} messages now, {later} later.", due=waiting.due, later=later)
        lines.append(says)
    if standing.is_reserved:
        says = say("Only mail of high priority leaves: the last credits are kept for it.")
        lines += wrapped(says, first="", others="")
    return lines


def _use_lines(screen: Screen, found: CreditStatistics) -> list[str]:
    say = screen.say
    used = sum(found.usage.values())
    lines = [
        say(
            "In {days} days: {used} credits used, {checks} checks, {alerts} alerts.",
            days=found.days,
            used=used,
            checks=found.checks,
            alerts=found.alerts_raised,
        )
    ]
    if found.trend is not None:
        percent = round(found.trend * 100)
        lines.append(say("The last week against the week before: {percent} %", percent=percent))
    return lines
