"""Where a run keeps its files: on a disk, never in memory, or a commit would cost nothing."""

import fcntl
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ON_DISK = Path("/var/tmp")  # by the file system standard it outlives a restart, so it is no memory
KEPT_FOR = 7 * 86_400  # seconds without use


def base() -> Path:
    """Return this user's folder for all runs."""
    above = ON_DISK if ON_DISK.is_dir() else Path(tempfile.gettempdir())
    chosen = os.environ.get("BENCH_FOLDER")
    folder = Path(chosen) if chosen else above / f"terkirim-bench-{os.getuid()}"
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    return folder


@contextmanager
def run_folder() -> Iterator[Path]:
    """Give a folder for one run."""
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=base()))
    folder.chmod(0o755)  # PostgreSQL and Postfix run as users of their own
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def cached_folder(name: str) -> Iterator[Path]:
    """Give a folder that outlives the run; two runs use it one after the other."""
    folder = base() / name
    with (base() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _forget_unused(name)
        folder.mkdir(mode=0o755, exist_ok=True)
        os.utime(folder)
        yield folder


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _forget_unused(name: str) -> None:
    """Remove databases of other versions that nobody used for a week: they are large."""
    for lock in base().glob("*.lock"):
        folder = lock.with_suffix("")
        is_old = folder.is_dir() and time.time() - folder.stat().st_mtime > KEPT_FOR
        if is_old and folder.name != name:
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)
