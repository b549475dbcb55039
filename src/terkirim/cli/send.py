"""`terkirim send`: one e-mail, or a CSV of recipients with a letter."""

import asyncio
import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.progress import Progress

from terkirim.compose import Gateway
from terkirim.domain.email import Draft
from terkirim.domain.errors import InvalidEmail

ADDRESS_COLUMNS = ("email", "to", "recipient", "alamat")
CHUNK = 200  # rows that are submitted together


@dataclass(frozen=True, slots=True)
class _Row:
    number: int  # the line of the file, 2 for the first recipient
    address: str
    variables: dict[str, str]


def send(  # noqa: PLR0913 - the options of a command
    *,
    to: str | None = None,
    subject: str,
    html: Annotated[Path | None, Parameter(help="File with the HTML letter.")] = None,
    text: str | None = None,
    sender: Annotated[str | None, Parameter(name="--from")] = None,
    csv_file: Annotated[Path | None, Parameter(name="--csv", help="File of recipients.")] = None,
    campaign: Annotated[
        str | None, Parameter(help="Name of the run: no row of it goes twice.")
    ] = None,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> None:
    """Put one e-mail on disk, or one for each row of a CSV file; `serve` or `worker` sends them."""
    body = None if html is None else html.read_text("utf-8")
    if (to is None) == (csv_file is None):
        raise InvalidEmail("to", "give --to for one e-mail, or --csv for many")
    draft = {"sender": sender, "subject": subject, "html": body, "text": text}
    if csv_file is None:
        done: dict[str, Any] = {"id": asyncio.run(_send_one({**draft, "to": to}))}
    else:
        done = asyncio.run(_send_all(csv_file, campaign or csv_file.stem, draft))
    says = ", ".join(f"{name} {value}" for name, value in done.items())
    print(json.dumps(done) if as_json else says)


async def _send_one(draft: dict[str, Any]) -> str:
    async with Gateway.open(work=False) as gateway:
        submitted = await gateway.send([Draft(**draft)], owner="cli")
        return submitted.emails[0].id


async def _send_all(path: Path, campaign: str, letter: dict[str, Any]) -> dict[str, Any]:
    good, bad = _rows_of(path.read_bytes())  # noqa: ASYNC240 - nothing else runs yet
    queued = skipped = 0
    async with Gateway.open(work=False) as gateway:
        with Progress() as progress:
            bar = progress.add_task("queued", total=len(good))
            for start in range(0, len(good), CHUNK):
                drafts, refused = _checked(gateway, good[start : start + CHUNK], campaign, letter)
                bad += refused
                if drafts:
                    submitted = await gateway.send(drafts, owner="cli")
                    skipped += len(submitted.skipped)
                    queued += len(drafts) - len(submitted.skipped)
                progress.update(bar, advance=CHUNK)
    done: dict[str, Any] = {"queued": queued, "sent before": skipped, "bad rows": len(bad)}
    if bad:
        file = path.with_suffix(".bad.csv")
        file.write_text("".join(f"{number},{json.dumps(why)}\n" for number, why in bad), "utf-8")
        done["listed in"] = str(file)
    return done


def _checked(
    gateway: Gateway, rows: Sequence[_Row], campaign: str, letter: dict[str, Any]
) -> tuple[list[Draft], list[tuple[int, str]]]:
    drafts, refused = [], []
    for row in rows:
        draft = Draft(
            **letter,
            to=row.address,
            variables={row.address: row.variables},
            campaign=campaign,
            row=row.address.lower(),
        )
        try:
            gateway.check(draft, owner="cli")
        except InvalidEmail as error:
            refused.append((row.number, str(error)))
        else:
            drafts.append(draft)
    return drafts, refused


def _rows_of(content: bytes) -> tuple[list[_Row], list[tuple[int, str]]]:
    """Return the rows with an address, and (line, what is wrong) of the others."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidEmail("csv", f"the file is not UTF-8 (byte {error.start})") from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    names = [name.strip() for name in next(reader, [])]
    column = next((i for i, name in enumerate(names) if name.lower() in ADDRESS_COLUMNS), None)
    if column is None:
        raise InvalidEmail(
            "csv", f"no column is named {' or '.join(ADDRESS_COLUMNS)}; found: {names}"
        )
    rows = list(_read(reader, names, column))
    good = [row for row in rows if isinstance(row, _Row)]
    return good, [row for row in rows if not isinstance(row, _Row)]


def _read(reader: Any, names: list[str], column: int) -> Iterator[_Row | tuple[int, str]]:
    for cells in reader:
        line = reader.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(names):
            yield line, f"{len(cells)} columns instead of {len(names)}"
        elif not cells[column].strip():
            yield line, f"the column {names[column]} is empty"
        else:
            values = dict(zip(names, (cell.strip() for cell in cells), strict=True))
            yield _Row(line, cells[column].strip(), values)
