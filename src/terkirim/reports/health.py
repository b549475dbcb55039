"""What is wrong now, one sentence each: the banner of every door. Green is silent."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from terkirim.domain.message import State
from terkirim.ports import (
    BY_HAND,
    UNKNOWN_ANSWER,
    Backlog,
    Gates,
    MessageFilter,
    MessageLog,
    Pause,
    ProviderStatus,
    RollupRow,
    Upkeep,
)

WAITS_LONG = timedelta(minutes=15)
RECENT = timedelta(hours=24)
SANDBOX = "sandbox"  # the provider that sends nothing, and says so
CRITICAL, WARNING, NOTICE = "critical", "warning", "notice"
_ORDER = (CRITICAL, WARNING, NOTICE)
_WHY: Mapping[str, tuple[str, str]] = {
    "Unauthorised": (CRITICAL, "it refuses the key; put the key right and the mail goes by itself"),
    "OutOfCredits": (CRITICAL, "the account has no credits; top it up and the mail goes by itself"),
    "QuotaReached": (WARNING, "its daily limit is used up"),
    "SenderRefused": (WARNING, "it does not approve of this sender; have it approved there"),
    BY_HAND: (WARNING, "a person paused it; resume it to go on"),
}


class Asked(Gates, MessageLog, Upkeep, Protocol):
    """What the report reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRules:
    """What the settings say: `is_sandbox` where the default route sends nothing for real.

    `diverts`: mail of a provider that refuses its key goes into the sandbox.
    """

    is_sandbox: bool = False
    diverts: bool = False
    min_free: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that is wrong: `kind` and `facts` for programs, `says` for people."""

    kind: str
    level: str
    says: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The worst level of all troubles ("ok" without any), the troubles, and what waits."""

    status: str
    troubles: tuple[Trouble, ...]
    backlog: Backlog


async def health(store: Asked, *, now: datetime, rules: HealthRules) -> Health:
    """Return what is wrong now, the worst first."""
    statuses = await store.providers(now=now)
    backlog = await store.backlog(now=now)
    free = await store.free_bytes()
    rows = await store.rollups((UNKNOWN_ANSWER, "state"), since=now - RECENT, until=now)
    troubles = [
        *_of_disk(free, rules),
        *(one for status in statuses for one in _of_provider(status, rules)),
        *_of_sandbox(rules),
        *_of_waiting(backlog, now),
        *_of_unknown_answers(rows),
        *await _of_dead(store, rows),
    ]
    return _worst_first(troubles, backlog)


def with_troubles(found: Health, others: Iterable[Trouble]) -> Health:
    """Return the same with troubles that other parts know of."""
    return _worst_first([*found.troubles, *others], found.backlog)


def _worst_first(troubles: list[Trouble], backlog: Backlog) -> Health:
    troubles.sort(key=lambda one: _ORDER.index(one.level))
    status = troubles[0].level if troubles and troubles[0].level != NOTICE else "ok"
    return Health(status=status, troubles=tuple(troubles), backlog=backlog)


def pause_trouble(pause: Pause, *, waiting: int | None = None, diverts: bool = False) -> Trouble:
    """Return what a pause means; `waiting` None: how many wait is not known here."""
    level, why = _WHY.get(pause.fault, (WARNING, "it must not be used now"))
    whom = f"{pause.provider} for the sender {pause.sender}" if pause.sender else pause.provider
    says = f"{whom} is paused: {why}"
    if diverts and pause.fault == "Unauthorised":
        says = (
            f"{whom} refuses the key: mail goes into the SANDBOX and is not really sent; put the "
            "key right, then send it with `messages requeue --sandbox`"
        )
    if waiting:
        says += f" ({_messages(waiting)} waiting)"
    if pause.reason:
        says += f". It said: {pause.reason}"
    facts = {
        "provider": pause.provider,
        "sender": pause.sender or None,
        "fault": pause.fault,
        "reason": pause.reason,
        "since": pause.since.isoformat(),
        "until": None if pause.until is None else pause.until.isoformat(),
        "waiting": waiting,
    }
    return Trouble(kind="provider_paused", level=level, says=says, facts=facts)


def _of_provider(status: ProviderStatus, rules: HealthRules) -> Iterator[Trouble]:
    for pause in status.pauses:
        waiting = pause.waiting if pause.sender else status.waiting
        yield pause_trouble(pause, waiting=waiting, diverts=rules.diverts)
    if status.breaker == "closed":
        return
    facts = {
        "provider": status.name,
        "breaker": status.breaker,
        "faults": status.faults,
        "until": None if status.open_until is None else status.open_until.isoformat(),
        "waiting": status.waiting,
    }
    if status.breaker == "recovering":
        says = f"{status.name} answers again; it is given more mail step by step"
        yield Trouble(kind="breaker_recovering", level=NOTICE, says=says, facts=facts)
        return
    says = (
        f"{status.name} does not answer as it should ({status.faults} faults in a row): it is left "
        f"alone for a while and then tried with one message ({_messages(status.waiting)} waiting)"
    )
    yield Trouble(kind="breaker_open", level=WARNING, says=says, facts=facts)


def _of_disk(free: int | None, rules: HealthRules) -> Iterator[Trouble]:
    if free is not None and free < rules.min_free:
        says = (
            f"the disk is nearly full ({free // 1_000_000:,} MB left): new mail is refused until "
            "some space is free"
        )
        yield Trouble(
            kind="disk_nearly_full", level=CRITICAL, says=says, facts={"free_bytes": free}
        )


def _of_sandbox(rules: HealthRules) -> Iterator[Trouble]:
    if rules.is_sandbox:
        says = (
            "sandbox mode: mail is kept and shown, and nothing is really sent; set "
            "MAILKETING_API_KEY to send in earnest"
        )
        yield Trouble(kind="sandbox", level=WARNING, says=says)


def _of_waiting(backlog: Backlog, now: datetime) -> Iterator[Trouble]:
    oldest = backlog.oldest_due_at
    if oldest is not None and now - oldest > WAITS_LONG:
        minutes = (now - oldest) // timedelta(minutes=1)
        yield Trouble(
            kind="waiting_long",
            level=WARNING,
            says=f"the oldest message that is due has been waiting for {minutes:,} minutes",
            facts={"oldest_due_at": oldest.isoformat(), "minutes": minutes},
        )
    held = backlog.by_state.get(State.HELD, 0)
    if held:
        says = f"{_messages(held)} may have been sent and wait for a person: accept or requeue them"
        yield Trouble(kind="held", level=NOTICE, says=says, facts={"count": held})


def _of_unknown_answers(rows: Sequence[RollupRow]) -> Iterator[Trouble]:
    unknown: Counter[str] = Counter()
    for row in rows:
        if row.kind == UNKNOWN_ANSWER:
            unknown[row.key] += row.count
    for key, count in unknown.most_common(5):
        provider, _, text = key.partition(":")
        says = (
            f"{provider} gave an answer that is not known here, {count:,} times within a day; the "
            f"mail is tried again. It said: {text}"
        )
        facts = {"provider": provider, "text": text, "count": count}
        yield Trouble(kind=UNKNOWN_ANSWER, level=WARNING, says=says, facts=facts)


async def _of_dead(store: Asked, rows: Sequence[RollupRow]) -> list[Trouble]:
    """Return what was given up; nothing where all of it was sent again since."""
    dead = sum(row.count for row in rows if row.kind == "state" and row.key == State.DEAD)
    if not dead or not await store.messages(MessageFilter(limit=1, states=(State.DEAD,))):
        return []
    says = f"{_messages(dead)} gave up within a day: see the dead letters"
    return [Trouble(kind="dead_letters", level=NOTICE, says=says, facts={"count": dead})]


def _messages(count: int) -> str:
    return f"{count:,} message" + ("" if count == 1 else "s")
