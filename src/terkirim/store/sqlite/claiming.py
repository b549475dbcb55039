"""Leases due messages: whose provider is open, by priority share, within the rates."""

from collections.abc import Mapping, Sequence
from typing import Any

import apsw

from terkirim.domain.email import Address, Content, IfUnclear, Priority
from terkirim.domain.lease import Lease
from terkirim.policy.shares import slots
from terkirim.ports import Claim, ClaimWish, Work
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
from terkirim.store.times import instant, instant_or_none, micros, span_us

_sql = Queries("terkirim.store.sqlite")
Chosen = tuple[str, str, int]  # message id, provider, its place on the route


def claim_all(
    db: apsw.Connection, node: str, settings: GateSettings, wishes: Sequence[ClaimWish]
) -> list[Claim]:
    """Return the claim of each wish."""
    return [_claim(db, node, settings, wish) for wish in wishes]


def _claim(db: apsw.Connection, node: str, settings: GateSettings, wish: ClaimWish) -> Claim:
    gates = load_gates(db, settings, now=wish.now)
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
    works = _leased(db, node, wish, chosen=chosen, gates=gates, probes=probes)
    for work in works:
        if work.lease.is_probe:  # not one that turned out suppressed, expired or held
            gates.use_probe(work.lease.provider)
    save_gates(db, gates)
    next_at = None if len(chosen) >= wish.limit else _next_at(db, gates, micros(wish.now))
    return Claim(works=tuple(works), turn=turn, next_at=instant_or_none(next_at))


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


def _leased(
    db: apsw.Connection,
    node: str,
    wish: ClaimWish,
    *,
    chosen: Sequence[Chosen],
    gates: OpenGates,
    probes: set[str],
) -> list[Work]:
    """Write the leases; end what is suppressed or expired, hold what has a refused sender."""
    if not chosen:
        return []
    now, until = micros(wish.now), micros(wish.now) + span_us(wish.lease_for)
    leasing = {"rows": to_json(chosen), "node": node, "until": until}
    db.execute(_sql["lease"], leasing)
    ids = to_json([id_ for id_, _, _ in chosen])
    (suppressions,) = next(db.execute(_sql["suppressed"], {"ids": ids, "now": now}))
    (found,) = next(db.execute(_sql["work"], {"ids": ids}))
    suppressed = dict(from_json(suppressions))
    works, ended, held = [], [], []
    for row in from_json(found):
        end = _end_of(row, suppressed, now)
        if end is not None:
            ended.append((row[0], *end, row[8], row[2]))
        elif (row[3], row[14]) in gates.refused_senders:
            held.append((row[0], row[2], f"{row[3]}/{row[14]}"))
        else:
            works.append(_work(row, until, is_probe=row[3] in probes))
    finish(db, node, ended, now=now)
    if held:
        db.execute(_sql["unlease"], {"rows": to_json(held)})
    unsent = {row[0] for row in (*ended, *held)}
    for id_, provider, _ in chosen:
        if id_ in unsent:
            gates.give_back(provider, 1)
    return works


def _end_of(row: Sequence[Any], suppressed: Mapping[str, str], now: int) -> tuple[str, str] | None:
    if row[0] in suppressed:
        return "suppressed", suppressed[row[0]]
    if row[13] is not None and row[13] <= now:
        return "dead", "expired before it could be sent"
    if row[24]:
        return "cancelled", "cancelled"
    return None


def _work(row: Sequence[Any], until: int, *, is_probe: bool) -> Work:
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
        content=Content(id=row[20], html=row[21], text=row[22], is_template=bool(row[23])),
        reply_to=addresses_of(extras.get("reply_to")),
        headers=tuples_of(extras.get("headers")),
        attachments=attachments_of(extras),
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
