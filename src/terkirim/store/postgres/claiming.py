"""Leases due messages: whose provider is open, by priority share, within the rates."""

from collections.abc import Callable, Sequence
from typing import Any

from terkirim.domain.email import Priority
from terkirim.policy.shares import slots
from terkirim.ports import Claim, ClaimWish, Work
from terkirim.store.fresh import FreshEmails
from terkirim.store.gate_settings import GateSettings, Opening
from terkirim.store.gating import OpenGates
from terkirim.store.leasing import Mail, end_of, read_back, remembered, work_of
from terkirim.store.postgres.accepting import refusals_of
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.finishing import finish
from terkirim.store.postgres.gates import gates_to_claim, save_gates, standing_pauses, take_trial
from terkirim.store.queries import Queries
from terkirim.store.rows import PRIORITIES
from terkirim.store.times import instant_or_none, micros

LOST_CONTENT = "its content is not kept any more"

_sql = Queries("terkirim.store.postgres")
Chosen = tuple[str, str, int]  # message id, provider, its place on the route


async def claim_all(
    db: Database,
    wishes: Sequence[Callable[[], ClaimWish]],
    earlier: Sequence[Claim] | None,
    *,
    settings: GateSettings,
    fresh: FreshEmails,
) -> list[Claim]:
    """Return the claim of each wish; a wish is asked when its turn has come."""
    claims = []
    for index, wish in enumerate(wishes):
        found = None if earlier is None else await _found_again(db, earlier[index])
        claims.append(await _claim(db, settings, fresh, wish()) if found is None else found)
    return claims


async def _found_again(db: Database, earlier: Claim) -> Claim | None:
    """Return what stands of a claim whose COMMIT was never answered, None where nothing does."""
    rows = [(work.lease.message_id, work.lease.number) for work in earlier.works]
    found = await db.many(_sql["still_leased"], rows, node=db.node)
    own = {id_ for (id_,) in found}
    works = tuple(work for work in earlier.works if work.lease.message_id in own)
    return Claim(works=works, turn=earlier.turn, next_at=earlier.next_at) if works else None


async def _claim(
    db: Database, settings: GateSettings, fresh: FreshEmails, wish: ClaimWish
) -> Claim:
    gates = await gates_to_claim(db, settings, now=wish.now)
    chosen: list[Chosen] = []
    turn, probes = wish.turn, set[str]()
    for opening in gates.openings():
        if opening.provider in probes:
            continue
        own = sum(provider == opening.provider for _, provider, _ in chosen)
        room = min(wish.limit - len(chosen), await _room(db, gates, opening) - own)
        if room <= 0:
            continue
        ids, high, turn = await _due_ids(db, gates, opening, wish, room=room, turn=turn)
        granted = gates.take(opening.provider, len(ids))
        gates.allowances.spend(opening.provider, max(granted - high, 0))
        if granted and opening.is_probe:
            probes.add(opening.provider)
        chosen += [(id_, opening.provider, opening.place) for id_ in ids[:granted]]
    works = await _works(db, wish, gates, chosen=chosen, probes=probes, fresh=fresh)
    for work in works:
        if work.lease.provider in probes:  # not one that turned out suppressed, expired or held
            gates.use_probe(work.lease.provider)
    await save_gates(db, gates)
    next_at = None if len(chosen) >= wish.limit else await _next_at(db, gates, micros(wish.now))
    return Claim(works=tuple(works), turn=turn, next_at=instant_or_none(next_at))


async def _room(db: Database, gates: OpenGates, opening: Opening) -> int:
    if opening.limit is None:
        return gates.settings.concurrency
    (in_air,) = await db.one(_sql["in_air"], provider=opening.provider)
    return int(opening.limit - in_air)


async def _due_ids(
    db: Database,
    gates: OpenGates,
    opening: Opening,
    wish: ClaimWish,
    *,
    room: int,
    turn: int,
) -> tuple[list[str], int, int]:
    """Return what to lease, those of high priority first and how many these are, and the turn."""
    found = await db.rows(
        _sql["due"], route=opening.route, position=opening.lane, now=micros(wish.now), most=room
    )
    waiting: dict[Priority, list[str]] = {priority: [] for priority in PRIORITIES}
    for number, id_ in found:
        if PRIORITIES[number] in opening.priorities:
            waiting[PRIORITIES[number]].append(id_)
    shares, turn = slots({key: len(ids) for key, ids in waiting.items()}, free=room, turn=turn)
    gates.allowances.cut(opening.provider, shares)
    ids = [id_ for priority in PRIORITIES for id_ in waiting[priority][: shares[priority]]]
    return ids, shares[Priority.HIGH], turn


async def _works(
    db: Database,
    wish: ClaimWish,
    gates: OpenGates,
    *,
    chosen: Sequence[Chosen],
    probes: set[str],
    fresh: FreshEmails,
) -> list[Work]:
    """Write the leases; end what is suppressed or expired, hold what has a refused sender."""
    now, until = micros(wish.now), wish.now + wish.lease_for
    rows = await db.many(_sql["work"], chosen, node=db.node, until=micros(until))
    mails, refusals = await _mails(db, fresh, [row[0] for row in rows], now=now)
    works: list[Work] = []
    ended: list[Sequence[Any]] = []
    refused: list[tuple[str, int, str, str]] = []
    for row in rows:
        mail, end = mails.get(row[0]), end_of(row, refusals.get(row[0]), now)
        if mail is None or end is not None:
            ended.append((row[0], *(end or ("dead", LOST_CONTENT)), row[8], row[2]))
            continue
        of = (row[3], mail.sender.email)
        if of in gates.refused_senders and not await take_trial(db, gates, of):
            refused.append((row[0], row[2], *of))
        else:
            is_probe = row[3] in probes or of in gates.refused_senders
            works.append(work_of(row, mail, until, is_probe=is_probe))
    await finish(db, ended, now=now)
    await _hold(db, refused)
    unsent = {row[0] for row in (*ended, *refused)}
    for id_, provider, _ in chosen:
        if id_ in unsent:
            gates.give_back(provider, 1)
    return works


async def _mails(
    db: Database, fresh: FreshEmails, ids: Sequence[str], *, now: int
) -> tuple[dict[str, Mail], dict[str, str]]:
    """Return what was submitted, and why recipients are suppressed, by message.

    Only what this process does not remember is read back.
    """
    taken = [(id_, fresh.take(id_)) for id_ in ids]
    kept = {id_: one for id_, one in taken if one is not None}
    mails = {id_: remembered(*one) for id_, one in kept.items()}
    refusals = await refusals_of(db, kept.values(), now=now)
    if len(kept) < len(ids):
        forgotten = [id_ for id_ in ids if id_ not in kept]
        rows = await db.rows(_sql["written"], id=forgotten, now=now)
        mails |= {row[0]: read_back(row) for row in rows}
        refusals |= {row[0]: row[14] for row in rows if row[14] is not None}
    return mails, refusals


async def _hold(db: Database, refused: Sequence[tuple[str, int, str, str]]) -> None:
    """Give back what has a refused sender, until the pause ends; it may have ended just now."""
    paused = await standing_pauses(db, {(provider, sender) for _, _, provider, sender in refused})
    rows = [
        (id_, lease, f"{provider}/{sender}" if (provider, sender) in paused else "")
        for id_, lease, provider, sender in refused
    ]
    await db.many(_sql["unlease"], rows)


async def _next_at(db: Database, gates: OpenGates, now: int) -> int | None:
    """Return when asking again may bring more: a due time, a gate that opens, the sweep's work."""
    times = [at for at in gates.opening_times() if at > now]
    rows = list(gates.lanes())
    ((at,),) = await db.many(_sql["next_at"], rows, now=now)
    return min([*times, at] if at is not None else times, default=None)
