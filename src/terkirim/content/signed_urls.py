"""Links to attachments that prove by themselves what they may show, and until when."""

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import msgspec

from terkirim.domain.email import Attachment
from terkirim.domain.errors import BadSignature

LINK_FOR = timedelta(days=7)  # providers fetch late, and mail that waits is signed afresh
KEY_BYTES = 16  # at least; a shorter key is refused
_PURPOSE = b"terkirim attachment link 1\0"  # so that no other signature of this key fits here
_MAC_BYTES = 32
_TOKEN_LIMIT = 2_000  # characters; longer ones are not ours


class AttachmentLink(msgspec.Struct, frozen=True, array_like=True):
    """What a link shows: bytes by their SHA-256, under a name; `expires` in Unix seconds."""

    sha256: str
    filename: str
    content_type: str
    expires: int


class SigningKey:
    """Signs links and reads them back; its bytes never show."""

    def __init__(self, key: bytes) -> None:
        if len(key) < KEY_BYTES:
            raise ValueError(f"a signing key needs at least {KEY_BYTES} bytes")
        self._key = key

    def __repr__(self) -> str:
        return "SigningKey(***)"

    def sign(self, link: AttachmentLink) -> str:
        """Return the token: the link's content and its HMAC-SHA256, safe in an address."""
        payload = msgspec.json.encode(link)
        return _text(self._mac(payload) + payload)

    def read(self, token: str, *, now: datetime) -> AttachmentLink:
        """Return what the token shows.

        Raises:
            BadSignature: it was not made with this key, or its time is over.
        """
        content = _bytes(token)
        mac, payload = content[:_MAC_BYTES], content[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(payload)):
            raise BadSignature("the link is not one of ours, or was changed")
        link = msgspec.json.decode(payload, type=AttachmentLink)
        if now >= datetime.fromtimestamp(link.expires, UTC):
            raise BadSignature("the link has expired")
        return link

    def _mac(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, _PURPOSE + payload, "sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Makes links under the public address of the gateway; the key never shows in `repr`."""

    public_url: str
    key: SigningKey

    def url(self, attachment: Attachment, *, now: datetime) -> str:
        """Return a link that works from now for `LINK_FOR`.

        It ends in the file's name, because providers take that for the attachment's name.
        """
        link = AttachmentLink(
            attachment.sha256,
            attachment.filename,
            attachment.content_type,
            int((now + LINK_FOR).timestamp()),
        )
        token = self.key.sign(link)
        return f"{self.public_url.rstrip('/')}/a/{token}/{quote(attachment.filename, safe='')}"


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _bytes(token: str) -> bytes:
    try:
        text = token.encode("ascii") if len(token) <= _TOKEN_LIMIT else b""
        content = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return b""
    # One token, one spelling: stray bits in its last character would make another that verifies.
    return content if _text(content) == token else b""
