"""API keys: made, shown once, revoked."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler

from terkirim.access.keys import SCOPES, key_text, new_key
from terkirim.access.roles import ADMIN
from terkirim.access.setting_key import NAME
from terkirim.domain.phrase import Phrase, phrase
from terkirim.web.pages.entry import name_fault
from terkirim.web.site import Site
from terkirim.web.visit import Denied, Visit

KEY_BYTES = 32
Page = Callable[..., Awaitable[Response[Any]]]


def routes(site: Site, page: Page) -> list[HTTPRouteHandler]:
    """Return the handlers; `page` renders the settings."""
    gateway = site.gateway

    @site.post("/settings/keys", role=ADMIN)
    async def make(visit: Visit) -> Response[Any]:
        """Make a key. It stands in this answer and nowhere else: only its hash is kept."""
        name = visit.form.get("name", "").strip()
        scopes = [scope for scope in SCOPES if visit.form.get(f"scope_{scope}")]
        fault, bad_field = _name_fault(name), "name"
        if fault is None and not scopes:
            fault, bad_field = phrase("Choose at least one right."), ""
        if fault is not None:
            said = {"fault": fault, "bad_field": bad_field, "form": dict(visit.form)}
            return await page(site, visit, tab="keys", status=422, **said)
        text = key_text(secrets.token_bytes(KEY_BYTES))
        row = new_key(name, scopes, now=visit.now, new_id=gateway.new_id(), text=text)
        await gateway.store.add_key(row)
        await visit.note("key made", name, scopes=",".join(scopes))
        return await page(site, visit, tab="keys", made=(name, text))

    @site.post("/settings/keys/{key_id:str}/revoke", role=ADMIN)
    async def revoke(visit: Visit) -> Response[Any]:
        key_id = visit.request.path_params["key_id"]
        rows = [row for row in await gateway.store.keys() if row.revoked_at is None]
        is_in_force = gateway.setting_key.is_in_force
        makers = [row.id for row in rows if "admin" in row.scopes and is_in_force(row)]
        if makers == [key_id]:
            raise Denied(
                409,
                phrase("This is the last key that may make others."),
                phrase("Make another key with the right `admin` first."),
            )
        if await gateway.store.revoke_key(key_id, now=visit.now):
            name = next(row.name for row in rows if row.id == key_id)
            await visit.note("key revoked", name)
        says = visit.say("The key is revoked: within a second nobody can use it any more.")
        return visit.go("/settings?tab=keys", says)

    return [make, revoke]


def _name_fault(name: str) -> Phrase | None:
    if name == NAME:
        return phrase("This is the name of the key in the settings. Give another one.")
    return name_fault(name)
