"""Calls the REST door inside this process, as a server would: no socket, no port."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from terkirim.access.keys import SCOPES, new_key
from terkirim.api.app import build_app

KEY = "tk_door_0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def name(self) -> str:
        return self.json["name"]


class Door:
    """The application over a gateway, with a key that may do everything."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.app = build_app(gateway)

    @classmethod
    async def to(cls, gateway):
        door = cls(gateway)
        await door.add_key(KEY)
        return door

    async def add_key(self, text, scopes=SCOPES):
        gateway = self.gateway
        row = new_key("t", scopes, now=gateway.clock.now(), new_id=gateway.new_id(), text=text)
        await gateway.store.add_key(row)

    async def call(self, method, path, body=None, *, key=KEY, receive=None, **headers):
        content = b"" if body is None else body if isinstance(body, bytes) else _json(body)
        path, _, query = path.partition("?")
        sent = [(name.replace("_", "-").encode(), str(v).encode()) for name, v in headers.items()]
        sent.append((b"content-length", str(len(content)).encode()))
        if key is not None:
            sent.append((b"authorization", f"Bearer {key}".encode()))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": quote(path).encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": sent,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8625),
        }
        return await self._answer(scope, content, receive)

    async def _answer(self, scope, content, given):
        told = []

        async def whole():
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message):
            told.append(message)

        await self.app(scope, given or whole, send)
        start = told[0]
        headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], headers, b"".join(m.get("body", b"") for m in told[1:]))


def _json(body):
    return json.dumps(body).encode()
