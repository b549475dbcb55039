"""What a request carries: its key, its JSON, its draft."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request

from terkirim.access.keys import hash_of, may
from terkirim.api.errors import Refused
from terkirim.api.limits import NOBODY, STANDING, Limiter, Standing
from terkirim.api.unread import unread
from terkirim.compose import Gateway
from terkirim.domain.alert import Activity
from terkirim.domain.email import Draft
from terkirim.domain.errors import InvalidEmail
from terkirim.ports import KeyRow

Http = Request[Any, Any, Any]

# The door's field -> the draft's.
FIELDS: Mapping[str, str] = {"from": "sender"} | {
    name: name
    for name in (
        "to", "cc", "bcc", "reply_to", "subject", "html", "text", "headers", "tags", "attachments",
        "variables", "scheduled_at", "expires_in", "if_unclear", "priority", "stream", "route",
    )
}  # fmt: skip
_KEPT_SECONDS = 1.0  # how long a key that was found is not asked for again


class Keys:
    """Finds API keys; a key that was just seen costs no question to the database."""

    def __init__(self, gateway: Gateway, limiter: Limiter) -> None:
        self._gateway = gateway
        self._limiter = limiter
        self._seen: dict[str, tuple[float, KeyRow]] = {}

    async def owner(self, request: Http, scope: str) -> str:
        """Return the id of the key that asks.

        Raises:
            Refused: no key, an unknown or revoked one, one without the scope, or too many requests.
        """
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not text.strip():
            self._count(request, NOBODY)
            raise Refused(401, "missing_api_key", "give the header `Authorization: Bearer <key>`")
        row = await self._found(hash_of(text.strip()))
        if row is None or not self._gateway.setting_key.is_in_force(row):
            self._count(request, NOBODY)
            raise Refused(403, "invalid_api_key", "this API key is not known here, or was revoked")
        self._count(request, row.id)
        if not may(row, scope):
            raise Refused(401, "restricted_api_key", f"this API key has no scope `{scope}`")
        return row.id

    async def note(self, owner: str, what: str, subject: str = "", **facts: Any) -> None:
        """Keep in the activity log what was done with a key."""
        at = self._gateway.clock.now()
        activity = Activity(at=at, who=by_key(owner), what=what, subject=subject, facts=facts)
        await self._gateway.desk.activity.note(activity)

    def _count(self, request: Http, key_id: str) -> None:
        standing = self._limiter.take(key_id)
        if standing is not None:
            request.scope[STANDING] = standing  # type: ignore[literal-required]
            if standing.retry_after:
                raise Refused(429, "rate_limit_exceeded", _too_many(standing))

    async def _found(self, key_hash: str) -> KeyRow | None:
        now = self._gateway.clock.monotonic()
        seen = self._seen.get(key_hash)
        if seen is not None and now - seen[0] < _KEPT_SECONDS:
            return seen[1]
        row = await self._asked(key_hash)
        if row is not None:
            self._seen[key_hash] = (now, row)
        return row

    async def _asked(self, key_hash: str) -> KeyRow | None:
        gateway = self._gateway
        row = await gateway.store.find_key(key_hash)
        if row is None and gateway.setting_key.gives(key_hash):  # its file has changed
            row = await gateway.setting_key.kept(
                gateway.store, now=gateway.clock.now(), new_id=gateway.new_id()
            )
        return row


def _too_many(standing: Standing) -> str:
    return (
        f"this key has made more than the {standing.limit} requests that TERKIRIM_API_RATE grants; "
        f"wait {standing.retry_after} s"
    )


async def json_of(request: Http) -> Any:
    """Return the body's JSON.

    Raises:
        Refused: it is no JSON.
    """
    body = await request.body()
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _leniently(body)


def _leniently(body: bytes) -> Any:
    """Read what the strict parser refuses, so that a lone surrogate is refused with its field."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "validation_error", f"the body is not JSON: {error}") from None


def draft_of(body: Any, *, is_strict: bool) -> tuple[Draft, list[str]]:
    """Return the draft in a request's object, and sentences about fields that nobody reads.

    Raises:
        InvalidEmail: it is no object, asks for a template, or, if strict, has an unknown field.
    """
    if not isinstance(body, dict):
        raise InvalidEmail("", "give a JSON object with from, to, subject and html or text")
    if body.get("template") is not None:
        raise InvalidEmail(
            "template", "templates are not served here yet; give html or text with variables",
            kind="invalid_parameter",
        )  # fmt: skip
    warnings = unread(body, FIELDS, is_strict=is_strict)
    return Draft(**{own: body[name] for name, own in FIELDS.items() if name in body}), warnings


def wants_force(request: Http) -> bool:
    """Return True for `?force=1`: a broadcast that cannot be paid is taken all the same."""
    return request.query_params.get("force", "") in {"1", "true"}


def wants_strict(request: Http) -> bool:
    """Return True for `?strict=1`."""
    return request.query_params.get("strict", "") in {"1", "true"}


def by_key(owner: str) -> str:
    """Return how the activity log names who has done something with a key."""
    return f"key {owner}"
