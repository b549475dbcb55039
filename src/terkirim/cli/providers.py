"""`terkirim providers`: how each provider stands, and pauses made and ended by hand."""

from datetime import datetime
from typing import Any

import click

from terkirim.cli.desk import Desk, desk
from terkirim.cli.exits import DONE
from terkirim.cli.noting import note
from terkirim.cli.screen import Screen, json_option, wrapped
from terkirim.content.addresses import normalised
from terkirim.content.times import read_expires_in
from terkirim.database import Database
from terkirim.domain.errors import NotFound, WrongState
from terkirim.ports import BY_HAND, Pause, ProviderStatus
from terkirim.reports.standing import cause, standing

REASON_LIMIT = 200  # characters


@click.group()
def providers() -> None:
    """See how providers stand, pause and resume them."""


@providers.command("list")
@json_option
def list_(as_json: bool) -> int:
    """List the providers of all routes with breakers and pauses."""
    at = desk(as_json=as_json)
    now = at.clock.now()
    rows = at.ask(lambda database: database.store.providers(now=now))
    document = {"object": "list", "data": [_shape(row) for row in rows]}
    at.screen.answer(document, [line for row in rows for line in _lines(at, row, now)])
    return DONE


@providers.command()
@click.argument("name")
@click.option("--sender", metavar="ADDRESS", help="Hold mail of this sender only.")
@click.option("--for", "lasts", metavar="SPAN", help="Such as 30m or 2h; if not given, for good.")
@click.option("--reason", metavar="TEXT", default="", help="Shown wherever the pause is shown.")
@json_option
def pause(*, name: str, sender: str | None, lasts: str | None, reason: str, as_json: bool) -> int:
    """Send nothing through a provider until it is resumed."""
    if len(reason) > REASON_LIMIT or not reason.isprintable():
        wanted = f"give at most {REASON_LIMIT} characters that can be printed"
        raise click.BadParameter(wanted, param_hint="--reason")
    at = desk(as_json=as_json)
    span, now = read_expires_in(lasts, "--for"), at.clock.now()
    wanted_pause = Pause(
        provider=name,
        sender=_sender(sender),
        fault=BY_HAND,
        reason=reason,
        since=now,
        until=None if span is None else now + span,
    )

    async def paused(database: Database) -> None:
        await _refuse_unknown(database, name)
        if not await database.store.pause(wanted_pause):
            raise WrongState(f"{name} is paused already: resume it first", state="paused")
        await note(database, "provider paused", name, sender=wanted_pause.sender)

    at.ask(paused)
    document = {
        "object": "provider",
        "name": name,
        "paused": True,
        "sender": wanted_pause.sender or None,
        "until": _time(wanted_pause.until),
    }
    at.screen.answer(document, [_paused_line(at.screen, wanted_pause)])
    return DONE


@providers.command()
@click.argument("name")
@click.option("--sender", metavar="ADDRESS", help="End the pause of this sender.")
@json_option
def resume(name: str, sender: str | None, as_json: bool) -> int:
    """End a pause, made by hand or by a fault."""
    at = desk(as_json=as_json)
    address = _sender(sender)

    async def resumed(database: Database) -> None:
        await _refuse_unknown(database, name)
        if not await database.store.resume(name, sender=address):
            raise WrongState(f"{name} is not paused{_of(address)}", state="open")
        await note(database, "provider resumed", name, sender=address)

    at.ask(resumed)
    says = at.screen.say("{name} is used again.", name=name)
    document = {"object": "provider", "name": name, "paused": False, "sender": address or None}
    at.screen.answer(document, [says])
    return DONE


async def _refuse_unknown(database: Database, name: str) -> None:
    known = [one.name for one in await database.store.providers(now=database.clock.now())]
    if name not in known:
        raise NotFound(f"no route uses a provider {name!r}; there is {', '.join(known)}")


def _sender(text: str | None) -> str:
    return "" if text is None else normalised(text.strip(), "--sender")


def _of(sender: str) -> str:
    return f" for {sender}" if sender else ""


def _lines(at: Desk, row: ProviderStatus, now: datetime) -> list[str]:
    say = at.screen.say
    lines = wrapped(say(standing(row, now=now)), first="")
    if row.faults:
        count = row.faults
        lines += wrapped(say.many("{count} fault in a row", "{count} faults in a row", count=count))
    if row.waiting:
        waits = say.many("{count} message is due", "{count} messages are due", count=row.waiting)
        lines += wrapped(waits)
    return lines + [line for one in row.pauses for line in _pause_lines(at.screen, one)]


def _pause_lines(screen: Screen, one: Pause) -> list[str]:
    lines = wrapped(_paused_line(screen, one))
    lines += wrapped(one.reason) if one.reason else []
    if one.waiting:
        says = screen.say.many(
            "{count} message waits for it", "{count} messages wait for it", count=one.waiting
        )
        lines += wrapped(says)
    sender = f" --sender {one.sender}" if one.sender else ""
    return [*lines, f"    terkirim providers resume {one.provider}{sender}"]


def _paused_line(screen: Screen, one: Pause) -> str:
    say = screen.say
    what = say("mail from {sender}", sender=one.sender) if one.sender else say("all mail")
    since = screen.at(one.since)
    if one.until is None:
        return say("{what} is held since {since}: {why}", what=what, since=since, why=cause(one))
    return say(
        "{what} is held from {since} until {until}: {why}",
        what=what,
        since=since,
        until=screen.at(one.until),
        why=cause(one),
    )


def _shape(row: ProviderStatus) -> dict[str, Any]:
    """Return a provider as `GET /v1/providers` answers it."""
    return {
        "object": "provider",
        "name": row.name,
        "breaker": {"state": row.breaker, "faults": row.faults, "until": _time(row.open_until)},
        "gate_until": _time(row.gate_until),
        "rate_until": _time(row.rate_until),
        "waiting": row.waiting,
        "in_air": row.in_air,
        "pauses": [
            _pause_shape(one, waiting=one.waiting if one.sender else row.waiting)
            for one in row.pauses
        ],
    }


def _pause_shape(one: Pause, *, waiting: int) -> dict[str, Any]:
    return {
        "sender": one.sender or None,
        "fault": one.fault,
        "reason": one.reason,
        "since": one.since.isoformat(),
        "until": _time(one.until),
        "waiting": waiting,
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
