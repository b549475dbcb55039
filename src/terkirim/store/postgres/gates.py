"""Breaker, rate and pause rows of PostgreSQL, loaded and saved inside a transaction."""

from collections.abc import Collection, Sequence
from datetime import datetime

from terkirim.domain.lease import Settlement
from terkirim.policy import breaker, rates
from terkirim.ports import BY_HAND, Pause, ProviderStatus
from terkirim.store.gate_settings import GateSettings
from terkirim.store.gating import REFUSED, OpenGates
from terkirim.store.postgres.database import Database
from terkirim.store.postgres.transacting import Repeat
from terkirim.store.queries import Queries
from terkirim.store.records import pause_of
from terkirim.store.rows import from_json, to_json
from terkirim.store.times import micros, micros_or_none

_sql = Queries("terkirim.store.postgres")


async def load_gates(db: Database, settings: GateSettings, *, now: datetime) -> OpenGates:
    """Return the gates as they are at this moment; another node may change them."""
    (text,) = await db.one(_sql["gates"])
    return OpenGates(settings, from_json(text), now=now)


async def lock_gates(db: Database, settings: GateSettings, *, now: datetime) -> OpenGates:
    """Return the gates, which no other node changes before the COMMIT."""
    await db.rows(_sql["lock_gates"])
    return await load_gates(db, settings, now=now)


async def gates_to_claim(db: Database, settings: GateSettings, *, now: datetime) -> OpenGates:
    """Return the gates for a claim: locked where it uses up what nodes share.

    That are rates, the last credits, the one probe of a shut breaker, and the few requests of a
    recovering one.
    """
    if settings.limits:
        return await lock_gates(db, settings, now=now)
    gates = await load_gates(db, settings, now=now)
    is_closed = all(row.state == breaker.CLOSED for row in gates.breakers.values())
    if gates.allowances or not is_closed:
        return await lock_gates(db, settings, now=now)
    return gates


async def hear(
    db: Database, settings: GateSettings, group: Sequence[Settlement], *, now: datetime
) -> None:
    """Let breakers, rate gates and pauses learn from answers."""
    gates = await load_gates(db, settings, now=now)
    pauses, taken = gates.hear(group), gates.taken_senders(group)
    if pauses or taken or gates.changed_breakers() or gates.changed_rates():
        gates = await lock_gates(db, settings, now=now)
        pauses = gates.hear(group)
        await save_gates(db, gates)
        for pause in pauses:
            await save_pause(db, pause)
        for provider, sender in taken:
            await end_pause(db, provider=provider, sender=sender, fault=REFUSED)


async def save_gates(db: Database, gates: OpenGates) -> None:
    """Write the rows that changed.

    Raises:
        Repeat: another node made its first row of a provider at the same moment.
    """
    for row in gates.changed_breakers():
        plain = to_json(breaker.to_plain(row))
        saved = await db.one(
            _sql["save_breaker"], provider=row.provider, version=row.version, row=plain
        )
        if saved is None:
            raise Repeat
    for name, rate in gates.changed_rates():
        await db.rows(_sql["save_rate"], provider=name, row=to_json(rates.to_plain(rate)))
    for name, left in gates.allowances.changed():
        await db.rows(_sql["save_allowance"], provider=name, rest=left)


async def enter_rates(db: Database, settings: GateSettings) -> None:
    """Make a row for each provider with a rate, so that the first claim finds one to lock."""
    row = to_json(rates.to_plain(rates.RateRow()))
    await db.rows(_sql["enter_rates"], providers=sorted(settings.limits), row=row)


async def save_pause(db: Database, pause: Pause) -> bool:
    """Start a pause; False where it was in force, and then it stays so until the COMMIT.

    Raises:
        Repeat: it was ended at this moment.
    """
    if pause.fault == BY_HAND:
        await db.rows(_sql["end_other_pause"], provider=pause.provider, sender=pause.sender)
    started = await db.one(
        _sql["add_pause"],
        provider=pause.provider,
        sender=pause.sender,
        fault=pause.fault,
        reason=pause.reason,
        since=micros(pause.since),
        until=micros_or_none(pause.until),
    )
    if started is None and not await standing_pauses(db, {(pause.provider, pause.sender)}):
        raise Repeat
    return started is not None


async def standing_pauses(db: Database, pairs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return which (provider, sender) are paused; these stay so until the COMMIT."""
    found = await db.many(_sql["lock_pauses"], sorted(pairs))
    return {(provider, sender) for provider, sender in found}


async def take_trial(db: Database, gates: OpenGates, pair: tuple[str, str]) -> bool:
    """Return whether a refused sender's message may leave: a probe let one ask, and it is this."""
    if pair not in gates.trials:
        return False
    gates.trials.discard(pair)
    return await db.one(_sql["take_trial"], provider=pair[0], sender=pair[1]) is not None


async def resume(db: Database, *, provider: str, sender: str, fault: str | None) -> bool:
    """End a pause; one that refuses a sender only once a message of it, let go now, is accepted."""
    if fault == REFUSED and await _let_one_go(db, provider, sender):
        return True
    return await end_pause(db, provider=provider, sender=sender, fault=fault)


async def end_pause(db: Database, *, provider: str, sender: str, fault: str | None = None) -> bool:
    """End a pause and let the messages that it held go."""
    ended = await db.one(_sql["end_pause"], provider=provider, sender=sender, fault=fault)
    if sender and ended is not None:
        await db.rows(_sql["let_go"], hold=f"{provider}/{sender}")
    return ended is not None


async def pauses_of(db: Database) -> list[Pause]:
    """Return every pause in force, oldest first, with how many messages each sender's holds."""
    waiting = dict(await db.rows(_sql["waiting_on"]))
    found = await db.rows(_sql["pauses"])
    return [pause_of(row, waiting.get(f"{row[0]}/{row[1]}", 0)) for row in found]


async def _let_one_go(db: Database, provider: str, sender: str) -> bool:
    """Let the oldest message of a refused sender ask; False where the pause or the mail is gone."""
    opened = await db.one(_sql["open_trial"], provider=provider, sender=sender, fault=REFUSED)
    if opened is None:
        return False
    return await db.one(_sql["let_one_go"], hold=f"{provider}/{sender}") is not None


async def statuses_of(
    db: Database, *, settings: GateSettings, now: datetime
) -> list[ProviderStatus]:
    """Return how each provider on a route stands."""
    gates = await load_gates(db, settings, now=now)
    return gates.statuses(
        await pauses_of(db),
        due_by_lane=await db.rows(_sql["waiting_by_lane"], now=micros(now)),
        in_air=dict(await db.rows(_sql["in_air_by_provider"])),
    )
