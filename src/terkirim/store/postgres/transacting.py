"""One transaction from BEGIN to COMMIT, and what its failures mean."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg
from asyncpg import exceptions as pg

from terkirim.store.counting import Rollups
from terkirim.store.postgres.connection import is_lost
from terkirim.store.postgres.database import Database

T = TypeVar("T")
TRIES = 5  # of a transaction that collides with another, or whose line breaks before its COMMIT
# A pooler that was not seen at the start gave the session to others, with its statements.
FORGOTTEN = (
    pg.InvalidSQLStatementNameError,
    pg.DuplicatePreparedStatementError,
    pg.InvalidCachedStatementError,
)


class Repeat(Exception):  # noqa: N818 - not a fault: another transaction came first
    """The transaction is to be rolled back and begun again: what it read has changed."""


COLLISIONS = (pg.DeadlockDetectedError, pg.SerializationError, Repeat)


class Unknown(Exception):  # noqa: N818 - neither done nor failed
    """COMMIT was sent, and no answer came; `result` is what it would have been."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


async def transacted(
    connection: asyncpg.Connection,
    call: Callable[[Database], Awaitable[T]],
    *,
    begin: str,
    rollups: Rollups,
) -> T:
    """Return what the call answers, after its COMMIT.

    Raises:
        Unknown: the line broke at COMMIT. After any other exception nothing was stored.
    """
    try:
        await connection.execute(begin)
        database = Database(connection, rollups)
        result = await call(database)
        await database.close()
    except BaseException as error:
        await _rolled_back(connection, error)
        raise
    try:
        await connection.execute("COMMIT")
    except BaseException as error:
        is_unknown = is_lost(connection, error)
        connection.terminate()
        if is_unknown:
            raise Unknown(result) from error
        raise
    return result


async def _rolled_back(connection: asyncpg.Connection, error: BaseException) -> None:
    # Whoever is cancelled has a statement under way, and a line that is lost has no other end.
    if is_lost(connection, error) or not isinstance(error, Exception):
        connection.terminate()
        return
    try:
        await connection.execute("ROLLBACK")
    except Exception:  # noqa: BLE001 - the server rolls back by itself when the line is cut
        connection.terminate()
