"""Webhooks as they travel between records and rows; the same for every database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from terkirim.domain.alert import Activity
from terkirim.domain.errors import NotFound
from terkirim.domain.ids import uuid7
from terkirim.domain.webhook import (
    TEST,
    Endpoint,
    Happening,
    Payload,
    Secrets,
    Subject,
    WebhookAnswer,
    WebhookDelivery,
    WebhookEnd,
    WebhookState,
    WebhookTask,
    WebhookType,
)
from terkirim.policy.webhooks import FAILING_FOR, FAILURES, failed_too_long
from terkirim.ports.webhooks import EndpointChange, Fresh
from terkirim.store.rows import addresses_of, from_json, storable, tuples_of
from terkirim.store.times import instant, instant_or_none, micros, micros_or_none, span_us

# Of each delivery with its payload and its latest attempt, for `delivery_of`.
DELIVERY = """SELECT d.endpoint_id, p.id, p.type, p.at, p.message_id, p.body, d.state, d.attempts,
    d.due_at, a.at, a.duration, a.code, a.reason, a.answer
FROM webhook_deliveries d JOIN webhook_payloads p ON p.id = d.payload_id
LEFT JOIN webhook_attempts a ON a.payload_id = d.payload_id AND a.endpoint_id = d.endpoint_id
    AND a.number = (SELECT max(l.number) FROM webhook_attempts l
        WHERE l.payload_id = d.payload_id AND l.endpoint_id = d.endpoint_id)"""
COUNTED = 10_000  # beyond it, what waits is not counted exactly
DROPPED_AT_ONCE = 1_000  # deliveries of an endpoint that is removed, in one transaction
_TYPES = frozenset(WebhookType)


def endpoint_of(row: Sequence[Any]) -> Endpoint:
    """Return an endpoint from its row of `endpoints`."""
    types = row[2] if isinstance(row[2], list) else from_json(row[2])
    return Endpoint(
        id=row[0],
        url=row[1],
        types=tuple(WebhookType(one) for one in types if one in _TYPES),
        created_at=instant(row[3]),
        why_disabled=row[4],
        failing_since=instant_or_none(row[5]),
        failures=row[6],
        old_secret_until=instant_or_none(row[7]),
    )


def wanted_by(endpoints: Iterable[Endpoint]) -> list[str]:
    """Return every type that one of them wants."""
    return sorted({type_.value for one in endpoints for type_ in one.types or WebhookType})


def activity_about(what: str, endpoint: Endpoint, *, who: str, now: datetime) -> Activity:
    """Return the activity of something done to an endpoint."""
    facts = {"id": endpoint.id, "types": [type_.value for type_ in endpoint.types]}
    if endpoint.why_disabled:
        facts["why"] = endpoint.why_disabled
    return Activity(at=now, who=who, what=what, subject=storable(endpoint.url), facts=facts)


def disabled_by_itself(endpoint: Endpoint, *, now: datetime) -> Activity:
    """Return the activity of an endpoint that was disabled for its failures."""
    return activity_about("webhook endpoint disabled", endpoint, who="terkirim", now=now)


def no_endpoint(id_: str) -> NotFound:
    """Return the error that there is no endpoint of this id."""
    return NotFound(f"there is no webhook with the id {id_}")


def no_delivery(payload_id: str) -> NotFound:
    """Return the error that there is no such delivery."""
    return NotFound(f"there is no event with the id {payload_id} at this webhook")


def what_changed(change: EndpointChange) -> str:
    """Return the words of the activity log for a change."""
    if change.is_enabled is None:
        return "webhook endpoint changed"
    return "webhook endpoint enabled" if change.is_enabled else "webhook endpoint disabled"


def fresh_of(
    wanted: Iterable[str],
    facts: Sequence[Sequence[Any]],
    events: Sequence[Sequence[Any]],
    *,
    after: int,
) -> Fresh:
    """Return what has happened out of rows of `fresh_facts` and `fresh_events`."""
    types = set(wanted) & _TYPES
    found = [_happening(row) for row in (*facts, *events) if row[1] in types and _is_whole(row)]
    return Fresh(
        happenings=tuple(sorted(found, key=lambda one: one.at)),
        seqs=tuple(row[0] for row in facts),
        after=after,
        upto=events[-1][0] if events else after,
    )


def recipients_of(what: Fresh) -> list[tuple[str, str]]:
    """Return to whom the messages went of which is told: (message, recipient)."""
    about = {one.about.message_id: one.about.recipient for one in what.happenings if one.about}
    return sorted(about.items())


def payload_row(one: Payload) -> tuple[Any, ...]:
    """Return the row of a payload."""
    return one.id, one.type, micros(one.at), one.message_id, one.body


def task_of(row: Sequence[Any]) -> WebhookTask:
    """Return a lease from its row of `tasks`."""
    endpoint_id, payload_id, lease, attempts, since, url, secret, before, body, type_ = row
    return WebhookTask(
        endpoint_id=endpoint_id,
        payload_id=payload_id,
        lease=lease,
        attempts=attempts,
        since=instant(since),
        url=url,
        secrets=Secrets(secret, before),
        body=body,
        is_test=type_ == TEST,
    )


def attempt_row(end: WebhookEnd) -> tuple[Any, ...]:
    """Return the row of an attempt."""
    task, answer = end.task, end.answer
    return (
        task.payload_id,
        task.endpoint_id,
        task.lease,
        micros(answer.at),
        answer.duration_us,
        answer.code,
        storable(answer.reason),
        storable(answer.answer),
    )


def end_row(end: WebhookEnd) -> tuple[Any, ...]:
    """Return what becomes of a delivery: (payload, endpoint, lease, state, due_at, attempts)."""
    task = end.task
    due_at = micros_or_none(end.due_at)
    state = end.state.value
    return task.payload_id, task.endpoint_id, task.lease, state, due_at, task.attempts + 1


@dataclass(slots=True)
class Health:
    """What a group of attempts says of endpoints; a test says nothing of them.

    `failed` has (endpoint, failures, since) of those without a success among these.
    """

    took: list[str] = field(default_factory=list)
    failed: list[tuple[str, int, int]] = field(default_factory=list)
    gone: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)


def health_of(ends: Iterable[WebhookEnd]) -> Health:
    """Return what these attempts say of their endpoints."""
    by_endpoint: dict[str, list[WebhookEnd]] = {}
    for end in ends:
        if not end.task.is_test:
            by_endpoint.setdefault(end.task.endpoint_id, []).append(end)
    health = Health()
    for id_, some in sorted(by_endpoint.items()):
        if any(end.answer.is_success for end in some):
            health.took.append(id_)
        else:
            health.failed.append((id_, len(some), min(micros(end.answer.at) for end in some)))
            health.said[id_] = said_by(some[-1].answer)
        for end in some:
            if end.why_disabled is not None:
                health.gone[id_] = end.why_disabled
    return health


def too_many(row: Sequence[Any], last: str, *, now: int) -> str | None:
    """Return why an endpoint is to be disabled, by its row of `note_failures`; None: it is not."""
    _, failures, since = row
    if failures < FAILURES or since > now - span_us(FAILING_FOR):
        return None
    return failed_too_long(failures, last)


def said_by(answer: WebhookAnswer) -> str:
    """Return how an attempt failed, in a few words."""
    return answer.reason if answer.code is None else f"HTTP {answer.code}"


def delivery_of(row: Sequence[Any]) -> WebhookDelivery:
    """Return a delivery from its row."""
    last = None if row[9] is None else answer_of(row[9:])
    return WebhookDelivery(
        endpoint_id=row[0],
        payload=Payload(id=row[1], type=row[2], at=instant(row[3]), message_id=row[4], body=row[5]),
        state=WebhookState(row[6]),
        attempts=row[7],
        due_at=instant_or_none(row[8]),
        last=last,
    )


def answer_of(row: Sequence[Any]) -> WebhookAnswer:
    """Return an attempt from its row: at, duration, code, reason, answer."""
    at, duration, code, reason, answer = row
    return WebhookAnswer(
        at=instant(at), duration_us=duration, code=code, reason=reason, answer=answer
    )


def lowest_id(at: datetime) -> str:
    """Return the id below which everything was published before that instant."""
    return uuid7(max(micros(at), 0) // 1_000, 0)


def _is_whole(row: Sequence[Any]) -> bool:
    """Return whether the message is still known, where it is about one."""
    return row[8] is not None or row[1].startswith("suppression.")


def _happening(row: Sequence[Any]) -> Happening:
    facts = from_json(row[3])
    if len(row) > _BOUNCE and row[_BOUNCE] is not None:
        facts["bounce"] = row[_BOUNCE]
    is_sandbox = bool(facts.pop("sandbox", 0)) or bool(row[7])
    return Happening(
        type=WebhookType(row[1]),
        at=instant(row[2]),
        about=None if row[8] is None else _subject(row[4:16]),
        is_sandbox=is_sandbox,
        facts=facts,
    )


_BOUNCE = 16  # the column of `fresh_events` that `fresh_facts` does not have


def _subject(row: Sequence[Any]) -> Subject:
    id_, email_id, recipient, _, sender, name, recipients, subject, extras, at, campaign, line = row
    more = {} if extras is None else from_json(extras)
    return Subject(
        message_id=id_,
        email_id=email_id,
        recipient=recipient,
        sender=f"{name} <{sender}>" if name else sender,
        to=tuple(one.email for one in addresses_of(from_json(recipients).get("to"))),
        subject=subject,
        created_at=instant(at),
        tags=tuples_of(more.get("tags")),
        campaign=campaign,
        row=line,
    )
