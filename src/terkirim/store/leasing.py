"""How a row that a claim has leased becomes work; the same for every database."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from terkirim.domain.email import Address, Attachment, Content, Email, IfUnclear, NewMessage
from terkirim.domain.lease import Lease
from terkirim.ports import Work
from terkirim.store.rows import PRIORITIES, addresses_of, attachments_of, from_json, tuples_of
from terkirim.store.times import instant, instant_or_none


class Mail(NamedTuple):
    """What was submitted, as far as sending one message of it asks."""

    if_unclear: IfUnclear
    created_at: datetime
    sender: Address
    recipient: str
    variables: Mapping[str, Any] | None
    subject: str
    content: Content
    reply_to: tuple[Address, ...]
    headers: tuple[tuple[str, str], ...]
    attachments: tuple[Attachment, ...]
    ready_at: datetime
    tags: tuple[str, ...]


def remembered(email: Email, message: NewMessage) -> Mail:
    """Return the mail of a message that this process has just stored."""
    return Mail(
        email.if_unclear,
        email.created_at,
        email.sender,
        message.recipient,
        message.variables,
        email.subject,
        email.content,
        email.reply_to,
        email.headers,
        email.attachments,
        email.due_at,
        tags_as_counted(email.tags),
    )


def read_back(row: Sequence[Any]) -> Mail:
    """Return the mail that a row of the statement `written` tells of."""
    extras = from_json(row[8]) if row[8] else {}
    return Mail(
        IfUnclear(row[1]),
        instant(row[2]),
        Address(row[3], row[4]),
        row[5],
        None if row[6] is None else from_json(row[6]),
        row[7],
        Content(id=row[9], html=row[10], text=row[11], is_template=bool(row[12])),
        addresses_of(extras.get("reply_to")),
        tuples_of(extras.get("headers")),
        attachments_of(extras),
        instant(row[2] if row[13] is None else row[13]),
        tags_as_counted(extras.get("tags") or ()),
    )


def tags_as_counted(tags: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Return (name, value) pairs as `name=value`."""
    return tuple([f"{name}={value}" for name, value in tags])


def end_of(row: Sequence[Any], refusal: str | None, now: int) -> tuple[str, str] | None:
    """Return the state and the reason of mail that must not leave any more, None for other mail.

    `row` is one of the statement `work`, `refusal` why its recipient is suppressed.
    """
    if refusal is not None:
        return "suppressed", refusal
    if row[11] is not None and row[11] <= now:
        return "dead", "expired before it could be sent"
    if row[12]:
        return "cancelled", "cancelled"
    return None


def work_of(row: Sequence[Any], mail: Mail, until: datetime, *, is_probe: bool) -> Work:
    """Return the lease that a row of the statement `work` tells of, with what is to be sent."""
    lease = Lease(
        message_id=row[0],
        email_id=row[1],
        number=row[2],
        provider=row[3],
        until=until,
        route=row[4],
        position=row[5],
        step=row[6],
        waited_us=row[7],
        attempts=row[8],
        priority=PRIORITIES[row[9]],
        if_unclear=mail.if_unclear,
        created_at=mail.created_at,
        due_at=instant(row[10]),
        expires_at=instant_or_none(row[11]),
        sender=mail.sender.email,
        ready_at=mail.ready_at,
        tags=mail.tags,
        is_probe=is_probe,
    )
    return Work(
        lease=lease,
        recipient=mail.recipient,
        variables=mail.variables,
        sender=mail.sender,
        subject=mail.subject,
        content=mail.content,
        reply_to=mail.reply_to,
        headers=mail.headers,
        attachments=mail.attachments,
    )
