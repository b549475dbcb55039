"""Where a figure's time goes: py-spy over a figure program, the costly functions as tables.

`python -m benchmarks.hotspots accept --n 20000`; the folded stacks stay in `.bench/NAME.folded`,
for a flame graph.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from benchmarks.shared.children import clean_environment

PER_SECOND = 400  # samples
ROWS = 30
FOLDER = Path(".bench")
_PROCESS = re.compile(r"^process \d+:")
_NOT_MEANT = ("importlib", "answerer.py")
_PLACE = re.compile(r"^(?P<name>.+) \((?P<file>[^:()]+)(?::\d+)?\)$")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figure", help="a program of this folder: accept, posts, history ...")
    parser.add_argument("--gil", action="store_true", help="only what holds the interpreter's lock")
    parser.add_argument("--lines", action="store_true", help="by line, not by function")
    options, rest = parser.parse_known_args()
    FOLDER.mkdir(exist_ok=True)
    folded = FOLDER / f"{options.figure}.folded"
    _record(options, rest, folded)
    stacks = [_stack(line) for line in folded.read_text("utf-8").splitlines() if line]
    stacks = [one for one in stacks if not _is_harness(one[0])]
    if not options.lines:
        stacks = [([_place(frame) for frame in frames], count) for frames, count in stacks]
    _print("itself", Counter(), stacks, is_own=True)
    _print("with what it calls", Counter(), stacks, is_own=False)


def _record(options: argparse.Namespace, rest: list[str], folded: Path) -> None:
    spy = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or "py-spy"
    command = [spy, "record", "--rate", str(PER_SECOND), "--format", "raw", "--threads"]
    command += ["--subprocesses", "--output", str(folded), *(["--gil"] if options.gil else [])]
    command += ["--", sys.executable, "-m", f"benchmarks.{options.figure}", *rest]
    subprocess.run(command, env=clean_environment(), check=True, stderr=subprocess.DEVNULL)


def _stack(line: str) -> tuple[list[str], int]:
    frames, _, count = line.rpartition(" ")
    return [one for one in frames.split(";") if not _PROCESS.match(one)], int(count)


def _is_harness(frames: list[str]) -> bool:
    """Tell whether the sample is of a start, of the provider or of the waiting harness."""
    return not any("terkirim" in frame or "uvloop" in frame for frame in frames) or any(
        name in frame for frame in frames for name in _NOT_MEANT
    )


def _place(frame: str) -> str:
    found = _PLACE.match(frame)
    if found is None:
        return frame
    return f"{found['name']}  {'/'.join(found['file'].split('/')[-3:])}"


def _print(
    title: str, counts: Counter[str], stacks: list[tuple[list[str], int]], *, is_own: bool
) -> None:
    total = sum(count for _, count in stacks)
    for frames, count in stacks:
        for frame in {frames[-1]} if is_own else set(frames):
            counts[frame] += count
    print(f"\n{total} samples; share of them in the function {title}")
    for frame, count in counts.most_common(ROWS):
        print(f"{count / max(total, 1):7.1%}  {frame}")


if __name__ == "__main__":
    main()
