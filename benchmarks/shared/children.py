"""Processes that a figure starts, and surely ends."""

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENDS_WITHIN = 30.0
STARTS_WITHIN = 60.0
_OURS = ("TERKIRIM_", "MAILKETING_", "CRON_")


def clean_environment() -> dict[str, str]:
    """Return the environment without settings that would change what is measured."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return kept | {"PYTHONPATH": str(ROOT)}  # children run elsewhere, and some are of this package


@contextmanager
def child(
    command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command beside the block, in the log's folder; end it with the block."""
    with log.open("ab") as file:
        process = subprocess.Popen(
            command,
            env=clean_environment() if env is None else dict(env),
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes], *, log: Path) -> None:
    """Return when the address answers; any answer counts."""
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise RuntimeError(f"{url} did not answer:\n{log.read_text('utf-8', 'replace')[-2_000:]}")
