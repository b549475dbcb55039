"""Breaker, rate and pause rows of SQLite, loaded and saved inside a transaction."""

from datetime import datetime

import apsw

from terkirim.policy import breaker, rates
from terkirim.ports import BY_HAND, Pause, ProviderStatus
from terkirim.store.gate_settings import GateSettings
from terkirim.store.gating import REFUSED, OpenGates
from terkirim.store.queries import Queries
from terkirim.store.rows import from_json, to_json
from terkirim.store.times import instant, instant_or_none, micros, micros_or_none

_sql = Queries("terkirim.store.sqlite")


def load_gates(db: apsw.Connection, settings: GateSettings, *, now: datetime) -> OpenGates:
    """Return the gates as this transaction sees them."""
    (text,) = next(db.execute(_sql["gates"]))
    return OpenGates(settings, from_json(text), now=now)


def save_gates(db: apsw.Connection, gates: OpenGates) -> None:
    """Write the rows that changed."""
    for row in gates.changed_breakers():
        version = row.version
        plain = {
            "provider": row.provider,
            "version": version,
            "row": to_json(breaker.to_plain(row)),
        }
        db.execute(_sql["save_breaker"], plain)
    for name, rate in gates.changed_rates():
        db.execute(_sql["save_rate"], {"provider": name, "row": to_json(rates.to_plain(rate))})
    for name, left in gates.allowances.changed():
        db.execute(_sql["save_allowance"], {"provider": name, "rest": left})


def save_pause(db: apsw.Connection, pause: Pause) -> bool:
    """Start a pause; False where it was in force."""
    before = db.total_changes()
    if pause.fault == BY_HAND:
        db.execute(_sql["end_other_pause"], {"provider": pause.provider, "sender": pause.sender})
    row = {
        "provider": pause.provider,
        "sender": pause.sender,
        "fault": pause.fault,
        "reason": pause.reason,
        "since": micros(pause.since),
        "until": micros_or_none(pause.until),
    }
    db.execute(_sql["add_pause"], row)
    return db.total_changes() > before


def resume(db: apsw.Connection, provider: str, sender: str, fault: str | None) -> bool:
    """End a pause; one that refuses a sender only once a message of it, let go now, is accepted."""
    if fault == REFUSED and _let_one_go(db, provider, sender):
        return True
    return end_pause(db, provider, sender, fault)


def end_pause(db: apsw.Connection, provider: str, sender: str, fault: str | None = None) -> bool:
    """End a pause and let the messages that it held go."""
    before = db.total_changes()
    db.execute(_sql["end_pause"], {"provider": provider, "sender": sender, "fault": fault})
    ended = db.total_changes() > before
    if sender and ended:
        db.execute(_sql["let_go"], {"hold": f"{provider}/{sender}"})
    return ended


def take_trial(db: apsw.Connection, gates: OpenGates, pair: tuple[str, str]) -> bool:
    """Return whether a refused sender's message may leave: a probe let one ask, and it is this."""
    if pair not in gates.trials:
        return False
    gates.trials.discard(pair)
    db.execute(_sql["take_trial"], {"provider": pair[0], "sender": pair[1]})
    return True


def pauses_of(db: apsw.Connection) -> list[Pause]:
    """Return every pause in force, oldest first, with how many messages each sender's holds."""
    waiting = dict(db.execute(_sql["waiting_on"]))
    found = db.execute(
        "SELECT provider, sender, fault, reason, since, until FROM pauses ORDER BY since"
    )
    return [
        Pause(
            provider=provider,
            sender=sender,
            fault=fault,
            reason=reason,
            since=instant(since),
            until=instant_or_none(until),
            waiting=waiting.get(f"{provider}/{sender}", 0),
        )
        for provider, sender, fault, reason, since, until in found
    ]


def _let_one_go(db: apsw.Connection, provider: str, sender: str) -> bool:
    """Let the oldest message of a refused sender ask; False where the pause or the mail is gone."""
    opened = {"provider": provider, "sender": sender, "fault": REFUSED}
    if not list(db.execute(_sql["open_trial"], opened)):
        return False
    return bool(list(db.execute(_sql["let_one_go"], {"hold": f"{provider}/{sender}"})))


def statuses_of(db: apsw.Connection, settings: GateSettings, now: datetime) -> list[ProviderStatus]:
    """Return how each provider on a route stands."""
    return load_gates(db, settings, now=now).statuses(
        pauses_of(db),
        due_by_lane=list(db.execute(_sql["waiting_by_lane"], {"now": micros(now)})),
        in_air=dict(db.execute(_sql["in_air_by_provider"])),
    )
