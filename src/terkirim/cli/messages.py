"""`terkirim messages`: look at messages, send them again, stop them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from terkirim.api.shapes import email_shape, message_shape, story_shape
from terkirim.cli.cursors import cursor_option
from terkirim.cli.desk import Desk, desk
from terkirim.cli.exits import DONE, REFUSED
from terkirim.cli.noting import note
from terkirim.cli.requeueing import Wish, requeued
from terkirim.cli.screen import json_option, printable
from terkirim.cli.stories import listed_lines, story_lines
from terkirim.cli.times import first_id_at, instant_of
from terkirim.content.addresses import normalised
from terkirim.database import Database
from terkirim.domain.message import State
from terkirim.domain.record import Story
from terkirim.ports import Cancelled, MessageFilter, ProviderStatus
from terkirim.reports.listing import listed

MOST = 1_000  # messages of one page
_STATES = click.Choice([state.value for state in State])
_STATE_HELP = f"Only in this one of {', '.join(State)}; repeatable."
_TIME = "TIME"
_TIME_HELP = "such as 2026-08-17 or 2026-08-17T09:00; in TERKIRIM_TIME_ZONE unless it says its own"


@click.group()
def messages() -> None:
    """Look at messages, send them again, stop them."""


@messages.command("list")
@click.option("--state", "states", type=_STATES, metavar="STATE", multiple=True, help=_STATE_HELP)
@click.option("--to", metavar="ADDRESS", help="Only those to this address.")
@click.option("--email", "email_id", metavar="ID", help="Only those of this e-mail.")
@click.option("--sandbox/--no-sandbox", "is_sandbox", default=None, help="Only kept, or only sent.")
@click.option("--after", metavar=_TIME, help=f"Taken in at or after it, {_TIME_HELP}.")
@click.option("--before", metavar=_TIME, help="Taken in before it.")
@click.option("--limit", type=click.IntRange(1, MOST), default=20, show_default=True)
@cursor_option("message")
@json_option
def list_(*, limit: int, as_json: bool, **given: Any) -> int:
    """List messages, newest first."""
    at = desk(as_json=as_json)
    to = None if given["to"] is None else normalised(given["to"].strip(), "--to")
    which = _filter(at, limit=limit + 1, **given)
    rows = at.ask(
        lambda database: listed(which, recipient=to, log=database.store, search=database.search)
    )
    page, has_more = rows[:limit], len(rows) > limit
    cursor = page[-1].id if has_more else None
    now = at.clock.now()
    document = {
        "object": "list",
        "has_more": has_more,
        "next_cursor": cursor,
        "data": [message_shape(row, now) for row in page],
    }
    at.screen.answer(document, listed_lines(at.screen, page, cursor=cursor))
    return DONE


@messages.command()
@click.argument("message_id", metavar="ID")
@json_option
def show(message_id: str, as_json: bool) -> int:
    """Tell the whole story of one message.

    Of an e-mail to several people, the story of each of them.
    """
    at = desk(as_json=as_json)
    stories, providers, now = at.ask(lambda database: _stories(database, message_id))
    email = stories[0].email
    is_one = len(stories) == 1
    document = story_shape(stories[0], now) if is_one else email_shape(email, now)
    names = at.settings.providers_by_route.get(email.route, ())
    route = [one for one in providers if one.name in names]
    is_reserved = at.ask(lambda database: _is_reserved(database, names))
    lines = []
    for story in stories:
        told = story_lines(at.screen, story, now=now, route=route, is_reserved=is_reserved)
        lines += [*told, ""]
    at.screen.answer(document, lines[:-1])
    return DONE


@messages.command()
@click.argument("message_id", metavar="ID", required=False)
@click.option(
    "--state",
    "states",
    type=click.Choice([state.value for state in (State.DEAD, State.HELD)]),
    multiple=True,
    help="Of many: dead (if not given), held, or both.",
)
@click.option("--reason", metavar="TEXT", help="Of many: those with this in their reason.")
@click.option("--provider", metavar="NAME", help="Of many: those that were last with it.")
@click.option("--email", "email_id", metavar="ID", help="Of many: those of this e-mail.")
@click.option("--after", metavar=_TIME, help=f"Of many: taken in at or after it, {_TIME_HELP}.")
@click.option("--before", metavar=_TIME, help="Of many: taken in before it.")
@click.option("--sandbox", "is_sandbox", is_flag=True, help="What the sandbox kept, instead.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def requeue(as_json: bool, **given: Any) -> int:
    """Queue dead or held messages again.

    Give an ID of a message or an e-mail, or options that say which ones of many. Many are counted
    first, and nothing is done before a yes.
    """
    return requeued(desk(as_json=as_json), Wish(**given))


@messages.command()
@click.argument("message_id", metavar="ID")
@json_option
def cancel(message_id: str, as_json: bool) -> int:
    """Stop a message, or all of an e-mail.

    Each one that was too late is named, and the exit code is 1 then.
    """
    at = desk(as_json=as_json)

    async def cancelled(database: Database) -> list[Cancelled]:
        results = await database.store.cancel(message_id, now=database.clock.now())
        if any(one.is_cancelled for one in results):
            await note(database, "message cancelled", message_id)
        return results

    results = at.ask(cancelled)
    late = [one for one in results if not one.is_cancelled]
    document = {
        "cancelled": [
            {"id": one.message_id, "recipient": one.recipient} for one in results if one not in late
        ],
        "too_late": [
            {"id": one.message_id, "recipient": one.recipient, "state": one.state} for one in late
        ],
    }
    at.screen.answer(document, [_cancel_line(at, one) for one in results])
    return REFUSED if late else DONE


@messages.command()
@click.argument("message_id", metavar="ID")
@json_option
def accept(message_id: str, as_json: bool) -> int:
    """Count a held message as sent.

    For one that may have been taken, and that did arrive: it is not sent again.
    """
    at = desk(as_json=as_json)

    async def accepted(database: Database) -> None:
        await database.store.mark_accepted(message_id, now=database.clock.now())
        await note(database, "message counted as sent", message_id)

    at.ask(accepted)
    says = at.screen.say("{id} counts as sent from now on.", id=message_id)
    at.screen.answer({"id": message_id, "state": State.ACCEPTED}, [says])
    return DONE


def _filter(at: Desk, *, limit: int, **given: Any) -> MessageFilter:
    zone = at.screen.zone
    after, before = given["after"], given["before"]
    cursors = [
        given["cursor"],
        None if before is None else first_id_at(instant_of(before, "--before", zone)),
    ]
    return MessageFilter(
        limit=limit,
        after=min(filter(None, cursors), default=None),
        before=None if after is None else first_id_at(instant_of(after, "--after", zone)),
        states=tuple(map(State, given["states"])) or None,
        email_id=given["email_id"],
        is_sandbox=given["is_sandbox"],
    )


async def _stories(
    database: Database, id_: str
) -> tuple[list[Story], list[ProviderStatus], datetime]:
    """Return the message's story; of an e-mail to several, one for each of them."""
    now = database.clock.now()
    first = await database.store.story(id_)
    ids = [id_] if first.message.id == id_ else [one.id for one in first.email.messages]
    stories = [first] if len(ids) == 1 else [await database.store.story(one) for one in ids]
    return stories, await database.store.providers(now=now), now


async def _is_reserved(database: Database, names: Sequence[str]) -> bool:
    """Return whether the first provider of a route keeps its last credits."""
    return bool(names) and await database.credits.allowance(names[0]) == 0


def _cancel_line(at: Desk, one: Cancelled) -> str:
    say, recipient = at.screen.say, printable(one.recipient)
    if one.is_cancelled:
        return say("{recipient}: cancelled", recipient=recipient)
    if one.state is State.LEASED:
        return say(
            "{recipient}: too late to be sure: it is being sent right now; "
            "if the provider does not take it, it is cancelled",
            recipient=recipient,
        )
    return say("{recipient}: too late, it is {state}", recipient=recipient, state=one.state)
