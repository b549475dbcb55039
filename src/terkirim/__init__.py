"""The public library. Names are loaded when they are first asked for, so that a start is fast."""

from importlib import import_module
from typing import Any

from terkirim.domain.version import __version__

__all__ = [
    "AccessRefused",
    "AsyncClient",
    "Client",
    "ConfigError",
    "Draft",
    "Gateway",
    "GatewayUnavailable",
    "IdempotencyConflict",
    "InvalidEmail",
    "NotFound",
    "Retried",
    "StoreUnavailable",
    "SyncGateway",
    "TerkirimError",
    "WrongState",
    "__version__",
    "retry_batch",
    "retry_batch_sync",
    "retry_email_send",
    "retry_email_send_sync",
]

_HOME = {
    "AccessRefused": "terkirim.domain.errors",
    "AsyncClient": "terkirim.client.async_face",
    "Client": "terkirim.client.sync_face",
    "ConfigError": "terkirim.domain.errors",
    "Draft": "terkirim.domain.email",
    "Gateway": "terkirim.compose",
    "GatewayUnavailable": "terkirim.domain.errors",
    "IdempotencyConflict": "terkirim.domain.errors",
    "InvalidEmail": "terkirim.domain.errors",
    "NotFound": "terkirim.domain.errors",
    "Retried": "terkirim.delivery.retrying",
    "StoreUnavailable": "terkirim.domain.errors",
    "SyncGateway": "terkirim.blocking",
    "TerkirimError": "terkirim.domain.errors",
    "WrongState": "terkirim.domain.errors",
    "retry_batch": "terkirim.delivery.batches",
    "retry_batch_sync": "terkirim.delivery.batches",
    "retry_email_send": "terkirim.delivery.retrying",
    "retry_email_send_sync": "terkirim.delivery.retrying",
}


def __getattr__(name: str) -> Any:
    """Return a public name from where it lives (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'terkirim' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
