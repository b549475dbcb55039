"""Reads the named statements of an SQL file: `queries.sql`, or a concern's own."""

import re
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


class Queries:
    """The statements of one database, by name: `queries["settle"]`."""

    def __init__(self, package: str, file: str = "queries.sql") -> None:
        text = resources.files(package).joinpath(file).read_text("utf-8")
        _, *parts = _NAME.split(text)
        self._by_name: dict[str, str] = dict(
            zip(parts[::2], (sql.strip() for sql in parts[1::2]), strict=True)
        )

    def __getitem__(self, name: str) -> str:
        return self._by_name[name]
