"""What people may set, read once at the start and checked whole; leaves receive plain values."""

from terkirim.settings.load import language_as_far_as_known, load, unknown_variables
from terkirim.settings.model import Settings
from terkirim.settings.secret import Secret

__all__ = ["Secret", "Settings", "language_as_far_as_known", "load", "unknown_variables"]
