"""One letter to every row of a CSV: examined whole first, then put on disk in parts."""

import asyncio
import hashlib
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import apsw

from terkirim.cli.bad_rows import MARK, BadRows
from terkirim.compose import Gateway
from terkirim.content.recipient_list import FIELD, BadRow, RecipientList, Row
from terkirim.content.variables import missing_names
from terkirim.domain.email import Draft
from terkirim.domain.errors import InvalidEmail, StoreUnavailable

OWNER = "cli"
_ANYBODY = "anybody@example.com"  # stands for every row where the letter itself is checked
_KEYS = """PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
    CREATE TABLE keys (key TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID; BEGIN"""
CHUNK = 500  # rows that share a transaction
_STEM_LIMIT = 200  # characters of a file's name that a campaign is named after
_BAD = re.compile(rf"(?:{re.escape(MARK)}\d*)+\Z")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What stands in a file; `passed` are the lines that do not go."""

    good: int
    duplicates: int
    passed: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a run would do: how many rows would go, and the first of them."""

    good: int
    first: Draft | None


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of the good rows so far."""

    queued: int = 0
    sent_before: int = 0
    suppressed: int = 0


def campaign_name(source: Path, letter: Mapping[str, Any], *, key: str | None = None) -> str:
    """Return the name of a run that was given none: another letter with the same file is another.

    So is one whose rows are told apart by another column, for then none would be known again.
    Mended rows (`x.bad.csv`) belong to the run of the file that they came from.
    """
    files = [(one["filename"], one["content"]) for one in letter.get("attachments") or ()]
    parts = (letter["subject"], letter["html"], letter["text"], files, key)
    mark = hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{_BAD.sub('', source.stem)[:_STEM_LIMIT]}-{mark}"


def surveyed(recipients: RecipientList, letter: Mapping[str, Any], bad: BadRows) -> Survey:
    """Read the file to its end and list what cannot go; nothing is stored.

    Raises:
        InvalidEmail: the file is damaged, or the letter needs a name that is no column.
    """
    _refuse_missing(recipients, letter)
    good = duplicates = 0
    passed = array("Q")
    # A file without a name: a million keys, and little memory.
    with closing(apsw.Connection("")) as seen:
        _ = list(seen.execute(_KEYS))
        for row in recipients.rows():
            if isinstance(row, BadRow):
                bad.add(row, row.problem)
                passed.append(row.line)
            elif (line := _first_line(seen, row)) != row.line:
                bad.add(row, f"the same as line {line}, and goes once")
                passed.append(row.line)
                duplicates += 1
            else:
                good += 1
    return Survey(good=good, duplicates=duplicates, passed=passed)


class Campaign:
    """Puts the good rows on disk, each once for ever: (`name`, the row's key) is unique."""

    def __init__(
        self,
        *,
        gateway: Gateway,
        recipients: RecipientList,
        letter: Mapping[str, Any],
        name: str,
        bad: BadRows,
    ) -> None:
        self._gateway = gateway
        self._recipients = recipients
        self._letter = letter
        self._name = name
        self._bad = bad
        self.tally = Tally()

    def warnings(self) -> tuple[str, ...]:
        """Return what of the letter itself is kept and not sent.

        Raises:
            InvalidEmail: what all rows share is wrong, and no row is to be blamed for it.
        """
        gateway = self._gateway
        shared = Draft(**self._letter, to=_ANYBODY, campaign=self._name, row=_ANYBODY)
        email, _ = gateway.submit.check(shared, now=gateway.clock.now(), owner=OWNER)
        return email.warnings

    async def run(self, survey: Survey, *, advance: Callable[[int], None]) -> None:
        """Submit what the survey let pass; it can be broken off at any time and begun again.

        Raises:
            StoreUnavailable: the database cannot be used now; what was queued stays queued.
        """
        for rows in _parts(_good(self._recipients.rows(), survey.passed), CHUNK):
            try:
                await self._submit(rows)
            except StoreUnavailable as error:
                queued = self.tally.queued
                says = f"{error}; {queued} rows were queued, the same command goes on from there"
                raise StoreUnavailable(says) from error
            advance(len(rows))

    async def tried(self, survey: Survey) -> Trial:
        """Judge what the survey let pass as `run` does, and store nothing."""
        good, first = 0, None
        for rows in _parts(_good(self._recipients.rows(), survey.passed), CHUNK):
            passing = list(self._passing(rows, [self.draft(row) for row in rows]))
            good += len(passing)
            first = first or next(iter(passing), None)
            await asyncio.sleep(0)  # lets Ctrl-C in
        return Trial(good=good, first=first)

    def draft(self, row: Row) -> Draft:
        """Return the row's e-mail."""
        return Draft(
            **self._letter,
            to=row.address,
            variables={"*": self._recipients.layout.values_of(row)},
            campaign=self._name,
            row=row.key,
        )

    async def _submit(self, rows: Sequence[Row]) -> None:
        drafts = [self.draft(row) for row in rows]
        try:
            await self._send(drafts)
        except InvalidEmail:
            await self._send(list(self._passing(rows, drafts)))

    async def _send(self, drafts: Sequence[Draft]) -> None:
        if not drafts:
            return
        sending = asyncio.ensure_future(self._put_on_disk(drafts))
        try:
            await asyncio.shield(sending)
        except asyncio.CancelledError:  # what is on its way to the disk is counted all the same
            await sending
            raise

    async def _put_on_disk(self, drafts: Sequence[Draft]) -> None:
        # Whether the credits last was asked for the whole run, less what was sent before.
        submitted = await self._gateway.send(drafts, owner=OWNER, is_forced=True)
        self.tally.queued += len(drafts) - len(submitted.skipped) - len(submitted.suppressed)
        self.tally.sent_before += len(submitted.skipped)
        self.tally.suppressed += len(submitted.suppressed)

    def _passing(self, rows: Sequence[Row], drafts: Sequence[Draft]) -> Iterator[Draft]:
        for row, draft in zip(rows, drafts, strict=True):
            try:
                self._gateway.check(draft, owner=OWNER)
            except InvalidEmail as error:
                self._bad.add(row, str(error))
            else:
                yield draft


def _refuse_missing(recipients: RecipientList, letter: Mapping[str, Any]) -> None:
    names = recipients.layout.names
    columns = dict.fromkeys(names, "")
    missing = missing_names(letter["subject"], letter["html"], letter["text"], columns)
    if missing:
        wanted = ", ".join(f"`{name}`" for name in missing)
        there = ", ".join(f"`{name}`" for name in names)
        problem = f"the letter needs {wanted}, and no column has that name; there is {there}"
        raise InvalidEmail(FIELD, problem)


def _first_line(seen: apsw.Connection, row: Row) -> int:
    """Return the line on which this row's key stands for the first time."""
    insert = "INSERT INTO keys VALUES (?, ?) ON CONFLICT DO UPDATE SET key = key RETURNING line"
    (line,) = next(seen.execute(insert, (row.key, row.line)))
    return int(line)


def _good(rows: Iterable[Row | BadRow], passed: Sequence[int]) -> Iterator[Row]:
    """Yield the rows whose lines are not in `passed`, which has them in their order."""
    skipping = iter(passed)
    skipped = next(skipping, None)
    for row in rows:
        if row.line == skipped:
            skipped = next(skipping, None)
        elif isinstance(row, Row):
            yield row


def _parts(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    reading = iter(rows)
    while part := list(islice(reading, size)):
        yield part
