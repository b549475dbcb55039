"""A browser without a screen: calls the pages in this process, keeps cookies, sends forms."""

import asyncio
import re
from dataclasses import dataclass
from http.cookies import SimpleCookie
from urllib.parse import quote, urlencode, urlsplit

from terkirim.access.passwords import Passwords
from terkirim.api.app import build_app
from terkirim.ports.people import User
from terkirim.web.app import build_pages

PASSWORD = "kopi susu gula aren"
_CSRF = re.compile(r'name="csrf" value="([0-9a-f]+)"')


@dataclass(frozen=True)
class Page:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self):
        return self.body.decode()

    def header(self, name):
        return next((value for one, value in self.headers if one == name), None)

    @property
    def cookies(self):
        found = SimpleCookie()
        for name, value in self.headers:
            if name == "set-cookie":
                found.load(value)
        return found


class Visitor:
    """One browser. Its language is English unless it says otherwise."""

    def __init__(self, app, gateway):
        self.app = app
        self.gateway = gateway
        self.cookies = {}
        self.last = ""

    @classmethod
    def at(cls, gateway):
        return cls(build_pages(gateway, beside=build_app(gateway)), gateway)

    def another(self):
        return Visitor(self.app, self.gateway)

    async def add_user(self, name, role):
        user = User(
            id=self.gateway.new_id(), name=name, email="", role=role,
            created_at=self.gateway.clock.now(), password_hash=await Passwords().hashed(PASSWORD),
        )  # fmt: skip
        await self.gateway.desk.accounts.add_user(user)
        return user

    async def enter(self, name="ani", role="admin"):
        """Sign in as somebody new."""
        await self.add_user(name, role)
        page = await self.post("/login", name=name, password=PASSWORD)
        assert page.status == 303, page.text
        return self

    async def get(self, path, **headers):
        page = await self._call("GET", path, b"", headers)
        found = _CSRF.search(page.text) if b"csrf" in page.body else None
        self.last = found[1] if found else self.last
        return page

    async def post(self, path, *, csrf=None, headers=None, **fields):
        """Send a form; its token is that of the last page, unless another one is given."""
        if csrf is None and self.last:
            csrf = self.last
        body = urlencode(fields | ({"csrf": csrf} if csrf else {})).encode()
        sent = {"content-type": "application/x-www-form-urlencoded", "origin": "http://m.example"}
        return await self._call("POST", path, body, sent | (headers or {}))

    async def _call(self, method, path, body, headers):
        parts = urlsplit(path)
        sent = {"host": "m.example", "accept": "text/html", "accept-language": "en"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": parts.path, "raw_path": quote(parts.path).encode(),
            "query_string": parts.query.encode(), "root_path": "", "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8625),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        }  # fmt: skip
        page = await self._answer(scope, body)
        for name, morsel in page.cookies.items():
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.coded_value
        return page

    async def _answer(self, scope, body):
        is_over = asyncio.Event()
        told, given = [], [{"type": "http.request", "body": body, "more_body": False}]

        async def receive():
            if given:
                return given.pop()
            await is_over.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            told.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                is_over.set()

        await self.app(scope, receive, send)
        headers = [(name.decode().lower(), value.decode()) for name, value in told[0]["headers"]]
        return Page(told[0]["status"], headers, b"".join(m.get("body", b"") for m in told[1:]))
