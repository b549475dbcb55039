"""Which passwords may be chosen."""

from terkirim.domain.phrase import Phrase, phrase

SHORTEST, LONGEST = 8, 256  # characters


def fault_in(password: str, *, name: str) -> Phrase | None:
    """Return why a password cannot be taken, None where it can."""
    if not SHORTEST <= len(password) <= LONGEST:
        return phrase(
            "Give a password of {least} to {most} characters.", least=SHORTEST, most=LONGEST
        )
    if password.casefold() == name.casefold():
        return phrase("The password must not be the name.")
    return None
