"""The gateway itself: errors, providers, keys, how it is."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from terkirim.api.schemas.common import LINE, Text

Scope = Literal["send", "read", "admin"]


class Error(Struct):
    """What went wrong: `name` is Resend's, `message` says what would be right."""

    statusCode: int  # noqa: N815 - Resend's name
    name: str
    message: str


class Breaker(Struct):
    """Whether a failing provider is left alone."""

    state: Literal["closed", "open", "half_open", "recovering"]
    faults: int
    until: datetime | None


class PauseShape(Struct):
    """Why a provider must not be used now; with `sender`, for that sender only."""

    sender: str | None
    fault: str
    reason: str
    since: datetime
    until: datetime | None
    waiting: int


class Provider(Struct):
    """How a delivery service stands."""

    object: Literal["provider"]
    name: str
    breaker: Breaker
    gate_until: datetime | None
    rate_until: datetime | None
    waiting: int
    in_air: int
    pauses: list[PauseShape]


class ProviderList(Struct):
    """Every provider on a route."""

    object: Literal["list"]
    data: list[Provider]


class PauseBody(Struct, forbid_unknown_fields=True):
    """For one sender only, and why."""

    sender: Text | None = None
    reason: Text | None = None


class ResumeBody(Struct, forbid_unknown_fields=True):
    """For one sender only."""

    sender: Text | None = None


class ProviderChanged(Struct):
    """`changed`: false where it was so before."""

    object: Literal["provider"]
    name: str
    paused: bool
    changed: bool


class KeyBody(Struct):
    """The key that is wanted: a `permission` of Resend's, or our `scopes`; neither: every scope."""

    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=LINE)]
    permission: Literal["full_access", "sending_access"] | None = None
    scopes: Annotated[list[Scope], Meta(min_length=1)] | None = None


class Key(Struct):
    """An API key, without its text."""

    object: Literal["api_key"]
    id: str
    name: str
    prefix: str
    scopes: list[Scope]
    created_at: datetime


class NewKey(Key):
    """A new API key: `token` is shown here and nowhere else."""

    token: str


class KeyList(Struct):
    """A page of the API keys in force, newest first."""

    object: Literal["list"]
    has_more: bool
    data: list[Key]


class KeyDeleted(Struct):
    """The key that is refused from now on."""

    object: Literal["api_key"]
    id: str
    deleted: Literal[True]


class AddressErased(Struct):
    """What was done, in messages; `left` still hold the address: ask again a little later."""

    object: Literal["address"]
    erased: bool
    cancelled: int
    anonymised: int
    left: int


class Trouble(Struct):
    """One thing that is wrong: `says` for people, `kind` and `facts` for programs."""

    kind: str
    level: Literal["critical", "warning", "notice"]
    says: str
    facts: dict[str, Any]


class Waiting(Struct):
    """How many messages are not finished, by state."""

    queued: int
    leased: int
    unclear: int
    held: int
    oldest_due_at: datetime | None


class Status(Struct):
    """What is wrong now, the worst first; nothing: `ok`."""

    object: Literal["status"]
    status: Literal["ok", "warning", "critical"]
    version: str
    sandbox: bool
    troubles: list[Trouble]
    waiting: Waiting


class Live(Struct):
    """The process runs."""

    status: Literal["ok"]


class Ready(Struct):
    """Mail can be taken."""

    status: Literal["ready"]
    sandbox: bool
