"""Judges the address of an endpoint; whom it leads to is judged again at each connect."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from terkirim.domain.errors import InvalidEmail
from terkirim.policy.reach import Reach, may_reach

URL_LIMIT = 2_000  # characters
_WANTED = "must be an address such as https://example.com/webhooks"


def checked_url(text: str, field: str, *, reach: Reach) -> str:
    """Return the address.

    Raises:
        InvalidEmail: it is none, or none that webhooks may be sent to.
    """
    try:
        parts = urlsplit(text)
        is_web = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_web = False
    if not is_web or not text.isprintable() or " " in text or len(text) > URL_LIMIT:
        raise InvalidEmail(field, _WANTED)
    if parts.username is not None or parts.fragment:
        raise InvalidEmail(field, "must not hold a user, a password or a fragment")
    if parts.scheme == "http" and reach != "any":
        raise InvalidEmail(field, "must begin with https://, unless TERKIRIM_WEBHOOK_REACH is any")
    if _is_address(parts.hostname or "") and not may_reach([parts.hostname or ""], reach):
        raise InvalidEmail(field, "is not on the open Internet; see TERKIRIM_WEBHOOK_REACH")
    return text


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
