"""`terkirim statistics`: what became of mail, how long it took, and what was retried."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import click

from terkirim.cli.desk import desk
from terkirim.cli.exits import DONE
from terkirim.cli.screen import Screen, columns, json_option, wrapped
from terkirim.database import Database
from terkirim.domain.delivery import Outcomes
from terkirim.domain.phrase import Phrase, phrase
from terkirim.reports import delivery as deliveries
from terkirim.reports import latency as latencies
from terkirim.reports.retries import retries as retry_figures
from terkirim.reports.spans import LONGEST_DAYS, MOST_DAYS_BY_HOUR, last_days

USUAL_DAYS = 7
SHOWN_REASONS = 10
NAME_WIDTH = 22  # columns; a longer name has a line of its own
_NONE = "-"
days_option = click.option(
    "--days",
    type=click.IntRange(1, LONGEST_DAYS),
    default=USUAL_DAYS,
    show_default=True,
    help="Today and the days before it.",
)
_HEADS: Mapping[str, Phrase] = {
    deliveries.HOURS: phrase("hour"),
    deliveries.DAYS: phrase("day"),
    deliveries.TAGS: phrase("tag"),
    deliveries.SENDERS: phrase("sender"),
    deliveries.PROVIDERS: phrase("provider"),
}


@click.group()
def statistics() -> None:
    """See what became of mail, how long it took, what was retried."""


@statistics.command()
@click.option("--by", type=click.Choice(deliveries.BY), default=deliveries.DAYS, show_default=True)
@days_option
@json_option
def delivery(by: str, days: int, as_json: bool) -> int:
    """Show accepted mail, and what became of it.

    Of mail that was accepted; a scanner's opens are not counted.
    """
    _check_days(by, days)
    at = desk(as_json=as_json)
    span = last_days(days, now=at.clock.now(), zone=at.settings.time_zone)

    async def found(database: Database) -> deliveries.Delivery:
        return await deliveries.delivery(database.statistics, span=span, by=by)

    answer = at.ask(found)
    at.screen.answer(deliveries.shape(answer), _delivery_lines(at.screen, answer))
    return DONE


@statistics.command()
@click.option("--by", type=click.Choice(latencies.BY), default=deliveries.DAYS, show_default=True)
@days_option
@json_option
def latency(by: str, days: int, as_json: bool) -> int:
    """Show how long mail took from its submission to its acceptance."""
    _check_days(by, days)
    at = desk(as_json=as_json)
    span = last_days(days, now=at.clock.now(), zone=at.settings.time_zone)

    async def found(database: Database) -> latencies.Latency:
        return await latencies.latency(database.statistics, span=span, by=by)

    answer = at.ask(found)
    at.screen.answer(latencies.shape(answer), _latency_lines(at.screen, answer))
    return DONE


@statistics.command()
@days_option
@json_option
def retries(days: int, as_json: bool) -> int:
    """Show how much was retried, how often it helped, and why."""
    at = desk(as_json=as_json)
    now, zone = at.clock.now(), at.settings.time_zone

    async def found(database: Database) -> dict[str, Any]:
        return await retry_figures(database.statistics, now=now, zone=zone, days=days)

    answer = at.ask(found)
    at.screen.answer(answer, _retry_lines(at.screen, answer))
    return DONE


def _check_days(by: str, days: int) -> None:
    if by == deliveries.HOURS and days > MOST_DAYS_BY_HOUR:
        raise click.BadParameter(
            f"by hour at most {MOST_DAYS_BY_HOUR} are shown", param_hint="--days"
        )


def _delivery_lines(screen: Screen, found: deliveries.Delivery) -> list[str]:
    say = screen.say
    heads = (
        phrase("accepted"),
        phrase("delivered"),
        phrase("opened"),
        phrase("clicked"),
        phrase("bounced"),
        phrase("spam"),
    )
    rows = [(line.key, line.outcomes) for line in found.lines if _is_something(line.outcomes)]
    if not rows:
        return [say("Nothing was sent in this time.")]
    keys = [_short(found.by, key) for key, _ in rows]
    table = [
        [say(_HEADS[found.by]), *map(say, heads)],
        *([key, *_cells(own)] for key, (_, own) in zip(keys, rows, strict=True)),
        [say("in all"), *_cells(found.total)],
    ]
    lines = _table(table)
    if found.has_more:
        lines.append(say("There are more; these have the most mail."))
    return lines


def _cells(outcomes: Outcomes) -> list[str]:
    rates = deliveries.rates(outcomes)
    names = ("delivery_rate", "open_rate", "click_rate", "bounce_rate", "complaint_rate")
    return [f"{outcomes.accepted:,}", *(_percent(rates[name]) for name in names)]


def _percent(rate: float | None) -> str:
    if rate is None:
        return _NONE
    return f"{rate:.2%}" if 0 < rate < 0.01 else f"{rate:.1%}"  # noqa: PLR2004 - a complaint in 300


def _is_something(outcomes: Outcomes) -> bool:
    return outcomes != Outcomes()


def _latency_lines(screen: Screen, found: latencies.Latency) -> list[str]:
    say = screen.say
    if not found.total.count:
        return [say("Nothing was sent in this time.")]
    rows = [(_short(found.by, one.key), one) for one in found.lines]
    rows.append((say("in all"), found.total))
    return _table(
        [
            [say(_HEADS[found.by]), say("messages"), "p50", "p95", "p99"],
            *(
                [key, f"{one.count:,}", *map(_seconds, (one.p50, one.p95, one.p99))]
                for key, one in rows
            ),
        ]
    )


def _seconds(span: timedelta | None) -> str:
    if span is None:
        return _NONE
    seconds = span.total_seconds()
    return f"{seconds:,.0f} s" if seconds >= 100 else f"{seconds:.3g} s"  # noqa: PLR2004 - digits


def _retry_lines(screen: Screen, found: Mapping[str, Any]) -> list[str]:
    say = screen.say
    rate = found["success_rate_after_retry"]
    lines = [
        say(
            "{attempts} attempts, {retries} of them retries; {rate} of the retries were accepted.",
            attempts=found["attempts"],
            retries=found["retries"],
            rate=_percent(rate),
        )
    ]
    if found["by_attempt"]:
        names = sorted({name for one in found["by_attempt"] for name in one} - {"attempt"})
        rows = [
            [str(one["attempt"]), *(f"{one.get(name, 0):,}" for name in names)]
            for one in found["by_attempt"]
        ]
        lines += ["", *_table([[say("attempt"), *names], *rows])]
    if found["reasons"]:
        lines += ["", say("Common reasons:")]
        for one in found["reasons"][:SHOWN_REASONS]:
            lines += wrapped(f"{one['count']:>8,}  {one['reason']}", first="", others=" " * 10)
    if found["waits_by_hour"]:
        lines += ["", say("Waits by hour:"), *_wait_lines(screen, found["waits_by_hour"])]
    return lines


def _wait_lines(screen: Screen, hours: Iterable[Mapping[str, Any]]) -> list[str]:
    say = screen.say
    rows = [
        [
            _short(deliveries.HOURS, one["hour"]),
            f"{one['count']:,}",
            *(_seconds(timedelta(seconds=one[name])) for name in ("p50_seconds", "p95_seconds")),
        ]
        for one in hours
    ]
    return _table([[say("hour"), say("waits"), "p50", "p95"], *rows])


def _short(by: str, key: str) -> str:
    """Return an hour as people read it; other keys are as they are."""
    return datetime.fromisoformat(key).strftime("%Y-%m-%d %H:%M") if by == deliveries.HOURS else key


def _table(rows: list[list[str]]) -> list[str]:
    """Return rows with their figures below each other; a long name stands on a line of its own."""
    names = [row[0] if len(row[0]) <= NAME_WIDTH else "" for row in rows]
    widths = [max(map(len, cells)) for cells in zip(*(row[1:] for row in rows), strict=True)]
    figures = [
        "  ".join(cell.rjust(width) for cell, width in zip(row[1:], widths, strict=True))
        for row in rows
    ]
    lines = columns(list(zip(names, figures, strict=True)))
    return [
        one
        for row, line in zip(rows, lines, strict=True)
        for one in ([line] if len(row[0]) <= NAME_WIDTH else [*wrapped(row[0], first=""), line])
    ]
