"""What people may set, read once at the start and checked whole; leaves receive plain values.

Names are loaded when they are first asked for: a client needs two variables, and no Pydantic.
"""

from importlib import import_module
from typing import Any

__all__ = ["Secret", "Settings", "language_as_far_as_known", "load", "unknown_variables"]

_HOME = {
    "Secret": "terkirim.settings.secret",
    "Settings": "terkirim.settings.model",
    "language_as_far_as_known": "terkirim.settings.loading",
    "load": "terkirim.settings.loading",
    "unknown_variables": "terkirim.settings.loading",
}


def __getattr__(name: str) -> Any:
    """Return a public name from where it lives (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'terkirim.settings' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
