"""A worker's right to attempt one message, and what it reports back."""

from dataclasses import dataclass
from datetime import datetime

from terkirim.domain.email import IfUnclear, Priority
from terkirim.domain.frozen import frozen
from terkirim.domain.message import State
from terkirim.domain.outcome import Outcome, ProviderFault


@frozen
class Lease:
    """One committed right to attempt `message_id` through `provider` until an instant.

    `number` is the fence: +1 at every lease of the message, never reset. `step` is the place in the
    retry schedule with this provider, `waited_us` the microseconds of scheduled waits so far,
    `attempts` how many requests left before this one. `position` is the provider's index on the
    route. `is_probe`: the breaker, or a held sender, lets this single one through. `ready_at`: when
    it could first leave, the scheduled time or that of submission; `due_at` moves with each wait.
    """

    message_id: str
    email_id: str
    number: int
    provider: str
    until: datetime
    route: str
    position: int
    step: int
    waited_us: int
    attempts: int
    priority: Priority
    if_unclear: IfUnclear
    created_at: datetime
    due_at: datetime
    expires_at: datetime | None
    sender: str
    ready_at: datetime
    tags: tuple[str, ...] = ()  # as they are counted: name=value
    is_probe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request that left for a provider, as it is kept for ever; `number` counts from 1."""

    message_id: str
    number: int
    lease: int
    provider: str
    started_at: datetime
    duration_us: int
    outcome: str
    code: str | None
    reason: str
    answer: str
    note: str = ""  # e.g. "accepted late: sent twice"

    @property
    def is_timed(self) -> bool:
        """Return False for one whose worker died: nobody knows how long it took."""
        return self.duration_us > 0 or self.outcome != "unclear"


@frozen
class Settlement:
    """The end of one lease: what the provider said, and what the policy makes of it.

    `state` is the message's next state, `due_at` when it acts in that state again (None for a
    finished one); `step`, `position`, `waited_us` are what the outbox row carries from here.
    `reason` is a sentence for people ("" for accepted).
    """

    lease: Lease
    result: Outcome | ProviderFault
    started_at: datetime
    duration_us: int
    state: State
    due_at: datetime | None
    step: int
    position: int
    waited_us: int
    reason: str = ""
    provider_ref: str | None = None
