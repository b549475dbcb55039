"""Turns what happens to conditions into rows: which alert ends, which starts, who is told."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from terkirim.alerts import texts
from terkirim.domain.alert import Alert, Condition, Delivery, Purpose, Severity
from terkirim.language import Voice
from terkirim.policy.alerting import Move, Step, due_after, hears
from terkirim.policy.conditions import CREDITS_LEVEL, CREDITS_RUN_OUT
from terkirim.ports.alerts import AlertChange, Channel

_CREDITS = frozenset({CREDITS_LEVEL, CREDITS_RUN_OUT})  # one top-up ends both: one notice of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the changes are made of, besides the moves.

    `standing`: facts about a subject as it is now. `told`: when people last heard of a condition,
    by its name and by how bad it was.
    """

    now: datetime
    opened: Sequence[Alert]
    channels: Sequence[Channel]
    standing: Mapping[str, Mapping[str, Any]]
    told: Mapping[str, Mapping[Severity, datetime]]
    say: Voice
    new_id: Callable[[], str]

    def alert(
        self, condition: Condition, text: texts.Text, *, since: datetime, is_raised: bool = True
    ) -> Alert:
        """Return the row of a condition."""
        return Alert(
            id=self.new_id(),
            kind=condition.kind,
            subject=condition.subject,
            severity=condition.severity,
            facts=condition.facts,
            title=self.say(text.title),
            body=self.say(text.body),
            seen_at=since,
            last_at=self.now,
            raised_at=self.now if is_raised else None,
            is_quiet_end=condition.is_quiet_end,
        )

    def was_told(self, alert: Alert) -> bool:
        """Tell whether somebody heard of it, and not only of the same thing before."""
        told_at = self.told.get(alert.condition, {}).get(alert.severity)
        return told_at is not None and alert.raised_at is not None and told_at >= alert.raised_at

    def notices(
        self, alert: Alert, purpose: Purpose, *, due_at: datetime | None = None
    ) -> tuple[Delivery, ...]:
        """Return one notice for each channel that wants to hear of this severity."""
        return tuple(
            Delivery(
                alert_id=alert.id,
                channel=channel.key,
                shown=channel.shown,
                purpose=purpose,
                severity=alert.severity,
                title=alert.title,
                body=alert.body,
                due_at=due_at or self.now,
            )
            for channel in self.channels
            if hears(channel.lowest, alert.severity)
        )


def changes_of(steps: Sequence[Move], scene: Scene) -> Iterator[AlertChange]:
    """Yield the rows to write for these moves; those that end by one top-up are one change."""
    ending = [move.alert for move in steps if move.step is Step.END and move.alert is not None]
    for move in steps:
        match move:
            case Move(Step.END, Alert() as alert, _):
                together = [one for one in ending if _is_same_top_up(one, alert)]
                if together[0] is alert:
                    yield _ended(together, ending, scene)
            case Move(Step.FORGET, Alert() as alert, _):
                yield AlertChange(ends=alert)
            case Move(Step.GO_ON, Alert() as alert, _):
                yield AlertChange(sees=alert)
            case Move(_, alert, Condition() as condition):
                yield _moved(move.step, alert, condition, scene)


def _moved(step: Step, alert: Alert | None, condition: Condition, scene: Scene) -> AlertChange:
    since = scene.now if alert is None else alert.seen_at
    is_known = alert is not None and scene.was_told(alert)
    if step is Step.EASE and is_known:
        return _eased(alert, condition, since, scene)
    text = texts.told(condition)
    if step is Step.SEE:
        return AlertChange(starts=scene.alert(condition, text, since=since, is_raised=False))
    due_at = scene.now
    if not is_known:
        due_at = due_after(scene.told.get(condition.name, {}), condition.severity, scene.now)
    starts = scene.alert(condition, text, since=since)
    notices = scene.notices(starts, Purpose.ALERT, due_at=due_at)
    return AlertChange(ends=alert, starts=starts, notices=notices)


def _eased(alert: Alert | None, condition: Condition, since: datetime, scene: Scene) -> AlertChange:
    starts = scene.alert(condition, texts.eased(condition), since=since)
    if alert is None or condition.is_quiet_end:
        return AlertChange(ends=alert, starts=starts)
    notices = scene.notices(starts, Purpose.ALERT)
    return AlertChange(
        ends=alert, starts=starts, notices=notices, recovery=_recovery(alert, scene, None)
    )


def _ended(together: Sequence[Alert], ending: Collection[Alert], scene: Scene) -> AlertChange:
    worst = max(together, key=lambda one: one.severity.rank)
    others = tuple(one for one in together if one is not worst)
    if worst.is_quiet_end:
        return AlertChange(ends=worst, ends_too=others)
    goes_on = any(
        _is_same_top_up(one, worst) and one not in ending and one.raised_at is not None
        for one in scene.opened
    )
    standing = None if goes_on else scene.standing.get(worst.subject)
    return AlertChange(ends=worst, ends_too=others, recovery=_recovery(worst, scene, standing))


def _recovery(alert: Alert, scene: Scene, standing: Mapping[str, Any] | None) -> Delivery:
    text = texts.over(alert, lasted=scene.now - alert.seen_at, standing=standing)
    return Delivery(
        alert_id=alert.id,
        channel="",  # to whom it goes is known by the store: whoever heard of the alert
        shown="",
        purpose=Purpose.RECOVERY,
        severity=alert.severity,
        title=scene.say(text.title),
        body=scene.say(text.body),
        due_at=scene.now,
    )


def _is_same_top_up(one: Alert, other: Alert) -> bool:
    if one is other:
        return True
    return {one.kind, other.kind} <= _CREDITS and one.subject == other.subject
