"""`terkirim alerts`: what is wrong, who was told of it, and whether the channels work."""

from datetime import timedelta

import click

from terkirim.api.credit_shapes import alert_shape
from terkirim.cli.desk import desk
from terkirim.cli.exits import DONE, REFUSED
from terkirim.cli.noting import person
from terkirim.cli.screen import Screen, json_option, wrapped
from terkirim.cli.submitting import submitted
from terkirim.compose import Gateway
from terkirim.database import Database
from terkirim.domain.alert import Activity, Alert
from terkirim.ports.alerts import AlertFilter, Channel

LONGEST_DAYS = 3_650
MOST = 1_000


@click.group()
def alerts() -> None:
    """See alerts and who was told; try the channels."""


@alerts.command("list")
@click.option("--open", "is_open", is_flag=True, default=None, help="Only what goes on.")
@click.option("--days", type=click.IntRange(1, LONGEST_DAYS), default=30, show_default=True)
@click.option("--limit", type=click.IntRange(1, MOST), default=20, show_default=True)
@json_option
def list_(*, is_open: bool | None, days: int, limit: int, as_json: bool) -> int:
    """List alerts, newest first."""
    at = desk(as_json=as_json)
    now = at.clock.now()
    which = AlertFilter(
        since=now - timedelta(days=days), until=now, limit=limit, is_open=is_open or None
    )

    async def found(database: Database) -> list[Alert]:
        return await database.alerts.alerts(which)

    rows = at.ask(found)
    document = {"object": "list", "data": [alert_shape(one) for one in rows]}
    lines = [line for one in rows for line in _lines(at.screen, one)]
    at.screen.answer(document, lines or [at.screen.say("No alerts.")])
    return DONE


@alerts.command()
@json_option
def test(as_json: bool) -> int:
    """Write to every channel now, and print its answer.

    The exit code is 1 where one failed, or where there is none.
    """
    at = desk(as_json=as_json)

    async def tested(gateway: Gateway) -> list[tuple[Channel, str]]:
        now = gateway.clock.now()
        await gateway.lookout.activity.note(Activity(at=now, who=person(), what="alerts tested"))
        return await gateway.lookout.alarms.test()

    answers = submitted(at.settings, tested)
    document = {
        "object": "list",
        "data": [
            {"channel": channel.shown, "ok": not answer, "answer": answer or None}
            for channel, answer in answers
        ],
    }
    at.screen.answer(document, _tested_lines(at.screen, answers))
    return DONE if answers and not any(answer for _, answer in answers) else REFUSED


def _lines(screen: Screen, one: Alert) -> list[str]:
    say = screen.say
    raised = "" if one.raised_at is None else screen.at(one.raised_at)
    lines = wrapped(f"{raised}  {one.severity}  {one.title}", first="")
    lines += wrapped(one.body)
    if one.ended_at is not None:
        lines += wrapped(say("over {at}", at=screen.at(one.ended_at)))
    for notice in one.deliveries:
        answer = f": {notice.answer}" if notice.answer else ""
        lines += wrapped(f"{notice.shown}  {notice.purpose}  {notice.state}{answer}")
    return lines


def _tested_lines(screen: Screen, answers: list[tuple[Channel, str]]) -> list[str]:
    if not answers:
        says = screen.say(
            "No channels: set TERKIRIM_ALERT_URLS, or give an admin an address with "
            "`terkirim users add NAME --email ADDRESS --alert-url URL`."
        )
        return wrapped(says, first="", others="")
    took = screen.say("it took the text")
    return [
        line
        for channel, answer in answers
        for line in wrapped(f"{channel.shown}  {answer or took}", first="")
    ]
