"""What both faces of the client share: each request, when it is repeated, what its end means.

Nothing here touches a socket or sleeps: a face sends and waits as it is told, and tells what came.
"""

import random
import secrets
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, NoReturn, TypeVar
from urllib.parse import urlsplit

from terkirim.client.answers import (
    Unreadable,
    error_of,
    is_good,
    is_worth_repeating,
    may_be_done,
    sentence_of,
    wait_asked,
)
from terkirim.client.calls import Call
from terkirim.client.wire import Answer, NoAnswer, Request
from terkirim.domain.errors import ConfigError, GatewayUnavailable
from terkirim.domain.version import __version__
from terkirim.policy.retry import RetrySchedule, next_wait
from terkirim.settings.gateway import gateway_key, gateway_url
from terkirim.settings.secret import Secret

T = TypeVar("T")
Span = timedelta | float  # or seconds

USUAL_URL = "http://127.0.0.1:8625"  # where `terkirim serve` listens
TIMEOUT = timedelta(seconds=30)  # for a whole call, its repeats and waits included
WAITS = (timedelta(seconds=0.5), timedelta(seconds=1.5), timedelta(seconds=4.5))
JITTER = 0.2  # callers that failed together do not return together
_KEY_BYTES = 18
_DICE = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Wait:
    """The core's wish that nothing be done for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Ended(Generic[T]):
    """The end of a call, and its answer."""

    answer: T


Steps = Generator[Request | Wait | Ended[T], Answer | NoAnswer | None, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where a gateway is: `base` is the path that `/v1` stands below, "" at the root."""

    scheme: str
    host: str
    port: int
    base: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.base}"


class Core:
    """Where the gateway is, the key to it, and how patient its caller is."""

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: Span = TIMEOUT,
        waits: Sequence[Span] = WAITS,
        monotonic: Callable[[], float] = time.monotonic,
        dice: Callable[[], float] = _DICE.random,
    ) -> None:
        self.server = _server(base_url)
        self._key = _secret(api_key)
        self._timeout = _seconds(timeout)
        self._schedule = _schedule(waits)
        self._monotonic = monotonic
        self._dice = dice
        if self._timeout <= 0:
            raise ValueError("`timeout` must be longer than nothing")

    def key_for(self, given: str | None) -> str:
        """Return the caller's idempotency key, or a new one."""
        return secrets.token_urlsafe(_KEY_BYTES) if given is None else given

    def steps(self, call: Call[T]) -> Steps[T]:
        """Yield what is to be done next, and at last how it ended; take what each request came to.

        Only what may be repeated is sent again, after the waits and not before `Retry-After`, as
        long as the time-out leaves room for it.

        Raises:
            TerkirimError: the gateway refuses, or cannot be used.
        """
        deadline = self._monotonic() + self._timeout
        step, is_doubtful = 0, False
        while True:
            came = (yield self._request(call, deadline)) or NoAnswer(reason="", has_left=True)
            if isinstance(came, Answer) and is_good(came):
                break
            is_doubtful = is_doubtful or (call.is_order and may_be_done(came))
            wait = self._wait(call, came, step)
            if wait is None or self._monotonic() + wait >= deadline:
                self._refuse(call, came, is_doubtful=is_doubtful)
            yield Wait(wait)
            step += 1
        yield Ended(self._read(call, came))

    def _request(self, call: Call[T], deadline: float) -> Request:
        headers = {
            "Authorization": f"Bearer {_readable(self._key)}",
            "Accept": "application/json",
            "User-Agent": f"terkirim-python/{__version__}",
            **call.headers,
        }
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        if call.idempotency_key is not None:
            headers["Idempotency-Key"] = call.idempotency_key
        return Request(
            method=call.method,
            target=f"{self.server.base}/v1{call.path}",
            deadline=deadline,
            body=call.body,
            headers=headers,
        )

    def _read(self, call: Call[T], answer: Answer) -> T:
        try:
            return call.read(answer.body)
        except Unreadable as error:
            says = f"{sentence_of(answer)}: {error}"
            raise self._unavailable(call, says, is_doubtful=call.is_order) from None

    def _wait(self, call: Call[T], came: Answer | NoAnswer, step: int) -> float | None:
        if not call.may_be_repeated or not is_worth_repeating(came):
            return None
        waited = sum(self._schedule.quick[:step], timedelta())
        wait = next_wait(
            self._schedule, step=step, waited=waited, spread=self._dice(), asked=wait_asked(came)
        )
        return None if wait is None else wait.total_seconds()

    def _refuse(self, call: Call[T], came: Answer | NoAnswer, *, is_doubtful: bool) -> NoReturn:
        error = error_of(came) if isinstance(came, Answer) else None
        # After a request whose end nobody knows, "nothing was stored" is true of the last one only.
        if error is None or (is_doubtful and isinstance(error, ConnectionError)):
            asked = wait_asked(came)
            error = self._unavailable(call, sentence_of(came), is_doubtful, retry_after=asked)
        raise error

    def _unavailable(
        self,
        call: Call[T],
        says: str,
        is_doubtful: bool,
        *,
        retry_after: timedelta | None = None,
    ) -> GatewayUnavailable:
        return GatewayUnavailable(
            f"{self.server}: {says}",
            may_be_done=is_doubtful,
            idempotency_key=call.idempotency_key,
            retry_after=retry_after,
        )


def _server(base_url: str | None) -> Server:
    """Return where an address leads; `/v1` at its end is understood."""
    text = (base_url or gateway_url() or USUAL_URL).strip().rstrip("/").removesuffix("/v1")
    try:
        parts = urlsplit(text)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise _wrong_url() from None
    is_web = parts.scheme in {"http", "https"} and parts.hostname
    if not is_web or not text.isascii() or not text.isprintable() or " " in text:
        raise _wrong_url()
    if parts.query or parts.fragment or parts.username is not None:
        raise ConfigError("base_url: must be an address without user, query and fragment")
    return Server(
        scheme=parts.scheme, host=parts.hostname or "", port=port, base=parts.path.rstrip("/")
    )


def _wrong_url() -> ConfigError:
    return ConfigError("base_url: must be an address such as https://mail.example.co.id")


def _secret(given: str | None) -> Secret:
    key = gateway_key() if given is None else Secret(given.strip())
    if key is None:
        raise ConfigError("api_key: give it, or set TERKIRIM_API_KEY or TERKIRIM_API_KEY_FILE")
    _readable(key)
    return key


def _readable(key: Secret) -> str:
    """Return the key as it is now: the file that it may stand in changes."""
    text = key.read()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigError("api_key: must be visible ASCII characters without spaces")
    return text


def _schedule(waits: Sequence[Span]) -> RetrySchedule:
    quick = tuple(timedelta(seconds=_seconds(wait)) for wait in waits)
    if any(wait < timedelta() for wait in quick):
        raise ValueError("`waits` must not be negative")
    return RetrySchedule(quick=quick, tail=(), retry_for=sum(quick, timedelta()), jitter=JITTER)


def _seconds(span: Span) -> float:
    return span.total_seconds() if isinstance(span, timedelta) else float(span)
