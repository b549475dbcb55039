"""Attachments by `path`: fetched from where callers may reach, refused from where they may not."""

import asyncio
from datetime import timedelta

import pytest

from terkirim.content.fetching import Fetcher, FetchRules
from terkirim.domain.errors import InvalidEmail

FILE = b"%PDF brosur"


class FileServer:
    """Answers each path with what `answers` has for it, and counts the requests."""

    def __init__(self):
        self.answers = {}
        self.asked = []
        self.waits = asyncio.Event()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.waits.set()
        self.server.close()
        await self.server.wait_closed()

    def url(self, path, host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"

    async def _serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1]
        self.asked.append((path, head.lower()))
        answer = self.answers[path]
        if answer is None:
            await self.waits.wait()
        else:
            status, headers, body = answer
            lines = [f"HTTP/1.1 {status} x", f"content-length: {len(body)}", "connection: close"]
            writer.write("\r\n".join([*lines, *headers, "", ""]).encode() + body)
        writer.close()


@pytest.fixture
async def files():
    async with FileServer() as server:
        server.answers["/brosur.pdf"] = (200, (), FILE)
        yield server


def fetcher(allowed="any", *, most=1_000, within=10.0, resolve=None):
    rules = FetchRules(allowed=allowed, most=most, within=timedelta(seconds=within))
    return Fetcher(rules) if resolve is None else Fetcher(rules, resolve=resolve)


async def refused(attachments, one):
    with pytest.raises(InvalidEmail) as error:
        await one.filled(attachments)
    assert error.value.kind == "invalid_attachment"
    return error.value


async def test_a_file_is_fetched_and_named_after_its_address(files):
    (one,) = await fetcher().filled([{"path": files.url("/brosur.pdf"), "content_id": "c"}])
    assert one == {"filename": "brosur.pdf", "content_id": "c", "content": FILE}
    (named,) = await fetcher().filled([{"path": files.url("/brosur.pdf"), "filename": "a.pdf"}])
    assert named["filename"] == "a.pdf"


async def test_what_has_its_content_is_left_as_it_is(files):
    given = [{"filename": "a", "content": "eA==", "path": files.url("/brosur.pdf")}]
    assert await fetcher().filled(given) is given
    assert not files.asked


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1"])
async def test_our_own_network_is_not_asked_unless_the_setting_allows_it(files, host):
    error = await refused([{"path": files.url("/brosur.pdf", host)}], fetcher("public"))
    assert error.field == "attachments[0].path"
    assert "TERKIRIM_FETCH" in str(error)
    assert not files.asked


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], ["8.8.8.8", "169.254.169.254"], ["::ffff:127.0.0.1"], []]
)
async def test_a_name_with_any_private_address_is_not_asked(addresses):
    async def resolve(_host, _port):
        return addresses

    one = fetcher("public", resolve=resolve)
    assert "open Internet" in str(await refused([{"path": "http://files.example/x"}], one))


async def test_the_address_that_was_judged_is_the_one_that_is_asked(files):
    judged = []

    async def resolve(host, port):
        judged.append((host, port))
        return ["127.0.0.1"] if len(judged) == 1 else ["203.0.113.1"]  # it rebinds at once

    one = fetcher(resolve=resolve)
    (found,) = await one.filled([{"path": files.url("/brosur.pdf", "files.example")}])
    assert found["content"] == FILE
    assert judged == [("files.example", files.port)]
    assert f"host: files.example:{files.port}" in files.asked[0][1]


async def test_each_step_of_a_redirect_is_judged_again(files):
    files.answers["/a"] = (302, ("location: /brosur.pdf",), b"")
    (found,) = await fetcher().filled([{"path": files.url("/a")}])
    assert (found["content"], found["filename"]) == (FILE, "brosur.pdf")

    async def resolve(host, _port):
        return ["127.0.0.1"] if host == "open.example" else ["10.0.0.1"]

    files.answers["/b"] = (302, ("location: http://inner.example/secret",), b"")
    one = fetcher("public", resolve=resolve)
    one._refuse_unless_allowed = _only_refusing("10.0.0.1", one._refuse_unless_allowed)
    error = await refused([{"path": files.url("/b", "open.example")}], one)
    assert "open Internet" in str(error)


def _only_refusing(address, refuse):
    def judge(addresses, field):
        if address in addresses:
            refuse(addresses, field)

    return judge


@pytest.mark.parametrize(
    ("path", "answer", "says"),
    [
        ("/gone", (404, (), b"no"), "HTTP 404"),
        ("/large", (200, (), b"x" * 1_001), "larger than 1,000 bytes"),
        ("/loop", (302, ("location: /loop",), b""), "more than 3 times"),
        ("/away", (302, ("location: ftp://x/y",), b""), "must be an address"),
        ("/lost", (302, (), b""), "more than 3 times"),
    ],
)
async def test_what_is_no_file_is_refused_with_the_reason(files, path, answer, says):
    files.answers[path] = answer
    assert says in str(await refused([{"path": files.url(path)}], fetcher()))


async def test_an_empty_file_is_a_file(files):
    files.answers["/empty.txt"] = (200, (), b"")
    (found,) = await fetcher().filled([{"path": files.url("/empty.txt")}])
    assert (found["filename"], found["content"]) == ("empty.txt", b"")


async def test_a_server_that_never_answers_is_given_up(files):
    files.answers["/slow"] = None
    error = await refused([{"path": files.url("/slow")}], fetcher(within=0.2))
    assert "within" in str(error) or "cannot be fetched" in str(error)


async def test_files_together_may_not_be_larger_than_one_email_may_carry(files):
    files.answers["/half"] = (200, (), b"x" * 600)
    both = [{"path": files.url("/half")}, {"path": files.url("/half")}]
    assert (await refused(both, fetcher())).field == "attachments[1].path"


@pytest.mark.parametrize(
    "path",
    [
        5,
        "",
        "brosur.pdf",
        "file:///etc/passwd",
        "http://",
        "http://a:b@x/",
        "http://x\n/",
        "x" * 2_001,
    ],
)
async def test_what_is_no_web_address_is_refused(path):
    assert (await refused([{"path": path}], fetcher())).field == "attachments[0].path"


async def test_with_the_setting_off_nothing_is_fetched(files):
    one = fetcher("off")
    assert "content" in str(await refused([{"path": files.url("/brosur.pdf")}], one))


MAIL = {"from": "toko@example.com", "to": "b@example.com", "subject": "Halo", "text": "x"}


async def test_the_rest_door_stores_the_file_and_a_repeat_fetches_nothing(open_door, files):
    door = await open_door(fetch="any")
    body = {**MAIL, "attachments": [{"path": files.url("/brosur.pdf")}]}
    first = await door.call("POST", "/v1/emails", body, idempotency_key="k")
    again = await door.call("POST", "/v1/emails", body, idempotency_key="k")
    assert (first.status, first.json["id"]) == (200, again.json["id"])
    assert len(files.asked) == 1
    other = await door.call("POST", "/v1/emails", {**body, "text": "y"}, idempotency_key="k")
    assert (other.status, len(files.asked)) == (409, 1)
    batch = await door.call("POST", "/v1/emails/batch", [body, MAIL], idempotency_key="k")
    assert (batch.status, len(files.asked)) == (200, 2)
    await door.call("POST", "/v1/emails/batch", [body, MAIL], idempotency_key="k")
    assert len(files.asked) == 2
    listed = (await door.call("GET", f"/v1/emails/{first.json['id']}/attachments")).json["data"]
    assert [(one["filename"], one["size"]) for one in listed] == [("brosur.pdf", len(FILE))]


async def test_a_repeated_send_of_the_library_returns_the_first_id(door):
    given = {"to": "b@example.com", "subject": "x", "text": "y", "sender": "a@example.com"}
    first = await door.gateway.send_email(**given, idempotency_key="k")
    assert await door.gateway.send_email(**given, idempotency_key="k") == first
