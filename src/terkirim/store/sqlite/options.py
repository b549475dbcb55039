"""What people chose at run time, in SQLite."""

from collections.abc import Collection
from functools import partial
from pathlib import Path

import apsw

from terkirim.domain.alert import Activity
from terkirim.domain.errors import StoreUnavailable
from terkirim.store.queries import Queries
from terkirim.store.rows import to_json
from terkirim.store.sqlite.connection import opened_for_reading
from terkirim.store.sqlite.people import keep_activity
from terkirim.store.sqlite.store import SqliteStore

_sql = Queries("terkirim.store.sqlite", "options.sql")


class SqliteOptions:
    """The table of options over a store's connections."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def options(self, names: Collection[str]) -> dict[str, str]:
        return await self._store.read(partial(_options, names=names))

    async def set_option(self, name: str, value: str, *, note: Activity) -> bool:
        return await self._store.write_alone(partial(_set, name=name, value=value, note=note))


def peeked(path: Path, names: Collection[str]) -> dict[str, str]:
    """Return options of a file that nobody opens for more; none where it cannot be read so."""
    if not path.is_file():  # else it would be made
        return {}
    try:
        connection = opened_for_reading(path)
        try:
            return _options(connection, names)
        finally:
            connection.close()
    except (apsw.Error, StoreUnavailable):  # whoever opens the store says why
        return {}


def _options(db: apsw.Connection, names: Collection[str]) -> dict[str, str]:
    return dict(db.execute(_sql["options"], {"names": to_json(list(names))}))


def _set(db: apsw.Connection, *, name: str, value: str, note: Activity) -> bool:
    is_changed = bool(list(db.execute(_sql["set_option"], {"name": name, "value": value})))
    if is_changed:
        keep_activity(db, note)
    return is_changed
