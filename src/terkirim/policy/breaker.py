"""When a failing provider is left alone, and how it is taken up again.

closed → (faults in a row) → open → (cool-down over) → half_open: one probe → recovering: one
request in the air, doubling with each round of successes → closed. While it recovers it opens again
by as many faults in a row as when closed: else one that fails now and then would never be closed.

An answer that refuses all mail (the key, the credits, the day's quota) leads to half_open too: a
pause follows it, and after the pause one message asks first, however the pause ended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from terkirim.domain.outcome import (
    Accepted,
    AccountFault,
    Deferred,
    Outcome,
    ProviderFault,
    Rejected,
    Unclear,
)
from terkirim.policy.clocks import is_absurd

OPEN_AT_MOST = timedelta(minutes=5)
CLOSED, OPEN, HALF_OPEN, RECOVERING = "closed", "open", "half_open", "recovering"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSettings:
    """Opens after `after` faults in a row, for `cool_down`, doubling up to `at_most`."""

    after: int = 20
    cool_down: timedelta = timedelta(seconds=30)
    at_most: timedelta = OPEN_AT_MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRow:
    """One provider's breaker. `until`: when an open one may be probed, or a probe is given up.

    `limit` is how many requests may be in the air (None: as many as there is room for),
    `successes` how many came since it was last raised. `version` grows with every change.
    """

    provider: str
    changed_at: datetime
    state: str = CLOSED
    faults: int = 0
    until: datetime | None = None
    opened_for: timedelta | None = None
    limit: int | None = None
    successes: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of the provider, or the lack of one; in the order in which they came.

    `is_fault` None: it says nothing of how the provider is. `is_refusal`: it takes nobody's mail.
    """

    started_at: datetime
    is_fault: bool | None
    is_refusal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """What a claim may lease: `limit` in the air (None: no limit, 0: shut); `row` if it is used."""

    limit: int | None
    is_probe: bool
    row: BreakerRow


def is_fault(result: Outcome | ProviderFault) -> bool | None:
    """Return whether a result speaks against the provider; None: it says nothing either way."""
    match result:
        case Unclear():
            return True
        case Deferred(is_rate_limit=True):
            return None
        case Deferred(is_provider_down=is_down):
            return is_down
        case Accepted() | Rejected():
            return False
        case _:
            return None


def is_refusal(result: Outcome | ProviderFault) -> bool:
    """Return True for an answer that refuses all of our mail, and so pauses the provider."""
    return isinstance(result, AccountFault)


def is_failing(row: BreakerRow) -> bool:
    """Return False also for one that lets mail through by one only because of a pause."""
    return row.state != CLOSED and row.opened_for is not None


def on_claim(row: BreakerRow, *, now: datetime, full: int, probe_for: timedelta) -> Permit:
    """Return what a claim may do; `row` is to be kept only if the claim does lease something.

    A probe whose worker died is given up after `probe_for`, and another one goes.
    """
    if row.state == CLOSED:
        return Permit(limit=None, is_probe=False, row=row)
    if row.state == RECOVERING:
        return Permit(limit=min(row.limit or 1, full), is_probe=False, row=row)
    longest = max(probe_for, OPEN_AT_MOST)
    is_shut = row.until is not None and now < row.until
    if is_shut and not is_absurd(row.until or now, now=now, at_most=longest):
        return Permit(limit=0, is_probe=False, row=row)
    probing = replace(
        row, state=HALF_OPEN, until=now + probe_for, changed_at=now, version=row.version + 1
    )
    return Permit(limit=1, is_probe=True, row=probing)


def without_probe(row: BreakerRow, *, now: datetime) -> BreakerRow:
    """Return the row after its probe came back unsent or unanswered: another may go at once."""
    if row.state != HALF_OPEN:
        return row
    return replace(row, until=now, version=row.version + 1)


def after_answers(
    row: BreakerRow,
    answers: Sequence[Answer],
    *,
    now: datetime,
    settings: BreakerSettings,
    full: int,
) -> BreakerRow:
    """Return the row after these answers, which grows in version if anything changed.

    Only answers to requests begun after the last change of state count: what was in the air when
    it opened says nothing about the provider as it is now.
    """
    before = row
    for answer in answers:
        if answer.started_at >= row.changed_at or is_absurd(row.changed_at, now=now):
            row = _after_one(row, answer, now=now, settings=settings, full=full)
    return row if row == before else replace(row, version=before.version + 1)


def to_plain(row: BreakerRow) -> dict[str, Any]:
    """Return the row, without provider and version, as what JSON can carry."""
    return {
        "state": row.state,
        "faults": row.faults,
        "until": None if row.until is None else row.until.isoformat(),
        "opened_for": None if row.opened_for is None else row.opened_for.total_seconds(),
        "changed_at": row.changed_at.isoformat(),
        "limit": row.limit,
        "successes": row.successes,
    }


def from_plain(provider: str, plain: Mapping[str, Any], version: int) -> BreakerRow:
    """Return the row that `to_plain` wrote."""
    until, opened_for = plain["until"], plain["opened_for"]
    return BreakerRow(
        provider=provider,
        state=plain["state"],
        faults=plain["faults"],
        until=None if until is None else datetime.fromisoformat(until),
        opened_for=None if opened_for is None else timedelta(seconds=opened_for),
        changed_at=datetime.fromisoformat(plain["changed_at"]),
        limit=plain["limit"],
        successes=plain["successes"],
        version=version,
    )


def _after_one(
    row: BreakerRow, answer: Answer, *, now: datetime, settings: BreakerSettings, full: int
) -> BreakerRow:
    if row.state == OPEN:
        return row
    if answer.is_refusal:  # it does answer: no outage any more
        return BreakerRow(
            provider=row.provider, state=HALF_OPEN, until=now, changed_at=now, version=row.version
        )
    if answer.is_fault is None:  # of a probe: else nobody would ask again before it is given up
        return without_probe(row, now=now)
    if answer.is_fault:
        return _after_fault(row, now=now, settings=settings)
    return _after_success(row, now=now, full=full)


def _after_fault(row: BreakerRow, *, now: datetime, settings: BreakerSettings) -> BreakerRow:
    faults = row.faults + 1
    is_probe_of_outage = row.state == HALF_OPEN and row.opened_for is not None
    if not is_probe_of_outage and faults < settings.after:
        return without_probe(replace(row, faults=faults), now=now)
    longer = settings.cool_down if row.opened_for is None else row.opened_for * 2
    open_for = min(longer, settings.at_most)
    return replace(
        row,
        state=OPEN,
        faults=faults,
        until=now + open_for,
        opened_for=open_for,
        changed_at=now,
        limit=None,
        successes=0,
    )


def _after_success(row: BreakerRow, *, now: datetime, full: int) -> BreakerRow:
    if row.state == CLOSED:
        return row if row.faults == 0 else replace(row, faults=0)
    if row.state == HALF_OPEN:
        return replace(
            row, state=RECOVERING, limit=1, successes=0, faults=0, until=None, changed_at=now
        )
    limit, successes = row.limit or 1, row.successes + 1
    if successes < limit:
        return replace(row, successes=successes, faults=0)
    if limit * 2 < full:
        return replace(row, limit=limit * 2, successes=0, faults=0)
    return replace(
        row, state=CLOSED, limit=None, successes=0, faults=0, opened_for=None, changed_at=now
    )
