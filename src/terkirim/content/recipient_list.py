"""Reads a CSV of recipients row by row; what is not certain is refused, nothing is guessed.

A fault of the file (its encoding, its header, a quote that is never closed) refuses it whole. A
fault of one row is that row's: it is handed out as a `BadRow` that can be mended and sent again.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from terkirim.content.addresses import read_address
from terkirim.content.fields import nearest, shown
from terkirim.domain.errors import InvalidEmail

REASON_COLUMN = "terkirim_error"  # what we write into a list of bad rows, and leave out when read
FIELD = "csv"
_ADDRESS = "email"
_OTHER_ADDRESSES = ("e-mail", "to", "recipient", "alamat")
_DELIMITERS = (",", ";", "\t")
_LINE_LIMIT = 1_000_000  # bytes; a longer one is no line of a CSV
_BOM = b"\xef\xbb\xbf"
_NOT_CSV = (
    (b"PK\x03\x04", "is an Excel workbook; save it as `CSV UTF-8` first"),
    (b"\xff\xfe", "is UTF-16; save it as `CSV UTF-8` first"),
    (b"\xfe\xff", "is UTF-16; save it as `CSV UTF-8` first"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One recipient: the last line of the file that it stands on, and its values by column."""

    line: int
    address: str
    key: str
    cells: list[str]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be sent, as it stands in the file, and the sentence that says why."""

    line: int
    cells: list[str]
    problem: str


@dataclass(frozen=True, slots=True)
class Layout:
    """How the file is written; `names` are its columns without the one that holds our reasons."""

    delimiter: str
    has_bom: bool
    names: tuple[str, ...]
    address: int
    key: int
    reasons: int | None

    def values_of(self, row: Row) -> dict[str, str]:
        """Return the row as variables of a letter."""
        return dict(zip(self.names, row.cells, strict=True))


class RecipientList:
    """An open file of recipients.

    `column` names the column of addresses where it is not `email`; `key` the one that tells rows
    apart, of which each value goes once: the address, unless a recipient is to get several e-mails.
    """

    def __init__(
        self, file: BinaryIO, *, column: str | None = None, key: str | None = None
    ) -> None:
        """Raises InvalidEmail: the file is no CSV, or its columns are not clear."""
        if not file.seekable():
            problem = "a pipe cannot be read twice; write the rows into a file first"
            raise InvalidEmail(FIELD, problem)
        self._file = file
        self.layout = _layout(file, column=column, key=key)

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield every row that is not empty, from the top of the file; it may be asked again.

        Raises:
            InvalidEmail: the file is damaged from some line on; the sentence names it.
        """
        layout = self.layout
        records = _records(self._file, layout.delimiter)
        next(records)  # the header
        for line, record in records:
            cells = [cell.strip() for cell in record]
            if layout.reasons is not None and len(cells) > layout.reasons:
                del cells[layout.reasons]
            if any(cells):
                yield _row(line, cells, layout)


def _row(line: int, cells: list[str], layout: Layout) -> Row | BadRow:
    if len(cells) != len(layout.names):
        has = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
        return BadRow(line, cells, f"has {has} instead of {len(layout.names)}")
    name = layout.names[layout.address]
    if not cells[layout.address]:
        return BadRow(line, cells, f"`{shown(name)}` is empty")
    try:
        address = read_address(cells[layout.address], shown(name)).email
    except InvalidEmail as error:
        return BadRow(line, cells, str(error))
    key = address.lower() if layout.key == layout.address else cells[layout.key]
    if not key:
        return BadRow(line, cells, f"`{shown(layout.names[layout.key])}` is empty")
    return Row(line, cells[layout.address], key, cells)


def _layout(file: BinaryIO, *, column: str | None, key: str | None) -> Layout:
    file.seek(0)
    start = file.read(4)
    for mark, problem in _NOT_CSV:
        if start.startswith(mark):
            raise InvalidEmail(FIELD, f"the file {problem}")
    delimiter, names = _header(file, column)
    reasons = names.index(REASON_COLUMN) if REASON_COLUMN in names else None
    own = tuple(name for name in names if name != REASON_COLUMN)
    _refuse_unclear(own)
    address = _address_place(own, column)
    return Layout(
        delimiter=delimiter,
        has_bom=start.startswith(_BOM),
        names=own,
        address=address,
        key=address if key is None else _place(own, key),
        reasons=reasons,
    )


def _header(file: BinaryIO, column: str | None) -> tuple[str, list[str]]:
    """Return the one separator by which the header names a column of addresses, and its names."""
    read = {delimiter: _names(file, delimiter) for delimiter in _DELIMITERS}
    if not any(map(any, read.values())):
        raise InvalidEmail(FIELD, _no_header(next(_lines(file), "")))
    wanted = (_ADDRESS, *_OTHER_ADDRESSES) if column is None else (column,)
    fitting = {mark: names for mark, names in read.items() if _places(names, wanted)}
    if not fitting:
        raise _no_address(read, column)
    if sum(len(names) > 1 for names in fitting.values()) > 1:
        problem = "the header can be read in two ways; use one separator only: , or ; or tab"
        raise InvalidEmail(FIELD, problem)
    return max(fitting.items(), key=lambda item: len(item[1]))


def _no_header(first: str) -> str:
    if not first.strip():
        return "the file is empty; its first line names the columns"
    if "\r" in first.rstrip("\r\n"):
        return "its lines end in CR alone; save it as `CSV UTF-8` first"
    return "a quote in its first line is never closed, or stands where none may"


def _names(file: BinaryIO, delimiter: str) -> list[str]:
    file.seek(0)
    reader = csv.reader(_lines(file), delimiter=delimiter, strict=True)
    try:
        return [name.strip() for name in next(reader, [])]
    except csv.Error:  # its quotes make sense with another separator
        return []


def _places(names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    lowered = [one.lower() for one in wanted]
    return [at for at, name in enumerate(names) if name.lower() in lowered]


def _address_place(names: Sequence[str], column: str | None) -> int:
    """Return where the addresses stand: the column that was named, `email`, or the only other."""
    if column is not None:
        return _place(names, column)
    places = _places(names, (_ADDRESS,)) or _places(names, _OTHER_ADDRESSES)
    if len(places) > 1:
        found = ", ".join(f"`{shown(names[at])}`" for at in places)
        problem = f"{found} may all hold the address; name the right one with --column"
        raise InvalidEmail(FIELD, problem)
    return places[0]


def _place(names: Sequence[str], wanted: str) -> int:
    places = _places(names, (wanted,))
    if not places:
        meant = nearest(wanted, names)
        hint = "" if meant is None else f"; did you mean `{shown(meant)}`?"
        raise InvalidEmail(FIELD, f"there is no column `{shown(wanted)}`{hint}")
    return places[0]


def _no_address(read: dict[str, list[str]], column: str | None) -> InvalidEmail:
    names = max(read.values(), key=len)
    found = ", ".join(f"`{shown(name)}`" for name in names[:20])
    wanted = f"`{_ADDRESS}`" if column is None else f"`{shown(column)}`"
    problem = f"no column is named {wanted}; found {found}. Name the right one with --column"
    return InvalidEmail(FIELD, problem)


def _refuse_unclear(names: Sequence[str]) -> None:
    for at, name in enumerate(names, start=1):
        if not name:
            raise InvalidEmail(FIELD, f"column {at} has no name; name it, or take it out")
    lowered = [name.lower() for name in names]
    twice = next((name for name in names if lowered.count(name.lower()) > 1), None)
    if twice is not None:
        raise InvalidEmail(FIELD, f"two columns are named `{shown(twice)}`")


def _records(file: BinaryIO, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) of each record, the header first."""
    reader = csv.reader(_lines(file), delimiter=delimiter, strict=True)
    while True:
        began = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = f"the record that begins in line {began} cannot be read: {error}"
            if "end of data" in str(error):
                problem = f"a quote that opens in or after line {began} is never closed"
            raise InvalidEmail(FIELD, problem) from None
        yield reader.line_num, record


def _lines(file: BinaryIO) -> Iterator[str]:
    """Yield decoded lines: by line, so that a fault is found in its own."""
    file.seek(0)
    number = 0
    while content := file.readline(_LINE_LIMIT + 1):
        number += 1
        if len(content) > _LINE_LIMIT:
            problem = f"line {number} is longer than {_LINE_LIMIT:,} bytes: this is no CSV"
            raise InvalidEmail(FIELD, problem)
        try:
            yield (content.removeprefix(_BOM) if number == 1 else content).decode()
        except UnicodeDecodeError as error:
            problem = f"line {number} is not UTF-8 (byte {error.start}); save it as `CSV UTF-8`"
            raise InvalidEmail(FIELD, problem) from None
