"""Why messages stopped, in a few groups: what each means, and what usually mends it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from terkirim.domain.event import BounceClass
from terkirim.domain.message import State
from terkirim.domain.phrase import Phrase, phrase
from terkirim.policy.verdict import EXHAUSTED, EXPIRES_FIRST, MAYBE_SENT
from terkirim.ports.search import Stopped

SHOWN_REASONS, SHOWN_MESSAGES = 5, 5
_EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Cause:
    """One kind of stop; `key` is its name in addresses."""

    key: str
    says: Phrase
    mends: Phrase


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The messages that stopped for one cause: how many, why in their own words, the newest."""

    cause: Cause
    count: int
    kept: int
    reasons: tuple[tuple[str, int], ...]
    newest: tuple[Stopped, ...]


_HELD = Cause(
    "held",
    phrase("May have been sent, waits for a decision"),
    phrase(
        "Look in the provider's own log whether it went out. If it did, count it as sent; "
        "if not, send it again."
    ),
)
_UNPROVEN = Cause(
    "maybe-sent",
    phrase("Given up, but may have been sent"),
    phrase("Look in the provider's own log first: whoever got it would get it twice."),
)
_LATE = Cause(
    "expired",
    phrase("Expired before it could be sent"),
    phrase(
        "Mail such as a code is of no use later. Send it again only if its reader still wants it."
    ),
)
_WORN_OUT = Cause(
    "exhausted",
    phrase("Every attempt failed, to the last of the schedule"),
    phrase("Once the provider answers as it should (see Providers), send these again."),
)
_ADDRESS = Cause(
    "recipient",
    phrase("The provider refuses the recipient's address"),
    phrase("Put the address right where it comes from. Sent again as it is, it fails again."),
)
_CONTENT = Cause(
    "content",
    phrase("The provider refuses the content, or it could not be filled in"),
    phrase("Put the letter or its variables right, and hand it over as a new e-mail."),
)
_OTHER = Cause(
    "other",
    phrase("Refused for another reason"),
    phrase("Read what the provider said, put that right, then send these again."),
)
CAUSES: Mapping[str, Cause] = {
    one.key: one for one in (_HELD, _UNPROVEN, _WORN_OUT, _ADDRESS, _CONTENT, _LATE, _OTHER)
}
_ADDRESS_FIELDS = ("recipient:", "to:", "email:")
_CONTENT_FIELDS = ("content:", "subject:", "variables:", "html:", "text:", "attach")
# What this program writes itself, the longer before the shorter that it begins with.
_OWN_WORDS: tuple[tuple[str, Phrase], ...] = (
    (
        f"{EXHAUSTED}, {MAYBE_SENT}",
        phrase("gave up after the last wait of the schedule, may have been sent"),
    ),
    (EXHAUSTED, phrase("gave up after the last wait of the schedule")),
    (EXPIRES_FIRST, phrase("expires before the next attempt")),
    ("expired before it could be sent", phrase("expired before it could be sent")),
    ("expired between two attempts", phrase("expired between two attempts")),
    ("expired, may have been sent", phrase("expired, may have been sent")),
    ("cancelled; may have been sent before", phrase("cancelled; may have been sent before")),
    ("cancelled", phrase("cancelled")),
    (f"{BounceClass.PERMANENT} bounce", phrase("permanent bounce")),
    (f"{BounceClass.TRANSIENT} bounce", phrase("bounce for now")),
    (f"{BounceClass.BLOCKED} bounce", phrase("bounce: the receiving server blocks the sender")),
    ("the recipient reported it as spam", phrase("the recipient reported it as spam")),
    ("accepted late: sent twice", phrase("accepted late: sent twice")),
    ("erased on request", phrase("erased on request")),
    ("no answer in time", phrase("no answer in time")),
    ("no answer", phrase("no answer")),
    ("no connection", phrase("no connection")),
    ("no free connection", phrase("no free connection")),
    (
        "the lease ran out: the worker died, or lost the database, after the request may have left",
        phrase("the worker died, or lost the database, after the request may have left"),
    ),
)
# The first that fits: what may have been sent outranks all else.
_TESTS: tuple[tuple[Callable[[str], bool], Cause], ...] = (
    (lambda reason: MAYBE_SENT in reason, _UNPROVEN),
    (lambda reason: reason.startswith((_EXPIRED, EXPIRES_FIRST)), _LATE),
    (lambda reason: reason.startswith(EXHAUSTED), _WORN_OUT),
    (lambda reason: reason.startswith(_ADDRESS_FIELDS), _ADDRESS),
    (lambda reason: reason.startswith(_CONTENT_FIELDS), _CONTENT),
)


def cause_of(state: State, reason: str) -> Cause:
    """Return the kind of stop that a message's state and reason say."""
    if state is State.HELD:
        return _HELD
    return next((cause for is_it, cause in _TESTS if is_it(reason)), _OTHER)


def told(reason: str) -> Phrase:
    """Return a stored reason for people: our own words in their language, others as they stand."""
    for own, says in _OWN_WORDS:
        if reason.startswith(own):
            rest = reason.removeprefix(own)
            return phrase("{says}{rest}", says=says, rest=rest) if rest else says
    return phrase("{says}", says=reason)


def grouped(stopped: Iterable[Stopped]) -> list[Group]:
    """Return the groups, the largest first; the messages come newest first."""
    members: dict[str, list[Stopped]] = {}
    for one in stopped:
        members.setdefault(cause_of(one.state, one.reason).key, []).append(one)
    groups = [_group(CAUSES[key], some) for key, some in members.items()]
    return sorted(groups, key=lambda group: -group.count)


def _group(cause: Cause, members: list[Stopped]) -> Group:
    reasons = Counter(one.reason for one in members)
    return Group(
        cause=cause,
        count=len(members),
        kept=sum(one.is_kept for one in members),
        reasons=tuple(reasons.most_common(SHOWN_REASONS)),
        newest=tuple(members[:SHOWN_MESSAGES]),
    )
