"""One transaction as the store's functions see it: named parameters in, rows out."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import asyncpg

from terkirim.store.counting import Counts
from terkirim.store.queries import Queries
from terkirim.store.rows import storable, to_json

_ROWS = re.compile(r"json_to_recordset\(:rows::json\)\s+AS\s+\w+\s+\(([^)]*)\)")
_NAME = re.compile(r"(?<![:\w]):([a-z_]\w*)")
_sql = Queries("terkirim.store.postgres")


class Database:
    """The connection within one transaction, and the counts that it adds to the rollups.

    The counts are written by `close`, in one sorted statement at the very end: rollup rows are the
    ones that everybody updates, so that they are locked for the shortest time and in one order.
    """

    __slots__ = ("_connection", "counts", "node")

    def __init__(self, connection: asyncpg.Connection, node: str) -> None:
        self._connection = connection
        self.node = node
        self.counts = Counts()

    async def rows(self, sql: str, /, **bound: Any) -> list[Any]:
        """Return the rows that the statement finds or returns."""
        text, names = _positional(sql)
        found: list[Any] = await self._connection.fetch(text, *[_kept(bound[n]) for n in names])
        return found

    async def count(self, sql: str, rows: Sequence[Sequence[Any]], /, **bound: Any) -> int:
        """Return how many rows a bulk statement has changed."""
        if not rows:
            return 0
        text, names = _positional(sql)
        bound |= _bulk(sql, rows)
        said = await self._connection.execute(text, *[bound[name] for name in names])
        return int(said.rpartition(" ")[2])

    async def one(self, sql: str, /, **bound: Any) -> Any:
        """Return the first row, None where there is none."""
        found = await self.rows(sql, **bound)
        return found[0] if found else None

    async def many(self, sql: str, rows: Sequence[Sequence[Any]], /, **bound: Any) -> list[Any]:
        """Return what a bulk statement returns; the rows' columns are as it declares them.

        Without rows nothing is asked. A row that is too short leaves the last columns NULL.
        """
        return await self.rows(sql, **_bulk(sql, rows), **bound) if rows else []

    async def close(self) -> None:
        """Write what was counted; nothing is asked of this transaction afterwards."""
        await self.many(_sql["count_up"], self.counts.rows(), node=self.node)


def _kept(value: Any) -> Any:
    """Return a value as the server takes it: an id with a NUL in it is asked for, and not found."""
    return storable(value) if isinstance(value, str) and "\0" in value else value


def _bulk(sql: str, rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Return what a bulk statement is given: the rows, and their first column as `:ids`."""
    names = _declared(sql)
    text = to_json([dict(zip(names, row, strict=False)) for row in rows])
    return {"rows": text, "ids": [row[0] for row in rows]}


@lru_cache(maxsize=1_024)
def _positional(sql: str) -> tuple[str, tuple[str, ...]]:
    """Return the statement with $1, $2, ... in place of :names, and the names in that order."""
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        if found[1] not in names:
            names.append(found[1])
        return f"${names.index(found[1]) + 1}"

    return _NAME.sub(number, sql), tuple(names)


@lru_cache(maxsize=1_024)
def _declared(sql: str) -> tuple[str, ...]:
    """Return the columns that a bulk statement declares of its `:rows`."""
    found = _ROWS.search(sql)
    if found is None:
        raise ValueError(f"no bulk statement: {sql}")
    return tuple(column.split()[0] for column in found[1].split(","))
