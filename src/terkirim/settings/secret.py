"""A value that never shows itself, and that follows the file it came from."""

import os
from pathlib import Path
from typing import NoReturn, Self

_MASK = "***"


class Secret:
    """A key, token or address with a password in it.

    One that came from a file is read again when the file changes. A file that is missing or empty
    for a moment, as while it is replaced, leaves the last good value in force.
    """

    __slots__ = ("_path", "_seen", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        self._path: Path | None = None
        self._seen: tuple[int, int, int] | None = None

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Return the secret that stands in a file.

        Raises:
            ValueError: the file cannot be read, or holds no single line of text.
        """
        secret = cls("")
        secret._path = path
        secret._value, secret._seen = _content(path)
        return secret

    def read(self) -> str:
        """Return the value as it is now."""
        if self._path is not None and _state(self._path) != self._seen:
            self._refresh(self._path)
        return self._value

    def _refresh(self, path: Path) -> None:
        try:
            self._value, self._seen = _content(path)
        except ValueError:
            return

    def __repr__(self) -> str:
        return f"Secret('{_MASK}')"

    def __str__(self) -> str:
        return _MASK

    def __format__(self, spec: str) -> str:
        return format(_MASK, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.read() == other.read()

    __hash__ = None  # type: ignore[assignment]  # its value may change

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere")


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _content(path: Path) -> tuple[str, tuple[int, int, int] | None]:
    seen = _state(path)  # before the content, so that a change in between is noticed next time
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        problem = os.strerror(error.errno) if error.errno is not None else "it cannot be read"
        raise ValueError(f"the file {path} cannot be read: {problem}") from None
    except UnicodeDecodeError:
        raise ValueError(f"the file {path} is not UTF-8 text") from None
    if not text:
        raise ValueError(f"the file {path} is empty")
    if not text.isprintable():
        raise ValueError(f"the file {path} holds more than one line of text")
    return text, seen
