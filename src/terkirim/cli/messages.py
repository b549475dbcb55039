"""`terkirim messages`: look at messages, send them again, stop them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from terkirim.compose import Gateway
from terkirim.domain.message import State
from terkirim.domain.record import Event, MessageRow, Story
from terkirim.ports import MessageFilter, RequeueFilter

T = TypeVar("T")
AsJson = Annotated[bool, Parameter(name="--json", help="Print JSON, for scripts.")]

messages = App(name="messages", help="Look at messages, send them again, stop them.")


@messages.command(name="list")
def list_(*, state: State | None = None, limit: int = 20, as_json: AsJson = False) -> None:
    """List messages, newest first."""
    states = None if state is None else (state,)
    which = MessageFilter(states=states, limit=limit)
    rows = _with_gateway(lambda gateway: gateway.store.messages(which))
    if as_json:
        _print_json([_plain(row) for row in rows])
        return
    table = Table("id", "recipient", "state", "attempts", "reason")
    for row in rows:
        table.add_row(row.id, row.recipient, row.state, str(row.attempts), row.reason)
    Console().print(table if rows else "No messages.")


@messages.command
def show(message_id: str, *, as_json: AsJson = False) -> None:
    """Tell the whole story of one message."""
    story = _with_gateway(lambda gateway: gateway.store.story(message_id))
    if as_json:
        names = ("number", "provider", "outcome", "code", "reason", "answer", "note")
        attempts = [{name: getattr(one, name) for name in names} for one in story.attempts]
        events = [
            {"id": one.id, "kind": one.kind, "at": one.at.isoformat(), **one.facts}
            for one in story.events
        ]
        _print_json(_plain(story.message) | {"attempts_made": attempts, "events": events})
        return
    _tell(story)


@messages.command
def requeue(
    message_id: str | None = None,
    *,
    reason: str | None = None,
    sandbox: bool = False,
    yes: bool = False,
) -> None:
    """Queue dead or held messages again: one, those with a reason, or what the sandbox kept."""
    which = RequeueFilter(
        message_ids=None if message_id is None else (message_id,),
        states=(State.DEAD, State.HELD),
        reason=reason,
        is_sandbox=sandbox,
    )

    async def counted(gateway: Gateway) -> int:
        count = await gateway.store.count_requeueable(which)
        if count and (yes or message_id is not None or _agreed(count)):
            return await gateway.store.requeue(which, now=gateway.clock.now())
        return 0

    Console().print(f"{_with_gateway(counted)} queued again.")


@messages.command
def cancel(message_id: str) -> None:
    """Stop an e-mail or a message that has not left."""
    results = _with_gateway(
        lambda gateway: gateway.store.cancel(message_id, now=gateway.clock.now())
    )
    for one in results:
        word = "cancelled" if one.is_cancelled else f"too late: {one.state}"
        Console().print(f"{one.recipient}: {word}", markup=False)


def _agreed(count: int) -> bool:
    return input(f"Queue {count} messages again? [y/N] ").strip().lower() in {"y", "yes", "ya"}


def _with_gateway(ask: Callable[[Gateway], Awaitable[T]]) -> T:
    async def asked() -> T:
        async with Gateway.open(work=False) as gateway:
            return await ask(gateway)

    return asyncio.run(asked())


def _tell(story: Story) -> None:
    console = Console(highlight=False)
    message, email = story.message, story.email
    lines = [
        f"{message.id}: {message.state}"
        + (" (sandbox: never really sent)" if message.is_sandbox else ""),
        f"to       {message.recipient}",
        f"from     {email.sender}",
        f"subject  {email.subject}",
        f"accepted by us    {_at(message.created_at)}",
    ]
    for attempt in story.attempts:
        says = " ".join(filter(None, [attempt.reason or attempt.answer, attempt.note]))
        code = f" {attempt.code}" if attempt.code else ""
        lines.append(
            f"attempt {attempt.number}         {_at(attempt.started_at)}  {attempt.provider}: "
            f"{attempt.outcome}{code}, {attempt.duration_us / 1000:.0f} ms {says}"
        )
    lines += [_event_line(event) for event in story.events]
    lines += list(email.warnings)
    if message.due_at is not None:
        lines.append(
            f"next: due {_at(message.due_at)}" + (f", {message.reason}" if message.reason else "")
        )
    elif message.reason:
        lines.append(f"why: {message.reason}")
    for line in lines:
        console.print(line, markup=False)


def _event_line(event: Event) -> str:
    """Return the event with what is special about it: a guess, a scanner, the reason, the link."""
    facts = event.facts
    marks = [
        "(guessed by recipient and time)" if facts.get("match") == "guessed" else "",
        "(by a scanner, not counted)" if facts.get("scanner") else "",
        f"{facts['bounce']}:" if facts.get("bounce") else "",
        str(facts.get("reason") or facts.get("link") or ""),
    ]
    return " ".join([f"{event.kind:<17} {_at(event.at)}", *filter(None, marks)])


def _at(at: datetime) -> str:
    return at.isoformat(sep=" ", timespec="milliseconds")


def _plain(row: MessageRow) -> dict[str, Any]:
    return {name: _text(getattr(row, name)) for name in MessageRow.__dataclass_fields__}


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))
