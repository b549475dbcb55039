"""What an idempotency key may be: the same at every door."""

import re

from terkirim.domain.errors import InvalidEmail

KEY_LIMIT = 256  # characters (Resend's rule)
# What a header carries unchanged: a space at either end is no part of its value (RFC 9110, 5.5).
_KEY = re.compile(r"[!-~](?:[ -~]*[!-~])?")


def idempotency_key_in(given: object) -> str:
    """Return the key that a caller gave.

    Raises:
        InvalidEmail: it is none (kind `invalid_idempotency_key`).
    """
    if not isinstance(given, str) or len(given) > KEY_LIMIT or _KEY.fullmatch(given) is None:
        raise InvalidEmail(
            "Idempotency-Key",
            f"give 1 to {KEY_LIMIT} characters of visible ASCII, without a space at either end",
            kind="invalid_idempotency_key",
        )
    return given
