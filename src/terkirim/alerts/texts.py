"""What people read: each condition in a title and a body, its end, the summary of a day."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from terkirim.domain.alert import Alert, Condition, Severity
from terkirim.domain.remarks import retold
from terkirim.language import Phrase, phrase, phrases, proper
from terkirim.policy import conditions

Facts = Mapping[str, Any]
MEGABYTE = 1_000_000
_LEVELS = {
    Severity.INFO: phrase("info"),
    Severity.WARNING: phrase("warning"),
    Severity.CRITICAL: phrase("critical"),
    Severity.EMERGENCY: phrase("emergency"),
}


@dataclass(frozen=True, slots=True)
class Text:
    """A title and a body, to be said in the language of the reader."""

    title: Phrase
    body: Phrase


def told(condition: Condition) -> Text:
    """Return what is said of a condition when it is raised."""
    return _TEXTS[condition.kind]({"subject": condition.subject, **condition.facts})


def eased(condition: Condition) -> Text:
    """Return what is said when it grows better, and is not over."""
    text = told(condition)
    return Text(phrase("Better, not over: {title}", title=text.title), text.body)


def over(alert: Alert, *, lasted: timedelta, standing: Facts | None) -> Text:
    """Return what is said when it is over."""
    balance = None if standing is None else standing.get("balance")
    if alert.kind in {conditions.CREDITS_LEVEL, conditions.CREDITS_RUN_OUT} and balance is not None:
        return Text(
            phrase("{provider}: credits are fine again", provider=proper(alert.subject)),
            phrase("{balance} credits are left.", balance=balance),
        )
    return Text(
        phrase("Over: {title}", title=alert.title),
        phrase("It lasted {span}.", span=lasted),
    )


def tested(lowest: Severity) -> Text:
    """Return what a channel is sent to try it."""
    return Text(
        phrase("Terkirim: this channel works"),
        phrase("A test. Alerts of this level and above come here: {level}.", level=_LEVELS[lowest]),
    )


def _level(facts: Facts) -> Text:
    about = {"provider": proper(facts["subject"]), "balance": facts["balance"]}
    title = (
        phrase("{provider}: about {balance} credits left (estimated)", **about)
        if facts["is_estimated"]
        else phrase("{provider}: {balance} credits left", **about)
    )
    match facts["level"]:
        case "warning":
            return Text(title, phrase("The balance has reached the warning level: top up soon."))
        case "critical":
            return Text(title, phrase("The balance has reached the critical level: top up now."))
    return Text(
        title,
        phrase(
            "The last credits are kept for mail of high priority, such as codes and receipts. "
            "All other mail waits until you top up; nothing is lost."
        ),
    )


def _run_out(facts: Facts) -> Text:
    early, likely, late = (_span(facts[f"{name}_seconds"]) for name in ("early", "likely", "late"))
    provider = proper(facts["subject"])
    title = phrase("{provider}: credits run out in {likely}", provider=provider, likely=likely)
    if facts["likely_seconds"] is None:
        title = phrase("{provider}: credits may run out in {early}", provider=provider, early=early)
    between = phrase("Between {early} and {late}, at this pace.", early=early, late=late)
    if facts["late_seconds"] is None:
        between = phrase("In {early} at the earliest, at this pace.", early=early)
    waiting = facts["waiting"]
    if not waiting:
        return Text(title, between)
    on_top = phrases(
        "{count} message that waits is counted.",
        "{count} messages that wait are counted.",
        count=waiting,
    )
    return Text(title, phrase("{first} {second}", first=between, second=on_top))


def _check(facts: Facts) -> Text:
    return Text(
        phrase("{provider}: the balance cannot be read", provider=proper(facts["subject"])),
        phrase(
            "{failures} checks in a row failed. The last one: {reason}",
            failures=facts["failures"],
            reason=facts["reason"],
        ),
    )


def _key(facts: Facts) -> Text:
    return Text(
        phrase("{provider} refuses our key", provider=proper(facts["provider"])),
        phrase(
            "Mail waits and nothing is lost; it goes on by itself once the key is right. "
            "The provider said: {reason}",
            reason=facts["reason"],
        ),
    )


def _paused(facts: Facts) -> Text:
    provider = proper(facts["provider"])
    match facts["fault"]:
        case "OutOfCredits":
            title = phrase("{provider}: no credits are left", provider=provider)
        case "QuotaReached":
            title = phrase("{provider}: its daily limit is reached", provider=provider)
        case "SenderRefused":
            title = phrase(
                "{provider} refuses the sender {sender}",
                provider=provider,
                sender=facts["sender"],
            )
        case _:
            title = phrase("{provider} is paused", provider=provider)
    if not facts["reason"]:
        return Text(title, phrase("Its mail waits and nothing is lost."))
    return Text(
        title, phrase("Its mail waits and nothing is lost. Why: {reason}", reason=facts["reason"])
    )


def _down(facts: Facts) -> Text:
    return Text(
        phrase("{provider} does not take mail", provider=proper(facts["provider"])),
        phrase(
            "Its requests have failed for more than {span}. Mail waits, and goes out when it "
            "answers again.",
            span=conditions.SHUT_FOR,
        ),
    )


def _unknown(facts: Facts) -> Text:
    return Text(
        phrase(
            "{provider} answered in words that are not known", provider=proper(facts["provider"])
        ),
        phrase(
            "The mail is tried again, and nothing is lost. It said: {reason}",
            reason=facts["reason"],
        ),
    )


def _waiting(facts: Facts) -> Text:
    return Text(
        phrase("Mail has waited for {span}", span=timedelta(seconds=facts["waited_seconds"])),
        phrase("The oldest due message has not left. Look at the providers and the credits."),
    )


def _bounces(facts: Facts) -> Text:
    return Text(
        phrase("The bounce rate is {percent} %", percent=facts["percent"]),
        phrase(
            "{count} bounces for {accepted} accepted messages in 24 hours. Clean the list of "
            "recipients: bounces cost credits, and the sender's good name.",
            count=facts["count"],
            accepted=facts["accepted"],
        ),
    )


def _complaints(facts: Facts) -> Text:
    return Text(
        phrase("The complaint rate is {percent} %", percent=facts["percent"]),
        phrase(
            "{count} complaints about {accepted} accepted messages in 24 hours. Write only to "
            "people who asked for it.",
            count=facts["count"],
            accepted=facts["accepted"],
        ),
    )


def _dead(facts: Facts) -> Text:
    return Text(
        phrases(
            "{count} message could not be sent",
            "{count} messages could not be sent",
            count=facts["dead"],
        ),
        phrase(
            "In the last 24 hours. `terkirim messages list --state dead` says why; what can be "
            "mended can be queued again."
        ),
    )


def _disk(facts: Facts) -> Text:
    title = phrase("The disk is nearly full: {free} MB left", free=facts["free"] // MEGABYTE)
    if facts["is_refusing"]:
        return Text(title, phrase("New mail is refused until there is space. Free some now."))
    return Text(title, phrase("Free some space before new mail has to be refused."))


def _endpoint(facts: Facts) -> Text:
    return Text(
        phrase("A webhook endpoint was disabled"),
        phrase(
            "{url} gets no more events: {reason}. They are kept and can be sent again.",
            url=facts["url"],
            reason=retold(facts["reason"]),
        ),
    )


def _span(seconds: int | None) -> timedelta | Phrase:
    if seconds is None:
        return phrase("more than 90 days")
    return timedelta(seconds=max(seconds, 0))


_TEXTS: Mapping[str, Callable[[Facts], Text]] = {
    conditions.CREDITS_LEVEL: _level,
    conditions.CREDITS_RUN_OUT: _run_out,
    conditions.CREDITS_CHECK: _check,
    conditions.KEY_REFUSED: _key,
    conditions.PROVIDER_PAUSED: _paused,
    conditions.PROVIDER_DOWN: _down,
    conditions.UNKNOWN_ANSWER: _unknown,
    conditions.OLDEST_WAITING: _waiting,
    conditions.BOUNCE_RATE: _bounces,
    conditions.COMPLAINT_RATE: _complaints,
    conditions.DEAD_LETTERS: _dead,
    conditions.DISK_FULL: _disk,
    conditions.ENDPOINT_DISABLED: _endpoint,
}
