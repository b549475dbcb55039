"""What `health` found, in words for people: what is wrong, and where it is put right."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from terkirim.domain.phrase import Phrase, phrase, phrases, proper
from terkirim.ports import BY_HAND, UNKNOWN_ANSWER
from terkirim.reports.health import CRITICAL, Trouble

CREDITS_LOW = "credits_low"
_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Advice:
    """One sentence on what is wrong, and one that names what to do; `place`: the page for it."""

    level: str
    says: Phrase
    does: Phrase | None = None
    place: str = ""
    words: str = ""  # what the provider said, as it said it


def in_words(trouble: Trouble) -> Advice:
    """Return what to tell people; a kind that is not known here is told as `health` tells it."""
    made = _MADE.get(trouble.kind)
    if made is None:
        return Advice(trouble.level, phrase("{says}", says=trouble.says))
    return made(trouble.level, trouble.facts)


def all_is_well() -> Phrase:
    """Return what is said where nothing is wrong."""
    return phrase("Mail goes out as it should.")


def _paused(level: str, facts: Mapping[str, Any]) -> Advice:
    says, does = _FAULTS.get(facts["fault"], _FAULTS[BY_HAND])
    whom = proper(facts["provider"])
    if facts["sender"]:
        whom = f"{whom} ({facts['sender']})"
    waiting = facts["waiting"] or 0
    return Advice(
        level,
        phrase("{what}: {waits}", what=phrase(says.text, whom=whom), waits=_waits(waiting)),
        does,
        "/providers",
        str(facts["reason"] or ""),
    )


def _open(level: str, facts: Mapping[str, Any]) -> Advice:
    says = phrase(
        "{provider} does not answer as it should and is left alone for a while: {waits}",
        provider=proper(facts["provider"]),
        waits=_waits(facts["waiting"]),
    )
    return Advice(level, says, phrase("See what it answers"), "/providers")


def _recovering(level: str, facts: Mapping[str, Any]) -> Advice:
    says = phrase(
        "{provider} answers again and is given more mail step by step.",
        provider=proper(facts["provider"]),
    )
    return Advice(level, says, phrase("See how it goes"), "/providers")


def _disk(_level: str, facts: Mapping[str, Any]) -> Advice:
    says = phrase(
        "The disk is nearly full ({left} MB left): new mail is refused until space is free.",
        left=facts["free_bytes"] // _MB,
    )
    return Advice(CRITICAL, says)


def _sandbox(level: str, _facts: Mapping[str, Any]) -> Advice:
    says = phrase("Sandbox mode: mail is kept and shown, and nothing is really sent.")
    return Advice(level, says, phrase("How to send in earnest"), "/sandbox")


def _long(level: str, facts: Mapping[str, Any]) -> Advice:
    says = phrase(
        "The oldest message that is due has been waiting for {span}.",
        span=timedelta(minutes=facts["minutes"]),
    )
    return Advice(level, says, phrase("See what it waits for"), "/messages?q=state:queued")


def _held(level: str, facts: Mapping[str, Any]) -> Advice:
    says = phrases(
        "{count} message may have been sent and waits for a decision.",
        "{count} messages may have been sent and wait for a decision.",
        count=facts["count"],
    )
    return Advice(level, says, phrase("Decide"), "/dead-letters")


def _unknown(level: str, facts: Mapping[str, Any]) -> Advice:
    says = phrases(
        "{provider} gave an answer that is not known here, {count} time within a day; "
        "the mail is tried again.",
        "{provider} gave an answer that is not known here, {count} times within a day; "
        "the mail is tried again.",
        count=facts["count"],
        provider=proper(facts["provider"]),
    )
    return Advice(level, says, phrase("See what it answers"), "/providers", str(facts["text"]))


def _dead(level: str, facts: Mapping[str, Any]) -> Advice:
    says = phrases(
        "{count} message was given up within a day.",
        "{count} messages were given up within a day.",
        count=facts["count"],
    )
    return Advice(level, says, phrase("See why"), "/dead-letters")


def _credits(level: str, facts: Mapping[str, Any]) -> Advice:
    about = {"provider": proper(facts["provider"]), "balance": facts["balance"] or 0}
    seconds = facts["likely_seconds"]
    if seconds is None:
        says = phrase("{provider} has {balance} credits left.", **about)
    elif seconds == 0:
        says = phrase("{provider} has no credits left to speak of: {balance}.", **about)
    else:
        left = timedelta(seconds=seconds)
        says = phrase(
            "The credits of {provider} run out in about {left}: {balance} are left.",
            left=left,
            **about,
        )
    return Advice(level, says, phrase("See how long they last"), "/credits")


def _waits(count: int) -> Phrase:
    if not count:
        return phrase("nothing waits for it now")
    return phrases("{count} message waits", "{count} messages wait", count=count)


_FAULTS: Mapping[str, tuple[Phrase, Phrase]] = {
    "Unauthorised": (phrase("{whom} refuses the API key"), phrase("How to put the key right")),
    "OutOfCredits": (phrase("{whom} has no credits left"), phrase("How to go on")),
    "QuotaReached": (phrase("{whom} has reached its daily limit"), phrase("See until when")),
    "SenderRefused": (phrase("{whom} does not approve of this sender"), phrase("How to mend it")),
    BY_HAND: (phrase("{whom} was paused by hand"), phrase("Resume it")),
}
_MADE: Mapping[str, Callable[[str, Mapping[str, Any]], Advice]] = {
    "provider_paused": _paused,
    "breaker_open": _open,
    "breaker_recovering": _recovering,
    "disk_nearly_full": _disk,
    "sandbox": _sandbox,
    "waiting_long": _long,
    "held": _held,
    UNKNOWN_ANSWER: _unknown,
    "dead_letters": _dead,
    CREDITS_LOW: _credits,
}
