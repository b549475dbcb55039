"""What people chose at run time, in PostgreSQL."""

from collections.abc import Callable, Collection
from datetime import UTC
from functools import partial

from terkirim.domain.alert import Activity
from terkirim.domain.errors import ConfigError, StoreUnavailable
from terkirim.store.counting import Rollups
from terkirim.store.postgres.connection import Connector, closed, one_clear_sentence
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.people import keep_activity
from terkirim.store.postgres.store import PostgresStore
from terkirim.store.queries import Queries

_sql = Queries("terkirim.store.postgres", "options.sql")


class PostgresOptions:
    """The table of options over a store's connections."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def options(self, names: Collection[str]) -> dict[str, str]:
        return await self._store.read(partial(_options, names=names))

    async def set_option(self, name: str, value: str, *, note: Activity) -> bool:
        return await self._store.write_alone(partial(_set, name=name, value=value, note=note))


async def peeked(address: Callable[[], str], names: Collection[str]) -> dict[str, str]:
    """Return options over a connection of one question; none where they cannot be read so."""
    try:
        connector = Connector(address)
        connection = await connector.connect()
        try:
            with one_clear_sentence(connector.server):
                uncounted = Database(connection, Rollups("", UTC, places=1))
                return await _options(uncounted, names)
        finally:
            await closed(connection)
    except (ConfigError, StoreUnavailable):  # whoever opens the store says why
        return {}


async def _options(db: Database, names: Collection[str]) -> dict[str, str]:
    return dict(await db.rows(_sql["options"], names=list(names)))


async def _set(db: Database, *, name: str, value: str, note: Activity) -> bool:
    is_changed = await db.one(_sql["set_option"], name=name, value=value) is not None
    if is_changed:
        await keep_activity(db, activity=note)
    return is_changed
