"""ASGI as types, which the outermost layers of the REST door speak (asgi.readthedocs.io)."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]  # of these three, which Litestar types as its own

READ = "terkirim.read"  # the place in a request's scope that says that its body was read to its end
