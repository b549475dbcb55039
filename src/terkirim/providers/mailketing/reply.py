"""What Mailketing's JSON says, in either version: success or not, its text, its faulty fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any

import msgspec

BALANCE_AT_MOST = 10**9 - 1  # a larger figure is no balance but a fault of the answer
TEXT_LIMIT = 500  # characters of the provider's words that go into a reason

_BOM = b"\xef\xbb\xbf"
_CLAIMS = {"success": True, "true": True, "failed": False, "error": False, "false": False}
_NO_ERRORS: Mapping[str, str] = MappingProxyType({})


class Claim(Enum):
    """What an answer says about itself; CONTRADICTION where two fields disagree."""

    SUCCESS = "success"
    FAILURE = "failure"
    CONTRADICTION = "contradiction"
    NONE = "none"


_CLAIM_OF = {True: Claim.SUCCESS, False: Claim.FAILURE, None: Claim.NONE}


@dataclass(frozen=True, slots=True)
class Reply:
    """A JSON object that Mailketing answered; `errors` are sentences by the field they name."""

    claim: Claim
    values: Mapping[str, Any]

    @property
    def text(self) -> str:
        """Return the provider's sentence, "" where it said none."""
        for name in ("message", "response", "error", "reason"):
            words = _words(self.values.get(name))
            if words:
                return words[:TEXT_LIMIT]
        return ""

    @property
    def errors(self) -> Mapping[str, str]:
        errors = self.values.get("errors")
        if not isinstance(errors, dict):
            return _NO_ERRORS
        return {name: _words(value)[:TEXT_LIMIT] for name, value in errors.items()}

    @property
    def credits(self) -> int | None:
        """Return the credits left, None where the answer has no plausible figure."""
        return plausible_balance(self._field("credits"))

    @property
    def message_id(self) -> str | None:
        value = self._field("message_id")
        return str(value)[:TEXT_LIMIT] if type(value) in {str, int} and value else None

    @property
    def senders(self) -> list[str] | None:
        """Return the approved senders, None where the answer is no list of them."""
        listed = self.values.get("data")
        if not isinstance(listed, list):
            return None
        return [sender for sender in listed if isinstance(sender, str)]

    def _field(self, name: str) -> Any:
        data = self.values.get("data")  # v2 wraps its fields, v1 does not
        return (data if isinstance(data, dict) else self.values).get(name)


def reply_in(body: bytes) -> Reply | None:
    """Return the JSON object, whatever the content type said, or None where it is none."""
    try:
        values = msgspec.json.decode(body.removeprefix(_BOM))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return Reply(_claim(values), values) if isinstance(values, dict) else None


def plausible_balance(value: object) -> int | None:
    """Return the balance as a number; a wrong reading must never look like an empty account."""
    if isinstance(value, str):
        digits = value.strip()
        value = int(digits) if _is_short_number(digits) else None
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= BALANCE_AT_MOST else None


def _is_short_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= len(str(BALANCE_AT_MOST))


def _claim(values: Mapping[str, Any]) -> Claim:
    first, second = _as_claim(values.get("success")), _as_claim(values.get("status"))
    if first is None or second is None:
        return _CLAIM_OF[second if first is None else first]
    return _CLAIM_OF[first] if first == second else Claim.CONTRADICTION


def _as_claim(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    return _CLAIMS.get(value.strip().lower()) if isinstance(value, str) else None


def _words(value: object) -> str:
    """Return the text in a value that may be a string, a list of them or an object with one."""
    if isinstance(value, dict):
        value = value.get("message")
    words = value if isinstance(value, list) else [value]
    return "; ".join(word.strip() for word in words if isinstance(word, str))
