"""`terkirim events`: what providers said, what found no message, and reading it all once more."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from terkirim.compose import Gateway
from terkirim.domain.errors import InvalidEmail
from terkirim.domain.event import EventKind
from terkirim.ports.tracking import EventFilter, EventRow, ReplayFilter
from terkirim.reports.intake import intake_health
from terkirim.tracking.suppression_csv import read_until

T = TypeVar("T")
AsJson = Annotated[bool, Parameter(name="--json", help="Print JSON, for scripts.")]

events = App(name="events", help="Look at what providers said of mail, and read it once more.")


@events.command(name="list")
def list_(
    *,
    kind: EventKind | None = None,
    message: Annotated[str | None, Parameter(help="Id of one message.")] = None,
    limit: int = 20,
    as_json: AsJson = False,
) -> None:
    """List events that found their message, newest first."""
    which = EventFilter(limit=limit, kind=kind, message_id=message)
    rows = _with_gateway(lambda gateway: gateway.tracking.events.events(which))
    _show(rows, as_json=as_json, none="No events.")


@events.command
def unmatched(*, limit: int = 20, as_json: AsJson = False) -> None:
    """List events that found no message, newest first; `replay` looks for it again."""
    rows = _with_gateway(lambda gateway: gateway.tracking.events.unmatched(limit=limit))
    _show(rows, as_json=as_json, none="Every event found its message.")


@events.command
def replay(
    *,
    since: Annotated[str | None, Parameter(help="A date: what came before it is left.")] = None,
    all_: Annotated[
        bool, Parameter(name="--all", help="Also callbacks that led to an event.")
    ] = False,
) -> None:
    """Read kept callbacks that led to nothing once more, and look for missing messages.

    No event comes twice: with --all, only what an event is missing for is added.
    """
    which = ReplayFilter(since=_since(since), is_all=all_)
    done = _with_gateway(lambda gateway: gateway.tracking.applier.replay(which))
    Console().print(
        f"{done.asked} looked at again: {done.matched} found their message, {done.unmatched} did "
        f"not, {done.not_understood} say nothing of a message.",
        highlight=False,
    )


@events.command
def health(*, days: int = 7, as_json: AsJson = False) -> None:
    """Tell whether providers are heard: how much was accepted, of how much a word came back."""

    async def asked(gateway: Gateway) -> dict[str, Any]:
        return await intake_health(
            gateway.store,
            gateway.tracking.events,
            now=gateway.clock.now(),
            days=days,
            is_open=gateway.tracking.intake.is_open,
        )

    report = _with_gateway(asked)
    if as_json:
        print(json.dumps(report, indent=2))
        return
    share = "" if report["heard_share"] is None else f" ({report['heard_share']:.0%})"
    lines = [
        f"accepted {report['accepted']}, heard back on {report['heard_back']}{share}, {days} days",
        f"callbacks {report['callbacks']}, repeats {report['repeats']}",
        f"refused {report['refused']}, unreadable {report['unreadable']}",
        f"last one {report['last_callback_at'] or 'never'}",
        f"without a message {report['without_a_message']}, set aside {report['set_aside']}",
        *(f"! {fault}" for fault in report["faults"]),
    ]
    for line in lines:
        Console(highlight=False).print(line, markup=False)


def _since(text: str | None) -> datetime | None:
    try:
        return None if text is None else read_until(text)
    except ValueError as error:
        raise InvalidEmail("since", str(error)) from None


def _with_gateway(ask: Callable[[Gateway], Awaitable[T]]) -> T:
    async def asked() -> T:
        async with Gateway.open(work=False) as gateway:
            return await ask(gateway)

    return asyncio.run(asked())


def _show(rows: Sequence[EventRow], *, as_json: bool, none: str) -> None:
    if as_json:
        print(json.dumps([_plain(row) for row in rows], ensure_ascii=False, indent=2))
        return
    console = Console(highlight=False)
    if not rows:
        console.print(none)
        return
    table = Table()
    for name in ("at", "event", "recipient", "message", "found by", "says"):
        table.add_column(name, overflow="fold")  # an id that is cut helps nobody
    for row in rows:
        table.add_row(*(_cell(text) for text in _cells(row)))
    console.print(table)


def _cells(row: EventRow) -> tuple[str, ...]:
    what = f"{row.bounce} bounce" if row.bounce else row.kind.value
    return (
        row.at.isoformat(sep=" ", timespec="seconds"),
        f"{what}, by a scanner" if row.is_scanner else what,
        row.recipient or "",
        row.message_id or row.reference or "",
        row.match or "nothing yet",
        row.facts.get("reason") or row.facts.get("link") or "",
    )


def _cell(text: str) -> str:
    """Return the text so that brackets in it are shown, not obeyed."""
    return text.replace("[", r"\[")


def _plain(row: EventRow) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in EventRow.__dataclass_fields__}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }
