"""Reads single settings as people write them; each fault is a sentence that names what is right.

The sentences are shown and logged, so that none repeats a value that may hold a secret.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

from terkirim.alerts.channels import channels_in, refuse_unknown
from terkirim.content.addresses import normalised
from terkirim.content.fields import nearest
from terkirim.content.texts import line
from terkirim.content.times import duration
from terkirim.domain.email import DEFAULT_ROUTE
from terkirim.domain.errors import InvalidEmail
from terkirim.policy.rates import Rate, parse_rates
from terkirim.settings.secret import Secret
from terkirim.store.addresses import shown

_T = TypeVar("_T")
_SIZES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12} | {
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_SIZE = re.compile(r"(\d{1,15}) ?([a-z]*)\Z", re.ASCII | re.IGNORECASE)
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}\Z", re.ASCII)
_ROUTES_WANTED = "must look like otp=mailketing,sandbox;news=mailketing"
_DATABASES = ("sqlite", "postgresql", "postgres")


@dataclass(frozen=True, slots=True)
class SecretFile:
    """The file that a variable `X_FILE` names in place of `X`; `is_both` where `X` is set too."""

    path: Path
    is_both: bool = False


def _span(value: object) -> timedelta:
    match value:
        case timedelta():
            span = value
        case str():
            span = duration(value)
        case _:
            raise ValueError("must be a span of time such as 30s, 10m or 2h")
    if span <= timedelta():
        raise ValueError("must be longer than nothing")
    return span


def _spans(value: object) -> tuple[timedelta, ...]:
    if isinstance(value, str):
        return tuple(_span(part) for part in value.split(","))
    if isinstance(value, list | tuple) and value:
        return tuple(_span(part) for part in value)
    raise ValueError("must be spans of time such as 2s,6s,18s")


def _tail(value: object) -> tuple[timedelta, ...]:
    is_off = value == () or (isinstance(value, str) and value.strip().lower() == "off")
    return () if is_off else _spans(value)


def _size(value: object) -> int:
    found = _SIZE.match(str(value).strip())
    if found is None or found.group(2).lower() not in _SIZES:
        raise ValueError("must be a number of bytes such as 500MB or 2GiB")
    return int(found.group(1)) * _SIZES[found.group(2).lower()]


def _secret(value: object) -> Secret:
    match value:
        case Secret():
            return value
        case SecretFile(is_both=True):
            raise ValueError("is set itself and by a file (`_FILE`); keep one of the two")
        case SecretFile(path=path):
            return Secret.from_file(path)
        case str() if value.strip() and value.isprintable():
            return Secret(value.strip())
    raise ValueError("must be one line of text")


def _key(value: object) -> Secret:
    secret = _secret(value)
    if not secret.read().isascii() or " " in secret.read():
        raise ValueError("must be visible ASCII characters without spaces: it travels in a header")
    return secret


def _database(value: object) -> Secret:
    secret = _secret(value)
    scheme, slashes, rest = secret.read().partition("://")
    if not slashes or scheme not in _DATABASES or not rest.strip("/"):
        raise ValueError("must look like sqlite:///terkirim.db or postgresql://user@host/database")
    if scheme == "sqlite" and not rest.startswith("/"):
        raise ValueError("needs three slashes: sqlite:///terkirim.db, or four for a path from /")
    shown(secret.read())  # for its fault only
    return secret


def _web_address(value: object) -> str:
    text = str(value).strip().rstrip("/")
    try:
        parts = urlsplit(text)
        is_web = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_web = False
    if not is_web or not text.isprintable() or " " in text:
        raise ValueError("must be an address such as https://mail.example.co.id")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must be an address without user, query and fragment")
    return text


def _proxy(value: object) -> Secret:
    secret = _secret(value)
    if not secret.read().startswith(("http://", "https://", "socks5://")):
        raise ValueError("must look like http://proxy.example:3128")
    return secret


def _alert_urls(value: object) -> Secret:
    secret = _secret(value)
    refuse_unknown(channels_in(secret.read()))
    return secret


def _email(value: object) -> str:
    return _said(lambda: normalised(line(value, "").strip(), ""))


def _header_text(value: object) -> str:
    return _said(lambda: line(value, "", limit=320).strip())


def _names(value: object) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not names:
        raise ValueError("must be names with commas between, such as mailketing,sandbox")
    found = tuple(_name(one) for one in names)
    if len(set(found)) != len(found):
        raise ValueError("names a provider twice")
    return found


def _routes(value: object) -> dict[str, tuple[str, ...]]:
    match value:
        case str():
            pairs: dict[Any, Any] = _written_routes(value)
        case dict():
            pairs = value
        case _:
            raise ValueError(_ROUTES_WANTED)
    routes = {_name(route): _names(providers) for route, providers in pairs.items()}
    if DEFAULT_ROUTE in routes:
        raise ValueError(f"cannot set `{DEFAULT_ROUTE}`; that route is TERKIRIM_ROUTE")
    return routes


def _written_routes(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in filter(str.strip, text.split(";")):
        route, equals, providers = part.partition("=")
        if not equals:
            raise ValueError(_ROUTES_WANTED)
        if route.strip() in pairs:
            raise ValueError(f"names the route `{route.strip()}` twice")
        pairs[route.strip()] = providers
    return pairs


def _name(value: object) -> str:
    text = str(value).strip()
    if not _NAME.match(text):
        raise ValueError(f"`{text[:64]}` is no name; use a-z, 0-9, `_` and `-`")
    return text


def _rate(value: object) -> str:
    text = str(value).strip()
    parse_rates(text)  # for its fault only: the policy reads it where it is used
    return text


def _api_rate(value: object) -> Rate | None:
    if value is None or isinstance(value, Rate):
        return value
    text = str(value).strip().lower()
    if text == "off":
        return None
    rates = parse_rates(text)
    if len(rates) != 1 or rates[0].unit == "d":
        raise ValueError("must be one rate such as 100/s, 600/m or 5000/h, or off")
    return rates[0]


def _zone(value: object) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    text = str(value).strip()
    try:
        return ZoneInfo(text)
    except (LookupError, ValueError, OSError):
        meant = nearest(text, available_timezones())
        hint = "" if meant is None else f"; did you mean {meant}?"
        raise ValueError(f"`{text[:64]}` is no time zone such as Asia/Jakarta{hint}") from None


def _word(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _said(read: Callable[[], _T]) -> _T:
    try:
        return read()
    except InvalidEmail as error:
        raise ValueError(error.problem) from None


Span = Annotated[timedelta, BeforeValidator(_span)]
Spans = Annotated[tuple[timedelta, ...], NoDecode, BeforeValidator(_spans)]
Tail = Annotated[tuple[timedelta, ...], NoDecode, BeforeValidator(_tail)]
Size = Annotated[int, BeforeValidator(_size)]
AnySecret = Annotated[Secret, BeforeValidator(_secret)]
Key = Annotated[Secret, BeforeValidator(_key)]
Database = Annotated[Secret, BeforeValidator(_database)]
Proxy = Annotated[Secret, BeforeValidator(_proxy)]
AlertUrls = Annotated[Secret, BeforeValidator(_alert_urls)]
WebAddress = Annotated[str, BeforeValidator(_web_address)]
EmailAddress = Annotated[str, BeforeValidator(_email)]
HeaderText = Annotated[str, BeforeValidator(_header_text)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]
Routes = Annotated[dict[str, tuple[str, ...]], NoDecode, BeforeValidator(_routes)]
ApiRate = Annotated[Rate | None, BeforeValidator(_api_rate)]
RateText = Annotated[str, BeforeValidator(_rate)]
Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]
WORD: Any = BeforeValidator(_word)
