"""How a provider stands, in words: its breaker, its rate gate, its pauses."""

from collections.abc import Mapping
from datetime import datetime

from terkirim.domain.phrase import Phrase, phrase
from terkirim.policy.breaker import CLOSED, HALF_OPEN, OPEN
from terkirim.ports import BY_HAND, Pause, ProviderStatus

_FAULTS: Mapping[str, Phrase] = {
    "Unauthorised": phrase("the key was refused"),
    "OutOfCredits": phrase("the credits are used up"),
    "QuotaReached": phrase("the daily limit is reached"),
    "SenderRefused": phrase("the sender is not approved"),
    BY_HAND: phrase("paused by hand"),
}


def is_used(provider: ProviderStatus, *, sender: str, now: datetime) -> bool:
    """Return whether mail of `sender` would go through the provider now."""
    paused = any(pause.sender in {"", sender} for pause in provider.pauses)
    waits = (provider.open_until, provider.gate_until)
    return not paused and all(until is None or until <= now for until in waits)


def standing(provider: ProviderStatus, *, now: datetime) -> Phrase:
    """Return whether mail goes through the provider, and if not, why not and for how long."""
    whole = next((pause for pause in provider.pauses if not pause.sender), None)
    name = provider.name
    if whole is not None:
        return phrase("{name} is not used: {why}", name=name, why=cause(whole))
    if provider.breaker == OPEN and provider.open_until is not None:
        return phrase(
            "{name} failed again and again, and is left alone for {wait}",
            name=name,
            wait=max(provider.open_until - now, now - now),
        )
    if provider.gate_until is not None and provider.gate_until > now:
        return phrase("{name} asks to wait for {wait}", name=name, wait=provider.gate_until - now)
    if provider.breaker == HALF_OPEN:
        return phrase("{name} is tried with a single message after its faults", name=name)
    if provider.breaker != CLOSED:
        return phrase("{name} recovers: more messages go through it step by step", name=name)
    return phrase("{name} is used", name=name)


def cause(pause: Pause) -> Phrase:
    """Return why a pause is in force; the provider's own words stand in `pause.reason`."""
    return _FAULTS.get(pause.fault, phrase("fault {fault}", fault=pause.fault))
