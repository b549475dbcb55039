"""The ASGI application of the REST door."""

from litestar import Litestar

from terkirim.api.addresses import address_routes
from terkirim.api.edge import Edge
from terkirim.api.emails import email_routes, sending
from terkirim.api.errors import handler
from terkirim.api.express import Express
from terkirim.api.files import file_routes
from terkirim.api.keys import key_routes
from terkirim.api.limits import Limiter
from terkirim.api.messages import message_routes
from terkirim.api.providers import provider_routes
from terkirim.api.requests import Keys
from terkirim.api.status import status_routes
from terkirim.compose import Gateway


def build_app(gateway: Gateway) -> Edge:
    """Return the application over an open gateway."""
    limiter = Limiter(gateway.settings.api_rate, monotonic=gateway.clock.monotonic)
    keys = Keys(gateway, limiter)
    app = Litestar(
        route_handlers=[
            *email_routes(gateway, keys),
            *file_routes(gateway, keys),
            *message_routes(gateway, keys),
            *provider_routes(gateway, keys),
            *key_routes(gateway, keys),
            *address_routes(gateway, keys),
            *status_routes(gateway, keys),
        ],
        exception_handlers={Exception: handler},
        openapi_config=None,
        request_max_body_size=gateway.settings.max_body,
        logging_config=None,
        debug=False,
    )
    express = Express(app, send=sending(gateway, keys), limit=gateway.settings.max_body)
    return Edge(express, app.asgi_router, limiter)
