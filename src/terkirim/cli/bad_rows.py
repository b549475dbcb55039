"""The rows that could not be sent, in a CSV that can be mended and sent again."""

import csv
import filecmp
import shutil
import tempfile
from bisect import insort
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from terkirim.content.recipient_list import REASON_COLUMN, BadRow, Layout, Row

MARK = ".bad"
FIRST = 10  # rows that are told on the screen
_BOM = "\ufeff"


class BadRows:
    """Collects rows outside of memory; `keep` puts them beside the file that they came from.

    The reason stands in the first column, so that a row with a cell too many or too few keeps its
    cells below their own names, and is as wrong as it was until somebody mends it.
    """

    def __init__(self, source: Path, layout: Layout) -> None:
        self.count = 0
        self.first: list[tuple[int, str]] = []  # (line, why) of the topmost ones
        self._source = source
        self._file = tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="")  # noqa: SIM115 - `with` closes it
        self._file.write(_BOM if layout.has_bom else "")
        self._writer = csv.writer(self._file, delimiter=layout.delimiter, lineterminator="\n")
        self._writer.writerow([REASON_COLUMN, *layout.names])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, row: Row | BadRow, problem: str) -> None:
        """Put one more row on the list."""
        self.count += 1
        insort(self.first, (row.line, problem))
        del self.first[FIRST:]
        self._writer.writerow([f"line {row.line}: {problem}", *row.cells])

    def keep(self) -> Path | None:
        """Write the list beside the source and return where; None where it is empty.

        An older list may have been mended meanwhile, so that none is overwritten: where one says
        the same it is returned as it is, else the new one gets a number.
        """
        if self.count == 0:
            return None
        self._file.flush()
        for path in places_beside(self._source):
            if not path.exists():
                with Path(self._file.name).open("rb") as made, path.open("xb") as target:
                    shutil.copyfileobj(made, target)
                return path
            if path.is_file() and filecmp.cmp(self._file.name, path, shallow=False):
                return path
        return None


def places_beside(source: Path) -> Iterator[Path]:
    """Yield the names for a list of bad rows beside its source, without end."""
    yield source.with_name(f"{source.stem}{MARK}.csv")
    for number in count(2):
        yield source.with_name(f"{source.stem}{MARK}{number}.csv")
