"""Builds the providers that the settings name."""

from collections.abc import Mapping
from typing import Any

from terkirim.database import providers_named
from terkirim.ports import Clock, Provider
from terkirim.providers.registry import build
from terkirim.reports.health import SANDBOX
from terkirim.settings import Settings


def providers_of(settings: Settings, *, clock: Clock) -> dict[str, Provider]:
    """Return every provider on a route, by name; who calls it closes them.

    Raises:
        ConfigError: one is unknown, or an option of it cannot be used.
    """
    names = providers_named(settings)
    return {name: build(name, _options(name, settings), clock=clock) for name in names}


def _options(name: str, settings: Settings) -> Mapping[str, Any]:
    if name == SANDBOX or settings.mailketing_api_key is None:
        return {}
    return {
        "key": settings.mailketing_api_key.read,
        "base_url": settings.mailketing_api_url,
        "version": settings.mailketing_api_version,
        "timeout": min(settings.timeout, settings.lease / 2),
        "connections": settings.concurrency,
        "proxy": None if settings.proxy is None else settings.proxy.read(),
        "collapse_newlines": settings.mailketing_collapse_newlines,
    }
