"""What passes between the core and the transport: one request, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `target` is path and query, `deadline` an instant of `time.monotonic`."""

    method: str
    target: str
    deadline: float
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # the API key is in them


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the other side said, to its end. Names of `headers` are as they came, in any case."""

    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """Why there is no answer; unless `has_left`, the request provably never reached anyone."""

    reason: str
    has_left: bool
