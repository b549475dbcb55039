"""Where a run keeps its files: on a disk, never in memory, or a commit would cost nothing."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = frozenset({"tmpfs", "ramfs"})


def cache() -> Path:
    """Return the folder that outlives a run."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "terkirim-bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def run_folder() -> Iterator[Path]:
    """Give a folder for one run."""
    temporary = Path(tempfile.gettempdir())
    base = cache() if file_system(temporary) in _MEMORY else temporary
    folder = Path(tempfile.mkdtemp(prefix="terkirim-bench-", dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def file_system(folder: Path) -> str:
    """Return the kind of file system that the folder is on."""
    fields = (line.split(" ") for line in Path("/proc/mounts").read_text("utf-8").splitlines())
    over = [(field[1], field[2]) for field in fields if folder.resolve().is_relative_to(field[1])]
    return max(over, key=lambda mount: len(mount[0]), default=("", "unknown"))[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
