"""Judges the address of an endpoint; whom it leads to is judged again at each connect."""

from pyreqwest.http import Url

from terkirim.domain.errors import InvalidEmail
from terkirim.domain.phrase import phrase
from terkirim.policy.reach import Reach, may_reach

URL_LIMIT = 2_000  # characters
_WANTED = phrase("must be an address such as https://example.com/webhooks")


def checked_url(text: str, field: str, *, reach: Reach) -> str:
    """Return the address.

    Raises:
        InvalidEmail: it is none, or none that webhooks may be sent to.
    """
    url = _web_address(text)
    if url is None or not text.isprintable() or " " in text or len(text) > URL_LIMIT:
        raise InvalidEmail(field, _WANTED)
    if url.username or url.password is not None or url.fragment:
        raise InvalidEmail(field, phrase("must not hold a user, a password or a fragment"))
    if url.scheme == "http" and reach != "any":
        problem = phrase("must begin with https://, unless TERKIRIM_WEBHOOK_REACH is any")
        raise InvalidEmail(field, problem)
    # The parser has undone the other spellings of an address, such as 0x7f.1 and 2130706433.
    if url.domain is None and not may_reach([str(url.host_str).strip("[]")], reach):
        problem = phrase("is not on the open Internet; see TERKIRIM_WEBHOOK_REACH")
        raise InvalidEmail(field, problem)
    return text


def _web_address(text: str) -> Url | None:
    """Return the address as it would be asked, None where it cannot be."""
    try:
        url = Url(text)
    except ValueError:  # UnicodeEncodeError is one
        return None
    return url if url.scheme in {"http", "https"} and url.host_str and url.port != 0 else None
