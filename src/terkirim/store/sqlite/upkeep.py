"""Forgets what is old: bounded pieces, each one transaction of the store's one writer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import apsw

from terkirim.domain.ids import uuid7
from terkirim.ports.retention import PRUNED_AT_ONCE
from terkirim.store.queries import Queries
from terkirim.store.rows import to_json
from terkirim.store.sqlite.accepting import FILE_KEPT_US, KEY_KEPT_US
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.times import micros, span_us

DAY_US = 24 * 3_600_000_000

_sql = Queries("terkirim.store.sqlite", "upkeep.sql")


class SqliteRetention:
    """`ports.Retention` over an open store."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def prune_content(
        self, *, keep: timedelta, now: datetime, limit: int = PRUNED_AT_ONCE
    ) -> int:
        age = _Age(now=micros(now), keep=span_us(keep), most=limit)
        return await self._store.write_alone(partial(_prune_content, age=age))

    async def prune_messages(
        self, *, keep: timedelta, now: datetime, limit: int = PRUNED_AT_ONCE
    ) -> int:
        age = _Age(now=micros(now), keep=span_us(keep), most=limit)
        return await self._store.write_alone(partial(_prune_messages, age=age))

    async def prune_keys(self, *, now: datetime, limit: int = PRUNED_AT_ONCE) -> int:
        bound = {"before": micros(now) - KEY_KEPT_US, "most": limit}
        return await self._store.write_alone(partial(_changed, sql=_sql["drop_keys"], bound=bound))

    async def keep_files(self, *, now: datetime, limit: int = PRUNED_AT_ONCE) -> int:
        """Ask on the reader: nearly all files of the last days are looked at, few are kept."""
        until = micros(now) + FILE_KEPT_US
        bound = {"soon": until - DAY_US, "most": limit}
        asking = partial(_firsts, sql=_sql["files_in_use"], bound=bound)
        ids = await self._store.search(asking)
        if ids:
            keeping = {"ids": to_json(ids), "until": until}
            await self._store.write_alone(partial(_changed, sql=_sql["keep_files"], bound=keeping))
        return len(ids)

    async def prune_files(self, *, now: datetime, limit: int = PRUNED_AT_ONCE) -> int:
        bound = {"now": micros(now), "most": limit}
        return await self._store.write_alone(partial(_changed, sql=_sql["drop_files"], bound=bound))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Age:
    """How old an email must be, and how many are looked at; in microseconds."""

    now: int
    keep: int
    most: int

    @property
    def before(self) -> int:
        return self.now - self.keep

    @property
    def bound(self) -> str:
        return uuid7(max(self.before, 0) // 1_000, 0)


@dataclass(slots=True)
class _Found:
    """Emails that were looked at: the ripe ones with their messages, and when to look again."""

    ripe: list[str]
    messages: list[str]
    later: list[tuple[str, int]]


def _prune_content(db: apsw.Connection, *, age: _Age) -> int:
    due = _firsts(db, sql=_sql["emails_to_look_at"], bound={"now": age.now, "most": age.most})
    seen = _mark(db, "content")
    fresh = _older(db, seen, age, most=age.most - len(due))
    found = _looked_at(db, [*due, *fresh], age)
    ids = {"ids": to_json(found.ripe)}
    db.execute(_sql["look_later"], {"rows": to_json(found.later)})
    db.execute(_sql["looked_at"], ids)
    db.execute(_sql["drop_variables"], {"ids": to_json(found.messages)})
    db.execute(_sql["drop_own_contents"], ids)
    db.execute(_sql["drop_uses"], ids)
    shared = _firsts(db, sql=_sql["shared_contents"], bound=ids)
    seen = fresh[-1] if fresh else seen
    if shared:
        dropping = {"contents": to_json(shared), "seen": seen}
        db.execute(_sql["drop_shared_contents"], dropping)
    if fresh:
        db.execute(_sql["set_mark"], {"kind": "content", "seen": seen})
    return len(due) + len(fresh)


def _prune_messages(db: apsw.Connection, *, age: _Age) -> int:
    seen = _mark(db, "messages")
    ids = _older(db, seen, age, most=age.most)
    # At the end it begins again: what is left below was not ripe, and is all that is left there.
    db.execute(_sql["set_mark"], {"kind": "messages", "seen": ids[-1] if ids else ""})
    found = _looked_at(db, ids, age)
    _drop_emails(db, found.ripe, found.messages)
    bound = {"before": age.before, "most": age.most}
    return len(ids) + _changed(db, sql=_sql["drop_unmatched_events"], bound=bound)


def _drop_emails(db: apsw.Connection, emails: Sequence[str], messages: Sequence[str]) -> None:
    if not emails:
        return
    ids, of_messages = {"ids": to_json(emails)}, {"ids": to_json(messages)}
    shared = _firsts(db, sql=_sql["shared_contents"], bound=ids)
    for name in ("drop_attempts", "drop_events", "drop_messages"):
        db.execute(_sql[name], of_messages)
    for name in ("drop_own_contents", "drop_uses", "looked_at", "drop_emails"):
        db.execute(_sql[name], ids)
    if shared:
        db.execute(_sql["drop_orphaned_contents"], {"contents": to_json(shared)})


def _looked_at(db: apsw.Connection, ids: Sequence[str], age: _Age) -> _Found:
    messages: dict[str, list[str]] = {id_: [] for id_ in ids}
    look_at = dict.fromkeys(ids, 0)
    for email_id, message_id, finished_at, waits in db.execute(_sql["ends"], {"ids": to_json(ids)}):
        messages[email_id].append(message_id)
        # What waits is looked at again tomorrow; what ended, when it has been kept long enough.
        again = age.now + DAY_US if waits or finished_at is None else finished_at + age.keep
        look_at[email_id] = max(look_at[email_id], again)
    ripe = [id_ for id_ in ids if look_at[id_] <= age.now]
    return _Found(
        ripe=ripe,
        messages=[one for id_ in ripe for one in messages[id_]],
        later=[(id_, at) for id_, at in look_at.items() if at > age.now],
    )


def _older(db: apsw.Connection, seen: str, age: _Age, *, most: int) -> list[str]:
    bound = {"seen": seen, "bound": age.bound, "most": most}
    return _firsts(db, sql=_sql["older_emails"], bound=bound)


def _mark(db: apsw.Connection, kind: str) -> str:
    return next((str(seen) for (seen,) in db.execute(_sql["mark"], {"kind": kind})), "")


def _firsts(db: apsw.Connection, *, sql: str, bound: dict[str, Any]) -> list[str]:
    return [row[0] for row in db.execute(sql, bound)]


def _changed(db: apsw.Connection, *, sql: str, bound: dict[str, Any]) -> int:
    before = db.total_changes()
    db.execute(sql, bound)
    return db.total_changes() - before
