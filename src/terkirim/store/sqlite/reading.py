"""Read-only questions, on a connection and a thread of their own."""

from collections.abc import Iterable, Sequence
from typing import Any

import apsw

from terkirim.domain.errors import NotFound
from terkirim.domain.message import UNFINISHED, State
from terkirim.domain.record import EmailRow, MessageRow, Story
from terkirim.ports import Backlog, KeyRow, MessageFilter, RollupRow
from terkirim.store import records
from terkirim.store.records import ATTEMPTS, EMAIL, EVENTS, KEYS, MESSAGE, UNFINISHED_MESSAGE
from terkirim.store.rows import to_json
from terkirim.store.times import HOUR_US


def email_of(db: apsw.Connection, id_: str, *, with_content: bool) -> EmailRow:
    """Return the email by its id, or by a message's."""
    found = list(db.execute(f"{EMAIL} WHERE id = ?", (id_,))) or list(
        db.execute(f"{EMAIL} WHERE id = (SELECT email_id FROM messages WHERE id = ?)", (id_,))
    )
    if not found:
        raise NotFound(f"there is no e-mail with the id {id_}")
    content = None
    if with_content:
        sql = "SELECT id, html, text, is_template FROM contents WHERE id = ?"
        for row in db.execute(sql, (found[0][16],)):
            content = records.content_of(row)
    return records.email_of(found[0], messages_of(db, [found[0][0]]), content)


def emails_of(
    db: apsw.Connection, *, limit: int, after: str | None, before: str | None
) -> list[EmailRow]:
    """Return a page of emails, newest first."""
    if before is not None:
        sql, bound = f"{EMAIL} WHERE id > ? ORDER BY id LIMIT ?", (before, limit)
        found = list(db.execute(sql, bound))[::-1]
    elif after is not None:
        found = list(db.execute(f"{EMAIL} WHERE id < ? ORDER BY id DESC LIMIT ?", (after, limit)))
    else:
        found = list(db.execute(f"{EMAIL} ORDER BY id DESC LIMIT ?", (limit,)))
    return records.emails_of(found, messages_of(db, [row[0] for row in found]))


def messages_of(db: apsw.Connection, email_ids: Sequence[str]) -> list[MessageRow]:
    """Return the messages of these emails, oldest first."""
    ids = to_json(email_ids)
    sql = f"""{MESSAGE} WHERE m.id IN (SELECT value FROM json_each(:ids))
        OR (m.email_id IN (SELECT value FROM json_each(:ids)) AND m.email_id <> m.id)
        ORDER BY m.id"""
    return [records.message_of(row) for row in db.execute(sql, {"ids": ids})]


def messages_by_id(db: apsw.Connection, ids: Iterable[str]) -> list[MessageRow]:
    """Return the messages with these ids, in any order."""
    sql = f"{MESSAGE} WHERE m.id IN (SELECT value FROM json_each(?))"
    return [records.message_of(row) for row in db.execute(sql, (to_json(list(ids)),))]


def listed(db: apsw.Connection, which: MessageFilter) -> list[MessageRow]:
    """Return messages, newest first; the cost of unfinished and dead ones is free of history."""
    tests, bound = _tests(which)
    states = set(which.states or State)
    source = UNFINISHED_MESSAGE if states <= UNFINISHED else MESSAGE
    if states == {State.DEAD}:
        tests.append("m.state = 'dead' AND o.id IS NULL")
    elif which.states is not None:
        tests.append("coalesce(o.state, m.state) IN (SELECT value FROM json_each(:states))")
        bound["states"] = to_json(sorted(states))
    order = "m.id DESC" if which.before is None else "m.id"
    sql = f"{source} WHERE {' AND '.join(tests)} ORDER BY {order} LIMIT :most"
    rows = [records.message_of(row) for row in db.execute(sql, bound)]
    return rows if which.before is None else rows[::-1]


def _tests(which: MessageFilter) -> tuple[list[str], dict[str, Any]]:
    tests, bound = ["true"], {"most": which.limit}
    optional: tuple[tuple[str, str, Any], ...] = (
        ("m.id < :after", "after", which.after),
        ("m.id > :before", "before", which.before),
        ("m.email_id = :email", "email", which.email_id),
    )
    for test, name, value in optional:
        if value is not None:
            tests.append(test)
            bound[name] = value
    if which.is_sandbox is not None:
        tests.append(f"m.is_sandbox = {int(which.is_sandbox)}")  # literal: its index is partial
    return tests, bound


def story_of(db: apsw.Connection, id_: str) -> Story:
    """Return one message with its attempts and events."""
    found = list(db.execute(f"{MESSAGE} WHERE m.id = ?", (id_,)))
    messages = [records.message_of(row) for row in found] or messages_of(db, [id_])
    if not messages:
        raise NotFound(f"there is no message with the id {id_}")
    message = messages[0]
    attempts = db.execute(f"{ATTEMPTS} WHERE message_id = ? ORDER BY lease", (message.id,))
    events = db.execute(f"{EVENTS} WHERE message_id = ? ORDER BY at, seq", (message.id,))
    return Story(
        email=email_of(db, message.email_id, with_content=True),
        message=message,
        attempts=tuple(map(records.attempt_of, attempts)),
        events=tuple(map(records.event_of, events)),
    )


def backlog_of(db: apsw.Connection, now: int) -> Backlog:
    """Return how much waits, by state and priority, and since when the oldest due one waits."""
    counts = db.execute("SELECT state, priority, count(*) FROM outbox GROUP BY state, priority")
    oldest = "SELECT min(due_at) FROM outbox WHERE state = 'queued' AND due_at <= ?"
    (due,) = next(db.execute(oldest, (now,)))
    return records.backlog_of(counts, due)


def rollups_of(
    db: apsw.Connection, kinds: Iterable[str], since: int, until: int
) -> list[RollupRow]:
    """Return counts by hour, summed over nodes."""
    sql = """SELECT hour, kind, key, sum(count) FROM rollups
        WHERE kind IN (SELECT value FROM json_each(?)) AND hour >= ? AND hour <= ?
        GROUP BY hour, kind, key ORDER BY hour, kind, key"""
    bound = (to_json(list(kinds)), since // HOUR_US, until // HOUR_US)
    return [records.rollup_of(row) for row in db.execute(sql, bound)]


def attachment_of(db: apsw.Connection, sha256: str) -> bytes:
    """Return the bytes of a stored attachment."""
    for (body,) in db.execute("SELECT body FROM attachments WHERE sha256 = ?", (sha256,)):
        return bytes(body)
    raise NotFound("this attachment is not kept any more")


def keys_of(db: apsw.Connection, key_hash: str | None = None) -> list[KeyRow]:
    """Return all keys, or the one with this hash."""
    found = (
        db.execute(f"{KEYS} ORDER BY id")
        if key_hash is None
        else db.execute(f"{KEYS} WHERE hash = ?", (key_hash,))
    )
    return [records.key_of(row) for row in found]
