"""How stored rows become the records that are read back; the same for every database."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from terkirim.domain.email import Address, Content, IfUnclear, Priority, Stream
from terkirim.domain.lease import Attempt
from terkirim.domain.message import Evidence, State
from terkirim.domain.record import EmailRow, Event, MessageRow
from terkirim.ports import Backlog, KeyRow, Pause, RollupRow
from terkirim.store.rows import PRIORITIES, addresses_of, attachments_of, from_json, tuples_of
from terkirim.store.times import HOUR_US, instant, instant_or_none, micros

_FIELDS = """SELECT m.id, m.email_id, m.recipient, m.kind, coalesce(o.state, m.state),
    m.created_at, coalesce(o.attempts, m.attempts),
    CASE WHEN o.state = 'leased' THEN o.leased_until ELSE o.due_at END, o.expires_at,
    coalesce(o.provider, m.provider), m.provider_ref, coalesce(nullif(o.reason, ''), m.reason),
    m.is_sandbox, o.cancel_wanted, m.accepted_at, m.finished_at, m.delivered_at,
    m.opened_at, m.clicked_at, m.evidence"""
MESSAGE = f"{_FIELDS} FROM messages m LEFT JOIN outbox o ON o.id = m.id"
UNFINISHED_MESSAGE = f"{_FIELDS} FROM outbox o JOIN messages m ON m.id = o.id"  # no history
EMAIL = """SELECT id, owner, sender, sender_name, recipients, extras, subject, priority, stream,
    if_unclear, route, created_at, scheduled_at, expires_at, campaign, row, content_id
    FROM emails"""
ATTEMPTS = """SELECT message_id, number, lease, provider, started_at, duration, outcome, code,
    reason, answer, note FROM attempts"""
EVENTS = """SELECT id, message_id, kind, at, received_at, provider, facts, match, bounce, is_scanner
    FROM events"""
KEYS = "SELECT id, name, hash, prefix, scopes, created_at, revoked_at FROM api_keys"


def email_of(
    row: Sequence[Any], messages: Sequence[MessageRow], content: Content | None
) -> EmailRow:
    """Return the email that a row of `EMAIL` tells of, with its messages."""
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


def emails_of(rows: Sequence[Sequence[Any]], messages: Sequence[MessageRow]) -> list[EmailRow]:
    """Return emails without content, each with those of the messages that are its own."""
    own: dict[str, list[MessageRow]] = {}
    for message in messages:
        own.setdefault(message.email_id, []).append(message)
    return [email_of(row, own.get(row[0], []), None) for row in rows]


def message_of(row: Sequence[Any]) -> MessageRow:
    """Return the message that a row of `MESSAGE` tells of."""
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


def content_of(row: Sequence[Any]) -> Content:
    """Return the body that (id, html, text, is_template) tells of."""
    return Content(id=row[0], html=row[1], text=row[2], is_template=bool(row[3]))


def attempt_of(row: Sequence[Any]) -> Attempt:
    """Return the attempt that a row of `ATTEMPTS` tells of."""
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


def event_of(row: Sequence[Any]) -> Event:
    """Return the event that a row of `EVENTS` tells of."""
    return Event(
        id=row[0],
        message_id=row[1],
        kind=row[2],
        at=instant(row[3]),
        received_at=instant(row[4]),
        provider=row[5],
        facts=from_json(row[6]) | _marks(row[7:]),
    )


def _marks(row: Sequence[Any]) -> dict[str, Any]:
    """Return what is special about an event: how it was matched, a bounce's class, a scanner."""
    match, bounce, is_scanner = row
    marks = {"match": match, "bounce": bounce, "scanner": bool(is_scanner)}
    return {name: mark for name, mark in marks.items() if mark}


def key_columns(row: KeyRow) -> dict[str, Any]:
    """Return an API key as it is stored."""
    return {
        "id": row.id,
        "name": row.name,
        "hash": row.hash,
        "prefix": row.prefix,
        "scopes": ",".join(sorted(row.scopes)),
        "created_at": micros(row.created_at),
    }


def key_of(row: Sequence[Any]) -> KeyRow:
    """Return the API key that a row of `KEYS` tells of."""
    return KeyRow(
        id=row[0],
        name=row[1],
        hash=row[2],
        prefix=row[3],
        scopes=frozenset(row[4].split(",")),
        created_at=instant(row[5]),
        revoked_at=instant_or_none(row[6]),
    )


def backlog_of(counts: Iterable[Sequence[Any]], oldest_due_at: int | None) -> Backlog:
    """Return how much waits, from (state, priority, count) of the outbox."""
    by_state: Counter[State] = Counter()
    by_priority: Counter[Priority] = Counter()
    for state, priority, count in counts:
        by_state[State(state)] += count
        if state == State.QUEUED:
            by_priority[PRIORITIES[priority]] += count
    return Backlog(
        by_state=by_state,
        oldest_due_at=instant_or_none(oldest_due_at),
        by_priority=by_priority,
    )


def rollup_of(row: Sequence[Any]) -> RollupRow:
    """Return the count that (hour, kind, key, count) tells of."""
    return RollupRow(hour=instant(row[0] * HOUR_US), kind=row[1], key=row[2], count=int(row[3]))


def pause_of(row: Sequence[Any], waiting: int) -> Pause:
    """Return the pause that (provider, sender, fault, reason, since, until) tells of."""
    return Pause(
        provider=row[0],
        sender=row[1],
        fault=row[2],
        reason=row[3],
        since=instant(row[4]),
        until=instant_or_none(row[5]),
        waiting=waiting,
    )
