"""The cookies of the pages, and how a browser and this gateway agree on who they are."""

from collections.abc import Mapping
from urllib.parse import quote, unquote, urlsplit

from litestar.datastructures import Cookie

SESSION, LANGUAGE, THEME, NOTICE = (
    "terkirim_session",
    "terkirim_language",
    "terkirim_theme",
    "terkirim_notice",
)
A_YEAR = 365 * 24 * 3_600
_NOTICE_LIMIT = 1_500
_SAME = frozenset({"same-origin", "none"})


def cookie(name: str, value: str, *, is_secure: bool, seconds: int | None = A_YEAR) -> Cookie:
    """Return a cookie that no script reads and no other site's form sends; 0 seconds ends it."""
    return Cookie(
        key=name,
        value=value,
        max_age=seconds,
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="lax",
    )


def notice_in(cookies: Mapping[str, str]) -> str:
    """Return the sentence that the page before left for this one."""
    return unquote(cookies.get(NOTICE, ""))


def notice_text(says: str) -> str:
    """Return a sentence as a cookie can carry it."""
    return quote(says[:_NOTICE_LIMIT])


def is_secure(headers: Mapping[str, str], *, scheme: str, public_url: str | None) -> bool:
    """Return whether the browser speaks TLS: with us, or with the proxy in front of us."""
    behind_tls = public_url is not None and public_url.startswith("https://")
    forwarded = headers.get("x-forwarded-proto", "").split(",")[-1].strip()
    return scheme == "https" or (behind_tls and forwarded == "https")


def is_own_origin(headers: Mapping[str, str], *, public_url: str | None) -> bool:
    """Return whether a change was asked for by a page of ours, as far as the browser says.

    Every browser names the origin with each form that is sent; without it there is no browser,
    whose cookies another site could use.
    """
    if headers.get("sec-fetch-site", "same-origin") not in _SAME:
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    own = {headers.get("host", "")}
    if public_url is not None:
        own.add(urlsplit(public_url).netloc)
    return urlsplit(origin).netloc in own
