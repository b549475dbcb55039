"""People, and the log of what was done by whom, in PostgreSQL."""

from datetime import UTC, datetime
from functools import partial

from terkirim.domain.alert import Activity
from terkirim.domain.errors import NotFound
from terkirim.ports.people import User
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.store import PostgresStore
from terkirim.store.queries import Queries
from terkirim.store.times import micros
from terkirim.store.watching import NO_ACTIVITY, activity_of, activity_row, user_of, user_row

_FAR = micros(datetime(9999, 1, 1, tzinfo=UTC))
_sql = Queries("terkirim.store.postgres", "people.sql")


class PostgresPeople:
    """The users and the activity log over a store's connections."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def add_user(self, user: User) -> bool:
        added = await self._store.write_alone(lambda db: db.one(_sql["add_user"], **user_row(user)))
        return added is not None

    async def users(self) -> list[User]:
        return [user_of(row) for row in await self._store.read(lambda db: db.rows(_sql["users"]))]

    async def note(self, activity: Activity, *, is_folded: bool = False) -> None:
        await self._store.write_alone(
            partial(keep_activity, activity=activity, is_folded=is_folded)
        )

    async def activity(
        self, *, limit: int, before: datetime | None = None, after: str | None = None
    ) -> list[Activity]:
        place = None if before is None else micros(before)
        return await self._store.read(partial(_listed, before=place, after=after, most=limit))


async def _listed(
    db: Database, *, before: int | None, after: str | None, most: int
) -> list[Activity]:
    if before is None and after is not None:
        found = await db.one(_sql["place_of_activity"], id=after)
        if found is None:
            raise NotFound(NO_ACTIVITY)
        (before,) = found
    place = _FAR if before is None else before
    rows = await db.rows(_sql["activity"], before=place, id=after or "", most=most)
    return [activity_of(row) for row in rows]


async def keep_activity(db: Database, *, activity: Activity, is_folded: bool = False) -> None:
    """Write an activity in the transaction of what was done."""
    await db.rows(_sql["note"], **activity_row(activity, is_folded=is_folded))
