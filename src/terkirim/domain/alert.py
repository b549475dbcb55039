"""Alerts: what is wrong, how badly, and who is told of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

# How the activity log names who sits at a terminal: by this alone where they have no name.
COMMAND_LINE = "command line"
AT_COMMAND_LINE = f" ({COMMAND_LINE})"


class Severity(StrEnum):
    """How badly; a channel has the lowest one that it wants to hear of."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"
    EMERGENCY = "emergency"

    @property
    def rank(self) -> int:
        """Return its place, 0 for the mildest."""
        return _RANK[self]


_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class Purpose(StrEnum):
    """Why a channel is written to."""

    ALERT = "alert"
    RECOVERY = "recovery"
    SUMMARY = "summary"
    TEST = "test"


class DeliveryState(StrEnum):
    """Where one notice to one channel stands; dropped: it was over before it could be sent."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that is wrong now. `kind` and `subject` name it, the same on every node.

    `facts` are values for the text, as JSON carries them; spans of time in seconds. `holds_for`:
    how long it must last before anybody is told. With `is_quiet_end` nobody is told of its end.
    """

    kind: str
    severity: Severity
    subject: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    holds_for: timedelta = timedelta(0)
    is_quiet_end: bool = False

    @property
    def name(self) -> str:
        """Return the name under which it is open at most once."""
        return f"{self.kind}:{self.subject}" if self.subject else self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A condition as it is kept. `raised_at` None: it does not last long enough yet to be told.

    `ended_at` None: it goes on. `seen_at` is when it was first found, `last_at` about when last.
    `title` and `body` are what was said of it.
    """

    id: str
    kind: str
    subject: str
    severity: Severity
    facts: Mapping[str, Any]
    title: str
    body: str
    seen_at: datetime
    last_at: datetime
    raised_at: datetime | None = None
    ended_at: datetime | None = None
    is_quiet_end: bool = False
    deliveries: tuple["Delivery", ...] = ()

    @property
    def condition(self) -> str:
        """Return the name of its condition."""
        return f"{self.kind}:{self.subject}" if self.subject else self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One notice to one channel: `channel` names it for good, `shown` for people, without secrets.

    A channel gets one notice of each purpose for an alert. `due_at`: not before.
    `answer` is why the last attempt failed, masked; "" where none did.
    """

    alert_id: str
    channel: str
    shown: str
    purpose: Purpose
    severity: Severity
    title: str
    body: str
    due_at: datetime
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    answer: str = ""
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Who did what, when, to what. `facts` are what else is known, as JSON carries it.

    `id` is the log's own, "" before it is kept.
    """

    at: datetime
    who: str
    what: str
    subject: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default="", compare=False)
