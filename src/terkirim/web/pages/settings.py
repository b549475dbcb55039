"""Keys, people, and what the environment says: who may do what, and how the gateway is set."""

from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler

from terkirim.access.keys import SCOPES
from terkirim.access.roles import ADMIN, ROLES, VIEWER
from terkirim.web.environment import shown_settings
from terkirim.web.pages import settings_choices, settings_keys, settings_people
from terkirim.web.site import Site, refuse_role
from terkirim.web.visit import Visit

OWN = "you"  # what everybody sees; the others are for admins
TABS = ("keys", "people", settings_choices.TAB, "environment", OWN)


def routes(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers."""

    @site.get("/settings")
    async def settings(visit: Visit) -> Response[Any]:
        return await settings_page(site, visit)

    return [
        settings,
        *settings_keys.routes(site, settings_page),
        *settings_people.routes(site, settings_page),
        *settings_choices.routes(site, settings_page),
    ]


async def settings_page(
    site: Site, visit: Visit, *, tab: str = "", status: int = 200, **values: Any
) -> Response[Any]:
    """Return the page at one of its tabs; `values` are what a form on it brought about."""
    tab = tab or visit.query.get("tab", "")
    if tab not in TABS:
        tab = TABS[0] if visit.is_admin else OWN
    if tab != OWN:
        refuse_role(visit, ADMIN)
    desk = site.gateway.desk
    given: dict[str, Any] = {"made": None, "fault": None, "form": {}}
    if tab == "keys":
        given["keys"] = list(reversed(await site.gateway.store.keys()))
        given["is_in_force"] = site.gateway.setting_key.is_in_force
    if tab == "people":
        given["people"] = await desk.users.users()
    if tab == "environment":
        given["environment"] = shown_settings(
            site.gateway.settings, visit.say, chosen=desk.choices.present
        )
    if tab == settings_choices.TAB:
        given["zones"] = await desk.choices.zones()
    return visit.page(
        "settings.html",
        status=status,
        place="/settings",
        tab=tab,
        choices=desk.choices,
        tabs=TABS if visit.is_admin else (OWN,),
        scopes=SCOPES,
        roles=ROLES,
        usual_role=VIEWER,
        **given | values,
    )
