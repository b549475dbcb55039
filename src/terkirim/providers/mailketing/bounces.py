"""Which class a bounce of Mailketing is of: the one table of it, by reason and type.

A block is looked for first, because it must never suppress a recipient: such words are about us.
"""

import re

from terkirim.domain.event import BounceClass

_BLOCKED = re.compile(
    r"spamhaus|black[ -]?list|block[ -]?list|barracuda|spamcop|\b(?:sorbs|surbl|uribl|dnsbl|rbl)\b",
    re.IGNORECASE,
)
_TRANSIENT = re.compile(
    r"mailbox (?:is )?full|over ?quota|quota exceeded|temporar|try again|greylist", re.IGNORECASE
)
_UNKNOWN = re.compile(
    r"(?:user|recipient|mailbox|address) unknown|unknown (?:user|recipient)|"
    r"no such (?:user|mailbox)|does not exist|doesn't exist",
    re.IGNORECASE,
)
# RFC 3463 (4.2.2) and RFC 5321 (452), not part of a longer number or of an IP address.
_CODE = re.compile(r"(?<![\d.])([45])(?:\.\d{1,3}\.\d{1,3}|\d\d)(?![\d.]*\d)")
_OF_TYPE = {
    "soft": BounceClass.TRANSIENT,
    "transient": BounceClass.TRANSIENT,
    "hard": BounceClass.PERMANENT,
    "permanent": BounceClass.PERMANENT,
    "blocked": BounceClass.BLOCKED,
    "block": BounceClass.BLOCKED,
}


def bounce_class(reason: str, bounce_type: str) -> BounceClass:
    """Return the class: what the reason says, else what the type says, else permanent."""
    if _BLOCKED.search(reason):
        return BounceClass.BLOCKED
    if _TRANSIENT.search(reason):
        return BounceClass.TRANSIENT
    code = _CODE.search(reason)
    if code is not None and code[1] == "4":
        return BounceClass.TRANSIENT
    if (code is not None and code[1] == "5") or _UNKNOWN.search(reason):
        return BounceClass.PERMANENT
    return _OF_TYPE.get(bounce_type.strip().lower(), BounceClass.PERMANENT)
