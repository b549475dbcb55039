"""What a command prints: sentences and columns for people, or one JSON document for scripts.

Nothing is coloured and no id or address is ever cut, so that a pipe gets what a terminal shows.
"""

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

import click

from terkirim.domain.phrase import phrase
from terkirim.language import Voice

WIDTH = 80  # columns, where no terminal says more
_GAP = "  "
_INDENT = "    "

SANDBOX_MODE = phrase("Sandbox mode: nothing is really sent until MAILKETING_API_KEY is set.")

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@dataclass(frozen=True, slots=True)
class Screen:
    """Where a command's answer goes; `zone` is whose clock its times are told by."""

    say: Voice
    zone: tzinfo
    as_json: bool

    def answer(self, document: Any, lines: Iterable[str]) -> None:
        """Print the document where JSON was asked for, else the lines."""
        if self.as_json:
            print_json(document)
            return
        for line in lines:
            print(line)

    def note(self, line: str) -> None:
        """Say something beside the answer, on standard error; scripts that read JSON are spared."""
        if not self.as_json:
            print(line, file=sys.stderr)

    def at(self, instant: datetime) -> str:
        """Return an instant as a clock on the operator's wall shows it: 2026-08-17 09:00:00 WIB."""
        return instant.astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def print_json(document: Any) -> None:
    """Print one JSON document."""
    print(json.dumps(document, ensure_ascii=False, indent=2))


def printable(text: str) -> str:
    """Return a stored text without what could move the cursor, colour or reverse a terminal."""
    return "".join(one if one.isprintable() else " " if one.isspace() else "?" for one in text)


def wrapped(text: str, *, first: str = _INDENT, others: str = _INDENT) -> list[str]:
    """Return the text over as many lines as it needs; a word that is too long stays whole."""
    return textwrap.wrap(
        printable(text),
        width=_width(),
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows with their cells below each other; the last cell is as long as it is."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return [
        _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _width() -> int:
    if not sys.stdout.isatty():
        return WIDTH
    return max(shutil.get_terminal_size((WIDTH, 24)).columns, 40)
