"""Accounts, sessions and failed tries to sign in, in PostgreSQL."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from terkirim.policy.strikes import FORGOTTEN_AFTER
from terkirim.ports.access import Session
from terkirim.ports.people import User
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.people import PostgresPeople
from terkirim.store.queries import Queries
from terkirim.store.rows import storable
from terkirim.store.signing_in import session_of, session_row, tried
from terkirim.store.times import micros
from terkirim.store.watching import user_of, user_row

_sql = Queries("terkirim.store.postgres", "access.sql")


class PostgresAccess(PostgresPeople):
    """`ports.access` over a store's connections, beside the people that it is about."""

    async def open_session(self, session: Session) -> None:
        row = session_row(session)

        async def opening(db: Database) -> None:
            await db.rows(_sql["forget_sessions"], now=row["made_at"])
            await db.rows(_sql["open_session"], **row)

        await self._store.write_alone(opening)

    async def session(
        self, token_hash: str, *, now: datetime, idle_for: timedelta
    ) -> Session | None:
        bound = {"hash": token_hash, "now": micros(now), "idle_since": micros(now - idle_for)}
        found = await self._found("session", **bound)
        return None if found is None else session_of(found)

    async def touch_session(self, token_hash: str, *, now: datetime) -> None:
        await self._changed("touch_session", hash=token_hash, now=micros(now))

    async def end_session(self, token_hash: str) -> None:
        await self._changed("end_session", hash=token_hash)

    async def end_sessions_of(self, user_id: str, *, but: str = "") -> int:
        return await self._changed("end_sessions_of", user_id=user_id, but=but)

    async def find_user(self, name: str) -> User | None:
        found = await self._found("find_user", name=storable(name))
        return None if found is None else user_of(found)

    async def set_password(self, user_id: str, password_hash: str) -> bool:
        return bool(await self._changed("set_password", id=user_id, password_hash=password_hash))

    async def set_role(self, user_id: str, role: str) -> bool:
        async def setting(db: Database) -> bool:
            await db.rows(_sql["lock_admins"])
            return await db.one(_sql["set_role"], id=user_id, role=role) is not None

        return await self._store.write_alone(setting)

    async def drop_user(self, user_id: str) -> bool:
        async def dropping(db: Database) -> bool:
            await db.rows(_sql["lock_admins"])
            is_gone = await db.one(_sql["drop_user"], id=user_id) is not None
            if is_gone:
                await db.rows(_sql["end_sessions_of"], user_id=user_id, but="")
            return is_gone

        return await self._store.write_alone(dropping)

    async def can_anybody_sign_in(self) -> bool:
        return await self._found("can_sign_in") is not None

    async def keep_first_link(self, link_hash: str, *, until: datetime) -> None:
        await self._changed("keep_first_link", hash=link_hash, until=micros(until))

    async def is_first_link(self, link_hash: str, *, now: datetime) -> bool:
        return await self._found("is_first_link", hash=link_hash, now=micros(now)) is not None

    async def add_first_user(self, user: User, *, link_hash: str, now: datetime) -> bool:
        async def adding(db: Database) -> bool:
            await db.rows(_sql["lock_first_links"])
            if await db.one(_sql["is_first_link"], hash=link_hash, now=micros(now)) is None:
                return False
            await db.rows(_sql["add_first_user"], **user_row(user))
            await db.rows(_sql["forget_first_links"])
            return True

        return await self._store.write_alone(adding)

    async def take_try(self, limits: Mapping[str, int], *, now: datetime) -> datetime | None:
        return await self._store.write_alone(partial(_take_try, limits=limits, now=now))

    async def forgive(self, key: str, *, given_back: Collection[str]) -> None:
        async def forgiving(db: Database) -> None:
            await db.rows(_sql["forgive"], key=key)
            await db.rows(_sql["give_back"], keys=list(given_back))

        await self._store.write_alone(forgiving)

    async def _found(self, statement: str, **bound: Any) -> Any:
        return await self._store.read(lambda db: db.one(_sql[statement], **bound))

    async def _changed(self, statement: str, **bound: Any) -> int:
        return len(await self._store.write_alone(lambda db: db.rows(_sql[statement], **bound)))


async def _take_try(db: Database, *, limits: Mapping[str, int], now: datetime) -> datetime | None:
    await db.rows(_sql["forget_strikes"], before=micros(now - FORGOTTEN_AFTER))
    await db.rows(_sql["enter_strikes"], keys=list(limits), now=micros(now))
    kept = await db.rows(_sql["strikes"], keys=list(limits))
    locked_until, rows = tried(kept, limits, now)
    for row in rows:
        await db.rows(_sql["keep_strikes"], **row)
    return locked_until
