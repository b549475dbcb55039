"""Which exceptions say that a connection broke or took too long, so that the same call may succeed.

No HTTP library is imported: theirs are known by the names of their classes.
"""

import sys
from collections.abc import Iterator

# Of these modules the listed classes, and what is derived from them, are broken connections. Their
# others are none, though some (a bad URL of requests) are kinds of OSError too.
_BROKEN = {
    "aiohttp": {"ClientConnectionError", "ClientPayloadError"},
    "asyncio": {"IncompleteReadError"},
    "http.client": {"BadStatusLine", "IncompleteRead"},
    "httpcore": {"ConnectionNotAvailable", "NetworkError", "ProxyError", "RemoteProtocolError"},
    "httpx": {"NetworkError", "ProxyError", "RemoteProtocolError"},
    "pyreqwest": {"BodyDecodeError", "TransportError"},
    "requests": {"ChunkedEncodingError", "ConnectionError", "RetryError"},
    "urllib.error": {"ContentTooShortError"},
    "urllib3": {
        "EmptyPoolError",
        "IncompleteRead",
        "NewConnectionError",
        "ProtocolError",
        "ProxyError",
        "SSLError",
    },
}
# An attachment that is not there comes by no waiting, and is an OSError as a broken line is.
_OF_FILES = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError)


def is_broken_line(error: BaseException) -> bool:
    """Return True if the exception, or one that led to it, is a broken connection or a time-out."""
    return any(map(_is_broken, _led_to(error)))


def _led_to(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception and what it came from, as a traceback would show it."""
    seen = {id(sys.exception())}  # what the caller was handling before led to nothing of this
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        came_from = None if cause.__suppress_context__ else cause.__context__
        cause = came_from if cause.__cause__ is None else cause.__cause__


def _is_broken(error: BaseException) -> bool:
    kinds = type(error).__mro__
    # Not every client's time-out is a TimeoutError: httpx and requests have their own names.
    if any("timeout" in kind.__name__.casefold() for kind in kinds):
        return True
    listed = [(kind.__name__, names) for kind in kinds if (names := _names_for(kind)) is not None]
    if listed:  # a ValueError is a bad argument, or an answer that came whole and cannot be read
        return not isinstance(error, ValueError) and any(name in names for name, names in listed)
    return isinstance(error, OSError) and not isinstance(error, _OF_FILES)


def _names_for(kind: type) -> set[str] | None:
    """Return the names that are listed for the class's module, None for a module not known here."""
    module = kind.__module__
    while module and module not in _BROKEN:
        module = module.rpartition(".")[0]
    return _BROKEN.get(module)
