"""Whether mail goes out: how providers stand, and how long the oldest due message waits."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from terkirim.domain.finding import Finding, Level
from terkirim.domain.outcome import (
    Accepted,
    Outcome,
    OutOfCredits,
    ProviderFault,
    Unauthorised,
    Unclear,
)
from terkirim.domain.phrase import phrase
from terkirim.ports import Backlog, Provider, ProviderStatus
from terkirim.ports.checkup import Checkup, Examinable
from terkirim.reports.standing import cause, standing

WAITS_LONG = timedelta(minutes=15)
SANDBOX = "sandbox"


async def of_provider(provider: Provider, *, sender: str | None, within: timedelta) -> Checkup:
    """Return what the provider knows of itself, or what a probe tells of one that knows no more."""
    if provider.name == SANDBOX:
        return Checkup(findings=())
    if isinstance(provider, Examinable):
        return await provider.checkup(sender=sender, within=within)
    return Checkup(findings=[of_probe(provider.name, await provider.probe(within=within))])


def of_probe(name: str, outcome: Outcome | ProviderFault) -> Finding:
    """Return the finding for a probe of a provider, which sent no mail."""
    match outcome:
        case Accepted(credits=None):
            return Finding(
                "provider", Level.OK, phrase("{name} answers and takes the key.", name=name)
            )
        case Accepted(credits=credits):
            says = phrase(
                "{name} takes the key; {credits} credits are left.", name=name, credits=credits
            )
            return Finding("provider", Level.OK, says)
        case Unauthorised(reason=why):
            says = phrase("{name} refuses the key: {why}", name=name, why=why)
            mends = phrase(
                "Put the key right; the mail waits meanwhile and goes out by itself then."
            )
            return Finding("provider", Level.FAULT, says, mends)
        case OutOfCredits(reason=why):
            says = phrase("The credits at {name} are used up: {why}", name=name, why=why)
            mends = phrase("Buy credits; the mail waits meanwhile and goes out by itself then.")
            return Finding("provider", Level.FAULT, says, mends)
        case Unclear(reason=why):
            says = phrase("{name} gives no clear answer: {why}", name=name, why=why)
            return Finding("provider", Level.WARNING, says, phrase("Try again in a minute."))
        case _:
            says = phrase("{name} cannot be used now: {why}", name=name, why=outcome.reason)
            mends = phrase("Check the network, TERKIRIM_PROXY, and the address of the provider.")
            return Finding("provider", Level.FAULT, says, mends)


def of_standing(providers: Sequence[ProviderStatus], *, now: datetime) -> list[Finding]:
    """Return a warning for each pause and each shut breaker."""
    found = []
    for one in providers:
        whole = [pause for pause in one.pauses if not pause.sender]
        if whole or one.breaker != "closed":
            says = phrase("{standing}.", standing=standing(one, now=now))
            mends = phrase("It is tried again by itself; `terkirim providers list` says when.")
            found.append(Finding("provider", Level.WARNING, says, mends))
        for pause in one.pauses:
            if pause.sender:
                says = phrase(
                    "Mail from {sender} is held: {why}.", sender=pause.sender, why=cause(pause)
                )
                mends = phrase(
                    "Have it approved, then: terkirim providers resume NAME --sender ADDRESS"
                )
                found.append(Finding("sender", Level.WARNING, says, mends))
    return found


def of_backlog(backlog: Backlog, *, now: datetime) -> list[Finding]:
    """Return whether due mail waits longer than a worker would let it."""
    waiting = sum(backlog.by_state.values())
    oldest = backlog.oldest_due_at
    if oldest is None or now - oldest < WAITS_LONG:
        says = phrase(
            "No message waits longer than it should; {count} are unfinished.", count=waiting
        )
        return [Finding("waiting", Level.OK, says)]
    says = phrase(
        "The oldest due message waits for {span}; {count} are unfinished.",
        span=now - oldest,
        count=waiting,
    )
    mends = phrase("Is `terkirim serve` or `terkirim worker` running? Is a provider paused?")
    return [Finding("waiting", Level.WARNING, says, mends)]
