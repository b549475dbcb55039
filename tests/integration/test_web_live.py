"""The line of the overview: it tells what changes, to whom may see it, and ends when it must."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from terkirim.domain.errors import StoreUnavailable
from terkirim.web.lines import MOST_OF_A_SESSION
from tests.integration.test_web_pages import over_both
from tests.integration.visitor import Visitor

WITHIN = 10.0


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("terkirim.web.pages.live.BEAT_EVERY", 0.02)
    monkeypatch.setattr("terkirim.web.pulse.FIGURES_KEPT", 0.01)


@pytest.fixture
async def visitor(open_door, request):
    given = {}
    if getattr(request, "param", "sqlite") == "postgres":
        given["database"] = await request.getfixturevalue("postgres").database()
    door = await open_door(mailketing_from_email="toko@example.com", **given)
    return await Visitor.at(door.gateway).enter()


class Line:
    """An open line as a browser has it."""

    def __init__(self, visitor):
        self.visitor = visitor
        self.status = None
        self.headers = {}
        self.parts = {}
        self.names = []
        self.is_over = asyncio.Event()
        self._text = ""
        self._news = asyncio.Event()
        self._gone = asyncio.Event()

    async def run(self, path="/live", method="GET"):
        cookies = "; ".join(f"{name}={value}" for name, value in self.visitor.cookies.items())
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
            "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8625),
            "headers": [(b"host", b"m.example"), (b"cookie", cookies.encode())],
        }  # fmt: skip
        await self.visitor.app(scope, self._receive, self._send)
        self.is_over.set()

    def leave(self):
        self._gone.set()

    async def until(self, is_so):
        async with asyncio.timeout(WITHIN):
            while not is_so():
                self._news.clear()
                await self._news.wait()

    async def _receive(self):
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self._text += message.get("body", b"").decode()
            *whole, self._text = self._text.replace("\r\n", "\n").split("\n\n")
            for event in whole:
                self._take(event)
            if not message.get("more_body"):
                self._gone.set()  # as ASGI has it: after the answer there is only a disconnect
        self._news.set()

    def _take(self, event):
        lines = [line.partition(": ") for line in event.split("\n")]
        name = next(value for key, _, value in lines if key == "event")
        html = "\n".join(value for key, _, value in lines if key == "data")
        self.names.append(name)
        if name == "part":
            id_ = html.partition('id="live-')[2].partition('"')[0]
            self.parts[id_] = html


@asynccontextmanager
async def opened(visitor):
    line = Line(visitor)
    task = asyncio.create_task(line.run())
    try:
        yield line
    finally:
        line.leave()
        async with asyncio.timeout(WITHIN):
            await task


@over_both
async def test_a_line_tells_every_part_once_and_then_only_what_changes(visitor):
    async with opened(visitor) as line:
        await line.until(lambda: len(line.parts) == 3)
        assert line.status == 200
        assert line.headers["content-type"].startswith("text/event-stream")
        assert line.headers["cache-control"] == "no-store"
        assert line.headers["content-security-policy"].startswith("default-src 'none'")
        assert set(line.parts) == {"health", "now", "periods"}  # no account is prepaid
        told = line.names.count("part")
        await line.until(lambda: line.names.count("beat") >= 2)  # one at the start, one when quiet
        assert line.names.count("part") == told
        await visitor.gateway.send_email(to="budi@example.com", subject="Halo", text="x")
        await line.until(lambda: ">1</a>" in line.parts["now"])
        await line.until(lambda: "<b>1</b>" in line.parts["periods"])
        assert line.names.count("part") < told + 3 + 10  # the oldest one waits longer each second


async def test_a_line_speaks_the_readers_language(visitor):
    await visitor.get("/?lang=id")
    async with opened(visitor) as line:
        await line.until(lambda: "now" in line.parts)
        assert "Menunggu" in line.parts["now"]


async def test_who_is_not_signed_in_gets_no_line(visitor):
    async with opened(visitor.another()) as line:
        await line.until(lambda: line.status is not None)
        assert line.status == 303


async def test_who_asks_for_the_head_alone_opens_no_line(visitor):
    line = Line(visitor)
    await asyncio.wait_for(line.run(method="HEAD"), WITHIN)
    assert (line.status, line.names) == (200, [])


async def test_a_line_ends_with_its_session(visitor):
    await visitor.get("/")
    async with opened(visitor) as line:
        await line.until(lambda: "now" in line.parts)
        await visitor.post("/logout")
        await line.until(lambda: "gone" in line.names)
        await asyncio.wait_for(line.is_over.wait(), WITHIN)


async def test_to_look_on_does_not_keep_a_session_alive(visitor):
    desk, token = visitor.gateway.desk, visitor.cookies["terkirim_session"]
    session = await desk.sign_in.look(token)
    assert session.user.name == "ani"
    much_later = session.seen_at + timedelta(hours=7)
    desk.sign_in._clock = type("Later", (), {"now": lambda _: much_later})()
    assert (await desk.sign_in.look(token)).seen_at == session.seen_at
    much_later += timedelta(hours=2)
    assert await desk.sign_in.look(token) is None


async def test_a_line_ends_when_the_gateway_stops(visitor):
    async with opened(visitor) as line:
        await line.until(lambda: "now" in line.parts)
        visitor.app.stop()
        await asyncio.wait_for(line.is_over.wait(), WITHIN)
        async with opened(visitor) as late:
            await late.until(lambda: late.status is not None)
            assert late.status == 429


async def test_a_session_has_a_bounded_number_of_lines_and_gives_each_back(visitor):
    lines = [Line(visitor) for _ in range(MOST_OF_A_SESSION)]
    tasks = [asyncio.create_task(line.run()) for line in lines]
    for line in lines:
        await line.until(lambda line=line: "now" in line.parts)
    async with opened(visitor) as more:
        await more.until(lambda: more.status is not None)
        assert more.status == 429
    other = visitor.another()
    await other.enter("budi", "viewer")
    async with opened(other) as line:
        await line.until(lambda: "now" in line.parts)
    lines[0].leave()
    await tasks[0]
    async with opened(visitor) as line:
        await line.until(lambda: "now" in line.parts)
        assert line.status == 200
    for line in lines:
        line.leave()
    await asyncio.gather(*tasks)


async def test_while_the_database_is_away_the_line_says_so_and_goes_on(visitor, monkeypatch):
    async with opened(visitor) as line:
        await line.until(lambda: "now" in line.parts)
        insight, sums = visitor.gateway.desk.insight, visitor.gateway.desk.insight.sums

        async def away(*_args, **_given):
            raise StoreUnavailable("the disk is full")

        monkeypatch.setattr(insight, "sums", away)
        await line.until(lambda: "away" in line.names)
        line.parts.clear()
        monkeypatch.setattr(insight, "sums", sums)
        await line.until(lambda: len(line.parts) == 3)
