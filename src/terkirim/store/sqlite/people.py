"""People, and the log of what was done by whom, in SQLite."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import apsw

from terkirim.domain.alert import Activity
from terkirim.domain.errors import NotFound
from terkirim.ports.people import User
from terkirim.store.queries import Queries
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.times import micros
from terkirim.store.watching import NO_ACTIVITY, activity_of, activity_row, user_of, user_row

_FAR = micros(datetime(9999, 1, 1, tzinfo=UTC))
_sql = Queries("terkirim.store.sqlite", "people.sql")


class SqlitePeople:
    """The users and the activity log over a store's connections."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def add_user(self, user: User) -> bool:
        return await self._store.write_alone(
            partial(_touched, name="add_user", bound=user_row(user))
        )

    async def users(self) -> list[User]:
        return await self._store.read(lambda db: list(map(user_of, db.execute(_sql["users"]))))

    async def note(self, activity: Activity, *, is_folded: bool = False) -> None:
        await self._store.write_alone(
            partial(keep_activity, activity=activity, is_folded=is_folded)
        )

    async def activity(
        self, *, limit: int, before: datetime | None = None, after: str | None = None
    ) -> list[Activity]:
        place = None if before is None else micros(before)
        return await self._store.read(partial(_listed, before=place, after=after, most=limit))


def keep_activity(db: apsw.Connection, activity: Activity, *, is_folded: bool = False) -> None:
    """Write an activity in the transaction of what was done."""
    db.execute(_sql["note"], activity_row(activity, is_folded=is_folded))


def _listed(
    db: apsw.Connection, *, before: int | None, after: str | None, most: int
) -> list[Activity]:
    if before is None and after is not None:
        found = next(db.execute(_sql["place_of_activity"], {"id": after}), None)
        if found is None:
            raise NotFound(NO_ACTIVITY)
        (before,) = found
    bound = {"before": _FAR if before is None else before, "id": after or "", "most": most}
    return [activity_of(row) for row in db.execute(_sql["activity"], bound)]


def _touched(db: apsw.Connection, *, name: str, bound: dict[str, Any]) -> bool:
    before = db.total_changes()
    db.execute(_sql[name], bound)
    return db.total_changes() > before
