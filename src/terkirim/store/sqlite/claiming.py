"""Leases due messages: whose provider is open, by priority share, within the rates."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import apsw

from terkirim.domain.email import (
    Address,
    Attachment,
    Content,
    Email,
    IfUnclear,
    NewMessage,
    Priority,
)
from terkirim.domain.lease import Lease
from terkirim.policy.shares import slots
from terkirim.ports import Claim, ClaimWish, Work
from terkirim.store.fresh import FreshEmails
from terkirim.store.gating import GateSettings, OpenGates, Opening
from terkirim.store.queries import Queries
from terkirim.store.rows import (
    PRIORITIES,
    PRIORITY_NUMBER,
    addresses_of,
    attachments_of,
    from_json,
    to_json,
    tuples_of,
)
from terkirim.store.sqlite.controlling import finish
from terkirim.store.sqlite.gates import load_gates, save_gates
from terkirim.store.times import instant, instant_or_none, micros

_sql = Queries("terkirim.store.sqlite")
Chosen = tuple[str, str, int]  # message id, provider, its place on the route


class _Mail(NamedTuple):
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


class Claims:
    """The claims of one process; called as a batch of the writer."""

    def __init__(self, node: str, settings: GateSettings, fresh: FreshEmails) -> None:
        self._node = node
        self._settings = settings
        self._fresh = fresh

    def __call__(
        self, db: apsw.Connection, wishes: Sequence[ClaimWish | Callable[[], ClaimWish]]
    ) -> list[Claim]:
        """Return the claim of each wish."""
        return [self._claim(db, wish if isinstance(wish, ClaimWish) else wish()) for wish in wishes]

    def _claim(self, db: apsw.Connection, wish: ClaimWish) -> Claim:
        gates = load_gates(db, self._settings, now=wish.now)
        chosen, probes, turn = _chosen(db, gates, wish)
        works = self._leased(db, wish, gates, chosen=chosen, probes=probes) if chosen else []
        for work in works:
            if work.lease.is_probe:  # not one that turned out suppressed, expired or held
                gates.use_probe(work.lease.provider)
        save_gates(db, gates)
        next_at = None if len(chosen) >= wish.limit else _next_at(db, gates, micros(wish.now))
        return Claim(works=tuple(works), turn=turn, next_at=instant_or_none(next_at))

    def _leased(
        self,
        db: apsw.Connection,
        wish: ClaimWish,
        gates: OpenGates,
        *,
        chosen: Sequence[Chosen],
        probes: set[str],
    ) -> list[Work]:
        """Write the leases; end what is suppressed or expired, hold what has a refused sender."""
        now, until = micros(wish.now), wish.now + wish.lease_for
        leasing = {"rows": to_json(chosen), "node": self._node, "until": micros(until)}
        db.execute(_sql["lease"], leasing)
        ids = to_json([id_ for id_, _, _ in chosen])
        (suppressions,) = next(db.execute(_sql["suppressed"], {"ids": ids, "now": now}))
        (found,) = next(db.execute(_sql["work"], {"ids": ids}))
        rows = from_json(found)
        mails = _mails(db, self._fresh, [row[0] for row in rows])
        suppressed = dict(from_json(suppressions))
        works, ended, held = [], [], []
        for row in rows:
            mail = mails[row[0]]
            end = _end_of(row, suppressed, now)
            if end is not None:
                ended.append((row[0], *end, row[8], row[2]))
            elif (row[3], mail.sender.email) in gates.refused_senders:
                held.append((row[0], row[2], f"{row[3]}/{mail.sender.email}"))
            else:
                works.append(_work(row, mail, until, is_probe=row[3] in probes))
        if ended or held:
            self._put_back(db, gates, chosen, ended=ended, held=held, now=now)
        return works

    def _put_back(
        self,
        db: apsw.Connection,
        gates: OpenGates,
        chosen: Sequence[Chosen],
        *,
        ended: Sequence[tuple[Any, ...]],
        held: Sequence[tuple[Any, ...]],
        now: int,
    ) -> None:
        """Undo the leases of what must not be sent now; its rate tokens return."""
        finish(db, self._node, ended, now=now)
        if held:
            db.execute(_sql["unlease"], {"rows": to_json(held)})
        unsent = {row[0] for row in (*ended, *held)}
        for id_, provider, _ in chosen:
            if id_ in unsent:
                gates.give_back(provider, 1)


def _chosen(
    db: apsw.Connection, gates: OpenGates, wish: ClaimWish
) -> tuple[list[Chosen], set[str], int]:
    """Return what to lease, through which of it only as a probe, and where the pattern goes on."""
    chosen: list[Chosen] = []
    turn, probes = wish.turn, set[str]()
    for opening in gates.openings():
        if opening.provider in probes:
            continue
        own = sum(provider == opening.provider for _, provider, _ in chosen)
        room = min(wish.limit - len(chosen), _room(db, gates, opening) - own)
        if room <= 0:
            continue
        ids, turn = _due_ids(db, opening, wish, room=room, turn=turn)
        granted = gates.take(opening.provider, len(ids))
        if granted and opening.is_probe:
            probes.add(opening.provider)
        chosen += [(id_, opening.provider, opening.place) for id_ in ids[:granted]]
    return chosen, probes, turn


def _room(db: apsw.Connection, gates: OpenGates, opening: Opening) -> int:
    if opening.limit is None:
        return gates.settings.concurrency
    (in_air,) = next(db.execute(_sql["in_air"], {"provider": opening.provider}))
    return int(opening.limit - in_air)


def _due_ids(
    db: apsw.Connection, opening: Opening, wish: ClaimWish, *, room: int, turn: int
) -> tuple[list[str], int]:
    waiting: dict[Priority, list[str]] = {}
    for priority, number in PRIORITY_NUMBER.items():
        lane = {"route": opening.route, "position": opening.lane, "priority": number}
        (found,) = next(db.execute(_sql["due"], lane | {"now": micros(wish.now), "most": room}))
        waiting[priority] = from_json(found)
    shares, turn = slots({key: len(ids) for key, ids in waiting.items()}, free=room, turn=turn)
    return [
        id_ for priority in PRIORITIES for id_ in waiting[priority][: shares.get(priority, 0)]
    ], turn


def _end_of(row: Sequence[Any], suppressed: Mapping[str, str], now: int) -> tuple[str, str] | None:
    if row[0] in suppressed:
        return "suppressed", suppressed[row[0]]
    if row[11] is not None and row[11] <= now:
        return "dead", "expired before it could be sent"
    if row[12]:
        return "cancelled", "cancelled"
    return None


def _mails(db: apsw.Connection, fresh: FreshEmails, ids: Sequence[str]) -> dict[str, _Mail]:
    """Return what was submitted, by message; read back only what this process does not remember."""
    mails: dict[str, _Mail] = {}
    forgotten: list[str] = []
    for id_ in ids:
        kept = fresh.take(id_)
        if kept is None:
            forgotten.append(id_)
        else:
            mails[id_] = _remembered(*kept)
    if forgotten:
        (found,) = next(db.execute(_sql["written"], {"ids": to_json(forgotten)}))
        mails.update((row[0], _read_back(row)) for row in from_json(found))
    return mails


def _remembered(email: Email, message: NewMessage) -> _Mail:
    return _Mail(
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
    )


def _read_back(row: Sequence[Any]) -> _Mail:
    extras = from_json(row[8]) if row[8] else {}
    return _Mail(
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
    )


def _work(row: Sequence[Any], mail: _Mail, until: datetime, *, is_probe: bool) -> Work:
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


def _next_at(db: apsw.Connection, gates: OpenGates, now: int) -> int | None:
    """Return when asking again may bring more: a due time, a gate that opens, the sweep's work."""
    times = [at for at in gates.opening_times() if at > now]
    for route, position in gates.lanes():
        for number in range(len(PRIORITIES)):
            lane = {"route": route, "position": position, "priority": number, "now": now}
            times += [at for (at,) in db.execute(_sql["next_due"], lane)]
    (sweep_at,) = next(db.execute(_sql["next_sweep"]))
    if sweep_at is not None:
        times.append(max(sweep_at, now + 1))
    return min(times, default=None)
