"""What is wrong, and how badly: facts about the gateway in, conditions out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from terkirim.domain.alert import Condition, Severity
from terkirim.domain.credit import Level, Standing
from terkirim.policy.credit import FAILURES_THAT_ALERT

CREDITS_LEVEL = "credits_level"
CREDITS_RUN_OUT = "credits_run_out"
CREDITS_CHECK = "credits_check"
KEY_REFUSED = "key_refused"
PROVIDER_PAUSED = "provider_paused"
PROVIDER_DOWN = "provider_down"
UNKNOWN_ANSWER = "unknown_answer"
OLDEST_WAITING = "oldest_waiting"
BOUNCE_RATE = "bounce_rate"
COMPLAINT_RATE = "complaint_rate"
DEAD_LETTERS = "dead_letters"
DISK_FULL = "disk_full"
ENDPOINT_DISABLED = "endpoint_disabled"

CREDIT_KINDS = frozenset({CREDITS_LEVEL, CREDITS_RUN_OUT, CREDITS_CHECK})
PROVIDER_KINDS = frozenset({KEY_REFUSED, PROVIDER_PAUSED, PROVIDER_DOWN})
MAIL_KINDS = frozenset(
    {OLDEST_WAITING, BOUNCE_RATE, COMPLAINT_RATE, DEAD_LETTERS, DISK_FULL, UNKNOWN_ANSWER}
)

SHUT_FOR = timedelta(minutes=5)
WAITED_FOR = timedelta(minutes=15)
BOUNCES_AT_MOST = 0.05
COMPLAINTS_AT_MOST = 0.003

# A share of a handful says nothing: so many must have happened in the day before anybody is told.
_FEWEST_BOUNCES = 5
_FEWEST_COMPLAINTS = 3
_MANY_DEAD = 100
_SHARE_OF_DEAD = 0.01
_NEARLY = 2  # times the space below which mail is refused

_SEVERITY = {
    Level.WARNING: Severity.WARNING,
    Level.CRITICAL: Severity.CRITICAL,
    Level.EMERGENCY: Severity.EMERGENCY,
}
_LEVEL = {severity: level for level, severity in _SEVERITY.items()}
_AT_ONCE = {"OutOfCredits": Severity.EMERGENCY, "QuotaReached": Severity.WARNING}


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseSeen:
    """One pause in force; `sender` "" for all mail of the provider."""

    provider: str
    sender: str
    fault: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySeen:
    """What the last 24 hours brought, and what stands now; `free` in bytes, None: not known."""

    now: datetime
    accepted: int
    bounced: int
    complained: int
    dead: int
    oldest_due_at: datetime | None
    free: int | None
    free_at_least: int


def level_before(severity: Severity | None) -> Level:
    """Return the level that an open alert about the credits stands for; None: there is none."""
    return Level.OK if severity is None else _LEVEL[severity]


def credit_conditions(
    standing: Standing, *, lead: timedelta, is_running_out: bool
) -> Iterator[Condition]:
    """Yield what is wrong with an account; `is_running_out`: that was found before, and goes on."""
    about: dict[str, Any] = {"balance": standing.balance, "is_estimated": standing.is_estimated}
    if standing.known_level in _SEVERITY:
        severity = _SEVERITY[standing.known_level]
        yield Condition(
            kind=CREDITS_LEVEL,
            subject=standing.provider,
            severity=severity,
            facts=about | {"level": standing.known_level.value},
        )
    if _runs_out(standing, lead, is_running_out=is_running_out):
        yield Condition(
            kind=CREDITS_RUN_OUT,
            subject=standing.provider,
            severity=Severity.CRITICAL,
            facts=about | _range(standing),
        )
    if standing.failures >= FAILURES_THAT_ALERT:
        yield Condition(
            kind=CREDITS_CHECK,
            subject=standing.provider,
            severity=Severity.WARNING,
            facts={"failures": standing.failures, "reason": standing.reason},
        )


def _runs_out(standing: Standing, lead: timedelta, *, is_running_out: bool) -> bool:
    """Return whether the early end is near.

    Once it was, only twice the lead is far enough: a quiet day or a weekend moves the end, and is
    no top-up. While nothing can be told, what was told goes on.
    """
    forecast = standing.forecast
    if not forecast.is_known:
        return is_running_out
    if forecast.early is None:
        return False
    return forecast.early - standing.at < (2 * lead if is_running_out else lead)


def _range(standing: Standing) -> dict[str, Any]:
    forecast = standing.forecast
    ends = {"early": forecast.early, "likely": forecast.likely, "late": forecast.late}
    return {
        f"{name}_seconds": None if end is None else round((end - standing.at).total_seconds())
        for name, end in ends.items()
    } | {"waiting": standing.waiting.count}


def pause_condition(pause: PauseSeen) -> Condition:
    """Return what a pause means: a refused key and an empty account are told of at once."""
    facts = {"provider": pause.provider, "sender": pause.sender, "fault": pause.fault}
    facts |= {"reason": pause.reason}
    if pause.fault == "Unauthorised":
        return refused_key(pause.provider, pause.reason)
    subject = f"{pause.provider}/{pause.sender}" if pause.sender else pause.provider
    severity = _AT_ONCE.get(pause.fault, Severity.WARNING)
    return Condition(
        kind=PROVIDER_PAUSED,
        subject=subject,
        severity=severity,
        facts=facts,
        holds_for=SHUT_FOR if pause.fault == "by hand" else timedelta(0),
    )


def refused_key(provider: str, reason: str) -> Condition:
    """Return the condition that a provider refuses our key."""
    return Condition(
        kind=KEY_REFUSED,
        subject=provider,
        severity=Severity.CRITICAL,
        facts={"provider": provider, "reason": reason},
    )


def breaker_condition(provider: str) -> Condition:
    """Return the condition about a breaker that is not closed; told of once it lasts."""
    return Condition(
        kind=PROVIDER_DOWN,
        subject=provider,
        severity=Severity.CRITICAL,
        facts={"provider": provider},
        holds_for=SHUT_FOR,
    )


def day_conditions(day: DaySeen) -> Iterator[Condition]:
    """Yield what is wrong with the mail of the last day, and with the disk."""
    if day.oldest_due_at is not None and day.now - day.oldest_due_at > WAITED_FOR:
        waited = round((day.now - day.oldest_due_at).total_seconds())
        yield Condition(
            kind=OLDEST_WAITING, severity=Severity.CRITICAL, facts={"waited_seconds": waited}
        )
    yield from _rates(day)
    if day.dead:
        is_bad = day.dead >= max(_MANY_DEAD, (day.accepted + day.dead) * _SHARE_OF_DEAD)
        yield Condition(
            kind=DEAD_LETTERS,
            severity=Severity.CRITICAL if is_bad else Severity.WARNING,
            facts={"dead": day.dead},
            is_quiet_end=True,
        )
    if day.free is not None and day.free < day.free_at_least * _NEARLY:
        yield Condition(
            kind=DISK_FULL,
            severity=Severity.EMERGENCY if day.free < day.free_at_least else Severity.CRITICAL,
            facts={"free": day.free, "is_refusing": day.free < day.free_at_least},
        )


def _rates(day: DaySeen) -> Iterator[Condition]:
    for kind, count, fewest, at_most in (
        (BOUNCE_RATE, day.bounced, _FEWEST_BOUNCES, BOUNCES_AT_MOST),
        (COMPLAINT_RATE, day.complained, _FEWEST_COMPLAINTS, COMPLAINTS_AT_MOST),
    ):
        if count >= fewest and count > day.accepted * at_most:
            share = count / max(day.accepted, count)  # bounces may be of mail of the day before
            facts = {"count": count, "accepted": day.accepted, "percent": round(share * 100, 2)}
            yield Condition(kind=kind, severity=Severity.CRITICAL, facts=facts)


def unknown_answer(provider: str, reason: str) -> Condition:
    """Return the condition about words of a provider that nobody knows yet."""
    return Condition(
        kind=UNKNOWN_ANSWER,
        subject=provider,
        severity=Severity.WARNING,
        facts={"provider": provider, "reason": reason},
        is_quiet_end=True,
    )


def endpoint_disabled(endpoint_id: str, *, url: str, reason: str) -> Condition:
    """Return the condition that an endpoint failed for so long that it was disabled."""
    return Condition(
        kind=ENDPOINT_DISABLED,
        subject=endpoint_id,
        severity=Severity.CRITICAL,
        facts={"url": url, "reason": reason},
    )
