"""Keys, options and turns of periodic work: small tables, one row at a time."""

from collections.abc import Mapping
from typing import Any

from terkirim.ports import KeyRow
from terkirim.store.postgres.database import Database
from terkirim.store.queries import Queries
from terkirim.store.records import key_columns

_sql = Queries("terkirim.store.postgres")


async def add_key(db: Database, *, row: KeyRow) -> bool:
    """Store a key; False where one with this hash exists already."""
    added = await db.one(_sql["add_key"], **key_columns(row))
    return added is not None


async def revoke_key(db: Database, *, id_: str, now: int) -> bool:
    """Revoke a key; False where there is none, or it was revoked before."""
    return await db.one(_sql["revoke_key"], id=id_, now=now) is not None


async def keep_option(db: Database, *, name: str, value: str) -> str:
    """Keep a value under this name unless there is one; return the one that is kept."""
    await db.rows(_sql["keep_option"], name=name, value=value)
    (kept,) = await db.one(_sql["option"], name=name)
    return str(kept)


async def take_turn(db: Database, *, turn: Mapping[str, Any]) -> bool:
    """Return True for the one node that is to do the work now."""
    return await db.one(_sql["take_turn"], **turn) is not None


async def check_writable(db: Database) -> None:
    """Return if something could be written: a row is locked, which a read-only server refuses."""
    await db.rows(_sql["lock_node"], node=db.node)
