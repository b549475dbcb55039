"""How a submission becomes rows; the same for every database."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from terkirim.domain.email import Email, NewMessage
from terkirim.domain.errors import IdempotencyConflict
from terkirim.ports import IdempotencyKey, Receipt, Submission
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


def with_suppressed(
    group: Sequence[Submission], results: Sequence[Any], suppressed: AbstractSet[str]
) -> tuple[list[Any], dict[IdempotencyKey, str]]:
    """Return the results that name who was suppressed at birth, and the answers to keep for it.

    A key's further uses within the group get its changed answer too.
    """
    kept: dict[IdempotencyKey, str] = {}
    told: list[Any] = []
    for one, result in zip(group, results, strict=True):
        if isinstance(result, Receipt) and not result.is_repeat:
            told.append(_telling(one, result, suppressed))
            if one.idempotency is not None and told[-1].answer != one.answer:
                kept[one.idempotency] = told[-1].answer
        elif isinstance(result, Receipt) and one.idempotency in kept:
            told.append(replace(result, answer=kept[one.idempotency]))
        else:
            told.append(result)
    return told, kept


def _telling(one: Submission, receipt: Receipt, suppressed: AbstractSet[str]) -> Receipt:
    stored = (email for email in one.emails if email.id not in receipt.skipped)
    own = suppressed & {message.id for email in stored for message in email.messages}
    if not own:
        return receipt
    answer = receipt.answer if one.answer_with is None else one.answer_with(frozenset(own))
    return replace(receipt, answer=answer, suppressed=frozenset(own))
