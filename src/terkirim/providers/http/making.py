"""Makes a connection: by every address of a name in turn, through a proxy, with TLS."""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Callable

from terkirim.providers.http.line import Line, said
from terkirim.providers.http.places import Origin, Proxy, tls

_HEAD_END = b"\r\n\r\n"
_HEAD_LIMIT = 16 * 1024  # bytes of what a proxy says before a tunnel


class NeverConnected(Exception):  # noqa: N818 - it says what is proved, which is not an error's name
    """No connection was made, so that no request left; its text is the reason."""


async def connected(
    make: Callable[[], Line], origin: Origin, *, proxy: Proxy | None, within: float
) -> Line:
    """Return a connection over which a request can be written.

    Raises:
        NeverConnected: there is none within so many seconds.
    """
    try:
        async with asyncio.timeout(within):
            if proxy is None:
                return await _direct(make, origin, within)
            return await _through(proxy, make, origin, within)
    except TimeoutError as error:
        raise NeverConnected(str(error) or "no connection in time") from None
    except (OSError, UnicodeError) as error:  # a name that IDNA refuses is a UnicodeError
        raise NeverConnected(said(error)) from None


async def _direct(make: Callable[[], Line], origin: Origin, within: float) -> Line:
    loop = asyncio.get_running_loop()
    ends, last = loop.time() + within, OSError("the name has no address")
    addresses = await _addresses(origin)
    for tried, address in enumerate(addresses):
        share = (ends - loop.time()) / (len(addresses) - tried)  # one that is dead leaves time
        try:
            async with asyncio.timeout(share):
                _, line = await loop.create_connection(
                    make,
                    address,
                    origin.port,
                    ssl=tls() if origin.is_tls else None,
                    server_hostname=origin.host if origin.is_tls else None,
                )
                return line
        except OSError as error:
            last = error
    raise last


async def _addresses(origin: Origin) -> list[str]:
    with contextlib.suppress(ValueError):
        return [str(ipaddress.ip_address(origin.host))]
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class _Tunnel(asyncio.Protocol):
    """The way to a proxy until it has opened one to the server."""

    def __init__(self) -> None:
        self.head: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._read = b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        if _HEAD_END in self._read or len(self._read) > _HEAD_LIMIT:
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # whatever ended it, there is no tunnel
        self._end()

    def _end(self) -> None:
        if not self.head.done():
            self.head.set_result(self._read)


async def _through(proxy: Proxy, make: Callable[[], Line], origin: Origin, within: float) -> Line:
    if not origin.is_tls:
        return await _direct(make, proxy.origin, within)
    loop = asyncio.get_running_loop()
    transport, tunnel = await loop.create_connection(_Tunnel, proxy.origin.host, proxy.origin.port)
    try:
        transport.write(_wish_for(origin, proxy))
        _refuse_unless_open(await tunnel.head)
        return await _with_tls(make, transport, origin)
    except BaseException:
        transport.abort()
        raise


def _refuse_unless_open(head: bytes) -> None:
    first = head.partition(b"\r\n")[0].decode("latin-1")
    if first.split(" ", 2)[1:2] != ["200"]:
        raise ConnectionError(f"the proxy opened no tunnel: {first}")


def _wish_for(origin: Origin, proxy: Proxy) -> bytes:
    head = f"CONNECT {origin.authority} HTTP/1.1\r\nhost: {origin.authority}\r\n"
    if proxy.credentials is not None:
        head += f"proxy-authorization: {proxy.credentials}\r\n"
    return f"{head}\r\n".encode("latin-1")


async def _with_tls(make: Callable[[], Line], transport: asyncio.Transport, origin: Origin) -> Line:
    line, loop = make(), asyncio.get_running_loop()
    secured = await loop.start_tls(transport, line, tls(), server_hostname=origin.host)
    if secured is None:
        raise ConnectionError("the connection was closed")
    line.connection_made(secured)
    return line
