"""`terkirim suppressions`: the addresses that are not sent to."""

import csv
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from terkirim.api.tracking_shapes import imported_shape, suppression_shape
from terkirim.cli.bad_rows import places_beside
from terkirim.cli.cursors import cursor_option
from terkirim.cli.desk import Desk, desk
from terkirim.cli.exits import DONE, REFUSED
from terkirim.cli.noting import person
from terkirim.cli.screen import Screen, json_option, printable, wrapped
from terkirim.cli.times import instant_of
from terkirim.cli.tracked import suppressions_of
from terkirim.database import Database
from terkirim.domain.email import Stream
from terkirim.domain.errors import NotFound
from terkirim.domain.phrase import in_english, phrase
from terkirim.domain.suppression import Suppression, Why
from terkirim.ports.suppressions import SuppressionFilter
from terkirim.tracking.suppression_csv import BadRow, Entry, read_stream
from terkirim.tracking.suppressions import Imported

MOST = 1_000  # entries of one page
SHOWN_BAD = 20  # rows of a file that are listed on the screen
_ALL = "all"
_FILE = click.Path(dir_okay=False, path_type=Path)
_WHYS = {
    Why.COMPLAINT: phrase("reported as spam"),
    Why.PERMANENT_BOUNCE: phrase("bounced for good"),
    Why.BY_HAND: phrase("by hand"),
    Why.UNSUBSCRIBED: phrase("unsubscribed"),
    Why.TRANSIENT_BOUNCES: phrase("bounced again and again"),
}


@click.group()
def suppressions() -> None:
    """See, add and remove the addresses that are not sent to."""


@suppressions.command("list")
@click.option("--limit", type=click.IntRange(1, MOST), default=20, show_default=True)
@cursor_option("entry")
@json_option
def list_(*, limit: int, cursor: str | None, as_json: bool) -> int:
    """List suppressed addresses, newest first."""
    at = desk(as_json=as_json)
    which = SuppressionFilter(limit=limit + 1, after=cursor)
    rows = at.ask(lambda database: suppressions_of(database).listed(which))
    page = rows[:limit]
    more = page[-1].id if len(rows) > limit else None
    document = {
        "object": "list",
        "has_more": more is not None,
        "next_cursor": more,
        "data": [suppression_shape(row) for row in page],
    }
    lines = [line for row in page for line in _lines(at.screen, row)]
    if more is not None:
        lines += ["", at.screen.say("Older ones: the same command with --cursor {id}", id=more)]
    at.screen.answer(document, lines or [at.screen.say("No address is suppressed.")])
    return DONE


@suppressions.command()
@click.argument("address")
@click.option(
    "--stream",
    type=click.Choice([_ALL, *(one.value for one in Stream)]),
    default=_ALL,
    show_default=True,
    help="Which mail is stopped.",
)
@click.option("--until", metavar="TIME", help="Such as 2026-08-17; if not given, for ever.")
@click.option("--why", metavar="TEXT", default="", help="Kept with it, and in the activity log.")
@json_option
def add(*, address: str, stream: str, until: str | None, why: str, as_json: bool) -> int:
    """Send no more mail to an address."""
    at = desk(as_json=as_json)
    entry = Entry(address=address, stream=read_stream(stream), until=_instant(at, until), note=why)

    async def added(database: Database) -> Suppression:
        (row,) = await suppressions_of(database).add([entry], who=person())
        return row

    row = at.ask(added)
    document = {"object": "suppression", **suppression_shape(row)}
    at.screen.answer(document, wrapped(_stands(at.screen, row), first="", others=""))
    return DONE


@suppressions.command()
@click.argument("name", metavar="ADDRESS|ID")
@click.option("--why", metavar="TEXT", default="", help="Kept in the activity log.")
@json_option
def remove(*, name: str, why: str, as_json: bool) -> int:
    """Let an address in again, by itself or by the id of its entry."""
    at = desk(as_json=as_json)

    async def removed(database: Database) -> list[Suppression]:
        rows = await suppressions_of(database).remove([name], who=person(), why=why)
        if not rows:
            raise NotFound(f"{name} is not suppressed: see `terkirim suppressions list`")
        return rows

    rows = at.ask(removed)
    document = {
        "object": "list",
        "data": [{"object": "suppression", "id": row.id, "deleted": True} for row in rows],
    }
    at.screen.answer(document, [_let_in(at.screen, row) for row in rows])
    return DONE


@suppressions.command("import")
@click.argument("file", type=_FILE)
@json_option
def import_(file: Path, as_json: bool) -> int:
    """Suppress the addresses of a CSV file; 1 where rows are bad.

    It has a column `email`, and may have stream, reason, until and note. Bad rows are listed in a
    file beside it.
    """
    at = desk(as_json=as_json)
    content = file.read_bytes()
    found = at.ask(lambda database: suppressions_of(database).import_csv(content, who=person()))
    listed = _list_bad(file, found.bad) if found.bad else None
    document = {
        "object": "import",
        **imported_shape(found),
        "bad_rows": None if listed is None else str(listed),
    }
    at.screen.answer(document, _imported_lines(at.screen, found, listed))
    return REFUSED if found.bad else DONE


@suppressions.command()
@click.argument("file", type=_FILE)
@json_option
def export(file: Path, as_json: bool) -> int:
    """Write the list to a CSV file that `import` reads again."""
    at = desk(as_json=as_json)

    async def written(database: Database) -> None:
        with file.open("w", encoding="utf-8", newline="") as out:
            async for part in suppressions_of(database).export_csv():
                out.write(part)

    at.ask(written)
    says = at.screen.say("The list is in {file}", file=file)
    at.screen.answer({"object": "export", "file": str(file)}, [says])
    return DONE


def _instant(at: Desk, until: str | None) -> datetime | None:
    return None if until is None else instant_of(until, "--until", at.screen.zone)


def _lines(screen: Screen, row: Suppression) -> list[str]:
    lines = [f"{row.id}  {screen.at(row.created_at)}"]
    lines += wrapped(f"{row.address}: {_reach(screen, row)}, {screen.say(_WHYS[row.why])}")
    source = screen.say("by {source}", source=printable(row.source))
    return lines + wrapped(f"{source}: {row.note}" if row.note else source)


def _stands(screen: Screen, row: Suppression) -> str:
    return screen.say(
        "{address}: suppressed ({reach}, {why})",
        address=printable(row.address),
        reach=_reach(screen, row),
        why=_WHYS[row.why],
    )


def _reach(screen: Screen, row: Suppression) -> str:
    """Return which mail is stopped until when."""
    mail = _mail(screen, row)
    if row.until is None:
        return screen.say("{mail}, for ever", mail=mail)
    return screen.say("{mail}, until {at}", mail=mail, at=screen.at(row.until))


def _mail(screen: Screen, row: Suppression) -> str:
    if row.stream is None:
        return screen.say("all mail")
    return screen.say("{stream} mail", stream=row.stream.value)


def _let_in(screen: Screen, row: Suppression) -> str:
    return screen.say(
        "{address}: may be sent to again ({mail})",
        address=printable(row.address),
        mail=_mail(screen, row),
    )


def _imported_lines(screen: Screen, found: Imported, listed: Path | None) -> list[str]:
    say = screen.say
    lines = [say("{count} suppressed, {bad} rows not", count=found.entered, bad=len(found.bad))]
    lines += [say(remark) for remark in found.remarks]
    for row in found.bad[:SHOWN_BAD]:
        lines += wrapped(say("line {line}: {why}", line=str(row.line), why=row.why))
    if listed is not None:
        lines.append(say("All of them are listed in {file}", file=listed))
    return lines


def _list_bad(source: Path, bad: Sequence[BadRow]) -> Path:
    """Write which lines were not entered and why, into a file that did not exist before."""
    place = next(one for one in places_beside(source) if not one.exists())
    with place.open("x", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["line", "reason"])
        writer.writerows([row.line, in_english(row.why)] for row in bad)
    return place
