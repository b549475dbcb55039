"""Which network addresses a caller may make this gateway ask: public ones. Pure: no DNS here."""

from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

Reach = Literal["public", "any"]

# Networks whose addresses carry, in their last 32 bits, an IPv4 address that a gateway unpacks.
_CARRIERS = tuple(map(IPv6Network, ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96")))
# Never of the open Internet, though Python's table of RFC 6890 lets (parts of) them through.
_SPECIAL = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48")))


def may_reach(addresses: Collection[str], reach: Reach) -> bool:
    """Return True if every address behind a name may be asked; a name without one may not."""
    return bool(addresses) and (reach == "any" or all(map(is_public, addresses)))


def is_public(text: str) -> bool:
    """Return True for an address of the open Internet; anything that is no address is not one.

    Private, loopback, link-local (where clouds keep their metadata), shared, reserved and multicast
    addresses are not public, nor is an IPv6 address that carries one of them.
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(map(_is_open, (address, *_carried(address))))


def _is_open(address: IPv4Address | IPv6Address) -> bool:
    is_special = any(address in network for network in _SPECIAL)
    return address.is_global and not address.is_multicast and not is_special


def _carried(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """Return the IPv4 addresses inside an IPv6 one.

    Mapped, translated (RFC 2765), compatible, NAT64, 6to4, Teredo.
    """
    if isinstance(address, IPv4Address):
        return []
    carried = [one for one in (address.ipv4_mapped, address.sixtofour) if one is not None]
    carried += address.teredo or ()
    if any(address in network for network in _CARRIERS):
        carried.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return carried
