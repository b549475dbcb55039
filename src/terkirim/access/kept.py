"""Secrets that the gateway makes for itself and keeps in files that only their owner can read."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def kept_secret(path: Path, make: Callable[[], str]) -> str:
    """Return what stands in the file; where there is none, make it first.

    Two processes that start at once get the same secret: the file appears whole or not at all, and
    the second one to make it reads what the first one made.
    """
    if not path.exists():
        own = _written_beside(path, make())
        try:
            os.link(own, path)
        except FileExistsError:
            pass  # another process was faster
        finally:
            own.unlink()
    return path.read_text("utf-8").strip()


def write_for_owner(path: Path, text: str) -> None:
    """Put a new file in place of any before, which nobody else can read, not even for a moment."""
    _written_beside(path, text).replace(path)


def _written_beside(path: Path, text: str) -> Path:
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # mode 0600
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    return Path(name)
