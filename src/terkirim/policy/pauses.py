"""What a probe's answer makes of a pause that a fault began."""

from terkirim.domain.outcome import (
    Accepted,
    AccountFault,
    Outcome,
    OutOfCredits,
    ProviderFault,
    Unclear,
)


def is_over(fault: str, answer: Outcome | ProviderFault, *, is_of_sender: bool) -> bool:
    """Return whether mail may ask again, one message first, after this answer to a probe.

    Credits must be named to be believed: that the key is good says nothing about them.
    """
    if is_of_sender:  # where no call tells, one message asks, and the pause stands meanwhile
        return isinstance(answer, Accepted | Unclear)
    if fault == OutOfCredits.__name__:
        return isinstance(answer, Accepted) and answer.credits is not None
    return isinstance(answer, Accepted)


def new_cause(fault: str, answer: Outcome | ProviderFault) -> AccountFault | None:
    """Return the fault of the account that took the place of this one, None where none did."""
    if not isinstance(answer, AccountFault):
        return None
    return None if type(answer).__name__ == fault else answer
