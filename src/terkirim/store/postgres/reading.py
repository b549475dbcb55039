"""Read-only questions, each in a transaction of its own."""

from collections.abc import Iterable, Sequence
from typing import Any

from terkirim.domain.errors import NotFound
from terkirim.domain.message import UNFINISHED, State
from terkirim.domain.record import EmailRow, MessageRow, Story
from terkirim.ports import Backlog, KeyRow, MessageFilter, RollupRow
from terkirim.store.postgres.database import Database
from terkirim.store.records import (
    ATTEMPTS,
    EMAIL,
    EVENTS,
    KEYS,
    MESSAGE,
    UNFINISHED_MESSAGE,
    attempt_of,
    backlog_of,
    content_of,
    email_of,
    emails_of,
    event_of,
    key_of,
    message_of,
    rollup_of,
)
from terkirim.store.rows import storable
from terkirim.store.times import HOUR_US


async def email(db: Database, *, id_: str, with_content: bool) -> EmailRow:
    """Return the email by its id, or by a message's."""
    row = await db.one(f"{EMAIL} WHERE id = :id", id=id_) or await db.one(
        f"{EMAIL} WHERE id = (SELECT email_id FROM messages WHERE id = :id)", id=id_
    )
    if row is None:
        raise NotFound(f"there is no e-mail with the id {id_}")
    found = None
    if with_content:
        sql = "SELECT id, html, text, is_template FROM contents WHERE id = :id"
        found = await db.one(sql, id=row[16])
    messages = await _messages_of(db, [row[0]])
    return email_of(row, messages, None if found is None else content_of(found))


async def emails(
    db: Database, *, limit: int, after: str | None, before: str | None
) -> list[EmailRow]:
    """Return a page of emails, newest first."""
    if before is not None:
        sql = f"{EMAIL} WHERE id > :before ORDER BY id LIMIT :most::bigint"
        rows = (await db.rows(sql, before=before, most=limit))[::-1]
    elif after is not None:
        sql = f"{EMAIL} WHERE id < :after ORDER BY id DESC LIMIT :most::bigint"
        rows = await db.rows(sql, after=after, most=limit)
    else:
        rows = await db.rows(f"{EMAIL} ORDER BY id DESC LIMIT :most::bigint", most=limit)
    return emails_of(rows, await _messages_of(db, [row[0] for row in rows]))


async def _messages_of(db: Database, email_ids: Sequence[str]) -> list[MessageRow]:
    """Return the messages of these emails, oldest first."""
    sql = f"""{MESSAGE} WHERE m.id = ANY (:ids::text[])
        UNION ALL {MESSAGE} WHERE m.email_id = ANY (:ids::text[]) AND m.email_id <> m.id
        ORDER BY 1"""
    return [message_of(row) for row in await db.rows(sql, ids=email_ids)]


async def messages_by_id(db: Database, ids: Iterable[str]) -> list[MessageRow]:
    """Return the messages with these ids, in any order."""
    rows = await db.rows(f"{MESSAGE} WHERE m.id = ANY (:ids::text[])", ids=list(ids))
    return [message_of(row) for row in rows]


async def listed(db: Database, *, which: MessageFilter) -> list[MessageRow]:
    """Return messages, newest first; the cost of unfinished and dead ones is free of history."""
    tests, bound = _tests(which)
    states = set(which.states or State)
    source = UNFINISHED_MESSAGE if states <= UNFINISHED else MESSAGE
    if states == {State.DEAD}:
        tests.append("m.state = 'dead' AND o.id IS NULL")
    elif which.states is not None:
        tests.append("coalesce(o.state, m.state) = ANY (:states::text[])")
        bound["states"] = sorted(states)
    order = "m.id DESC" if which.before is None else "m.id"
    sql = f"{source} WHERE {' AND '.join(tests)} ORDER BY {order} LIMIT :most::bigint"
    rows = [message_of(row) for row in await db.rows(sql, most=which.limit, **bound)]
    return rows if which.before is None else rows[::-1]


def _tests(which: MessageFilter) -> tuple[list[str], dict[str, Any]]:
    optional: tuple[tuple[str, str, Any], ...] = (
        ("after", "m.id < :after", which.after),
        ("before", "m.id > :before", which.before),
        ("email", "m.email_id = :email", which.email_id),
    )
    bound = {name: value for name, _, value in optional if value is not None}
    tests = ["true", *(test for name, test, _ in optional if name in bound)]
    if which.is_sandbox is not None:
        tests.append("m.is_sandbox" if which.is_sandbox else "NOT m.is_sandbox")
    return tests, bound


async def story(db: Database, *, id_: str) -> Story:
    """Return one message with its attempts and events."""
    id_ = storable(id_)
    row = await db.one(f"{MESSAGE} WHERE m.id = :id", id=id_)
    messages = await _messages_of(db, [id_]) if row is None else [message_of(row)]
    if not messages:
        raise NotFound(f"there is no message with the id {id_}")
    message = messages[0]
    attempts = await db.rows(f"{ATTEMPTS} WHERE message_id = :id ORDER BY lease", id=message.id)
    events = await db.rows(f"{EVENTS} WHERE message_id = :id ORDER BY at, seq", id=message.id)
    return Story(
        email=await email(db, id_=message.email_id, with_content=True),
        message=message,
        attempts=tuple(map(attempt_of, attempts)),
        events=tuple(map(event_of, events)),
    )


async def backlog(db: Database, *, now: int) -> Backlog:
    """Return how much waits, by state and priority, and since when the oldest due one waits."""
    counts = await db.rows("SELECT state, priority, count(*) FROM outbox GROUP BY state, priority")
    oldest = "SELECT min(due_at) FROM outbox WHERE state = 'queued' AND due_at <= :now"
    (due,) = await db.one(oldest, now=now)
    return backlog_of(counts, due)


async def rollups(db: Database, *, kinds: Sequence[str], since: int, until: int) -> list[RollupRow]:
    """Return counts by hour, summed over nodes."""
    sql = """SELECT hour, kind, key, sum(count) FROM rollups
        WHERE kind = ANY (:kinds::text[]) AND hour >= :since AND hour <= :until
        GROUP BY hour, kind, key ORDER BY hour, kind, key"""
    found = await db.rows(sql, kinds=list(kinds), since=since // HOUR_US, until=until // HOUR_US)
    return [rollup_of(row) for row in found]


async def attachment(db: Database, *, sha256: str) -> bytes:
    """Return the bytes of a stored attachment."""
    found = await db.one("SELECT body FROM attachments WHERE sha256 = :sha256", sha256=sha256)
    if found is None:
        raise NotFound("this attachment is not kept any more")
    return bytes(found[0])


async def keys(db: Database, *, key_hash: str | None = None) -> list[KeyRow]:
    """Return all keys, or the one with this hash."""
    found = (
        await db.rows(f"{KEYS} ORDER BY id")
        if key_hash is None
        else await db.rows(f"{KEYS} WHERE hash = :hash", hash=key_hash)
    )
    return [key_of(row) for row in found]
