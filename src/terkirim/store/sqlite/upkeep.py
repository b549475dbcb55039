"""Forgets what is old: bounded pieces, each one transaction of the store's one writer."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import apsw

from terkirim.ports.retention import PRUNED_AT_ONCE
from terkirim.store.pruning import Age, Looked, looked_at
from terkirim.store.queries import Queries
from terkirim.store.rows import to_json
from terkirim.store.sqlite.store import SqliteStore
from terkirim.store.submitting import FILE_KEPT_US, KEY_KEPT_US
from terkirim.store.times import DAY_US, micros, span_us

_sql = Queries("terkirim.store.sqlite", "upkeep.sql")


class SqliteRetention:
    """`ports.Retention` over an open store."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def prune_content(
        self, *, keep: timedelta, now: datetime, limit: int = PRUNED_AT_ONCE
    ) -> int:
        age = Age(now=micros(now), keep=span_us(keep), most=limit)
        return await self._store.write_alone(partial(_prune_content, age=age))

    async def prune_messages(
        self, *, keep: timedelta, now: datetime, limit: int = PRUNED_AT_ONCE
    ) -> int:
        age = Age(now=micros(now), keep=span_us(keep), most=limit)
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

    async def fold_counts(self, *, now: datetime) -> int:  # noqa: ARG002 - the port's
        """Do nothing: all processes count in one row."""
        return 0


def _prune_content(db: apsw.Connection, *, age: Age) -> int:
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
    unneeded = {"ids": to_json(shared), "seen": seen}
    dropped = _firsts(db, sql=_sql["unneeded_contents"], bound=unneeded) if shared else []
    if dropped:
        asking = {"ids": to_json(dropped)}
        needed = _firsts(db, sql=_sql["requeued_contents"], bound=asking)
        gone = {"ids": to_json(sorted(set(dropped) - set(needed)))}
        db.execute(_sql["drop_own_contents"], gone)
    if fresh:
        db.execute(_sql["set_mark"], {"kind": "content", "seen": seen})
    return len(due) + len(fresh)


def _prune_messages(db: apsw.Connection, *, age: Age) -> int:
    seen = _mark(db, "messages")
    ids = _older(db, seen, age, most=age.most)
    # At the end it begins again: what is left below was not ripe, and is all that is left there.
    db.execute(_sql["set_mark"], {"kind": "messages", "seen": ids[-1] if ids else ""})
    found = _looked_at(db, ids, age)
    _drop_emails(db, found.ripe, found.messages)
    return len(ids)


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


def _looked_at(db: apsw.Connection, ids: Sequence[str], age: Age) -> Looked:
    return looked_at(ids, db.execute(_sql["ends"], {"ids": to_json(ids)}), age)


def _older(db: apsw.Connection, seen: str, age: Age, *, most: int) -> list[str]:
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
