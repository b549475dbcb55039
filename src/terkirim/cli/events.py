"""`terkirim events`: what providers said, what found no message, and reading it all once more."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from terkirim.api.tracking_shapes import event_shape, intake_shape
from terkirim.cli.cursors import cursor_option
from terkirim.cli.desk import Desk, desk
from terkirim.cli.exits import DONE, REFUSED
from terkirim.cli.screen import Screen, json_option, printable, wrapped
from terkirim.cli.times import instant_of
from terkirim.database import Database
from terkirim.domain.event import EventKind
from terkirim.domain.phrase import phrase
from terkirim.ports.tracking import EventFilter, EventRow, ReplayFilter
from terkirim.reports.intake import intake_health
from terkirim.reports.story import event_in_words
from terkirim.tracking.signature import Doorkeeper

MOST = 1_000  # events of one page
LONGEST_DAYS = 400
_KINDS = click.Choice([kind.value for kind in EventKind])
_LIMIT = click.option("--limit", type=click.IntRange(1, MOST), default=20, show_default=True)
_FOUND = {
    "id": phrase("found by its id"),
    "reference": phrase("found by the provider's id"),
    "guessed": phrase("guessed by recipient and time"),
}


@click.group()
def events() -> None:
    """Look at what providers said of mail, read it once more."""


@events.command("list")
@click.option("--kind", type=_KINDS, metavar="KIND", help=f"One of {', '.join(EventKind)}.")
@click.option("--message", "message_id", metavar="ID", help="Only those of this message.")
@_LIMIT
@click.option("--cursor", type=click.IntRange(min=1), metavar="SEQ", help="Go on after a page.")
@json_option
def list_(
    *, kind: str | None, message_id: str | None, limit: int, cursor: int | None, as_json: bool
) -> int:
    """List events that found their message, newest first."""
    at = desk(as_json=as_json)
    which = EventFilter(
        limit=limit + 1,
        before=cursor,
        kind=None if kind is None else EventKind(kind),
        message_id=message_id,
    )
    rows = at.ask(lambda database: database.events.events(which))
    page = rows[:limit]
    more = str(page[-1].seq) if len(rows) > limit else None
    return _listed(at, page, more=more, none=at.screen.say("No events."))


@events.command()
@_LIMIT
@cursor_option("event")
@json_option
def unmatched(*, limit: int, cursor: str | None, as_json: bool) -> int:
    """List events that found no message, newest first.

    `replay` looks for their messages again.
    """
    at = desk(as_json=as_json)
    rows = at.ask(
        lambda database: database.events.unmatched(limit=limit + 1, before=cursor),
    )
    page = rows[:limit]
    more = page[-1].id if len(rows) > limit else None
    return _listed(at, page, more=more, none=at.screen.say("Every event found its message."))


@events.command()
@click.option("--since", metavar="TIME", help="Leave what came before it, such as 2026-08-17.")
@click.option("--all", "is_all", is_flag=True, help="Also callbacks that led to an event.")
@json_option
def replay(*, since: str | None, is_all: bool, as_json: bool) -> int:
    """Read kept callbacks once more, look for missing messages.

    Only those that led to nothing. No event comes twice: with --all, only what an event is
    missing for is added.
    """
    from terkirim.cli.submitting import submitted  # it builds the readers of all providers

    at = desk(as_json=as_json)
    instant = None if since is None else instant_of(since, "--since", at.screen.zone)
    which = ReplayFilter(since=instant, is_all=is_all)
    done = submitted(at.settings, lambda gateway: gateway.tracking.applier.replay(which))
    document = {
        "object": "replay",
        "asked": done.asked,
        "matched": done.matched,
        "unmatched": done.unmatched,
        "not_understood": done.not_understood,
    }
    says = at.screen.say(
        "{asked} looked at again: {matched} found their message, {unmatched} did not, "
        "{not_understood} say nothing of a message.",
        asked=done.asked,
        matched=done.matched,
        unmatched=done.unmatched,
        not_understood=done.not_understood,
    )
    at.screen.answer(document, wrapped(says, first="", others=""))
    return DONE


@events.command()
@click.option("--days", type=click.IntRange(1, LONGEST_DAYS), default=7, show_default=True)
@json_option
def health(*, days: int, as_json: bool) -> int:
    """Tell whether providers are heard; 1 where there is a fault.

    How much was accepted, and of how much of it a word came back.
    """
    at = desk(as_json=as_json)
    secret = at.settings.mailketing_webhook_secret
    door = Doorkeeper(lambda: None if secret is None else secret.read())

    async def asked(database: Database) -> dict[str, Any]:
        return await intake_health(
            database.store,
            database.events,
            now=database.clock.now(),
            days=days,
            is_open=door.is_open,
        )

    report = at.ask(asked)
    at.screen.answer(intake_shape(report), _health_lines(at.screen, report))
    return REFUSED if report["faults"] else DONE


def _listed(at: Desk, page: Sequence[EventRow], *, more: str | None, none: str) -> int:
    screen = at.screen
    document = {
        "object": "list",
        "has_more": more is not None,
        "next_cursor": more,
        "data": [event_shape(row) for row in page],
    }
    lines = [line for row in page for line in _lines(screen, row)] or [none]
    if more is not None:
        says = screen.say("Older ones: the same command with --cursor {id}", id=more)
        lines += ["", says]
    screen.answer(document, lines)
    return DONE


def _lines(screen: Screen, row: EventRow) -> list[str]:
    say = screen.say
    what = event_in_words(row.kind, bounce=row.bounce, is_scanner=row.is_scanner, is_guessed=False)
    lines = wrapped(f"{screen.at(row.at)}  {say(what)}", first="")
    recipient = [] if row.recipient is None else [printable(row.recipient)]
    if row.message_id is None:
        reference = [] if row.reference is None else [printable(row.reference)]
        marks = [*reference, say("no message yet")]
    else:
        marks = [row.message_id, *([say(_FOUND[row.match])] if row.match else [])]
    lines.append("    " + "  ".join([*recipient, *marks]))
    said = row.facts.get("reason") or row.facts.get("link")
    return lines + (wrapped(str(said)) if said else [])


def _health_lines(screen: Screen, report: dict[str, Any]) -> list[str]:
    say = screen.say
    share = report["heard_share"]
    last = report["last_callback_at"]
    lines = [
        say(
            "In {days} days: {accepted} accepted, {heard} of them heard of again.",
            days=report["days"],
            accepted=report["accepted"],
            heard=report["heard_back"],
        ),
        *([] if share is None else [say("That is {percent} %.", percent=round(share * 100))]),
        say(
            "Callbacks: {kept} kept, {repeats} repeats, {refused} refused, "
            "{unreadable} unreadable.",
            kept=report["callbacks"],
            repeats=report["repeats"],
            refused=report["refused"],
            unreadable=report["unreadable"],
        ),
        say("No callback ever came.")
        if last is None
        else say("The last callback came {at}.", at=screen.at(datetime.fromisoformat(last))),
        say(
            "Without a message: {unmatched}. Set aside: {aside}. Not applied yet: {unapplied}.",
            unmatched=report["without_a_message"],
            aside=report["set_aside"],
            unapplied=report["waiting_to_be_applied"],
        ),
    ]
    found = [part for line in lines for part in wrapped(line, first="", others="")]
    for fault in report["faults"]:
        found += wrapped(say(fault), first="! ", others="  ")
    return found
