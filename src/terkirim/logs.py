"""Logs of a library are its user's: they go where the application's logging sends them.

An application that has configured structlog (`terkirim serve` is one) gets events with their
fields; any other gets lines through the standard library's `logging`, below the logger `terkirim`,
and so nothing at all until it asks for it.
"""

import contextlib
import logging
from typing import Any

import structlog

logging.getLogger("terkirim").addHandler(logging.NullHandler())

# A full disk below the log, a pipe that nobody reads any more, a closed file: whoever tells of a
# message's outcome must still come to settle it. The standard library's handlers do so themselves.
_CANNOT_BE_WRITTEN = (OSError, ValueError)


class Logger:
    """Tells events in words of their own, each with its fields."""

    __slots__ = ("_fields", "_plain", "_structured")

    def __init__(self, name: str, **fields: Any) -> None:
        self._structured = structlog.get_logger(name)
        self._plain = logging.getLogger(name)
        self._fields = fields

    def bind(self, **fields: Any) -> "Logger":
        """Return a logger whose events all have these fields."""
        return Logger(self._plain.name, **{**self._fields, **fields})

    def info(self, event: str, **fields: Any) -> None:
        """Tell what happened."""
        self._tell("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Tell what somebody should look at."""
        self._tell("warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """Tell what went wrong."""
        self._tell("error", event, fields)

    def exception(self, event: str, **fields: Any) -> None:
        """Tell what went wrong, with the traceback of the error in hand."""
        self._tell("exception", event, fields)

    def _tell(self, how: str, event: str, fields: dict[str, Any]) -> None:
        told = {**self._fields, **fields}
        if structlog.is_configured():
            with contextlib.suppress(*_CANNOT_BE_WRITTEN):
                getattr(self._structured, how)(event, **told)
        else:
            line = " ".join([event, *(f"{name}={value!r}" for name, value in told.items())])
            getattr(self._plain, how)("%s", line)
