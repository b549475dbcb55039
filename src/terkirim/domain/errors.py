"""What may go wrong for a caller, and nothing else.

TerkirimError
├── ConfigError          (ValueError)       a setting is missing or wrong; names every faulty one
├── InvalidEmail         (ValueError)       a field of a submission is wrong; names it
├── IdempotencyConflict  (ValueError)       the key was used with another payload, or is in use
├── CannotBePaid         (ValueError)       the credits do not last for this broadcast
├── NotFound             (LookupError)      no such email, message or key
├── WrongState           (ValueError)       the message is past the point where this can be done
├── BadSignature         (ValueError)       a signed link or callback does not verify
├── StoreUnavailable     (ConnectionError)  the database cannot be used now; nothing was stored
├── AccessRefused        (PermissionError)  a gateway refuses the caller's API key, or its scope
└── GatewayUnavailable   (ConnectionError)  a gateway gave no answer that can be used

The last two are raised by the REST client only. An outcome of a delivery is never an exception: see
`outcome.py`.
"""

from datetime import timedelta
from typing import Any

from terkirim.domain.credit import Preflight
from terkirim.domain.phrase import Phrase, in_english, phrase


class TerkirimError(Exception):
    """The root of all errors that this product raises on purpose; each survives a pickle."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Python would call the class with the sentence alone, and most need more than that.
        return _made_again, (type(self), self.args), self.__dict__


class ConfigError(TerkirimError, ValueError):
    """One or more settings are wrong; `faults` has a sentence for each, naming the variable."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class InvalidEmail(TerkirimError, ValueError):  # noqa: N818 - the name users read
    """A submission is refused; `field` names what is wrong, the text says what would be right.

    `says` is that in the reader's language, where the problem was given as a phrase. `kind` is the
    error name of the REST door (Resend's vocabulary), so that no door has to guess.
    """

    def __init__(
        self, field: str, problem: str | Phrase, *, kind: str = "validation_error"
    ) -> None:
        self.says = problem if isinstance(problem, Phrase) else phrase("{says}", says=problem)
        self.problem = in_english(self.says)
        super().__init__(f"`{field}`: {self.problem}" if field else self.problem)
        self.field = field
        self.kind = kind

    @property
    def named(self) -> Phrase:
        """The problem with the name of its field before it."""
        if not self.field:
            return self.says
        return phrase("`{field}`: {problem}", field=self.field, problem=self.says)


class IdempotencyConflict(TerkirimError, ValueError):  # noqa: N818
    """The key belongs to another payload; with `is_running`, the first use has not ended yet."""

    def __init__(self, message: str, *, is_running: bool = False) -> None:
        super().__init__(message)
        self.is_running = is_running


class CannotBePaid(TerkirimError, ValueError):  # noqa: N818
    """A broadcast is refused because the credits would not last; `preflight` has the figures."""

    def __init__(self, preflight: Preflight) -> None:
        super().__init__(
            f"the credits do not last for this broadcast: {preflight.count} mails cost about "
            f"{preflight.cost} credits, and {preflight.goes_out} of them would go out; "
            "top up, send fewer, or force it"
        )
        self.preflight = preflight


class NotFound(TerkirimError, LookupError):  # noqa: N818
    """There is no email, message or key by this id."""


class WrongState(TerkirimError, ValueError):  # noqa: N818
    """The message is in a state in which this cannot be done; `state` says which."""

    def __init__(self, message: str, *, state: str) -> None:
        super().__init__(message)
        self.state = state


class BadSignature(TerkirimError, ValueError):  # noqa: N818
    """A signed link does not verify, or has expired."""


class StoreUnavailable(TerkirimError, ConnectionError):  # noqa: N818
    """The database cannot be used now; nothing of the call was stored, and it may be repeated."""


class AccessRefused(TerkirimError, PermissionError):  # noqa: N818
    """A gateway does not know the API key, or the key has no scope for this; asking again is vain.

    `status` is the HTTP status, 401 or 403.
    """

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class GatewayUnavailable(TerkirimError, ConnectionError):  # noqa: N818
    """A gateway could not be reached, or did not answer as a gateway does.

    `may_be_done`: the request may have arrived, so that what it asked for may be done, or be done
    yet. The same call with `idempotency_key`, where there is one, does nothing twice. `retry_after`
    is what the gateway asked for, if it said so.
    """

    def __init__(
        self,
        message: str,
        *,
        may_be_done: bool,
        idempotency_key: str | None = None,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.may_be_done = may_be_done
        self.idempotency_key = idempotency_key
        self.retry_after = retry_after


def _made_again(kind: type[TerkirimError], args: tuple[Any, ...]) -> TerkirimError:
    error = kind.__new__(kind, *args)
    error.args = args  # an OSError with an `__init__` of its own leaves them to that
    return error
