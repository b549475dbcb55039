"""Read-only questions, on a connection and a thread of their own."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import apsw

from terkirim.domain.email import Address, Content, IfUnclear, Priority, Stream
from terkirim.domain.errors import NotFound
from terkirim.domain.lease import Attempt
from terkirim.domain.message import UNFINISHED, Evidence, State
from terkirim.domain.record import EmailRow, Event, MessageRow, Story
from terkirim.ports import Backlog, KeyRow, MessageFilter, RollupRow
from terkirim.store.rows import (
    PRIORITIES,
    addresses_of,
    attachments_of,
    from_json,
    to_json,
    tuples_of,
)
from terkirim.store.times import HOUR_US, instant, instant_or_none

_FIELDS = """SELECT m.id, m.email_id, m.recipient, m.kind, coalesce(o.state, m.state),
    m.created_at, coalesce(o.attempts, m.attempts),
    iif(o.state = 'leased', o.leased_until, o.due_at), o.expires_at,
    coalesce(o.provider, m.provider), m.provider_ref, coalesce(nullif(o.reason, ''), m.reason),
    m.is_sandbox, coalesce(o.cancel_wanted, 0), m.accepted_at, m.finished_at, m.delivered_at,
    m.opened_at, m.clicked_at, m.evidence"""
_MESSAGE = f"{_FIELDS} FROM messages m LEFT JOIN outbox o ON o.id = m.id"
_UNFINISHED = f"{_FIELDS} FROM outbox o JOIN messages m ON m.id = o.id"  # no look at history
_EMAIL = """SELECT id, owner, sender, sender_name, recipients, extras, subject, priority, stream,
    if_unclear, route, created_at, scheduled_at, expires_at, campaign, row, content_id
    FROM emails"""


def email_of(db: apsw.Connection, id_: str, *, with_content: bool) -> EmailRow:
    """Return the email by its id, or by a message's."""
    found = list(db.execute(f"{_EMAIL} WHERE id = ?", (id_,))) or list(
        db.execute(f"{_EMAIL} WHERE id = (SELECT email_id FROM messages WHERE id = ?)", (id_,))
    )
    if not found:
        raise NotFound(f"there is no e-mail with the id {id_}")
    content = None
    if with_content:
        sql = "SELECT id, html, text, is_template FROM contents WHERE id = ?"
        for content_id, html, text, is_template in db.execute(sql, (found[0][16],)):
            content = Content(id=content_id, html=html, text=text, is_template=bool(is_template))
    return _email(found[0], messages_of(db, [found[0][0]]), content)


def emails_of(
    db: apsw.Connection, *, limit: int, after: str | None, before: str | None
) -> list[EmailRow]:
    """Return a page of emails, newest first."""
    if before is not None:
        sql, bound = f"{_EMAIL} WHERE id > ? ORDER BY id LIMIT ?", (before, limit)
        found = list(db.execute(sql, bound))[::-1]
    elif after is not None:
        found = list(db.execute(f"{_EMAIL} WHERE id < ? ORDER BY id DESC LIMIT ?", (after, limit)))
    else:
        found = list(db.execute(f"{_EMAIL} ORDER BY id DESC LIMIT ?", (limit,)))
    rows: dict[str, list[MessageRow]] = {}
    for message in messages_of(db, [row[0] for row in found]):
        rows.setdefault(message.email_id, []).append(message)
    return [_email(row, rows.get(row[0], []), None) for row in found]


def messages_of(db: apsw.Connection, email_ids: Sequence[str]) -> list[MessageRow]:
    """Return the messages of these emails, oldest first."""
    ids = to_json(email_ids)
    sql = f"""{_MESSAGE} WHERE m.id IN (SELECT value FROM json_each(:ids))
        OR (m.email_id IN (SELECT value FROM json_each(:ids)) AND m.email_id <> m.id)
        ORDER BY m.id"""
    return [_message(row) for row in db.execute(sql, {"ids": ids})]


def messages_by_id(db: apsw.Connection, ids: Iterable[str]) -> list[MessageRow]:
    """Return the messages with these ids, in any order."""
    sql = f"{_MESSAGE} WHERE m.id IN (SELECT value FROM json_each(?))"
    return [_message(row) for row in db.execute(sql, (to_json(list(ids)),))]


def listed(db: apsw.Connection, which: MessageFilter) -> list[MessageRow]:
    """Return messages, newest first; the cost of unfinished and dead ones is free of history."""
    tests, bound = _tests(which)
    states = set(which.states or State)
    source = _UNFINISHED if states <= UNFINISHED else _MESSAGE
    if states == {State.DEAD}:
        tests.append("m.state = 'dead' AND o.id IS NULL")
    elif which.states is not None:
        tests.append("coalesce(o.state, m.state) IN (SELECT value FROM json_each(:states))")
        bound["states"] = to_json(sorted(states))
    order = "m.id DESC" if which.before is None else "m.id"
    sql = f"{source} WHERE {' AND '.join(tests)} ORDER BY {order} LIMIT :most"
    rows = [_message(row) for row in db.execute(sql, bound)]
    return rows if which.before is None else rows[::-1]


def _tests(which: MessageFilter) -> tuple[list[str], dict[str, Any]]:
    tests, bound = ["true"], {"most": which.limit}
    optional: tuple[tuple[str, str, Any], ...] = (
        ("m.id < :after", "after", which.after),
        ("m.id > :before", "before", which.before),
        ("lower(m.recipient) = lower(:recipient)", "recipient", which.recipient),
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
    message = next(
        (_message(row) for row in db.execute(f"{_MESSAGE} WHERE m.id = ?", (id_,))), None
    )
    if message is None:
        several = messages_of(db, [id_])
        if not several:
            raise NotFound(f"there is no message with the id {id_}")
        message = several[0]
    attempts = """SELECT message_id, number, lease, provider, started_at, duration, outcome, code,
        reason, answer, note FROM attempts WHERE message_id = ? ORDER BY lease"""
    events = """SELECT id, message_id, kind, at, received_at, provider, facts FROM events
        WHERE message_id = ? ORDER BY at, id"""
    return Story(
        email=email_of(db, message.email_id, with_content=True),
        message=message,
        attempts=tuple(_attempt(row) for row in db.execute(attempts, (message.id,))),
        events=tuple(_event(row) for row in db.execute(events, (message.id,))),
    )


def backlog_of(db: apsw.Connection, now: int) -> Backlog:
    """Return how much waits, by state and priority, and since when the oldest due one waits."""
    counts = db.execute("SELECT state, priority, count(*) FROM outbox GROUP BY state, priority")
    by_state: Counter[State] = Counter()
    by_priority: Counter[Priority] = Counter()
    for state, priority, count in counts:
        by_state[State(state)] += count
        if state == State.QUEUED:
            by_priority[PRIORITIES[priority]] += count
    oldest = "SELECT min(due_at) FROM outbox WHERE state = 'queued' AND due_at <= ?"
    (due,) = next(db.execute(oldest, (now,)))
    return Backlog(by_state=by_state, oldest_due_at=instant_or_none(due), by_priority=by_priority)


def rollups_of(
    db: apsw.Connection, kinds: Iterable[str], since: int, until: int
) -> list[RollupRow]:
    """Return counts by hour, summed over nodes."""
    sql = """SELECT hour, kind, key, sum(count) FROM rollups
        WHERE kind IN (SELECT value FROM json_each(?)) AND hour >= ? AND hour <= ?
        GROUP BY hour, kind, key ORDER BY hour, kind, key"""
    bound = (to_json(list(kinds)), since // HOUR_US, until // HOUR_US)
    return [
        RollupRow(hour=instant(hour * HOUR_US), kind=kind, key=key, count=count)
        for hour, kind, key, count in db.execute(sql, bound)
    ]


def attachment_of(db: apsw.Connection, sha256: str) -> bytes:
    """Return the bytes of a stored attachment."""
    for (body,) in db.execute("SELECT body FROM attachments WHERE sha256 = ?", (sha256,)):
        return bytes(body)
    raise NotFound("this attachment is not kept any more")


def keys_of(db: apsw.Connection, key_hash: str | None = None) -> list[KeyRow]:
    """Return all keys, or the one with this hash."""
    sql = "SELECT id, name, hash, prefix, scopes, created_at, revoked_at FROM api_keys"
    found = (
        db.execute(f"{sql} ORDER BY id")
        if key_hash is None
        else db.execute(f"{sql} WHERE hash = ?", (key_hash,))
    )
    return [
        KeyRow(
            id=id_,
            name=name,
            hash=hash_,
            prefix=prefix,
            scopes=frozenset(scopes.split(",")),
            created_at=instant(created_at),
            revoked_at=instant_or_none(revoked_at),
        )
        for id_, name, hash_, prefix, scopes, created_at, revoked_at in found
    ]


def _email(row: Sequence[Any], messages: Sequence[MessageRow], content: Content | None) -> EmailRow:
    recipients = from_json(row[4])
    extras = from_json(row[5]) if row[5] else {}
    return EmailRow(
        id=row[0],
        owner=row[1],
        sender=Address(row[2], row[3]),
        to=addresses_of(recipients.get("to")),
        cc=addresses_of(recipients.get("cc")),
        bcc=addresses_of(recipients.get("bcc")),
        reply_to=addresses_of(extras.get("reply_to")),
        subject=row[6],
        headers=tuples_of(extras.get("headers")),
        tags=tuples_of(extras.get("tags")),
        attachments=attachments_of(extras),
        warnings=tuple(extras.get("warnings", ())),
        priority=PRIORITIES[row[7]],
        stream=Stream(row[8]),
        if_unclear=IfUnclear(row[9]),
        route=row[10],
        created_at=instant(row[11]),
        scheduled_at=instant_or_none(row[12]),
        expires_at=instant_or_none(row[13]),
        campaign=row[14],
        row=row[15],
        content=content,
        messages=tuple(messages),
    )


def _message(row: Sequence[Any]) -> MessageRow:
    return MessageRow(
        id=row[0],
        email_id=row[1],
        recipient=row[2],
        kind=row[3],
        state=State(row[4]),
        created_at=instant(row[5]),
        attempts=row[6],
        due_at=instant_or_none(row[7]),
        expires_at=instant_or_none(row[8]),
        provider=row[9],
        provider_ref=row[10],
        reason=row[11],
        is_sandbox=bool(row[12]),
        is_cancel_wanted=bool(row[13]),
        accepted_at=instant_or_none(row[14]),
        finished_at=instant_or_none(row[15]),
        delivered_at=instant_or_none(row[16]),
        opened_at=instant_or_none(row[17]),
        clicked_at=instant_or_none(row[18]),
        evidence=None if row[19] is None else Evidence(row[19]),
    )


def _attempt(row: Sequence[Any]) -> Attempt:
    return Attempt(
        message_id=row[0],
        number=row[1],
        lease=row[2],
        provider=row[3],
        started_at=instant(row[4]),
        duration_us=row[5],
        outcome=row[6],
        code=row[7],
        reason=row[8],
        answer=row[9],
        note=row[10],
    )


def _event(row: Sequence[Any]) -> Event:
    return Event(
        id=row[0],
        message_id=row[1],
        kind=row[2],
        at=instant(row[3]),
        received_at=instant(row[4]),
        provider=row[5],
        facts=from_json(row[6]),
    )
