"""What a foreign sender's failure says: whether it failed, whether trying again may help, and why.

Knows no sender by name: it reads the shapes that HTTP clients, `smtplib` and hand-written senders
have in common, in exceptions that they raise and in values that they return.
"""

import math
import re
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from terkirim.delivery.broken_lines import is_broken_line
from terkirim.policy.answers import kind_of_text
from terkirim.policy.retry import LONGEST_ASKED

_FAILED = frozenset({"failed", "failure", "error", "false"})
_TRY_AGAIN = frozenset({408, 425, 429})
_TEXT_FIELDS = ("error", "message", "response", "reason", "errors")
_TEXT_LIMIT = 500
_SECRET = re.compile(
    r"((?:token|key|secret|password|passwd|authorization)[\"']?\s*[=:]\s*[\"']?(?:bearer\s+)?)"
    r"[^\s&\"',;]+",
    re.IGNORECASE,
)


def is_failed_answer(value: object) -> bool:
    """Return True for a returned value that says that nothing was sent.

    These are False itself, `success` False, `status` failed or error, and an HTTP status from 400.
    """
    if value is False or _field(value, "success") in (False, "false"):
        return True
    word = _field(value, "status")
    if isinstance(word, str) and word.strip().casefold() in _FAILED:
        return True
    status = http_status(value)
    return status is not None and status >= 400  # noqa: PLR2004 - where HTTP's errors begin


def is_worth_retrying(failure: object) -> bool:
    """Return True if the same call may succeed later; of a raised exception or a returned value.

    A status decides before a text, and a text before the kind of the exception. The account's
    faults (token, credits, quota, sender) end at once too: no wait of seconds mends them.
    """
    status, code = http_status(failure), _smtp_code(failure)
    if status is not None and status >= 400:  # noqa: PLR2004 - where HTTP's errors begin
        return status in _TRY_AGAIN or 500 <= status <= 599  # noqa: PLR2004 - HTTP's 5xx
    if code is not None:
        return 400 <= code <= 499  # noqa: PLR2004 - SMTP's 4yz
    if kind_of_text(text_of(failure)) is not None:
        return False
    return not isinstance(failure, Exception) or is_broken_line(failure)


def http_status(failure: object) -> int | None:
    """Return the HTTP status that a failure carries, None where there is none."""
    response = _field(failure, "response")
    for holder in (failure, response):
        for name in ("status", "status_code"):
            status = _field(holder, name)
            if isinstance(status, int) and not isinstance(status, bool):
                return status
    return None


def asked_wait(failure: object) -> timedelta | None:
    """Return what `Retry-After` asks for, in seconds or as a date; None where nothing readable."""
    for holder in (failure, _field(failure, "response")):
        wait = _as_wait(_field(holder, "retry_after"))
        headers = _field(holder, "headers")
        if wait is None and headers is not None:
            asked = _header(headers, "Retry-After")
            wait = _as_wait(asked)
            wait = _until_date(asked, _header(headers, "Date")) if wait is None else wait
        if wait is not None:
            return wait
    return None


def text_of(failure: object) -> str:
    """Return what a failure says, for the table of texts."""
    if isinstance(failure, Exception):
        return f"{type(failure).__name__}: {failure}"
    if isinstance(failure, str):
        return failure
    found = [_field(failure, name) for name in _TEXT_FIELDS]
    return " ".join(str(text) for text in found if text) or type(failure).__name__


def shown_text(failure: object) -> str:
    """Return what a failure says, for a log: cut, and without what follows a secret's name."""
    return _SECRET.sub(r"\1***", text_of(failure))[:_TEXT_LIMIT]


def _field(holder: object, name: str) -> Any:
    """Return a mapping's or an object's field, None where it has none."""
    if isinstance(holder, Mapping):
        return holder.get(name)
    return getattr(holder, name, None)


def _smtp_code(failure: object) -> int | None:
    """Return the code of an `smtplib` error; of refused recipients, one that is worth a retry."""
    code = getattr(failure, "smtp_code", None)
    if isinstance(code, int):
        return code
    refused = getattr(failure, "recipients", None)
    if isinstance(refused, Mapping):
        codes = [answer[0] for answer in refused.values() if isinstance(answer, tuple) and answer]
        return min((code for code in codes if isinstance(code, int)), default=None)
    return None


def _header(headers: object, name: str) -> Any:
    """Return a header by its name in any case; a plain dict knows only one."""
    if not isinstance(headers, Mapping) and not hasattr(headers, "items"):
        return None
    for key, value in headers.items():
        if isinstance(key, str) and key.casefold() == name.casefold():
            return value
    return None


def _as_wait(asked: object) -> timedelta | None:
    if isinstance(asked, timedelta):
        return max(asked, timedelta(0))
    try:
        seconds = float(asked)  # type: ignore[arg-type]  # what is not a number is not a wait
    except (TypeError, ValueError):
        return None
    if math.isnan(seconds):
        return None
    return timedelta(seconds=min(max(seconds, 0.0), LONGEST_ASKED.total_seconds()))


def _until_date(asked: object, answered: object) -> timedelta | None:
    """Return the wait until a date, counted from the answer's own date: no clock has to agree."""
    if not isinstance(asked, str) or not isinstance(answered, str):
        return None
    try:
        wait = parsedate_to_datetime(asked) - parsedate_to_datetime(answered)
    except (TypeError, ValueError):
        return None
    return max(wait, timedelta(0))
