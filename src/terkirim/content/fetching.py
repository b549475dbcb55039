"""Fetches an attachment that a caller names by its address, and nothing that is ours alone.

The addresses behind a name are judged before they are asked, and the one that was judged is the one
that is asked: a name that answers differently a moment later changes nothing.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import unquote

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.http import Url
from pyreqwest.response import Response

from terkirim.content.fields import shown
from terkirim.content.texts import line
from terkirim.domain.errors import InvalidEmail
from terkirim.domain.version import __version__
from terkirim.policy.reach import Reach, may_reach

Allowed = Literal["public", "any", "off"]
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

URL_LIMIT = 2_000  # characters
_REDIRECTS = 3
_AT_ONCE = 8
_MOVED = frozenset({301, 302, 303, 307, 308})
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRules:
    """Whom callers may make us ask; `most` in bytes of one email's files, `within` for each."""

    allowed: Allowed = "public"
    most: int = 30_000_000
    within: timedelta = timedelta(seconds=20)


async def resolved(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a name, as the system resolves it."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class Fetcher:
    """Turns attachments with a `path` into ones with their `content`."""

    def __init__(self, rules: FetchRules, *, resolve: Resolve = resolved) -> None:
        self._rules = rules
        self._resolve = resolve
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def filled(self, attachments: Any) -> Any:
        """Return the attachments, those with a `path` fetched; whatever else stays as it is.

        Raises:
            InvalidEmail: an address is not allowed, does not answer, or its file is too large.
        """
        if not needs_fetching(attachments):
            return attachments
        left = self._rules.most
        done = []
        for at, one in enumerate(attachments):
            if not _is_by_path(one):
                done.append(one)
                continue
            content, name = await self._fetched(one["path"], f"attachments[{at}].path", left)
            left -= len(content)
            done.append({"filename": name, **_given(one), "content": content})
        return done

    async def _fetched(self, path: object, field: str, most: int) -> tuple[bytes, str]:
        if self._rules.allowed == "off":
            raise _refused(field, "this gateway fetches nothing; send the file itself in `content`")
        url = _url(path, field)
        try:
            async with self._room, asyncio.timeout(self._rules.within.total_seconds()):
                return await self._followed(url, field, most)
        except TimeoutError:
            seconds = self._rules.within.total_seconds()
            raise _refused(field, f"did not answer whole within {seconds:.0f} s") from None
        except PyreqwestError:
            raise _refused(field, f"cannot be fetched from {shown(url.host_str)}") from None

    async def _followed(self, url: Url, field: str, most: int) -> tuple[bytes, str]:
        for _ in range(_REDIRECTS + 1):
            client = await self._client_for(url, field)
            async with client, client.get(str(url)).build_streamed() as answer:
                moved_to = _moved_to(answer)
                if moved_to is None:
                    return await _content(answer, field, most), _name(url)
                url = _url(_joined(url, moved_to, field), field)
        raise _refused(field, f"leads on more than {_REDIRECTS} times")

    async def _client_for(self, url: Url, field: str) -> Client:
        """Return a client that can reach this one host, by the address that was judged."""
        builder = ClientBuilder().no_proxy().follow_redirects(False).referer(False)
        builder = builder.user_agent(f"terkirim/{__version__}").timeout(self._rules.within)
        host, port = str(url.host_str), url.port_or_known_default or 0
        if url.domain is None:
            self._refuse_unless_allowed([host.strip("[]")], field)
            return builder.build()
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise _refused(field, f"the name {shown(host)} is not known") from None
        self._refuse_unless_allowed(addresses, field)
        return builder.resolve(host, addresses[0], port).build()

    def _refuse_unless_allowed(self, addresses: Sequence[str], field: str) -> None:
        reach: Reach = "any" if self._rules.allowed == "any" else "public"
        if not may_reach(addresses, reach):
            problem = (
                "is not on the open Internet; send the file itself in `content`, or set "
                "TERKIRIM_FETCH=any where callers may reach your own network"
            )
            raise _refused(field, problem)


def needs_fetching(attachments: Any) -> bool:
    """Return True if any attachment is given by its address alone."""
    return isinstance(attachments, list | tuple) and any(map(_is_by_path, attachments))


def _is_by_path(one: object) -> bool:
    if not isinstance(one, Mapping):
        return False
    return one.get("path") is not None and one.get("content") is None


def _given(one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in one.items() if name != "path" and value is not None}


def _url(text: object, field: str) -> Url:
    wanted = "must be an address such as https://example.com/brosur.pdf"
    written = line(text, field, limit=URL_LIMIT, kind="invalid_attachment")
    try:
        url = Url(written)
    except ValueError:
        raise _refused(field, wanted) from None
    if url.scheme not in {"http", "https"} or not url.host_str:
        raise _refused(field, wanted)
    if url.username or url.password is not None:
        raise _refused(field, "must not hold a user or a password")
    return url


def _moved_to(answer: Response) -> str | None:
    try:
        return answer.headers.get("location", "") if answer.status in _MOVED else None
    except ValueError:  # its bytes are no ASCII
        return ""


def _joined(url: Url, moved_to: str, field: str) -> str:
    try:
        return str(url.join(moved_to))
    except ValueError:
        raise _refused(field, "leads on to something that is no address") from None


async def _content(answer: Response, field: str, most: int) -> bytes:
    if answer.status != _OK:
        raise _refused(field, f"answered HTTP {answer.status} instead of a file")
    content = await answer.body_reader.read(most + 1) or b""  # None where there is nothing
    if len(content) > most:
        problem = f"makes the attachments larger than {most:,} bytes; send a link instead"
        raise _refused(field, problem)
    return bytes(content)


def _name(url: Url) -> str:
    """Return the last part of the path, as a file's name."""
    return unquote(str(url.path).rpartition("/")[2], errors="replace") or "attachment"


def _refused(field: str, problem: str) -> InvalidEmail:
    return InvalidEmail(field, problem, kind="invalid_attachment")
