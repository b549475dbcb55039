"""Leases due messages: whose provider is open, by priority share, within the rates."""

from collections.abc import Callable, Sequence
from typing import Any

import apsw

from terkirim.domain.email import Priority
from terkirim.policy.shares import slots
from terkirim.ports import Claim, ClaimWish, Work
from terkirim.store.counting import Rollups
from terkirim.store.fresh import FreshEmails
from terkirim.store.gate_settings import GateSettings, Opening
from terkirim.store.gating import OpenGates
from terkirim.store.leasing import Mail, end_of, read_back, remembered, work_of
from terkirim.store.queries import Queries
from terkirim.store.rows import PRIORITIES, PRIORITY_NUMBER, from_json, to_json
from terkirim.store.sqlite.controlling import finish
from terkirim.store.sqlite.gates import load_gates, save_gates, take_trial
from terkirim.store.times import instant_or_none, micros

_sql = Queries("terkirim.store.sqlite")
Chosen = tuple[str, str, int]  # message id, provider, its place on the route


class Claims:
    """The claims of one process; called as a batch of the writer."""

    def __init__(self, rollups: Rollups, settings: GateSettings, fresh: FreshEmails) -> None:
        self._rollups = rollups
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
            if work.lease.provider in probes:  # not one that turned out suppressed, expired or held
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
        leasing = {"rows": to_json(chosen), "node": self._rollups.node, "until": micros(until)}
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
            of = (row[3], mail.sender.email)
            end = end_of(row, suppressed.get(row[0]), now)
            if end is not None:
                ended.append((row[0], *end, row[8], row[2]))
            elif of in gates.refused_senders and not take_trial(db, gates, of):
                held.append((row[0], row[2], "/".join(of)))
            else:
                is_probe = row[3] in probes or of in gates.refused_senders
                works.append(work_of(row, mail, until, is_probe=is_probe))
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
        finish(db, self._rollups, ended, now=now)
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
        ids, high, turn = _due_ids(db, gates, opening, wish, room=room, turn=turn)
        granted = gates.take(opening.provider, len(ids))
        gates.allowances.spend(opening.provider, max(granted - high, 0))
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
    db: apsw.Connection,
    gates: OpenGates,
    opening: Opening,
    wish: ClaimWish,
    *,
    room: int,
    turn: int,
) -> tuple[list[str], int, int]:
    """Return what to lease, those of high priority first and how many these are, and the turn."""
    waiting: dict[Priority, list[str]] = {}
    for priority in opening.priorities:
        number = PRIORITY_NUMBER[priority]
        lane = {"route": opening.route, "position": opening.lane, "priority": number}
        (found,) = next(db.execute(_sql["due"], lane | {"now": micros(wish.now), "most": room}))
        waiting[priority] = from_json(found)
    shares, turn = slots({key: len(ids) for key, ids in waiting.items()}, free=room, turn=turn)
    gates.allowances.cut(opening.provider, shares)
    ids = [id_ for priority in opening.priorities for id_ in waiting[priority][: shares[priority]]]
    return ids, shares[Priority.HIGH], turn


def _mails(db: apsw.Connection, fresh: FreshEmails, ids: Sequence[str]) -> dict[str, Mail]:
    """Return what was submitted, by message; read back only what this process does not remember."""
    mails: dict[str, Mail] = {}
    forgotten: list[str] = []
    for id_ in ids:
        kept = fresh.take(id_)
        if kept is None:
            forgotten.append(id_)
        else:
            mails[id_] = remembered(*kept)
    if forgotten:
        (found,) = next(db.execute(_sql["written"], {"ids": to_json(forgotten)}))
        mails.update((row[0], read_back(row)) for row in from_json(found))
    return mails


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
