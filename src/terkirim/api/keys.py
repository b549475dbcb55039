"""`/v1/api-keys` as Resend's SDKs call it, with our own scopes beside its two permissions."""

import re
import secrets
from typing import Any

from litestar import Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from terkirim.access.keys import SCOPES, key_text, new_key
from terkirim.access.setting_key import NAME, TAKEN
from terkirim.api import schemas
from terkirim.api.asked import page_of, some_of, text_in, wrong
from terkirim.api.describing import PAGE, described
from terkirim.api.errors import Refused, json_answer
from terkirim.api.requests import Http, Keys, json_of
from terkirim.compose import Gateway
from terkirim.domain.errors import InvalidEmail, NotFound
from terkirim.ports import KeyRow

KEY_BYTES = 32
NAME_LIMIT = 100
CREATE = described(
    takes=schemas.KeyBody,
    answers=schemas.NewKey,
    scope="admin",
    status=201,
    leads_to={"revoke_key": "key_id"},
)
REVOKE = described(answers=schemas.KeyDeleted, scope="admin", errors=(409,))
PERMISSIONS = {"full_access": SCOPES, "sending_access": ("send",)}


def key_routes(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    """Return the handlers of `/v1/api-keys`."""
    store, clock, is_in_force = gateway.store, gateway.clock, gateway.setting_key.is_in_force

    @post("/v1/api-keys", status_code=201, opt=CREATE)
    async def create_key(request: Http) -> Response[bytes]:
        """Make a key. Its text is in this answer and nowhere else: only its hash is kept."""
        owner = await keys.owner(request, "admin")
        name, scopes = _wanted(await json_of(request))
        text = key_text(secrets.token_bytes(KEY_BYTES))
        row = new_key(name, scopes, now=clock.now(), new_id=gateway.new_id(), text=text)
        await store.add_key(row)
        await keys.note(owner, "key made", name, scopes=",".join(scopes))
        return json_answer(_shape(row) | {"token": text}, status=201)

    @get("/v1/api-keys", opt=described(answers=schemas.KeyList, scope="admin", query=PAGE))
    async def list_keys(request: Http) -> Response[bytes]:
        """List the keys in force, newest first; a key's text is never shown again."""
        await keys.owner(request, "admin")
        page = page_of(request)
        rows = [row for row in reversed(await store.keys()) if is_in_force(row)]
        if page.after is not None:
            rows = [row for row in rows if row.id < page.after][: page.fetched]
        elif page.before is not None:
            rows = [row for row in rows if row.id > page.before][-page.fetched :]
        shown, has_more = page.shown(rows[: page.fetched] if page.before is None else rows)
        return json_answer(
            {"object": "list", "has_more": has_more, "data": [_shape(row) for row in shown]}
        )

    @delete("/v1/api-keys/{key_id:str}", status_code=200, opt=REVOKE)
    async def revoke_key(request: Http, key_id: FromPath[str]) -> Response[bytes]:
        """Revoke a key: within a second every process refuses it."""
        owner = await keys.owner(request, "admin")
        rows = [row for row in await store.keys() if row.revoked_at is None]
        if [row.id for row in rows if "admin" in row.scopes and is_in_force(row)] == [key_id]:
            says = "this is the last key that may make others; make another one first"
            raise Refused(409, "resource_locked", says)
        if not await store.revoke_key(key_id, now=clock.now()):
            raise NotFound("there is no API key in force with this id")
        await keys.note(owner, "key revoked", next(row.name for row in rows if row.id == key_id))
        return json_answer({"object": "api_key", "id": key_id, "deleted": True})

    return [create_key, list_keys, revoke_key]


def _wanted(body: Any) -> tuple[str, tuple[str, ...]]:
    if not isinstance(body, dict):
        raise Refused(422, "validation_error", "give a JSON object with `name`")
    if body.get("name") is None or body["name"] == "":
        raise InvalidEmail("name", "is missing", kind="missing_required_field")
    name = text_in(body, "name", most=NAME_LIMIT) or ""
    if re.search(schemas.LINE, name) is None:
        raise wrong("name", "holds a control character")
    if name == NAME:
        raise wrong("name", TAKEN)
    if body.get("domain_id") is not None:
        # To ignore it would make a key that may do more than its owner believes.
        raise InvalidEmail(
            "domain_id", "keys cannot be bound to a domain here", kind="invalid_parameter"
        )
    return name, _scopes(body)


def _scopes(body: dict[str, Any]) -> tuple[str, ...]:
    scopes, permission = body.get("scopes"), body.get("permission")
    if scopes is not None and permission is not None:
        raise wrong("scopes", "give one of `permission` and `scopes`")
    if scopes is not None:
        return some_of(scopes, "scopes", SCOPES) or ()
    if permission is None:
        return PERMISSIONS["full_access"]
    if not isinstance(permission, str) or permission not in PERMISSIONS:
        says = f"`permission`: give one of {', '.join(PERMISSIONS)}"
        raise Refused(422, "invalid_access", says)
    return PERMISSIONS[permission]


def _shape(row: KeyRow) -> dict[str, Any]:
    return {
        "object": "api_key",
        "id": row.id,
        "name": row.name,
        "prefix": row.prefix,
        "scopes": sorted(row.scopes),
        "created_at": row.created_at.isoformat(),
    }
