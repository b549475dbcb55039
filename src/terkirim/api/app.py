"""The ASGI application of the REST door."""

from litestar import Litestar

from terkirim.api.addresses import address_routes
from terkirim.api.alerts import alert_routes
from terkirim.api.callbacks import PATH, callback_routes, callbacks
from terkirim.api.credits import credit_routes
from terkirim.api.documented import documented_routes
from terkirim.api.edge import Edge
from terkirim.api.email_metrics import email_metric_routes
from terkirim.api.emails import email_routes, sending
from terkirim.api.errors import handler
from terkirim.api.express import Express
from terkirim.api.files import file_routes
from terkirim.api.keys import key_routes
from terkirim.api.limits import Limiter
from terkirim.api.messages import message_routes
from terkirim.api.metrics import metric_routes
from terkirim.api.pages import page_routes
from terkirim.api.providers import provider_routes
from terkirim.api.requests import Keys
from terkirim.api.statistics import statistics_routes
from terkirim.api.status import status_routes
from terkirim.api.suppressions import suppression_routes
from terkirim.api.tracking import tracking_routes
from terkirim.api.webhooks import webhook_routes
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
            *statistics_routes(gateway, keys),
            *email_metric_routes(gateway, keys),
            *credit_routes(gateway, keys),
            *alert_routes(gateway, keys),
            *documented_routes(gateway, keys),
            *suppression_routes(gateway, keys),
            *tracking_routes(gateway, keys),
            *webhook_routes(gateway, keys),
            *callback_routes(gateway),
            *metric_routes(gateway),
            *page_routes(lambda: app),
        ],
        exception_handlers={Exception: handler},
        openapi_config=None,
        request_max_body_size=gateway.settings.max_body,
        logging_config=None,
        debug=False,
    )
    express = Express(
        app,
        send=sending(gateway, keys),
        limit=gateway.settings.max_body,
        alone={PATH: callbacks(gateway)},
    )
    return Edge(express, app.asgi_router, limiter)
