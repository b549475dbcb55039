"""What the parts need of the world and of each other; every adapter stands behind one of these.

All times are aware UTC instants. Every method of a store may raise `StoreUnavailable`, and then
nothing of the call was stored.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from terkirim.domain.email import (
    Address,
    Attachment,
    Carries,
    Content,
    Email,
    OutgoingMessage,
    Priority,
)
from terkirim.domain.frozen import frozen
from terkirim.domain.lease import Lease, Settlement
from terkirim.domain.message import Evidence, State
from terkirim.domain.outcome import Outcome, ProviderFault
from terkirim.domain.record import EmailRow, MessageRow, Story
from terkirim.policy.retry import RetrySchedule


class Clock(Protocol):
    """The time, passed in so that tests own it."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back, for waits inside the process."""
        ...


class Dice(Protocol):
    """Randomness, passed in so that tests load it."""

    def __call__(self) -> float:
        """Return a draw from [0, 1)."""
        ...


class Provider(Protocol):
    """A delivery service. Implementations own their sockets and close them in `close`."""

    name: str
    carries: Carries

    async def send(self, message: OutgoingMessage, *, within: timedelta) -> Outcome | ProviderFault:
        """Return how the one request ended; raises nothing but cancellation.

        Never follows a redirect, never tries twice, and ends after `within` at the latest.
        """
        ...

    async def probe(
        self, *, within: timedelta, sender: str | None = None
    ) -> Outcome | ProviderFault:
        """Ask, without sending mail, whether the provider takes mail again (for `sender`).

        Accepted: it does. Unclear: this provider has no call that could tell.
        """
        ...

    async def close(self) -> None:
        """Release connections; the provider is not used afterwards."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """A caller's key with its scope; `fingerprint` is a hash of the canonical JSON payload."""

    owner: str
    route: str
    key: str
    fingerprint: str


@frozen
class Submission:
    """Emails that are accepted together or not at all.

    `answer` (JSON text) is stored beside the key and is what a repeat gets back. `files` holds the
    attachments' bytes by their SHA-256 in hex.
    """

    emails: tuple[Email, ...]
    now: datetime
    idempotency: IdempotencyKey | None = None
    answer: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)


@frozen
class Receipt:
    """What became of a submission: `answer` is the stored one where the key was used before.

    `skipped`: ids of emails whose (campaign, row) had been taken before, so that nothing was stored
    for them. `suppressed`: ids of messages that were suppressed at birth.
    """

    answer: str
    is_repeat: bool = False
    skipped: frozenset[str] = frozenset()
    suppressed: frozenset[str] = frozenset()


class Submissions(Protocol):
    """Where emails are put on disk."""

    async def accept(self, submission: Submission) -> Receipt:
        """Store the submission and return after its commit.

        Raises:
            IdempotencyConflict: the key was used with another payload, or is in use elsewhere.
        """
        ...

    async def repeat_of(self, key: IdempotencyKey, *, now: datetime) -> Receipt | None:
        """Return the receipt of the key's first use, None where `accept` would be the first.

        For work that is owed before `accept` and should not be done for a repeat.

        Raises:
            IdempotencyConflict: the key was used with another payload.
        """
        ...


@frozen
class ClaimWish:
    """What a dispatcher asks of the outbox: at most `limit` leases.

    `turn` is where the 8 : 3 : 1 pattern goes on; the claim returns the next one.
    """

    limit: int
    now: datetime
    lease_for: timedelta
    turn: int = 0


@frozen
class Work:
    """One lease with what is to be sent: content as submitted, not rendered yet."""

    lease: Lease
    recipient: str
    variables: Mapping[str, Any] | None
    sender: Address
    subject: str
    content: Content
    reply_to: tuple[Address, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()


@frozen
class Claim:
    """The leases of one claim, committed; `next_at`: when asking again may bring more, or None."""

    works: tuple[Work, ...]
    turn: int
    next_at: datetime | None = None


class Outbox(Protocol):
    """The hot table of unfinished messages, as one node's dispatcher uses it."""

    async def claim(self, wish: ClaimWish | Callable[[], ClaimWish]) -> Claim:
        """Lease due messages whose providers are open, by priority share, oldest due first.

        Suppressed and expired mail met on the way is ended, not returned. A wish that is a function
        is asked when the claim's turn comes (from any thread): more room may be free by then.
        """
        ...

    async def settle(self, settlement: Settlement) -> State | None:
        """Record the attempt and move the message; return its state.

        Evidence that came meanwhile outranks the settlement; a wanted cancel ends a deferral. None:
        a newer lease exists, or the message is finished: the attempt is kept and nothing moves.
        """
        ...

    async def release(self, leases: Sequence[Lease], *, now: datetime) -> None:
        """Give leases back: no request left, no attempt is counted, rate tokens return."""
        ...

    async def rescue(
        self, *, now: datetime, unclear_for: timedelta, schedule: RetrySchedule | None = None
    ) -> int:
        """Make expired leases of other nodes, and all of dead nodes, unclear; return how many.

        Each uses up a wait of the schedule (None: the documented one), as an unclear answer does:
        mail at which every worker dies ends as dead, "may have been sent", and not never.
        """
        ...

    async def sweep(self, *, now: datetime, limit: int = 1_000) -> int:
        """End expired mail, and unclear mail whose wait is over as its `if_unclear` says."""
        ...

    async def changed(self, *, within: timedelta) -> bool:
        """Return True as soon as messages may have become due, False after `within`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """What a cancel did to one message: `is_cancelled`, or too late and in which `state`."""

    message_id: str
    recipient: str
    state: State
    is_cancelled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RequeueFilter:
    """Which finished or held messages a person wants sent again; all given conditions must hold.

    `states`: of dead, held, and accepted-in-sandbox (with `is_sandbox`).
    """

    message_ids: tuple[str, ...] | None = None
    email_id: str | None = None
    states: tuple[State, ...] = (State.DEAD,)
    reason: str | None = None  # a substring of the reason
    provider: str | None = None
    before: datetime | None = None
    after: datetime | None = None
    is_sandbox: bool = False
    limit: int = 10_000


class Controls(Protocol):
    """What a person or a caller may change about messages that are stored."""

    async def cancel(self, email_or_message_id: str, *, now: datetime) -> list[Cancelled]:
        """Cancel what has not left; a leased message is marked, so that a deferral ends it.

        Raises:
            NotFound: neither an email nor a message has this id.
        """
        ...

    async def reschedule(self, email_id: str, *, scheduled_at: datetime, now: datetime) -> None:
        """Move an email that has not been attempted to another time.

        Raises:
            NotFound: no such email.
            WrongState: a message of it was attempted already, or is finished.
        """
        ...

    async def requeue(self, which: RequeueFilter, *, now: datetime) -> int:
        """Queue messages again, step 0, fence kept; return how many."""
        ...

    async def count_requeueable(self, which: RequeueFilter) -> int:
        """Return how many messages `requeue` would take."""
        ...

    async def mark_accepted(self, message_id: str, *, now: datetime) -> None:
        """Record by hand that a held message did arrive at the provider.

        Raises:
            NotFound, WrongState: it is not held.
        """
        ...

    async def record_evidence(
        self, message_id: str, evidence: Evidence, *, at: datetime, provider_ref: str | None = None
    ) -> State:
        """Apply a provider's later word, matched by id; return the message's state after it."""
        ...


BY_HAND = "by hand"  # the fault of a pause that a person made


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A provider that must not be used now; with `sender`, for that sender address only."""

    provider: str
    sender: str
    fault: str  # Unauthorised, OutOfCredits, QuotaReached, SenderRefused, or BY_HAND
    reason: str
    since: datetime
    until: datetime | None
    waiting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderStatus:
    """How one provider stands: the breaker's state, its pauses, and when its rate gate opens.

    `waiting` counts due messages whose turn it is to go through it, `in_air` requests that left.
    `rate_until`: when its own rates grant another request, None: now.
    """

    name: str
    breaker: str
    faults: int
    open_until: datetime | None
    gate_until: datetime | None
    pauses: tuple[Pause, ...]
    waiting: int = 0
    in_air: int = 0
    rate_until: datetime | None = None


class Gates(Protocol):
    """Pauses, breakers and rate gates: one row per provider, the same for every node."""

    async def pauses(self) -> list[Pause]:
        """Return every pause in force, oldest first."""
        ...

    async def pause(self, pause: Pause) -> bool:
        """Start a pause; False where one was in force already.

        One by hand takes the place of one that a fault began: no probe ends what a person began.
        """
        ...

    async def resume(
        self, provider: str, *, sender: str = "", now: datetime, fault: str | None = None
    ) -> bool:
        """End a pause and let its messages go; False where there was none.

        With `fault` only a pause for that fault is ended: another may have begun meanwhile.
        """
        ...

    async def providers(self, *, now: datetime) -> list[ProviderStatus]:
        """Return the state of every provider on a route."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages a list shows; newest first, keyset by id (`after` older, `before` newer)."""

    limit: int = 20
    after: str | None = None
    before: str | None = None
    states: tuple[State, ...] | None = None
    recipient: str | None = None
    email_id: str | None = None
    is_sandbox: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How much waits: unfinished messages by state, and since when the oldest due one waits.

    `by_priority` counts the queued ones.
    """

    by_state: Mapping[State, int]
    oldest_due_at: datetime | None
    by_priority: Mapping[Priority, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupRow:
    """One count: `kind` and `key` name it (e.g. "outcome", "mailketing:accepted:1"), by hour."""

    hour: datetime
    kind: str
    key: str
    count: int


class MessageLog(Protocol):
    """Read-only questions; they never wait for the writer."""

    async def email(self, email_id: str, *, with_content: bool = True) -> EmailRow:
        """Return the email by its id, or by the id of one of its messages.

        Raises:
            NotFound: there is none.
        """
        ...

    async def emails(
        self, *, limit: int, after: str | None = None, before: str | None = None
    ) -> list[EmailRow]:
        """Return emails without content, newest first; `after` and `before` are ids."""
        ...

    async def story(self, message_id: str) -> Story:
        """Return one message with its attempts and events; takes an email's id where it has one.

        Raises:
            NotFound: there is none.
        """
        ...

    async def messages(self, which: MessageFilter) -> list[MessageRow]:
        """Return messages, newest first."""
        ...

    async def backlog(self, *, now: datetime) -> Backlog:
        """Return how much waits."""
        ...

    async def rollups(
        self, kinds: Sequence[str], *, since: datetime, until: datetime
    ) -> list[RollupRow]:
        """Return the counts of these kinds, summed over nodes, by hour."""
        ...

    async def attachment(self, sha256: str) -> bytes:
        """Return the bytes of a stored attachment.

        Raises:
            NotFound: it was never stored, or retention took it.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """An API key as it is stored: never the key itself. `prefix` is its first characters."""

    id: str
    name: str
    hash: str  # SHA-256 of the key in hex: the key is 256 random bits, so no slow hash is owed
    prefix: str
    scopes: frozenset[str]
    created_at: datetime
    revoked_at: datetime | None = None


class KeyRing(Protocol):
    """Where API keys are kept."""

    async def add_key(self, row: KeyRow) -> bool:
        """Store a key; False where one with this hash exists already."""
        ...

    async def add_first_key(self, row: KeyRow) -> bool:
        """Store a key where there is none at all; of two nodes that start at once, one does."""
        ...

    async def find_key(self, key_hash: str) -> KeyRow | None:
        """Return the key with this hash, revoked or not."""
        ...

    async def keys(self) -> list[KeyRow]:
        """Return all keys, oldest first."""
        ...

    async def revoke_key(self, key_id: str, *, now: datetime) -> bool:
        """Revoke a key; False where there is none, or it was revoked before."""
        ...


class Upkeep(Protocol):
    """Periodic work of which only one node does each piece."""

    async def reroute(self, *, limit: int = 10_000) -> int:
        """Send over the default route what waits on a route, or a place of one, that is no more.

        Such mail stands where no claim looks. Returns how many rows were moved, at most `limit`.
        """
        ...

    async def take_turn(self, name: str, *, every: timedelta, now: datetime) -> bool:
        """Return True for the one node that is to do the periodic work `name` now."""
        ...

    async def keep_option(self, name: str, value: str) -> str:
        """Keep a value under this name unless there is one; return the one that is kept."""
        ...

    async def free_bytes(self) -> int | None:
        """Return the bytes left where the database writes, None where that cannot be known."""
        ...

    async def check_writable(self) -> None:
        """Return if something could be written now; nothing is.

        Raises:
            StoreUnavailable: it could not.
        """
        ...


class Store(Submissions, Outbox, Controls, Gates, MessageLog, KeyRing, Upkeep, Protocol):
    """One database that stands behind all of the above; opened by `compose`, closed once."""

    node: str

    async def close(self) -> None:
        """Finish what is queued for the writer and close; safe to call twice."""
        ...
