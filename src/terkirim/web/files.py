"""The files that pages need: read once, named by their content, so that browsers keep them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

_KINDS = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}


@dataclass(frozen=True, slots=True)
class File:
    """One file; `mark` changes with its content."""

    content: bytes
    media_type: str
    mark: str


class Files:
    """All files under `web/static`."""

    def __init__(self) -> None:
        folder = resources.files("terkirim.web").joinpath("static")
        self._by_name: Mapping[str, File] = {name: _file(one) for name, one in _walked(folder, "")}

    def find(self, name: str) -> File | None:
        """Return a file by its path below `static`."""
        return self._by_name.get(name)

    def url(self, name: str) -> str:
        """Return the address of a file that pages use."""
        return f"/static/{name}?{self._by_name[name].mark}"


def _walked(folder: Traversable, before: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for one in folder.iterdir():
        name = f"{before}{one.name}"
        found += _walked(one, f"{name}/") if one.is_dir() else [(name, one)]
    return found


def _file(one: Traversable) -> File:
    content = one.read_bytes()
    kind = _KINDS.get(one.name[one.name.rfind(".") :], "application/octet-stream")
    return File(content, kind, hashlib.sha256(content).hexdigest()[:12])
