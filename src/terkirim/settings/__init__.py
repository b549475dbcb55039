"""What people may set, read once at the start and checked whole; leaves receive plain values."""

from terkirim.settings.loading import load, unknown_variables
from terkirim.settings.model import Settings
from terkirim.settings.secret import Secret

__all__ = ["Secret", "Settings", "load", "unknown_variables"]
