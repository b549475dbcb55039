"""One transaction as the store's functions see it: named parameters in, rows out."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

import asyncpg
import msgspec

from terkirim.store.counting import KEYS_A_DAY, BoundedKey, Counts, Rollups
from terkirim.store.queries import Queries
from terkirim.store.rows import storable, to_json

_ROWS = re.compile(r"json_to_recordset\(:rows::json\)\s+AS\s+\w+\s+\(([^)]*)\)")
_NAME = re.compile(r"(?<![:\w]):([a-z_]\w*)")
_sql = Queries("terkirim.store.postgres")
_tracking = Queries("terkirim.store.postgres", "tracking.sql")


class Database:
    """The connection within one transaction, and the counts that it adds to the rollups.

    The counts are written by `close`, in one sorted statement at the very end: rollup rows are the
    ones that everybody updates, so that they are locked for the shortest time and in one order.
    """

    __slots__ = ("_connection", "counts", "node", "rollups")

    def __init__(self, connection: asyncpg.Connection, rollups: Rollups) -> None:
        self._connection = connection
        self.node = rollups.node
        self.rollups = rollups
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

        Without rows nothing is asked. A row that is too short leaves the last columns NULL; one
        that is too long is a TypeError.
        """
        return await self.rows(sql, **_bulk(sql, rows), **bound) if rows else []

    async def close(self) -> None:
        """Write what was counted; nothing is asked of this transaction afterwards."""
        rollups = self.rollups
        keys = rollups.unknown(self.counts.bounded_keys(rollups.zone))
        if keys:
            rollups.learn(keys, refused=await self._refused(keys))
        await self.many(_sql["count_up"], self.counts.rows(rollups), node=rollups.place)

    async def _refused(self, keys: list[BoundedKey]) -> set[BoundedKey]:
        """Return the tags and senders for which their day has no room left; enter the others.

        Nodes that enter some at one moment may give a day a few more than it has room for.
        """
        known = {tuple(row) for row in await self.many(_tracking["counted_keys"], keys)}
        new = [key for key in keys if key not in known]
        refused: set[BoundedKey] = set()
        for (day, kind), own in groupby(new, key=lambda key: key[:2]):
            (taken,) = await self.one(_tracking["keys_of_day"], day=day, kind=kind)
            refused.update(list(own)[max(KEYS_A_DAY - taken, 0) :])
        await self.many(_tracking["add_counted_keys"], [key for key in new if key not in refused])
        return refused


def _kept(value: Any) -> Any:
    """Return a value as the server takes it: an id with a NUL in it is asked for, and not found."""
    return storable(value) if isinstance(value, str) and "\0" in value else value


def _bulk(sql: str, rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Return what a bulk statement is given: the rows, and their first column as `:ids`."""
    record = _declared(sql)
    return {"rows": to_json([record(*row) for row in rows]), "ids": [row[0] for row in rows]}


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
def _declared(sql: str) -> type[msgspec.Struct]:
    """Return a record of the columns that a bulk statement declares of its `:rows`.

    Half as much work as a dict each, and a column without a value is not written at all.
    """
    found = _ROWS.search(sql)
    if found is None:
        raise ValueError(f"no bulk statement: {sql}")
    columns = [(column.split()[0], Any, None) for column in found[1].split(",")]
    return msgspec.defstruct("Row", columns, omit_defaults=True, gc=False)
