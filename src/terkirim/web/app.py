"""The ASGI application of the dashboard, in front of the other doors of the same server."""

from typing import Any

from litestar import Litestar

from terkirim.compose import Gateway
from terkirim.web.doors import Doors
from terkirim.web.files import Files
from terkirim.web.pages import (
    activity,
    dead_letters,
    entry,
    message,
    messages,
    overview,
    providers,
    sandbox,
    settings,
    static,
    webhooks,
)
from terkirim.web.site import Site

PAGES = (
    entry,
    overview,
    messages,
    message,
    dead_letters,
    providers,
    sandbox,
    webhooks,
    activity,
    settings,
    static,
)
LARGEST_FORM = 100_000  # bytes


def build_pages(gateway: Gateway, *, beside: Any) -> Doors:
    """Return the application; what is no page of ours is handed to `beside`."""
    site = Site(gateway, Files())
    handlers = [handler for page in PAGES for handler in page.routes(site)]
    app = Litestar(
        route_handlers=handlers,
        exception_handlers={Exception: site.error},
        openapi_config=None,
        request_max_body_size=LARGEST_FORM,
        logging_config=None,
        debug=False,
    )
    steps = frozenset(path.split("/", 2)[1] for one in handlers for path in one.paths)
    return Doors(app, steps=steps, others=beside)
