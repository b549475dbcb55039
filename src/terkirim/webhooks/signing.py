"""Signs deliveries as Standard Webhooks has it, so that an app knows who tells it something.

https://github.com/standard-webhooks/standard-webhooks, read 2026-11: HMAC-SHA256 of
`id.timestamp.body`, base64, under the key behind `whsec_`. Svix and Resend have the same under
names of their own, so that each delivery carries both.
"""

import base64
import binascii
import hashlib
import hmac
import secrets

from terkirim.domain.errors import InvalidEmail
from terkirim.domain.webhook import Secrets

PREFIX = "whsec_"
_MADE_BYTES = 32
_FEWEST_BYTES, _MOST_BYTES = 24, 64  # as the specification has it
_NAMES = ("webhook", "svix")


def new_secret() -> str:
    """Return a new secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_MADE_BYTES)).decode()


def checked_secret(text: str, field: str) -> str:
    """Return a secret that somebody else has made.

    Raises:
        InvalidEmail: it is none; the text is not repeated.
    """
    wanted = f"must be `{PREFIX}` and base64 of {_FEWEST_BYTES} to {_MOST_BYTES} bytes"
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidEmail(field, wanted) from None
    if not text.startswith(PREFIX) or not _FEWEST_BYTES <= len(key) <= _MOST_BYTES:
        raise InvalidEmail(field, wanted)
    return text


def headers_for(payload_id: str, body: bytes, *, keys: Secrets, at: int) -> dict[str, str]:
    """Return the headers of one attempt; `at` in Unix seconds.

    After a change of the secret both sign: whoever has not changed yet still verifies.
    """
    signed = f"{payload_id}.{at}.".encode() + body
    signature = " ".join(
        f"v1,{_signature(secret, signed)}" for secret in (keys.now, keys.before) if secret
    )
    parts = {"id": payload_id, "timestamp": str(at), "signature": signature}
    return {f"{name}-{part}": value for name in _NAMES for part, value in parts.items()}


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
