"""The suppression list as people use it: addresses are checked, each change has a who and a why."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from terkirim.domain.email import Stream
from terkirim.domain.errors import InvalidEmail, NotFound
from terkirim.domain.phrase import Phrase, phrase, phrases
from terkirim.domain.suppression import Suppression, Why
from terkirim.ports import Clock
from terkirim.ports.suppressions import SuppressionFilter, Suppressions
from terkirim.tracking.suppression_csv import BadRow, Entry, rows_in, written

NOTE_LIMIT = 1_000  # characters
CHUNK = 1_000  # rows in one transaction, or in one page of an export

Check = Callable[[str, str], str]  # address, field -> the address as it goes on the wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of the rows of a file, each of which is counted once.

    `entered` entries stand because of it; `unchanged` stood before, as strong or stronger;
    `repeated` rows name an entry that a row above them names.
    """

    entered: int
    unchanged: int
    repeated: int
    bad: Sequence[BadRow]

    @property
    def remarks(self) -> list[Phrase]:
        """Return a sentence for each kind of row that changed nothing and is not bad."""
        unchanged = phrases(
            "{count} entry stood on the list already.",
            "{count} entries stood on the list already.",
            count=self.unchanged,
        )
        repeated = phrases(
            "{count} row repeats an address that stands above it.",
            "{count} rows repeat an address that stands above them.",
            count=self.repeated,
        )
        return [one for one in (unchanged, repeated) if one.count]


class SuppressionList:
    """Adds, removes, lists, imports and exports."""

    def __init__(self, *, store: Suppressions, check: Check, clock: Clock) -> None:
        self._store = store
        self._check = check
        self._clock = clock

    async def add(self, entries: Sequence[Entry], *, who: str) -> list[Suppression]:
        """Suppress addresses by hand; return what stands for each: an older entry may stay.

        Raises:
            InvalidEmail: one of them cannot be entered; nothing was.
        """
        now = self._clock.now()
        checked = [self._checked(entry, who=who, now=now) for entry in entries]
        return await self._store.suppress(checked, who=who, now=now)

    async def remove(self, names: Sequence[str], *, who: str, why: str) -> list[Suppression]:
        """Let addresses in again, by id or address; names that are not on the list are left out.

        Raises:
            InvalidEmail: the reason is too long.
        """
        note = _note(why)
        now = self._clock.now()
        keys = [name.strip().lower() for name in names]
        return await self._store.unsuppress(keys, who=who, why=note, now=now)

    async def one(self, name: str) -> Suppression:
        """Return the entry with this id, or of this address; the one for all mail comes first.

        Raises:
            NotFound: it is not suppressed.
        """
        which = SuppressionFilter(named=name.strip().lower(), limit=len(Stream) + 1)
        found = await self.listed(which)
        if not found:
            raise NotFound(f"{name} is not suppressed")
        return min(found, key=lambda entry: entry.stream or "")

    async def listed(self, which: SuppressionFilter) -> list[Suppression]:
        """Return entries in force, newest first."""
        return await self._store.suppressions(which, now=self._clock.now())

    async def import_csv(self, content: bytes, *, who: str) -> Imported:
        """Enter the rows of a CSV file; return how many, and what is wrong with the others.

        Raises:
            InvalidEmail: the file as a whole cannot be read; nothing was entered.
        """
        now, count = self._clock.now(), 0
        bad: list[BadRow] = []
        is_new: dict[tuple[str, Stream | None], bool] = {}
        rows = rows_in(content)
        while chunk := list(islice(rows, CHUNK)):
            good: list[Suppression] = []
            for line, row in chunk:
                found = self._checked_row(row, who=who, now=now)
                if isinstance(found, Phrase):
                    bad.append(BadRow(line, found))
                else:
                    good.append(found)
            for entry in await self._store.suppress(good, who=who, now=now):
                # What stood before keeps its own instant.
                is_new[entry.address, entry.stream] = entry.created_at == now
            count += len(good)
        entered = sum(is_new.values())
        return Imported(
            entered=entered,
            unchanged=len(is_new) - entered,
            repeated=count - len(is_new),
            bad=bad,
        )

    async def export_csv(self) -> AsyncIterator[str]:
        """Yield the list as CSV, newest first, in parts: `import_csv` reads it again."""
        yield written([], with_head=True)
        after = None
        while page := await self.listed(SuppressionFilter(limit=CHUNK, after=after)):
            yield written(page)
            after = page[-1].id

    def _checked_row(self, row: Entry | Phrase, *, who: str, now: datetime) -> Suppression | Phrase:
        if isinstance(row, Phrase):
            return row
        try:
            return self._checked(row, who=who, now=now)
        except InvalidEmail as error:
            return error.named

    def _checked(self, entry: Entry, *, who: str, now: datetime) -> Suppression:
        if entry.until is not None and entry.until <= now:
            raise InvalidEmail("until", phrase("{at} has passed", at=entry.until.isoformat()))
        return Suppression(
            address=self._check(entry.address.strip(), "email").lower(),
            stream=entry.stream,
            why=entry.why or Why.BY_HAND,
            source=who,
            created_at=now,
            until=entry.until,
            note=_note(entry.note),
        )


def _note(text: str) -> str:
    if len(text) > NOTE_LIMIT:
        problem = phrase(
            "is {length} characters long; at most {limit}", length=len(text), limit=NOTE_LIMIT
        )
        raise InvalidEmail("note", problem)
    if not text.isprintable():
        return "".join(one if one.isprintable() else " " for one in text).strip()
    return text.strip()
