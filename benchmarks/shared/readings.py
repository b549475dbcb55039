"""A reading is one measured number; a figure program prints its readings, or hands them on."""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

PER_SECOND = "e-mails/s"
CPU = "µs CPU/e-mail"
MS = "ms"
MB = "MB"


@dataclass(frozen=True, slots=True)
class Reading:
    """`name` says what was measured, of whom, on which database."""

    name: str
    value: float
    unit: str


def arguments(about: str | None, **numbers: int) -> argparse.ArgumentParser:
    """Return a parser with the options that each figure program has; `numbers` are its defaults."""
    signal.signal(signal.SIGTERM, _end)  # as an exception, so that what was started is ended too
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--into", type=Path, help="append the readings to this file, as JSON lines")
    for name, default in numbers.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    return parser


def report(readings: Sequence[Reading], into: Path | None) -> None:
    """Print the readings to a person; with `into`, leave them to the program that asked."""
    for reading in readings:
        print(f"{reading.name:58}{shown(reading.value):>12} {reading.unit}", flush=True)
    if into is not None:
        with into.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(asdict(reading)) + "\n" for reading in readings)


def kept(into: Path) -> list[Reading]:
    """Return what was left in the file."""
    if not into.exists():
        return []
    return [Reading(**json.loads(line)) for line in into.read_text("utf-8").splitlines()]


def shown(value: float) -> str:
    """Return a number with as many digits as mean something."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def at(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of them lies."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def refuse_unless(is_true: bool, says: str) -> None:
    """A figure of work that was not done is no figure."""
    if not is_true:
        sys.exit(f"not a figure: {says}")


def _end(*_: object) -> None:
    sys.exit("terminated")
