"""The ASGI application of the dashboard, in front of the other doors of the same server."""

from typing import Any

from litestar import Litestar

from terkirim.compose import Gateway
from terkirim.web.doors import Doors
from terkirim.web.files import Files
from terkirim.web.pages import (
    activity,
    alerts,
    balance,
    dead_letters,
    entry,
    events,
    live,
    message,
    messages,
    overview,
    providers,
    sandbox,
    settings,
    static,
    suppressions,
    webhooks,
)
from terkirim.web.site import Site

PAGES = (
    entry,
    overview,
    live,
    messages,
    message,
    dead_letters,
    balance,
    events,
    suppressions,
    providers,
    alerts,
    sandbox,
    webhooks,
    activity,
    settings,
    static,
)


def build_pages(gateway: Gateway, *, beside: Any) -> Doors:
    """Return the application; what is no page of ours is handed to `beside`."""
    site = Site(gateway, Files())
    handlers = [handler for page in PAGES for handler in page.routes(site)]
    app = Litestar(
        route_handlers=handlers,
        exception_handlers={Exception: site.error},
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    steps = frozenset(path.split("/", 2)[1] for one in handlers for path in one.paths)
    return Doors(app, steps=steps, others=beside, stop=site.lines.stop)
