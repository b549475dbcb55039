"""The only place that names concrete parts: builds the `Gateway` from settings."""

from terkirim.compose.gateway import Gateway
from terkirim.compose.providers import providers_of

__all__ = ["Gateway", "providers_of"]
