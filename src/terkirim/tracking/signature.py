"""Whether a callback comes from the provider: by a secret, or by a signature made with it."""

import base64
import binascii
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from terkirim.domain.errors import BadSignature

_PREFIX = "sha256="


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a callback shows of the secret; None where it shows nothing of the kind."""

    token: str | None = None  # a header
    secret: str | None = None  # in the address
    signature: str | None = None  # HMAC-SHA256 of the body, hex or base64


class Doorkeeper:
    """Lets callbacks in that know the secret; without a secret it lets nobody in.

    `secret` is read at each call, so that one that changes in its file counts at once.
    """

    def __init__(self, secret: Callable[[], str | None]) -> None:
        self._secret = secret

    @property
    def is_open(self) -> bool:
        """Whether anybody can be let in at all."""
        return bool(self._secret())

    def admit(self, shown: Shown) -> bool:
        """Return True if the secret was shown; False: the body's signature must decide.

        Raises:
            BadSignature: there is no secret, or what was shown is wrong and nothing is signed.
        """
        secret = self._secret()
        if not secret:
            raise BadSignature("callbacks are closed: no secret is set for them")
        # Both are compared, whatever the first says: the time tells nothing.
        by_token, by_secret = _is_same(shown.token, secret), _is_same(shown.secret, secret)
        if by_token or by_secret:
            return True
        if shown.signature is None:
            raise BadSignature("the secret is missing or wrong")
        return False

    def check_signature(self, shown: Shown, body: bytes) -> None:
        """Raise BadSignature unless the body was signed with the secret."""
        key = (self._secret() or "").encode()
        made = hmac.new(key, body, sha256).digest()
        if not key or not hmac.compare_digest(made, _digest_in(shown.signature or "")):
            raise BadSignature("the signature is wrong")


def _is_same(shown: str | None, secret: str) -> bool:
    given = (shown or "").encode("utf-8", "surrogatepass")
    return hmac.compare_digest(given, secret.encode())


def _digest_in(text: str) -> bytes:
    """Return the bytes of a signature in hex or base64; b"" where it is neither."""
    text = text.strip()
    text = text[len(_PREFIX) :] if text.lower().startswith(_PREFIX) else text
    try:
        return bytes.fromhex(text)
    except ValueError:
        pass
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
