"""Where a figure's time goes: py-spy over a figure program, the costly functions of each thread.

`python -m benchmarks.hotspots accept --n 20000`; the folded stacks stay in `.bench/NAME.folded`,
for a flame graph. Threads of Rust and C are not seen here: the figure programs print their cost.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

from benchmarks.shared.children import ROOT, clean_environment

PER_SECOND = 400  # samples
ROWS = 25
SMALLEST = 0.03  # share of all samples below which a thread is not shown
FOLDER = ROOT / ".bench"
_THREAD = re.compile(r"^thread \(\d+\): (?P<name>.+)$")
_PLACE = re.compile(r"^(?P<name>.+) \((?P<file>[^()]+?)(?P<line>:\d+)?\)$")
_NOT_MEANT = ("importlib", "answerer.py")  # the start, and the provider
_SCAFFOLD = ("runpy", "threading.py", "<module>", "uvloop/__init__", "asyncio/runners", "cyclopts")

Stack = tuple[list[str], int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figure", help="a program of this folder: accept, posts, history ...")
    parser.add_argument("--gil", action="store_true", help="only what holds the interpreter's lock")
    parser.add_argument("--lines", action="store_true", help="by line, not by function")
    options, rest = parser.parse_known_args()
    FOLDER.mkdir(exist_ok=True)
    folded = FOLDER / f"{options.figure}.folded"
    _record(options, rest, folded)
    threads = by_thread(folded.read_text("utf-8"), with_lines=options.lines)
    total = sum(count for stacks in threads.values() for _, count in stacks)
    for name, stacks in sorted(threads.items(), key=lambda one: -_samples(one[1])):
        if _samples(stacks) >= SMALLEST * total:
            print(f"\n{name}: {_samples(stacks) / total:.0%} of {total} samples")
            _print_table(stacks)


def by_thread(folded: str, *, with_lines: bool) -> dict[str, list[Stack]]:
    """Return the stacks of the product's threads, by the thread's name."""
    threads: dict[str, list[Stack]] = defaultdict(list)
    for line in folded.splitlines():
        text, _, count = line.rpartition(" ")
        frames = text.split(";")
        named = [found["name"] for frame in frames if (found := _THREAD.match(frame))]
        is_meant = any("terkirim" in frame for frame in frames[1:])
        if named and is_meant and not any(one in text for one in _NOT_MEANT):
            places = [_place(frame, with_line=with_lines) for frame in frames[1:]]
            threads[named[0]].append((places, int(count)))
    return threads


def _record(options: argparse.Namespace, rest: list[str], folded: Path) -> None:
    spy = shutil.which("py-spy", path=str(Path(sys.executable).parent))
    if spy is None:
        sys.exit("py-spy is missing: make bench installs it, then use .venv-bench/bin/python")
    command = [spy, "record", "--rate", str(PER_SECOND), "--format", "raw", "--threads"]
    command += ["--subprocesses", "--output", str(folded), *(["--gil"] if options.gil else [])]
    command += ["--", sys.executable, "-m", f"benchmarks.{options.figure}", *rest]
    subprocess.run(command, env=clean_environment(), check=True, stderr=subprocess.DEVNULL)


def _place(frame: str, *, with_line: bool) -> str:
    found = _PLACE.match(frame)
    if found is None:
        return frame
    file = "/".join(found["file"].split("/")[-3:])
    return f"{found['name']}  {file}{found['line'] or '' if with_line else ''}"


def _samples(stacks: list[Stack]) -> int:
    return sum(count for _, count in stacks)


def _print_table(stacks: list[Stack]) -> None:
    """Print what is spent in a function itself, and beside it what is spent below it."""
    total, own, below = _samples(stacks), Counter[str](), Counter[str]()
    for frames, count in stacks:
        own[frames[-1]] += count
        for frame in set(frames):
            below[frame] += count
    for counts, title in ((own, "itself"), (below, "with what it calls")):
        print(f"  {title}")
        rows = [row for row in counts.most_common() if not _is_scaffold(row[0])]
        for frame, count in rows[:ROWS]:
            print(f"  {count / total:7.1%}  {frame}")


def _is_scaffold(frame: str) -> bool:
    return bool(_THREAD.match(frame)) or any(word in frame for word in _SCAFFOLD)


if __name__ == "__main__":
    main()
