"""Queues messages again: those of an id, or all that share something, counted and asked first."""

import sys
from dataclasses import dataclass, replace
from typing import Any

import click

from terkirim.cli.desk import Desk
from terkirim.cli.exits import DONE, REFUSED
from terkirim.cli.noting import note
from terkirim.cli.times import instant_of
from terkirim.database import Database
from terkirim.domain.errors import WrongState
from terkirim.domain.message import State
from terkirim.ports import RequeueFilter

AT_ONCE = 1_000  # messages in one transaction, so that accepting mail need not wait long
_COUNTED = 1_000_000_000  # no limit
_YES = frozenset({"y", "yes", "ya"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of `messages requeue`, as they were typed."""

    message_id: str | None
    states: tuple[str, ...]
    reason: str | None
    provider: str | None
    email_id: str | None
    after: str | None
    before: str | None
    is_sandbox: bool
    yes: bool


def requeued(at: Desk, wish: Wish) -> int:
    """Queue them and print how many; return the exit code."""
    if wish.message_id is None:
        every = _filter(at, wish, limit=_COUNTED)
        count = at.ask(lambda database: database.store.count_requeueable(every))
        # Asked outside of the loop, which would keep Ctrl-C from ending the question.
        if count and not wish.yes and not _is_agreed(at, count):
            at.screen.note(at.screen.say("Nothing was changed."))
            return REFUSED
        count = at.ask(lambda database: _many(database, every, count))
    else:
        _refuse_both(wish)
        count = at.ask(lambda database: _ones(database, wish))
    document: dict[str, Any] = {"requeued": count}
    if wish.message_id is not None:
        document = {"id": wish.message_id, **document}
    say = at.screen.say.many
    says = say("{count} message queued again.", "{count} messages queued again.", count=count)
    at.screen.answer(document, [says])
    return DONE


def _refuse_both(wish: Wish) -> None:
    others = (wish.states, wish.reason, wish.provider, wish.email_id, wish.after, wish.before)
    if any(others):
        raise click.UsageError("give an ID, or options that name many; not both")


async def _ones(database: Database, wish: Wish) -> int:
    """Queue the message of the id again, or all of the e-mail's that can be."""
    id_ = wish.message_id or ""
    story = await database.store.story(id_)
    is_one = story.message.id == id_
    ids = (id_,) if is_one else tuple(one.id for one in story.email.messages)
    which = RequeueFilter(
        message_ids=ids, states=(State.DEAD, State.HELD), is_sandbox=wish.is_sandbox
    )
    count = await database.store.requeue(which, now=database.clock.now())
    if count == 0:
        hint = "; the sandbox kept it: give --sandbox" if story.message.is_sandbox else ""
        says = f"{id_} is {story.message.state}: only dead and held messages are queued again{hint}"
        raise WrongState(says, state=story.message.state)
    await note(database, "message requeued", id_)
    return count


async def _many(database: Database, every: RequeueFilter, count: int) -> int:
    """Queue them again in parts; bounded, for one that dies again at once must not go for ever."""
    done = 0
    while done < count:
        part = replace(every, limit=min(AT_ONCE, count - done))
        moved = await database.store.requeue(part, now=database.clock.now())
        if moved == 0:
            break
        done += moved
    if done:
        await note(database, "messages requeued", "", count=done)
    return done


def _filter(at: Desk, wish: Wish, *, limit: int) -> RequeueFilter:
    zone = at.screen.zone
    return RequeueFilter(
        email_id=wish.email_id,
        states=tuple(map(State, wish.states)) or (State.DEAD,),
        reason=wish.reason,
        provider=wish.provider,
        before=None if wish.before is None else instant_of(wish.before, "--before", zone),
        after=None if wish.after is None else instant_of(wish.after, "--after", zone),
        is_sandbox=wish.is_sandbox,
        limit=limit,
    )


def _is_agreed(at: Desk, count: int) -> bool:
    if not sys.stdin.isatty():
        raise click.UsageError(f"{count} messages would be queued again; give --yes to do it")
    say = at.screen.say.many
    asks = say(
        "Queue {count} message again? [y/N] ", "Queue {count} messages again? [y/N] ", count=count
    )
    print(asks, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in _YES
