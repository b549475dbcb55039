"""One message's story in words: what happened to it, and what happens next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from terkirim.domain.email import IfUnclear, Priority
from terkirim.domain.event import BounceClass, Match
from terkirim.domain.lease import Attempt
from terkirim.domain.message import State
from terkirim.domain.phrase import Phrase, phrase
from terkirim.domain.record import Event, MessageRow, Story
from terkirim.ports import ProviderStatus
from terkirim.reports.standing import cause, is_used, standing

_STATES: Mapping[State, Phrase] = {
    State.QUEUED: phrase("waiting to be sent"),
    State.LEASED: phrase("being sent"),
    State.UNCLEAR: phrase("may have been sent"),
    State.HELD: phrase("may have been sent, waits for a decision"),
    State.ACCEPTED: phrase("taken by the provider"),
    State.DELIVERED: phrase("delivered"),
    State.BOUNCED: phrase("bounced"),
    State.COMPLAINED: phrase("reported as spam"),
    State.DEAD: phrase("given up"),
    State.SUPPRESSED: phrase("not sent: the address is suppressed"),
    State.CANCELLED: phrase("cancelled"),
}
_OUTCOMES: Mapping[str, Phrase] = {
    "accepted": phrase("taken"),
    "deferred": phrase("not taken this time"),
    "rejected": phrase("refused for good"),
    "unclear": phrase("no clear answer, may have been taken"),
    "unauthorised": phrase("the key was refused"),
    "out_of_credits": phrase("the credits are used up"),
    "quota_reached": phrase("the daily limit is reached"),
    "sender_refused": phrase("the sender is not approved"),
}
_EVENTS: Mapping[str, Phrase] = {
    "delivered": phrase("delivered"),
    "opened": phrase("opened"),
    "clicked": phrase("a link was clicked"),
    "bounced": phrase("bounced"),
    "complained": phrase("reported as spam"),
    "unsubscribed": phrase("unsubscribed"),
}
_BOUNCES: Mapping[str, Phrase] = {
    BounceClass.PERMANENT: phrase("bounced for good"),
    BounceClass.TRANSIENT: phrase("bounced for now"),
    BounceClass.BLOCKED: phrase("bounced: the receiving server blocks the sender"),
}
_SAID = ("reason", "link")  # facts that speak for themselves
_MARKS = ("match", "bounce", "scanner")  # facts that are told in the sentence
_ENDS: Mapping[State, Phrase] = {
    State.DELIVERED: phrase("Nothing is left to do: it arrived."),
    State.COMPLAINED: phrase("The recipient reported it as spam. Send nothing more there."),
    State.SUPPRESSED: phrase("It is not sent, because its address is suppressed."),
    State.CANCELLED: phrase("It was cancelled and is not sent."),
}
_ENDED = frozenset({State.DEAD, State.CANCELLED, State.SUPPRESSED})


@dataclass(frozen=True, slots=True)
class NextStep:
    """What happens next by itself, and what a person `may` do: requeue, accept, cancel."""

    says: Phrase
    may: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened; `details` are raw texts (a provider's words) that explain it.

    `attempt` or `event` is what it was, where it was one of them.
    """

    at: datetime
    says: Phrase
    details: tuple[str, ...] = ()
    attempt: Attempt | None = None
    event: Event | None = None


def state_in_words(message: MessageRow) -> Phrase:
    """Return where a message stands."""
    if message.is_sandbox and message.state is State.ACCEPTED:
        return phrase("kept by the sandbox, never really sent")
    return _STATES[message.state]


def next_step(
    story: Story, *, now: datetime, route: Sequence[ProviderStatus], is_reserved: bool = False
) -> NextStep:
    """Return what happens next; `route` has the providers that the message may use.

    `is_reserved`: the first of them keeps its last credits for mail of high priority.
    """
    message = story.message
    match message.state:
        case State.QUEUED:
            return NextStep(_queued(story, now, route, is_reserved=is_reserved), ("cancel",))
        case State.LEASED:
            return NextStep(phrase("It is being sent right now."), ("cancel",))
        case State.UNCLEAR:
            return NextStep(_unclear(story, now), ("cancel",))
        case State.HELD:
            says = phrase("Nobody knows whether it was taken. Somebody has to decide.")
            return NextStep(says, ("requeue", "accept", "cancel"))
        case State.DEAD:
            says = phrase("It was given up. Once its cause is mended it can be queued again.")
            return NextStep(says, ("requeue",))
        case _:
            return _finished(message)


def timeline(story: Story) -> list[Moment]:
    """Return all that happened to the message, in the order of time."""
    message = story.message
    moments = [Moment(message.created_at, phrase("taken in and kept on disk"))]
    moments += [_attempt(one) for one in story.attempts]
    moments += [_event(one) for one in story.events]
    if message.state in _ENDED and message.finished_at is not None:
        details = (message.reason,) if message.reason else ()
        moments.append(Moment(message.finished_at, _STATES[message.state], details))
    return sorted(moments, key=lambda moment: moment.at)


def _queued(
    story: Story, now: datetime, route: Sequence[ProviderStatus], *, is_reserved: bool
) -> Phrase:
    message = story.message
    wait = timedelta() if message.due_at is None else message.due_at - now
    if wait > timedelta() and message.attempts:
        return phrase("It will be tried again in {wait}.", wait=wait)
    if wait > timedelta():
        return phrase("It is scheduled and will be sent in {wait}.", wait=wait)
    if route and not any(is_used(one, sender=story.email.sender.email, now=now) for one in route):
        return _shut(story, now, route[0])
    if is_reserved and story.email.priority is not Priority.HIGH:
        return phrase(
            "It waits until credits are topped up: the last ones are kept for mail of high "
            "priority, and nothing is lost."
        )
    return phrase("It is due and goes out as soon as a worker takes it.")


def _shut(story: Story, now: datetime, provider: ProviderStatus) -> Phrase:
    held = [one for one in provider.pauses if one.sender == story.email.sender.email]
    if held:
        sender, why = held[0].sender, cause(held[0])
        return phrase("It waits: mail from {sender} is held, {why}.", sender=sender, why=why)
    return phrase("It waits: {standing}.", standing=standing(provider, now=now))


def _unclear(story: Story, now: datetime) -> Phrase:
    due = story.message.due_at
    wait = timedelta() if due is None else max(due - now, timedelta())
    if story.email.if_unclear is IfUnclear.HOLD:
        return phrase("If no event tells within {wait}, it waits for a decision.", wait=wait)
    return phrase("If no event tells within {wait}, it is sent again.", wait=wait)


def _finished(message: MessageRow) -> NextStep:
    match message.state:
        case State.ACCEPTED if message.is_sandbox:
            says = phrase("Nothing follows by itself: it was never really sent.")
            return NextStep(says, ("requeue",))
        case State.ACCEPTED:
            return NextStep(phrase("The provider has it; what it reports later is shown here."))
        case State.BOUNCED:
            return NextStep(_bounced(message.reason))
        case _:
            return NextStep(_ENDS[message.state])


def _bounced(reason: str) -> Phrase:
    """Return what mends a bounce, by its class, with which the reason begins."""
    if reason.startswith(BounceClass.TRANSIENT):
        return phrase(
            "The receiving server did not take it for now, such as for a full mailbox. Send it "
            "again later as a new e-mail."
        )
    if reason.startswith(BounceClass.BLOCKED):
        return phrase(
            "The receiving server blocks the sender. Look at the name and the settings of the "
            "sender's domain (SPF, DKIM, DMARC) with the provider."
        )
    return phrase("The receiving server refused it. Put the address right.")


def _took(attempt: Attempt) -> Phrase:
    if not attempt.is_timed:
        return phrase("nobody knows how long")
    return phrase("{milliseconds} ms", milliseconds=round(attempt.duration_us / 1_000))


def _attempt(attempt: Attempt) -> Moment:
    says = phrase(
        "attempt {number} through {provider}, {took}: {outcome}",
        number=attempt.number,
        provider=attempt.provider,
        took=_took(attempt),
        outcome=_OUTCOMES.get(attempt.outcome, attempt.outcome),
    )
    code = f"HTTP {attempt.code}" if (attempt.code or "").isdigit() else attempt.code or ""
    reason = attempt.reason or attempt.answer
    if code and reason.startswith(code):
        code = ""
    said = ": ".join(filter(None, (code, reason)))
    return Moment(attempt.started_at, says, tuple(filter(None, (said, attempt.note))), attempt)


def event_in_words(kind: str, *, bounce: str | None, is_scanner: bool, is_guessed: bool) -> Phrase:
    """Return what an event says, with what is special about it: a bounce's class, a doubt."""
    says = _EVENTS.get(kind, phrase("event: {kind}", kind=kind))
    if bounce is not None:
        says = _BOUNCES.get(bounce, says)
    if is_scanner:
        says = phrase("{event} (by a scanner, not counted)", event=says)
    if is_guessed:
        says = phrase("{event} (guessed by recipient and time)", event=says)
    return says


def _event(event: Event) -> Moment:
    facts = event.facts
    says = event_in_words(
        event.kind,
        bounce=facts.get("bounce"),
        is_scanner=bool(facts.get("scanner")),
        is_guessed=facts.get("match") == Match.GUESSED,
    )
    said = [str(facts[name]) for name in _SAID if facts.get(name)]
    others = [f"{name}: {value}" for name, value in facts.items() if name not in {*_SAID, *_MARKS}]
    return Moment(event.at, says, (*said, *others), event=event)
