"""What the settings say: each fault, what nobody reads, and what they will surprise with."""

from collections.abc import Mapping, Sequence

from terkirim.domain.finding import Finding, Level
from terkirim.domain.phrase import phrase

SANDBOX = "sandbox"


def of_settings(faults: Sequence[str], unknown: Sequence[str]) -> list[Finding]:
    """Return a finding for each fault, and for each variable that nobody reads."""
    mends = phrase("Put it right; docs/settings.md has every setting.")
    found = [
        Finding("settings", Level.FAULT, phrase("Setting: {fault}", fault=fault), mends)
        for fault in faults
    ]
    found += [
        Finding(
            "settings",
            Level.WARNING,
            phrase("Setting: {fault}", fault=one),
            phrase("Take it out, or write its name right."),
        )
        for one in unknown
    ]
    return found or [Finding("settings", Level.OK, phrase("All settings can be read."))]


def of_sandbox(routes: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Say loudly where mail is kept instead of sent."""
    kept = sorted(name for name, providers in routes.items() if SANDBOX in providers)
    if not kept:
        return [Finding("sandbox", Level.OK, phrase("Mail is really sent on every route."))]
    is_all = all(tuple(providers) == (SANDBOX,) for providers in routes.values())
    if is_all:
        says = phrase("SANDBOX MODE: NOTHING IS REALLY SENT. Mail is kept and shown, no more.")
        mends = phrase("Set MAILKETING_API_KEY, or name a provider in TERKIRIM_ROUTE.")
        return [Finding("sandbox", Level.WARNING, says, mends)]
    return [
        Finding(
            "sandbox",
            Level.WARNING,
            phrase(
                "SANDBOX: mail on these routes may be kept and NOT REALLY SENT: {routes}",
                routes=", ".join(kept),
            ),
            phrase("Take `sandbox` out of TERKIRIM_ROUTE and TERKIRIM_ROUTES where mail must go."),
        )
    ]


def of_sender(sender: str | None) -> list[Finding]:
    """Say whether mail that names no sender has one."""
    if sender is not None:
        return [
            Finding("sender", Level.OK, phrase("The default sender is {sender}.", sender=sender))
        ]
    return [
        Finding(
            "sender",
            Level.WARNING,
            phrase("There is no default sender: mail that names none is refused."),
            phrase("Set MAILKETING_FROM_EMAIL to an address that the provider has approved."),
        )
    ]
