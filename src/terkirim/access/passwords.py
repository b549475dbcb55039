"""Passwords of people: hashed with argon2id, and never kept otherwise."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12  # characters
LONGEST = 1_000


def password_hash(text: str) -> str:
    """Return what is kept of a password, with its salt and its cost.

    Raises:
        ValueError: it is too short, or too long.
    """
    if not SHORTEST <= len(text) <= LONGEST:
        raise ValueError(f"a password has {SHORTEST} to {LONGEST} characters")
    return PasswordHasher().hash(text)


def is_password(text: str, kept: str | None) -> bool:
    """Return whether the password is the one that is kept; in constant time for each hash."""
    if kept is None:
        return False
    try:
        return PasswordHasher().verify(kept, text)
    except (VerificationError, InvalidHashError):
        return False
