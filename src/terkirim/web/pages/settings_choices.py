"""The language and the time zone of the installation: chosen here unless the environment has it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler

from terkirim.access.roles import ADMIN
from terkirim.domain.phrase import Phrase, phrase
from terkirim.settings.choices import CHOICES
from terkirim.web.site import Site
from terkirim.web.visit import Visit

Page = Callable[..., Awaitable[Response[Any]]]
TAB = "choices"
_SAVED = phrase("Saved: it holds here at once, on other nodes within seconds.")
_AS_BEFORE = phrase("It was so before.")


def routes(site: Site, page: Page) -> list[HTTPRouteHandler]:
    """Return the handlers; `page` renders the settings."""
    choices = site.gateway.desk.choices

    @site.post("/settings/choices", role=ADMIN)
    async def choose(visit: Visit) -> Response[Any]:
        wanted = {name: visit.form[name].strip() for name in CHOICES if name in visit.form}
        fault = await _fault_in(site, wanted)
        if fault is not None:
            said = {"fault": fault, "bad_field": "time_zone", "form": wanted}
            return await page(site, visit, tab=TAB, status=422, **said)
        changes = [
            await choices.choose(name, value, who=visit.name) for name, value in wanted.items()
        ]
        return visit.go(f"/settings?tab={TAB}", visit.say(_SAVED if any(changes) else _AS_BEFORE))

    return [choose]


async def _fault_in(site: Site, wanted: Mapping[str, str]) -> Phrase | None:
    """Return why none of these is kept, None where all may be."""
    if not wanted:
        return phrase("Choose a language or a time zone.")
    for name, value in wanted.items():
        fault = await site.gateway.desk.choices.fault_in(name, value)
        if fault is not None:
            return fault
    return None
