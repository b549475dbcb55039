"""Stores submissions: a whole group in a handful of statements."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Any

from terkirim.domain.email import Email, NewMessage
from terkirim.domain.errors import IdempotencyConflict
from terkirim.ports import IdempotencyKey, Receipt, Submission
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.telling import tell_accepted
from terkirim.store.postgres.transacting import Repeat
from terkirim.store.queries import Queries
from terkirim.store.rows import hidden_row
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

_sql = Queries("terkirim.store.postgres")
Scope = tuple[str, str, str]  # owner, route, key
Message = tuple[Email, NewMessage]


class KeyInUse(Exception):  # noqa: N818 - to be asked again, not an error
    """Another node's transaction is using the key at this moment."""


async def accept_all(
    db: Database,
    group: Sequence[Submission],
    _earlier: Sequence[Any] | None,
    *,
    remember: Callable[[Email], None],
) -> list[Any]:
    """Return a Receipt, the IdempotencyConflict or `KeyInUse` for each submission."""
    now = micros(group[0].now)
    results: list[Any] = [Receipt(answer=one.answer) for one in group]
    keyed = [(index, one.idempotency) for index, one in enumerate(group) if one.idempotency]
    if keyed:
        await _take_keys(db, group, keyed, results, now=now)
    fresh = [
        index
        for index, result in enumerate(results)
        if isinstance(result, Receipt) and not result.is_repeat
    ]
    skipped = await _rows_taken_before(db, [email for i in fresh for email in group[i].emails])
    emails = [email for i in fresh for email in group[i].emails if email.id not in skipped]
    await _store_files(db, [group[index] for index in fresh if group[index].files])
    suppressed = await _stored(db, emails, now=now) if emails else set[str]()
    for email in emails:
        remember(email)
    for index in fresh if skipped else []:
        results[index] = _with_skipped(group[index], skipped)
    return await _with_answers_kept(db, group, results, suppressed) if suppressed else results


async def _take_keys(
    db: Database,
    group: Sequence[Submission],
    keyed: Sequence[tuple[int, IdempotencyKey]],
    results: list[Any],
    *,
    now: int,
) -> None:
    """Take the keys that are free; for the others say in `results` what became of them."""
    first: dict[Scope, int] = {}
    for index, key in keyed:
        first.setdefault(_scope(key), index)
    free = await _free(db, first)
    kept = {
        scope: (key.fingerprint, group[index].answer)
        for index, key in keyed
        if (scope := _scope(key)) in free and first[scope] == index
    }
    taken = await _taken(db, kept, now=now)
    before = [scope for scope in sorted(kept) if scope not in taken]
    for row in await db.many(_sql["taken_keys"], before):
        kept[row[0], row[1], row[2]] = (row[3], row[4])
    for index, key in keyed:
        scope = _scope(key)
        if scope not in kept:
            results[index] = KeyInUse()
        elif scope not in taken or first[scope] != index:
            results[index] = repeat(key, *kept[scope])


async def repeat_of(db: Database, *, key: IdempotencyKey, now: int) -> Receipt | None:
    """Return the receipt of a key's first use, None where there was none within its time.

    Raises:
        IdempotencyConflict: it was used with another payload.
    """
    for row in await db.many(_sql["taken_keys"], [_scope(key)]):
        if row[5] >= now - KEY_KEPT_US:
            found = repeat(key, row[3], row[4])
            if isinstance(found, IdempotencyConflict):
                raise found
            return found
    return None


async def _free(db: Database, scopes: Iterable[Scope]) -> set[Scope]:
    """Return the keys that no other transaction is using; they are locked until the COMMIT."""
    locks = {_lock(scope): scope for scope in scopes}
    found = await db.rows(_sql["lock_keys"], lock=sorted(locks))
    return {locks[lock] for (lock,) in found}


async def _taken(db: Database, kept: dict[Scope, tuple[str, str]], *, now: int) -> set[Scope]:
    """Return the keys that nobody had used before; they are this transaction's now."""
    rows = [(*scope, *kept[scope], now) for scope in sorted(kept)]
    found = await db.many(_sql["take_keys"], rows, forgotten=now - KEY_KEPT_US)
    return {(row[0], row[1], row[2]) for row in found}


def _scope(key: IdempotencyKey) -> Scope:
    return (key.owner, key.route, key.key)


def _lock(scope: Scope) -> int:
    """Return the key's advisory lock: two keys that share one wait for each other, no more."""
    digest = blake2b("\0".join(scope).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


async def _rows_taken_before(db: Database, emails: Iterable[Email]) -> set[str]:
    """Return the ids of emails whose (campaign, row) belongs to another one."""
    places = sorted(
        (email.campaign, email.row or "", email.id, hidden_row(email.campaign, email.row or ""))
        for email in emails
        if email.campaign is not None
    )
    await db.many(_sql["take_campaign_rows"], places)
    own = await db.many(_sql["campaign_rows"], [place[:3] for place in places])
    return {id_ for _, _, id_, _ in places} - {id_ for (id_,) in own}


async def _store_files(db: Database, group: Sequence[Submission]) -> None:
    files: dict[str, tuple[str, bytes, int]] = {}
    for one in group:
        kept_until = max(micros(email.due_at) for email in one.emails) + FILE_KEPT_US
        for sha256, body in one.files.items():
            before = files.get(sha256, (sha256, body, 0))
            files[sha256] = (sha256, body, max(kept_until, before[2]))
    if files:
        shas, bodies, until = zip(*[files[sha256] for sha256 in sorted(files)], strict=True)
        await db.rows(_sql["insert_attachments"], sha256=shas, body=bodies, kept_until=until)


async def _stored(db: Database, emails: Sequence[Email], *, now: int) -> set[str]:
    """Insert the rows; return the ids of the messages that were suppressed at birth."""
    await _insert_contents(db, emails)
    uses = sorted({(one.sha256, email.id) for email in emails for one in email.attachments})
    await db.many(_sql["insert_uses"], uses)
    await db.many(_sql["insert_emails"], [email_row(email) for email in emails])
    messages = [(email, message) for email in emails for message in email.messages]
    refused = await refusals_of(db, messages, now=now)
    new = await _insert_messages(db, messages, refused, now=now)
    rows = [waiting_row(*one) for one in messages if one[1].id in new and one[1].id not in refused]
    await db.many(_sql["insert_outbox"], rows)
    await tell_accepted(db, messages, new=new, refused=refused, now=now)
    for email, message in messages:
        if message.id in new:
            db.counts.add(micros(email.created_at), "submitted", email.stream.value)
    if refused:
        db.counts.add(now, "state", "suppressed", len(refused.keys() & new))
    return set(refused)


async def _insert_contents(db: Database, emails: Sequence[Email]) -> None:
    contents = {email.content.id: email.content for email in emails}
    # Sorted: two nodes that store the same two bodies wait for each other, and not in a circle.
    rows = [contents[id_] for id_ in sorted(contents)]
    await db.rows(
        _sql["insert_contents"],
        id=[one.id for one in rows],
        html=[one.html for one in rows],
        text=[one.text for one in rows],
        is_template=[one.is_template for one in rows],
    )
    shared = sorted({email.content.id for email in emails if email.content.id != email.id})
    if shared and len(await db.rows(_sql["hold_contents"], id=shared)) < len(shared):
        raise Repeat  # retention dropped one at this moment


async def refusals_of(db: Database, messages: Iterable[Message], *, now: int) -> dict[str, str]:
    """Return the reasons of recipients that are suppressed, by message."""
    rows = [(one.id, one.recipient.lower(), email.stream.value) for email, one in messages]
    return dict(await db.many(_sql["suppressed"], rows, now=now))


async def _insert_messages(
    db: Database, messages: Sequence[Message], refused: dict[str, str], *, now: int
) -> set[str]:
    """Return the ids that were not there before."""
    rows = [
        (*message_row(email, one), "suppressed", refused[one.id], now)
        if one.id in refused
        else (*message_row(email, one), "queued", "", None)
        for email, one in messages
    ]
    return {id_ for (id_,) in await db.many(_sql["insert_messages"], rows)}


def _with_skipped(one: Submission, skipped: set[str]) -> Receipt:
    own = skipped.intersection(email.id for email in one.emails)
    return Receipt(answer=one.answer, skipped=frozenset(own))


async def _with_answers_kept(
    db: Database, group: Sequence[Submission], results: Sequence[Any], suppressed: set[str]
) -> list[Any]:
    told, kept = with_suppressed(group, results, suppressed)
    rows = [(*_scope(key), answer) for key, answer in kept.items()]
    await db.many(_sql["keep_answers"], sorted(rows))
    return told
