"""How a submission becomes rows; the same for every database."""

from typing import Any

from terkirim.domain.email import Email, NewMessage
from terkirim.domain.errors import IdempotencyConflict
from terkirim.ports import IdempotencyKey, Receipt
from terkirim.store.rows import PRIORITY_NUMBER, extras_json, recipients_json, to_json
from terkirim.store.times import micros, micros_or_none

KEY_KEPT_US = 24 * 3_600_000_000
FILE_KEPT_US = 9 * 24 * 3_600_000_000  # a link lives 7 days from an attempt; the quick retries add


def email_row(email: Email) -> tuple[Any, ...]:
    """Return the columns of `emails`, in the order of `insert_emails`."""
    return (
        email.id,
        email.owner,
        email.sender.name,
        email.sender.email,
        email.subject,
        recipients_json(email),
        extras_json(email),
        email.route,
        PRIORITY_NUMBER[email.priority],
        email.stream.value,
        email.if_unclear.value,
        micros(email.created_at),
        micros_or_none(email.scheduled_at),
        micros_or_none(email.expires_at),
        email.campaign,
        email.row,
        email.content.id,
    )


def message_row(email: Email, message: NewMessage) -> tuple[Any, ...]:
    """Return the columns of `messages`: id, email, recipient, kind, variables, created_at."""
    return (
        message.id,
        email.id,
        message.recipient,
        message.kind,
        None if message.variables is None else to_json(message.variables),
        micros(email.created_at),
    )


def waiting_row(email: Email, message: NewMessage) -> tuple[Any, ...]:
    """Return the columns of `outbox`: id, email, route, priority, due_at, expires_at."""
    return (
        message.id,
        email.id,
        email.route,
        PRIORITY_NUMBER[email.priority],
        micros(email.due_at),
        micros_or_none(email.expires_at),
    )


def repeat(key: IdempotencyKey, fingerprint: str, answer: str) -> Receipt | IdempotencyConflict:
    """Return what a further use of a key gets: the first answer, for the same payload only."""
    if fingerprint != key.fingerprint:
        return IdempotencyConflict(
            "this idempotency key was used with another payload; use a new key for a new e-mail"
        )
    return Receipt(answer=answer, is_repeat=True)
