"""How a row that a claim has leased becomes work; the same for every database."""

from collections.abc import Sequence
from typing import Any

from terkirim.domain.email import Address, Content, IfUnclear
from terkirim.domain.lease import Lease
from terkirim.ports import Work
from terkirim.store.rows import PRIORITIES, addresses_of, attachments_of, from_json, tuples_of
from terkirim.store.times import instant, instant_or_none


def end_of(
    row: Sequence[Any], refusal: str | None, now: int, *, is_cancel_wanted: bool
) -> tuple[str, str] | None:
    """Return the state and the reason of mail that must not leave any more, None for other mail.

    `row` is one of the statement `work`, `refusal` why its recipient is suppressed.
    """
    if refusal is not None:
        return "suppressed", refusal
    if row[13] is not None and row[13] <= now:
        return "dead", "expired before it could be sent"
    if is_cancel_wanted:
        return "cancelled", "cancelled"
    return None


def work_of(row: Sequence[Any], content: Content, until: int, *, is_probe: bool) -> Work:
    """Return the lease and all that is to be sent, from a row of the statement `work`."""
    extras = from_json(row[19]) if row[19] else {}
    lease = Lease(
        message_id=row[0],
        email_id=row[1],
        number=row[2],
        provider=row[3],
        until=instant(until),
        route=row[4],
        position=row[5],
        step=row[6],
        waited_us=row[7],
        attempts=row[8],
        priority=PRIORITIES[row[9]],
        if_unclear=IfUnclear(row[10]),
        created_at=instant(row[11]),
        due_at=instant(row[12]),
        expires_at=instant_or_none(row[13]),
        sender=row[14],
        is_probe=is_probe,
    )
    return Work(
        lease=lease,
        recipient=row[16],
        variables=None if row[17] is None else from_json(row[17]),
        sender=Address(row[14], row[15]),
        subject=row[18],
        content=content,
        reply_to=addresses_of(extras.get("reply_to")),
        headers=tuples_of(extras.get("headers")),
        attachments=attachments_of(extras),
    )
