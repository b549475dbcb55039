"""The suppression list as a CSV file: written so that no cell is a formula, read row by row."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from terkirim.domain.email import Stream
from terkirim.domain.errors import InvalidEmail
from terkirim.domain.phrase import Phrase, in_english, phrase
from terkirim.domain.suppression import Suppression, Why

COLUMNS = ("email", "stream", "reason", "until", "note", "source", "created_at")
ADDRESS_COLUMNS = frozenset({"email", "address", "recipient", "alamat", "e-mail"})
_ALL = frozenset({"", "all", "*", "semua"})
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with which a spreadsheet begins to calculate
_SHOWN = 40  # characters of a wrong value that are repeated back
# Reasons as others write them: exports of other products are read too.
_WHYS = {why.value: why for why in Why} | {
    "": None,
    "manual": Why.BY_HAND,
    "bounce": Why.PERMANENT_BOUNCE,
    "bounced": Why.PERMANENT_BOUNCE,
    "hard bounce": Why.PERMANENT_BOUNCE,
    "complained": Why.COMPLAINT,
    "spam": Why.COMPLAINT,
    "unsubscribe": Why.UNSUBSCRIBED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a person enters; nothing in it is checked yet. `stream` None is every mail."""

    address: str
    stream: Stream | None = None
    until: datetime | None = None
    note: str = ""
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was not entered: its line in the file, 1 is the header, and why."""

    line: int
    why: Phrase


class ReadingError(ValueError):
    """A cell, or a field of a form, holds no such value; `says` lists what would be right."""

    def __init__(self, says: Phrase) -> None:
        super().__init__(in_english(says))
        self.says = says


def rows_in(content: bytes) -> Iterator[tuple[int, Entry | Phrase]]:
    """Yield (line, entry), or (line, what is wrong with it).

    Raises:
        InvalidEmail: it is not UTF-8, no column holds addresses, or a quote swallows rows; that is
            found before the first row is handed out.
    """
    text, delimiter = _text(content), _delimiter(content)
    names = _names(text, delimiter)
    column = next((i for i, name in enumerate(names) if name in ADDRESS_COLUMNS), None)
    if column is None:
        wanted = ", ".join(sorted(ADDRESS_COLUMNS))
        raise InvalidEmail("csv", phrase("no column is named one of {wanted}", wanted=wanted))
    for _ in _records(text, delimiter):  # the last line may show that the first quote is open
        pass
    for line, cells in islice(_records(text, delimiter), 1, None):
        if isinstance(cells, str):
            yield line, phrase("it cannot be read: {why}", why=cells)
        elif any(cell.strip() for cell in cells):
            yield line, _entry(cells, names, column)


def written(entries: Sequence[Suppression], *, with_head: bool = False) -> str:
    """Return rows of CSV, with the names of the columns above them if asked."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if with_head:
        writer.writerow(COLUMNS)
    writer.writerows(
        [
            _harmless(one.address),
            one.stream or "all",
            one.why.value,
            "" if one.until is None else one.until.isoformat(),
            _harmless(one.note),
            _harmless(one.source),
            one.created_at.isoformat(),
        ]
        for one in entries
    )
    return text.getvalue()


def read_stream(text: str) -> Stream | None:
    """Return the stream, None for every one.

    Raises:
        ReadingError: it is no stream; the sentence lists them.
    """
    name = text.strip().lower()
    if name in _ALL:
        return None
    if name not in set(Stream):
        raise ReadingError(_none_of(text, ("all", *Stream)))
    return Stream(name)


def read_until(text: str) -> datetime | None:
    """Return the instant in UTC, None for ever; a date without a zone is UTC's.

    Raises:
        ReadingError: it is no date.
    """
    if not text.strip():
        return None
    try:
        at = datetime.fromisoformat(text.strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        problem = phrase(
            "`{text}` is no date; write 2026-08-17 or 2026-08-17T09:00:00+07:00", text=_shown(text)
        )
        raise ReadingError(problem) from None


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = phrase("the file is not UTF-8 (byte {at})", at=str(error.start))
        raise InvalidEmail("csv", problem) from None


def _delimiter(content: bytes) -> str:
    first = content.partition(b"\n")[0].decode("utf-8", "replace")
    return max(",;\t", key=first.count)


def _names(text: str, delimiter: str) -> list[str]:
    _, names = next(_records(text, delimiter), (1, list[str]()))
    if isinstance(names, str):
        raise InvalidEmail("csv", phrase("the first line cannot be read: {why}", why=names))
    return [name.strip().lower() for name in names]


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """Yield (its last line, its cells or why it cannot be read) of each record, the header first.

    Raises:
        InvalidEmail: a quote swallows the rows after it.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        began = reader.line_num + 1
        try:
            record: list[str] | str = next(reader)
        except StopIteration:
            return
        except csv.Error as error:  # a cell beyond the module's limit, a quote out of place
            record = str(error)
            _refuse_swallowed(record, began, reader.line_num)
        yield reader.line_num, record


def _refuse_swallowed(why: str, began: int, ended: int) -> None:
    """Raise InvalidEmail if more than one line is lost: nobody knows how many rows they were."""
    line = str(began)
    if "end of data" in why:
        problem = phrase("a quote that opens in or after line {line} is never closed", line=line)
        raise InvalidEmail("csv", problem)
    if ended > began:
        problem = phrase(
            "the record that begins in line {line} cannot be read: {why}", line=line, why=why
        )
        raise InvalidEmail("csv", problem)


def _entry(cells: Sequence[str], names: Sequence[str], column: int) -> Entry | Phrase:
    if len(cells) != len(names):
        return phrase("it has {has} columns instead of {wanted}", has=len(cells), wanted=len(names))
    values = dict(zip(names, (cell.strip() for cell in cells), strict=True))
    if not values[names[column]]:
        return phrase("the column {name} is empty", name=names[column])
    reason = values.get("reason", "").lower()
    if reason not in _WHYS:
        return InvalidEmail("reason", _none_of(reason, filter(None, _WHYS))).named
    try:
        return Entry(
            address=_plain(values[names[column]]),
            stream=read_stream(values.get("stream", "")),
            until=read_until(values.get("until", "")),
            note=_plain(values.get("note", "")),
            why=_WHYS[reason],
        )
    except ReadingError as error:
        return error.says


def _none_of(text: str, names: Iterable[str]) -> Phrase:
    return phrase("`{text}` is none of {names}", text=_shown(text), names=", ".join(names))


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def _shown(text: str) -> str:
    return text.strip()[:_SHOWN]
