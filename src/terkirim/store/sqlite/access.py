"""Accounts, sessions and failed tries to sign in, in SQLite."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import apsw

from terkirim.policy.strikes import FORGOTTEN_AFTER
from terkirim.ports.access import Session
from terkirim.ports.people import User
from terkirim.store.queries import Queries
from terkirim.store.rows import to_json
from terkirim.store.signing_in import session_of, session_row, tried
from terkirim.store.sqlite.people import SqlitePeople
from terkirim.store.times import micros
from terkirim.store.watching import user_of, user_row

_sql = Queries("terkirim.store.sqlite", "access.sql")


class SqliteAccess(SqlitePeople):
    """`ports.access` over a store's connections, beside the people that it is about."""

    async def open_session(self, session: Session) -> None:
        row = session_row(session)

        def opening(db: apsw.Connection) -> None:
            db.execute(_sql["forget_sessions"], {"now": row["made_at"]})
            db.execute(_sql["open_session"], row)

        await self._store.write_alone(opening)

    async def session(
        self, token_hash: str, *, now: datetime, idle_for: timedelta
    ) -> Session | None:
        bound = {"hash": token_hash, "now": micros(now), "idle_since": micros(now - idle_for)}
        found = await self._store.read(lambda db: list(db.execute(_sql["session"], bound)))
        return session_of(found[0]) if found else None

    async def touch_session(self, token_hash: str, *, now: datetime) -> None:
        await self._changed("touch_session", {"hash": token_hash, "now": micros(now)})

    async def end_session(self, token_hash: str) -> None:
        await self._changed("end_session", {"hash": token_hash})

    async def end_sessions_of(self, user_id: str, *, but: str = "") -> int:
        return await self._changed("end_sessions_of", {"user_id": user_id, "but": but})

    async def find_user(self, name: str) -> User | None:
        found = await self._store.read(
            lambda db: list(db.execute(_sql["find_user"], {"name": name}))
        )
        return user_of(found[0]) if found else None

    async def set_password(self, user_id: str, password_hash: str) -> bool:
        bound = {"id": user_id, "password_hash": password_hash}
        return bool(await self._changed("set_password", bound))

    async def set_role(self, user_id: str, role: str) -> bool:
        return bool(await self._changed("set_role", {"id": user_id, "role": role}))

    async def drop_user(self, user_id: str) -> bool:
        def dropping(db: apsw.Connection) -> bool:
            is_gone = _changes(db, name="drop_user", bound={"id": user_id}) > 0
            if is_gone:
                db.execute(_sql["end_sessions_of"], {"user_id": user_id, "but": ""})
            return is_gone

        return await self._store.write_alone(dropping)

    async def can_anybody_sign_in(self) -> bool:
        return bool(await self._store.read(lambda db: list(db.execute(_sql["can_sign_in"]))))

    async def keep_first_link(self, link_hash: str, *, until: datetime) -> None:
        await self._changed("keep_first_link", {"hash": link_hash, "until": micros(until)})

    async def is_first_link(self, link_hash: str, *, now: datetime) -> bool:
        bound = {"hash": link_hash, "now": micros(now)}
        return bool(
            await self._store.read(lambda db: list(db.execute(_sql["is_first_link"], bound)))
        )

    async def add_first_user(self, user: User, *, link_hash: str, now: datetime) -> bool:
        return await self._store.write_alone(
            partial(_add_first, user=user, link={"hash": link_hash, "now": micros(now)})
        )

    async def take_try(self, limits: Mapping[str, int], *, now: datetime) -> datetime | None:
        return await self._store.write_alone(partial(_take_try, limits=limits, now=now))

    async def forgive(self, key: str, *, given_back: Collection[str]) -> None:
        def forgiving(db: apsw.Connection) -> None:
            db.execute(_sql["forgive"], {"key": key})
            db.execute(_sql["give_back"], {"keys": to_json(list(given_back))})

        await self._store.write_alone(forgiving)

    async def _changed(self, name: str, bound: dict[str, Any]) -> int:
        return await self._store.write_alone(partial(_changes, name=name, bound=bound))


def _changes(db: apsw.Connection, *, name: str, bound: dict[str, Any]) -> int:
    before = db.total_changes()
    db.execute(_sql[name], bound)
    return db.total_changes() - before


def _add_first(db: apsw.Connection, *, user: User, link: dict[str, Any]) -> bool:
    if not list(db.execute(_sql["is_first_link"], link)):
        return False
    db.execute(_sql["add_first_user"], user_row(user))
    db.execute(_sql["forget_first_links"])
    return True


def _take_try(db: apsw.Connection, *, limits: Mapping[str, int], now: datetime) -> datetime | None:
    db.execute(_sql["forget_strikes"], {"before": micros(now - FORGOTTEN_AFTER)})
    kept = db.execute(_sql["strikes"], {"keys": to_json(list(limits))})
    locked_until, rows = tried(kept, limits, now)
    db.executemany(_sql["keep_strikes"], rows)
    return locked_until
