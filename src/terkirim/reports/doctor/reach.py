"""Whether the public address leads to this gateway, as a provider that fetches a file finds it."""

import asyncio
import ipaddress
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from terkirim.domain.finding import Finding, Level
from terkirim.domain.phrase import Phrase, phrase

BODY_LIMIT = 64_000  # bytes
_LIVE = "/health/live"
_LEADS_HERE = phrase("Let the address, or the proxy in front, lead to `terkirim serve`.")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    said: Any  # the JSON in it, None where it is none


async def of_public_url(
    url: str | None, *, link: str, is_needed: bool, within: timedelta
) -> list[Finding]:
    """Return whether the address answers, and whether links to attachments lead here.

    `link` is signed by this gateway and leads to an attachment that does not exist, "" where its
    key is not known. `is_needed`: some provider fetches attachments by such links.
    """
    if url is None:
        return _unset() if is_needed else []
    live = await asyncio.to_thread(_fetched, url + _LIVE, within)
    if isinstance(live, str):
        says = phrase("{url} does not answer: {why}", url=url, why=live)
        return [_finding(Level.WARNING, says, _LEADS_HERE)]
    if live.status != HTTPStatus.OK or live.said != {"status": "ok"}:
        says = phrase("{url} leads to something else than a gateway.", url=url)
        return [_finding(Level.FAULT, says, _LEADS_HERE)]
    if not link:
        return [_reached(url)]
    return [_reached(url), _links(url, await asyncio.to_thread(_fetched, link, within))]


def _unset() -> list[Finding]:
    says = phrase("There is no public address: mail with attachments is refused.")
    mends = phrase("Set TERKIRIM_PUBLIC_URL to where the outside reaches this gateway.")
    return [_finding(Level.WARNING, says, mends)]


def _reached(url: str) -> Finding:
    if not _is_private(urlsplit(url).hostname or ""):
        return _finding(Level.OK, phrase("{url} leads to a gateway.", url=url))
    says = phrase("{url} leads to a gateway, but only from this network.", url=url)
    mends = phrase("A provider outside cannot fetch attachments there: set a public address.")
    return _finding(Level.WARNING, says, mends)


def _links(url: str, answer: _Answer | str) -> Finding:
    """Read what came for a link that is ours and leads to nothing: not found, never refused."""
    said = None if isinstance(answer, str) else answer.said
    name = said.get("name") if isinstance(said, dict) else None
    if name == "not_found":
        return _finding(Level.OK, phrase("Links to attachments lead to this gateway."))
    if name == "invalid_access":
        says = phrase("{url} refuses our links: another gateway answers there.", url=url)
        mends = phrase("Give all nodes the same TERKIRIM_SIGNING_KEY, or put the address right.")
        return _finding(Level.FAULT, says, mends)
    says = phrase("Links to attachments below {url}/a/ do not lead to this gateway.", url=url)
    return _finding(Level.FAULT, says, _LEADS_HERE)


def _finding(level: Level, says: Phrase, mends: Phrase | None = None) -> Finding:
    return Finding("public_url", level, says, mends)


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".local", ".internal", ".localhost"))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing: a provider may not either."""


def _fetched(url: str, within: timedelta) -> _Answer | str:
    """Return what the address answers, or why it does not; no proxy of the environment is asked."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
    try:
        with opener.open(url, timeout=within.total_seconds()) as answer:
            return _read(answer.status, answer.read(BODY_LIMIT))
    except urllib.error.HTTPError as error:
        with error:
            return _read(error.code, error.read(BODY_LIMIT))
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        return str(reason) or type(reason).__name__


def _read(status: int, body: bytes) -> _Answer:
    try:
        return _Answer(status, json.loads(body))
    except ValueError:
        return _Answer(status, None)
