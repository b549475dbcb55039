"""Where a request goes: the address taken apart once, and the way there through a proxy."""

import base64
import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import SplitResult, unquote, urlsplit

import certifi

from terkirim.domain.errors import ConfigError
from terkirim.domain.version import __version__

_PORTS = {"http": 80, "https": 443}
_PLACES_KEPT = 64


@dataclass(frozen=True, slots=True)
class Origin:
    """A server: whom a connection is made to."""

    host: str
    port: int
    is_tls: bool

    @property
    def authority(self) -> str:
        """Return host and port as a CONNECT names them."""
        return f"{_bracketed(self.host)}:{self.port}"


@dataclass(frozen=True, slots=True)
class Place:
    """An address taken apart: its server, what is asked of it, and what `Host` says."""

    origin: Origin
    target: str
    host: str

    @property
    def absolute(self) -> str:
        """Return the target as a proxy wants it (RFC 9112, 3.2.2)."""
        return f"{'https' if self.origin.is_tls else 'http'}://{self.host}{self.target}"


@dataclass(frozen=True, slots=True)
class Proxy:
    """A way through which every server is reached; `credentials` is a header's value."""

    origin: Origin
    credentials: str | None = field(repr=False)


def is_url(text: str) -> bool:
    """Tell whether requests can be sent below this address."""
    try:
        place_of(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=_PLACES_KEPT)
def place_of(url: str) -> Place:
    """Return the place that a URL names.

    Raises:
        ValueError: it is no URL of a web server, or has what no request line can carry.
    """
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("the address has characters that no request line can carry")
    parts = urlsplit(url)
    origin = _origin_of(parts)
    is_usual = origin.port == _PORTS[parts.scheme.lower()]
    host = _bracketed(origin.host) if is_usual else origin.authority
    query = f"?{parts.query}" if parts.query else ""
    return Place(origin, f"{parts.path or '/'}{query}", host)


def proxy_of(url: str) -> Proxy:
    """Return the proxy that a URL names.

    Raises:
        ConfigError: it names none; neither its value nor a password in it is shown.
    """
    try:
        parts = urlsplit(url.strip())
        origin = _origin_of(parts)
    except ValueError:
        origin = None
    if origin is None or origin.is_tls:
        raise ConfigError("the proxy is not a URL such as http://host:3128")
    return Proxy(origin, _basic(parts))


@lru_cache(maxsize=1)
def tls() -> ssl.SSLContext:
    """Return how servers are trusted: by the system's certificates and by Mozilla's."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())  # a slim container has no others
    context.set_alpn_protocols(["http/1.1"])
    return context


@lru_cache(maxsize=_PLACES_KEPT)
def first_lines(verb: str, url: str, proxy: Proxy | None) -> str:
    """Return the head of a request up to what is its own; raises as `place_of`."""
    place = place_of(url)
    asks_proxy = proxy is not None and not place.origin.is_tls
    target = place.absolute if asks_proxy else place.target
    head = f"{verb} {target} HTTP/1.1\r\nhost: {place.host}\r\naccept: */*\r\n"
    if proxy is not None and asks_proxy and proxy.credentials is not None:
        head += f"proxy-authorization: {proxy.credentials}\r\n"
    return f"{head}user-agent: terkirim/{__version__}\r\n"


def _origin_of(parts: SplitResult) -> Origin:
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not parts.hostname:
        raise ValueError("the address must begin with http:// or https:// and name a host")
    return Origin(parts.hostname, parts.port or _PORTS[scheme], scheme == "https")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _basic(parts: SplitResult) -> str | None:
    if parts.username is None:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
