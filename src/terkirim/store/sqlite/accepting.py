"""Stores submissions: a whole group in a handful of statements."""

from collections.abc import Sequence
from typing import Any

import apsw

from terkirim.domain.email import Email
from terkirim.domain.errors import IdempotencyConflict
from terkirim.ports import IdempotencyKey, Receipt, Submission
from terkirim.store.counting import Counts, Rollups
from terkirim.store.fresh import FreshEmails
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, hidden_row, to_json
from terkirim.store.sqlite.bulk import BulkInsert
from terkirim.store.sqlite.counts import write_counts
from terkirim.store.sqlite.telling import tell_ended, tell_scheduled
from terkirim.store.submitting import (
    FILE_KEPT_US,
    KEY_KEPT_US,
    email_row,
    message_row,
    repeat,
    waiting_row,
    with_suppressed,
)
from terkirim.store.times import micros

_sql = Queries("terkirim.store.sqlite")
_insert_contents = BulkInsert(_sql["insert_contents"])
_insert_emails = BulkInsert(_sql["insert_emails"])
_insert_messages = BulkInsert(_sql["insert_messages"])
_insert_outbox = BulkInsert(_sql["insert_outbox"])


def accept_all(
    db: apsw.Connection, rollups: Rollups, fresh: FreshEmails, group: Sequence[Submission]
) -> list[Any]:
    """Return a Receipt, or the IdempotencyConflict, for each submission."""
    results: list[Any] = [_receipt_before_storing(db, one) for one in group]
    new = [
        (one, receipt)
        for one, receipt in zip(group, results, strict=True)
        if isinstance(receipt, Receipt) and not receipt.is_repeat
    ]
    emails = [
        email for one, receipt in new for email in one.emails if email.id not in receipt.skipped
    ]
    if not emails:
        return results
    _store_files(db, [one for one, _ in new if one.files])
    _store_uses(db, emails)
    suppressed = _store(db, rollups, emails, now=micros(group[0].now))
    for email in emails:
        fresh.keep(email)
    if not suppressed:
        return results
    told, kept = with_suppressed(group, results, suppressed.keys())
    for key, answer in kept.items():
        db.execute(_sql["keep_answer"], _scope(key) | {"answer": answer})
    return told


def _receipt_before_storing(db: apsw.Connection, one: Submission) -> Receipt | IdempotencyConflict:
    if one.idempotency is not None:
        taken = _taken_key(db, one, one.idempotency)
        if taken is not None:
            return taken
    return Receipt(answer=one.answer, skipped=_taken_rows(db, one.emails))


def _taken_key(
    db: apsw.Connection, one: Submission, key: IdempotencyKey
) -> Receipt | IdempotencyConflict | None:
    scope = _scope(key)
    now = micros(one.now)
    taking = scope | {
        "fingerprint": key.fingerprint,
        "answer": one.answer,
        "now": now,
        "forgotten": now - KEY_KEPT_US,
    }
    before = db.total_changes()
    db.execute(_sql["take_key"], taking)
    if db.total_changes() > before:
        return None
    fingerprint, answer, _ = next(db.execute(_sql["taken_key"], scope))
    return repeat(key, fingerprint, answer)


def _scope(key: IdempotencyKey) -> dict[str, Any]:
    return {"owner": key.owner, "route": key.route, "key": key.key}


def repeat_of(db: apsw.Connection, key: IdempotencyKey, now: int) -> Receipt | None:
    """Return the receipt of a key's first use, None where there was none within its time.

    Raises:
        IdempotencyConflict: it was used with another payload.
    """
    scope = _scope(key)
    for fingerprint, answer, created_at in db.execute(_sql["taken_key"], scope):
        if created_at >= now - KEY_KEPT_US:
            found = repeat(key, fingerprint, answer)
            if isinstance(found, IdempotencyConflict):
                raise found
            return found
    return None


def _taken_rows(db: apsw.Connection, emails: Sequence[Email]) -> frozenset[str]:
    """Return the ids of emails whose (campaign, row) belongs to another one, or to nobody."""
    places = [
        (email.campaign, email.row or "", email.id, hidden_row(email.campaign, email.row or ""))
        for email in emails
        if email.campaign is not None
    ]
    if not places:
        return frozenset()
    rows = {"rows": to_json(places)}
    db.execute(_sql["take_campaign_rows"], rows)
    (own,) = next(db.execute(_sql["campaign_rows"], rows))
    return frozenset(id_ for _, _, id_, _ in places).difference(from_json(own))


def _store_files(db: apsw.Connection, group: Sequence[Submission]) -> None:
    for one in group:
        last = max(micros(email.due_at) for email in one.emails)
        for sha256, body in one.files.items():
            row = {"sha256": sha256, "body": body, "kept_until": last + FILE_KEPT_US}
            db.execute(_sql["insert_attachment"], row)


def _store_uses(db: apsw.Connection, emails: Sequence[Email]) -> None:
    uses = [(one.sha256, email.id) for email in emails for one in email.attachments]
    if uses:
        db.execute(_sql["insert_uses"], {"rows": to_json(uses)})


def _store(
    db: apsw.Connection, rollups: Rollups, emails: Sequence[Email], *, now: int
) -> dict[str, str]:
    """Insert the rows; return the messages that were suppressed at birth, with the reason."""
    contents = {email.content.id: email.content for email in emails}
    messages = [(email, message) for email in emails for message in email.messages]
    _insert_contents(db, [(c.id, c.html, c.text, int(c.is_template)) for c in contents.values()])
    _insert_emails(db, [email_row(email) for email in emails])
    _insert_messages(db, [message_row(email, message) for email, message in messages])
    ids = to_json([message.id for _, message in messages])
    (found,) = next(db.execute(_sql["suppressed"], {"ids": ids, "now": now}))
    suppressed = dict(from_json(found))
    waiting = [waiting_row(*one) for one in messages if one[1].id not in suppressed]
    _insert_outbox(db, waiting)
    if suppressed:
        ended = [(id_, "suppressed", reason, 0, 0) for id_, reason in suppressed.items()]
        rows = to_json(ended)
        db.execute(_sql["finish_messages"], {"rows": rows, "now": now})
        tell_ended(db, rows, now=now)
    tell_scheduled(db, emails, suppressed=suppressed)
    _count(db, rollups, messages, suppressed)
    return suppressed


def _count(
    db: apsw.Connection,
    rollups: Rollups,
    messages: Sequence[tuple[Email, Any]],
    suppressed: dict[str, str],
) -> None:
    counts = Counts()
    for email, _ in messages:
        counts.add(micros(email.created_at), "submitted", email.stream.value)
    if suppressed:
        counts.add(micros(messages[0][0].created_at), "state", "suppressed", len(suppressed))
    write_counts(db, rollups, counts)
