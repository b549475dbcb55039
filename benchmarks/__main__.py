"""Runs every figure with its peers, one after the other, and prints one table with ratios.

`make bench`, or `make bench SHORT=1`. The figures go to `benchmarks/latest.json`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path

from benchmarks.plan import PROGRAMS, ROWS, Program, Row
from benchmarks.shared.children import ROOT, clean_environment
from benchmarks.shared.machine import described
from benchmarks.shared.readings import Reading, kept, shown

LATEST = ROOT / "benchmarks" / "latest.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="small numbers: a look, no figures")
    parser.add_argument("--only", default="", help="only programs whose command has these words")
    options = parser.parse_args()
    chosen = [one for one in PROGRAMS if options.only in one.title]
    print(described(), "·", datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"), flush=True)
    readings = ran(chosen, is_short=options.short)
    figures = [figure_of(row, readings) for row in ROWS]
    found = [(row, figure) for row, figure in zip(ROWS, figures, strict=True) if figure]
    print_table(found)
    if options.only:
        return  # a part is no table of figures
    latest = {"figures": [figure for _, figure in found]}
    LATEST.write_text(json.dumps(latest, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"\nwritten to {LATEST.relative_to(ROOT)}")


def ran(programs: Iterable[Program], *, is_short: bool) -> dict[str, Reading]:
    """Run each in a process of its own; return all readings by name."""
    readings: dict[str, Reading] = {}
    for program in programs:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="terkirim-bench-") as folder:
            into = Path(folder) / "readings"
            command = [sys.executable, "-W", "ignore", "-m", *program.words(is_short=is_short)]
            done = subprocess.run(
                [*command, "--into", str(into)],
                cwd=ROOT,
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            readings |= {reading.name: reading for reading in kept(into)}
        said = "" if done.returncode == 0 else f": {_last_line(done.stderr)}"
        print(f"  {time.monotonic() - began:5.1f} s  {program.title}{said}", flush=True)
    return readings


def figure_of(row: Row, readings: dict[str, Reading]) -> dict[str, object] | None:
    """Return the figure, with the best of its peers; None where it was not measured."""
    own = next((one for name, one in readings.items() if fnmatchcase(name, row.reading)), None)
    if own is None:
        return None
    peers = [readings[name] for name in row.peers if name in readings]
    better = min if row.is_lower_better else max
    peer = better(peers, key=lambda one: one.value, default=None)
    return {
        "name": row.name,
        "value": _rounded(own.value),
        "unit": own.unit,
        "peer": None if peer is None else peer.name.partition(":")[0],
        "peer_value": None if peer is None else _rounded(peer.value),
        "ratio": None if peer is None or not peer.value else _rounded(own.value / peer.value),
    }


def print_table(rows: Sequence[tuple[Row, dict[str, object]]]) -> None:
    print(f"\n{'figure':40}{'value':>10}  {'unit':16}{'goal':>9}  {'ratio':>6}  to")
    title = None
    for row, figure in rows:
        above, title, _, part = title, *row.name.partition(": ")
        label = f"  {part}" if part and above == title else row.name
        ratio = "" if figure["ratio"] is None else f"{figure['ratio']:.2f}"
        peer = "" if figure["peer"] is None else f"{figure['peer']} {shown(figure['peer_value'])}"
        print(
            f"{label:40}{shown(figure['value']):>10}  {figure['unit']:16}"
            f"{row.goal:>9}  {ratio:>6}  {peer}"
        )


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it failed and said nothing"


if __name__ == "__main__":
    main()
