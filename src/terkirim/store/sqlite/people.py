"""People, and the log of what was done by whom, in SQLite."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import apsw

from terkirim.domain.alert import Activity
from terkirim.domain.ids import uuid7
from terkirim.ports.people import User
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, to_json
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.times import HOUR_US, instant, micros

_FAR = datetime(9999, 1, 1, tzinfo=UTC)
_ID_BYTES, _ID_BITS = 10, 74
_sql = Queries("terkirim.store.sqlite", "people.sql")


class SqlitePeople:
    """The users and the activity log over a store's connections."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def add_user(self, user: User) -> bool:
        bound = {
            "id": user.id,
            "name": user.name,
            "email": user.email,
            "role": user.role,
            "alert_url": user.alert_url,
            "password_hash": user.password_hash,
            "created_at": micros(user.created_at),
        }
        return await self._store.write_alone(partial(_touched, name="add_user", bound=bound))

    async def users(self) -> list[User]:
        return await self._store.read(lambda db: [_user(row) for row in db.execute(_sql["users"])])

    async def remove_user(self, name: str) -> bool:
        return await self._store.write_alone(
            partial(_touched, name="remove_user", bound={"name": name})
        )

    async def note(self, activity: Activity, *, is_folded: bool = False) -> None:
        await self._store.write_alone(
            partial(keep_activity, activity=activity, is_folded=is_folded)
        )

    async def activity(self, *, limit: int, before: datetime | None = None) -> list[Activity]:
        bound = {"before": micros(before or _FAR), "most": limit}
        return await self._store.read(
            lambda db: [_activity(row) for row in db.execute(_sql["activity"], bound)]
        )


def keep_activity(db: apsw.Connection, activity: Activity, *, is_folded: bool = False) -> None:
    """Write an activity in the transaction of what was done."""
    row = {
        "id": _id(activity, is_folded=is_folded),
        "at": micros(activity.at),
        "who": activity.who,
        "what": activity.what,
        "subject": activity.subject,
        "facts": to_json(activity.facts),
    }
    db.execute(_sql["note"], row)


def _id(activity: Activity, *, is_folded: bool) -> str:
    """Return an id that a repeat has too: of the same instant, or folded of the same hour."""
    at = micros(activity.at)
    since = at // HOUR_US * HOUR_US if is_folded else at
    named = f"{since}\0{activity.who}\0{activity.what}\0{activity.subject}"
    digest = hashlib.sha256(named.encode("utf-8", "surrogatepass")).digest()
    bits = int.from_bytes(digest[:_ID_BYTES]) >> (8 * _ID_BYTES - _ID_BITS)
    return uuid7(since // 1_000, bits)


def _touched(db: apsw.Connection, *, name: str, bound: dict[str, Any]) -> bool:
    before = db.total_changes()
    db.execute(_sql[name], bound)
    return db.total_changes() > before


def _user(row: Sequence[Any]) -> User:
    id_, name, email, role, alert_url, password_hash, created_at = row
    return User(
        id=id_,
        name=name,
        email=email,
        role=role,
        alert_url=alert_url,
        password_hash=password_hash,
        created_at=instant(created_at),
    )


def _activity(row: Sequence[Any]) -> Activity:
    at, who, what, subject, facts = row
    return Activity(at=instant(at), who=who, what=what, subject=subject, facts=from_json(facts))
