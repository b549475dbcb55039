"""`retry_email_send` around the HTTP libraries that people have, over real sockets that fail."""

import http.client
import socket
import urllib.request

import httpx
import pyreqwest.simple.sync_request
import pytest
import requests
import urllib3

from terkirim.delivery.retrying import retry_email_send, retry_email_send_sync
from tests.contract import provider_sockets as sockets
from tests.contract.provider_sockets import serving

TO = "budi@example.com"


def by_httpx(url):
    with httpx.Client(trust_env=False, timeout=1) as client:
        client.post(url, json={"to": TO})


async def by_async_httpx(url):
    async with httpx.AsyncClient(trust_env=False, timeout=1) as client:
        await client.post(url, json={"to": TO})


def by_requests(url):
    with requests.Session() as session:
        session.trust_env = False
        session.post(url, json={"to": TO}, timeout=1)


def by_urllib3(url):
    with urllib3.PoolManager(timeout=1, retries=1) as pool:
        pool.request("POST", url, json={"to": TO})


def by_urllib(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, data=b"{}", timeout=1) as answer:
        answer.read()


def by_http_client(url):
    place = urllib3.util.parse_url(url)
    line = http.client.HTTPConnection(place.host, place.port, timeout=1)
    try:
        line.request("POST", "/", body=b"{}")
        line.getresponse().read()
    finally:
        line.close()


def by_pyreqwest(url):
    pyreqwest.simple.sync_request.pyreqwest_post(url).body_text("{}").send()


PLAIN = [by_httpx, by_requests, by_urllib3, by_urllib, by_http_client, by_pyreqwest]
BREAKS = {
    "reset": sockets.reset_after_reading,
    "hung up": sockets.hang_up,
    "half an answer": sockets.half_an_answer,
}


@pytest.fixture(params=[*PLAIN, by_async_httpx], ids=lambda by: by.__name__)
def send(request):
    """Return how sending to a place ends with each library: three calls, no wait between."""
    by = request.param

    async def ended(url):
        async def soon():
            await by(url)

        def now():
            by(url)

        return await retry_email_send(soon if by is by_async_httpx else now, to=TO, waits=(0, 0))

    return ended


async def test_a_refused_connection_is_tried_again(send):
    with sockets.refusing() as port:
        assert (await send(f"http://127.0.0.1:{port}/")).attempts == 3


async def test_a_name_that_is_not_found_is_tried_again(send):
    assert (await send("http://gateway.invalid:8625/")).attempts == 3


@pytest.mark.parametrize("scene", BREAKS.values(), ids=BREAKS.keys())
async def test_a_line_that_breaks_is_tried_again(send, scene):
    async with serving(scene) as served:
        ended = await send(f"http://127.0.0.1:{served.port}/")
    assert ended.attempts == 3, repr(ended.error)


@pytest.mark.parametrize("by", PLAIN[:4], ids=lambda by: by.__name__)
@pytest.mark.parametrize("url", ["nothing", "foo://127.0.0.1/", "http://"])
def test_a_bad_url_ends_at_once(by, url):
    ended = retry_email_send_sync(lambda: by(url), to=TO, waits=(0, 0))
    assert (ended.success, ended.attempts) == (False, 1), repr(ended.error)


@pytest.mark.parametrize(
    "call",
    [
        lambda url: httpx.post(url, headers={"a": "b\nc"}, trust_env=False),
        lambda url: requests.post(url, headers={"a": "b\nc"}, timeout=1),
        lambda url: requests.post(url, json={"a": float("nan")}, timeout=1),
        lambda url: httpx.post(url, json={"a": object()}, trust_env=False),
    ],
    ids=["a header of httpx", "a header of requests", "no JSON, requests", "no JSON, httpx"],
)
def test_a_bad_argument_ends_at_once(call):
    with socket.create_server(("127.0.0.1", 0)) as unanswered:
        url = f"http://127.0.0.1:{unanswered.getsockname()[1]}/"
        ended = retry_email_send_sync(lambda: call(url), to=TO, waits=(0, 0))
    assert (ended.success, ended.attempts) == (False, 1), repr(ended.error)
