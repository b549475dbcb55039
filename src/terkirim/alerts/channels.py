"""Channels by Apprise URL: read, checked, and shown without the secrets in them."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from urllib.parse import unquote

from terkirim.domain.alert import Severity
from terkirim.ports.alerts import Channel
from terkirim.ports.people import User

MASK = "***"

_KEY_LENGTH = 16  # hex digits: enough to tell channels apart, too few to guess an address from
_BEFORE_SCHEME = ": "
_SHORTEST_SECRET = 4  # characters; what is shorter would mask half of every sentence
_ADDRESS = re.compile(r"(?:([a-z]+)\|)?([a-z][a-z0-9+.-]*)://\S", re.IGNORECASE)
# A comma inside an address stays: the next address begins only where a scheme does.
_BETWEEN = re.compile(r"\s*,\s*(?=(?:[a-z]+\|)?[a-z][a-z0-9+.-]*://)", re.IGNORECASE)
_PARTS = re.compile(r"[/:@?&=,#|\s]+")


def channels_in(text: str) -> list[Channel]:
    """Return the channels of a setting: Apprise URLs with commas between, also as `level|url`.

    Raises:
        ValueError: one of them is no such address, or its level is none; no secret is shown.
    """
    return [channel_of(address, owner=owner) for owner, address in _listed(text)]


def channel_of(address: str, *, owner: str) -> Channel:
    """Return the channel of one address, `owner` (a person, or its place in the list) shown first.

    Raises:
        ValueError: it is no address of the form `level|scheme://…`; no secret is shown.
    """
    found = _ADDRESS.match(address.strip())
    if found is None:
        raise ValueError(f"address {owner} is no Apprise URL such as tgram://token/chat")
    level, scheme = found[1], found[2].lower()
    if level is not None and level.lower() not in set(Severity):
        raise ValueError(
            f"address {owner} ({scheme}://{MASK}): `{level}` is no level; "
            f"give one of {', '.join(Severity)}"
        )
    url = address.strip().partition("|")[2] if level is not None else address.strip()
    return Channel(
        key=hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:_KEY_LENGTH],
        shown=f"{owner}{_BEFORE_SCHEME}{scheme}://{MASK}",
        url=url,
        lowest=Severity.INFO if level is None else Severity(level.lower()),
    )


def refuse_unknown(channels: Iterable[Channel]) -> None:
    """Raise ValueError if Apprise does not know the kind of an address, or misses a part of it."""
    import apprise  # 0.2 s and 40 MB: only for those who have channels

    for channel in channels:
        if apprise.Apprise.instantiate(channel.url) is None:
            raise ValueError(
                f"address {channel.shown} is of no kind that Apprise knows, or misses a part"
            )


def all_channels(text: str, users: Sequence[User]) -> tuple[list[Channel], list[str]]:
    """Return the channels of the settings and every admin's own, and what is wrong with others.

    A channel that stands twice is there once, shown with all its owners, and hears what any of them
    wants to hear.
    """
    addresses = _listed(text) if text.strip() else []
    addresses += [
        (user.name, user.alert_url)
        for user in users
        if user.role == "admin" and user.alert_url is not None
    ]
    found: dict[str, Channel] = {}
    faults = []
    for owner, address in addresses:
        try:
            channel = channel_of(address, owner=owner)
        except ValueError as error:
            faults.append(str(error))
        else:
            before = found.get(channel.key)
            found[channel.key] = channel if before is None else _shared(before, owner, channel)
    return list(found.values()), faults


def _shared(first: Channel, owner: str, other: Channel) -> Channel:
    """Return the channel of both: `owner` is the other one's."""
    owners, _, address = first.shown.rpartition(_BEFORE_SCHEME)
    return replace(
        first,
        shown=f"{owners}, {owner}{_BEFORE_SCHEME}{address}",
        lowest=min(first.lowest, other.lowest, key=lambda level: level.rank),
    )


def _listed(text: str) -> list[tuple[str, str]]:
    addresses = _BETWEEN.split(text.strip().rstrip(","))
    return [(str(number), address) for number, address in enumerate(addresses, start=1)]


def masked(text: str, url: str) -> str:
    """Return the text without any part of the address: a host may be a token, so it goes too."""
    scheme, _, rest = url.partition("://")
    written = set(_PARTS.split(rest))
    parts = written | {unquote(part) for part in written}
    for part in sorted(parts - {scheme}, key=len, reverse=True):
        if len(part) >= _SHORTEST_SECRET:
            text = text.replace(part, MASK)
    return text
