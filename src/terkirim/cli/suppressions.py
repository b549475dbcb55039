"""`terkirim suppressions`: the addresses that are not sent to."""

import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from terkirim.compose import Gateway
from terkirim.domain.errors import InvalidEmail, NotFound
from terkirim.domain.suppression import Suppression
from terkirim.ports.suppressions import SuppressionFilter
from terkirim.tracking.suppression_csv import BadRow, Entry, read_stream, read_until

T = TypeVar("T")
AsJson = Annotated[bool, Parameter(name="--json", help="Print JSON, for scripts.")]
_SHOWN_BAD = 20  # rows of a file that are listed on the screen

suppressions = App(name="suppressions", help="Addresses that are not sent to: look, add, remove.")


@suppressions.command(name="list")
def list_(*, limit: int = 20, as_json: AsJson = False) -> None:
    """List suppressed addresses, newest first."""
    which = SuppressionFilter(limit=limit)
    rows = _with_gateway(lambda gateway: gateway.tracking.suppressions.listed(which))
    if as_json:
        print(json.dumps([_plain(row) for row in rows], ensure_ascii=False, indent=2))
        return
    console = Console(highlight=False)
    table = Table()
    for name in ("address", "mail", "why", "until", "by", "note"):
        table.add_column(name, overflow="fold")
    for row in rows:
        until = "for ever" if row.until is None else row.until.isoformat(sep=" ")
        cells = (row.address, row.stream or "all", row.why.value, until, row.source, row.note)
        table.add_row(*(cell.replace("[", r"\[") for cell in cells))
    console.print(table if rows else "No address is suppressed.")


@suppressions.command
def add(
    address: str,
    *,
    stream: Annotated[str, Parameter(help="all, transactional or broadcast.")] = "all",
    until: Annotated[str, Parameter(help="A date; for ever without it.")] = "",
    why: Annotated[str, Parameter(help="Kept with it, and in the activity log.")] = "",
) -> None:
    """Send no more mail to an address."""
    entry = Entry(
        address=address,
        stream=_read(read_stream, "stream", stream),
        until=_read(read_until, "until", until),
        note=why,
    )
    (row,) = _with_gateway(
        lambda gateway: gateway.tracking.suppressions.add([entry], who=_person())
    )
    end = "for ever" if row.until is None else f"until {row.until.isoformat(sep=' ')}"
    _say(f"{row.address}: suppressed {end} ({row.why})")


@suppressions.command
def remove(
    address: str,
    *,
    why: Annotated[str, Parameter(help="Kept in the activity log.")] = "",
) -> None:
    """Let an address in again, by itself or by the id of its entry."""
    rows = _with_gateway(
        lambda gateway: gateway.tracking.suppressions.remove([address], who=_person(), why=why)
    )
    if not rows:
        raise NotFound(f"{address} is not suppressed")
    for row in rows:
        _say(f"{row.address}: may be sent to again ({row.stream or 'all'} mail)")


@suppressions.command(name="import")
def import_(file: Path) -> None:
    """Suppress the addresses of a CSV file with a column `email`; bad rows are listed.

    Further columns are read if they are there: stream, reason, until, note.
    """
    content = _content(file)
    count, bad = _with_gateway(
        lambda gateway: gateway.tracking.suppressions.import_csv(content, who=_person())
    )
    _say(f"{count} suppressed, {len(bad)} rows not")
    for row in bad[:_SHOWN_BAD]:
        _say(f"line {row.line}: {row.why}")
    if bad:
        _list_bad(file, bad)
        raise SystemExit(1)


@suppressions.command
def export(file: Path) -> None:
    """Write the list to a CSV file that `import` reads again."""

    async def written(gateway: Gateway) -> None:
        with file.open("w", encoding="utf-8", newline="") as out:
            async for part in gateway.tracking.suppressions.export_csv():
                out.write(part)

    _with_gateway(written)
    _say(f"written to {file}")


def _list_bad(file: Path, bad: list[BadRow]) -> None:
    listed = file.with_suffix(".bad.csv")
    rows = (f"{row.line},{json.dumps(row.why, ensure_ascii=False)}\n" for row in bad)
    listed.write_text("".join(rows), "utf-8")
    _say(f"listed in {listed}")


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidEmail("file", f"{file} cannot be read: {error.strerror}") from None


def _person() -> str:
    """Return who sits at the command line, for the activity log."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # a container without a user of that number
        return "command line"


def _read(read: Callable[[str], Any], field: str, text: str) -> Any:
    try:
        return read(text)
    except ValueError as error:
        raise InvalidEmail(field, str(error)) from None


def _with_gateway(ask: Callable[[Gateway], Awaitable[T]]) -> T:
    async def asked() -> T:
        async with Gateway.open(work=False) as gateway:
            return await ask(gateway)

    return asyncio.run(asked())


def _say(line: str) -> None:
    Console(highlight=False).print(line, markup=False)


def _plain(row: Suppression) -> dict[str, Any]:
    return {
        "id": row.id,
        "address": row.address,
        "stream": row.stream or "all",
        "why": row.why,
        "until": None if row.until is None else row.until.isoformat(),
        "source": row.source,
        "source_id": row.source_id,
        "note": row.note,
        "created_at": row.created_at.isoformat(),
    }
