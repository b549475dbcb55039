"""How an attempt ends: four outcomes about the message, four faults about the provider."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import datetime, timedelta

ANSWER_LIMIT = 2_000  # characters of a provider's answer that are kept with the attempt


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took responsibility for the message."""

    provider_ref: str | None = None
    _: KW_ONLY
    code: str | None = None
    answer: str = ""
    credits: int | None = None
    is_sandbox: bool = False


@dataclass(frozen=True, slots=True)
class Deferred:
    """The message was provably not taken; it is safe to try again.

    `is_rate_limit` (429) closes the provider's gate and leaves the step alone. `is_provider_down`
    (no connection, 5xx) is a fault for the breaker. `is_unknown_answer` asks for one alert.
    """

    reason: str
    _: KW_ONLY
    retry_after: timedelta | None = None
    code: str | None = None
    answer: str = ""
    is_rate_limit: bool = False
    is_provider_down: bool = False
    is_unknown_answer: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """The message was not taken and never will be; `field` names what the provider refused."""

    reason: str
    _: KW_ONLY
    field: str | None = None
    code: str | None = None
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Unclear:
    """The request may have left, and nothing proves what became of it."""

    reason: str
    _: KW_ONLY
    code: str | None = None
    answer: str = ""


Outcome = Accepted | Deferred | Rejected | Unclear


@dataclass(frozen=True, slots=True)
class Unauthorised:
    """The provider refuses our key."""

    reason: str
    _: KW_ONLY
    code: str | None = None
    answer: str = ""


@dataclass(frozen=True, slots=True)
class OutOfCredits:
    """The prepaid account is empty."""

    reason: str
    _: KW_ONLY
    code: str | None = None
    answer: str = ""


@dataclass(frozen=True, slots=True)
class QuotaReached:
    """The provider's daily limit is used up until its next day; None where that is not known."""

    reason: str
    _: KW_ONLY
    until: datetime | None = None
    code: str | None = None
    answer: str = ""


@dataclass(frozen=True, slots=True)
class SenderRefused:
    """The provider will not send for this sender address; other senders are untouched."""

    reason: str
    _: KW_ONLY
    sender: str
    code: str | None = None
    answer: str = ""


AccountFault = Unauthorised | OutOfCredits | QuotaReached  # it refuses all of our mail
ProviderFault = AccountFault | SenderRefused

_NAMES: Mapping[type, str] = {
    Accepted: "accepted",
    Deferred: "deferred",
    Rejected: "rejected",
    Unclear: "unclear",
    Unauthorised: "unauthorised",
    OutOfCredits: "out_of_credits",
    QuotaReached: "quota_reached",
    SenderRefused: "sender_refused",
}


def outcome_name(result: Outcome | ProviderFault) -> str:
    """Return the word under which an attempt's end is kept and counted."""
    return _NAMES[type(result)]


def is_unknown_answer(result: Outcome | ProviderFault) -> bool:
    """Return True for an answer whose text this version does not know: a person should read it."""
    return isinstance(result, Deferred) and result.is_unknown_answer
