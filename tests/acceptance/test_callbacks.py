"""The door of callbacks from outside: who gets in, what is refused, and what is shown of it."""

import hmac
import json
import socket
import time
import urllib.error
import urllib.request
from contextlib import closing
from hashlib import sha256
from urllib.parse import urlencode

import apsw
import pytest

from tests.acceptance.conftest import Served

SECRET = "rahasia-sekali"
PATH = "/api/webhooks/mailketing"
OPEN = f"{PATH}?secret={SECRET}"
HTML = "<img src=x onerror=alert(1)>"
WITHIN = 30.0  # seconds


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("callbacks")
    served = Served(folder, MAILKETING_WEBHOOK_SECRET=SECRET).start()
    yield served
    served.stop()


def rows(served, sql):
    with closing(apsw.Connection(str(served.folder / "t.db"))) as db:
        db.set_busy_timeout(5_000)
        return [tuple(row) for row in db.execute(sql)]


def sent(served, address):
    """Send an e-mail through the sandbox and return its id once it is accepted."""
    body = {"from": "toko@example.com", "to": address, "subject": "Halo", "text": "x"}
    status, answer = served.call("POST", "/v1/emails", body)
    assert status == 200
    until(served, f"SELECT state FROM messages WHERE id = '{answer['id']}'", [("accepted",)])
    return answer["id"]


def until(served, sql, expected):
    """Ask until the answer is the expected one; the gateway applies callbacks by itself."""
    end = time.monotonic() + WITHIN
    while (found := rows(served, sql)) != expected:
        assert time.monotonic() < end, f"{found} instead of {expected}"
        time.sleep(0.02)


def raw(served, method, path):
    with urllib.request.urlopen(
        urllib.request.Request(f"{served.url}{path}", method=method), timeout=10
    ) as answer:
        return answer.status, answer.headers, answer.read()


def test_a_callback_shows_in_the_story_of_its_message(gateway):
    id_ = sent(gateway, "story@example.com")
    body = {"type": "emailclick", "email": "story@example.com", "message_id": id_}
    body |= {"link_clicked": f"https://example.com/{HTML}"}
    assert gateway.call("POST", OPEN, body, key=None) == (200, {"received": True})
    until(gateway, f"SELECT count(*) FROM events WHERE message_id = '{id_}'", [(1,)])
    status, story = gateway.call("GET", f"/v1/messages/{id_}")
    assert status == 200
    assert (story["state"], story["last_event"]) == ("delivered", "clicked")
    (event,) = story["events"]
    assert (event["type"], event["match"]) == ("clicked", "id")
    assert story["engagement"]["clicks"][0]["count"] == 1
    shown = gateway.cli("messages", "show", id_).stdout
    assert "clicked" in shown


@pytest.mark.parametrize("as_form", [False, True])
def test_a_message_is_told_of_as_json_and_as_a_form(gateway, as_form):
    address = f"form{as_form}@example.com"
    id_ = sent(gateway, address)
    fields = {"type": "bounce", "email": address, "message_id": id_, "reason": "550 no such user"}
    body = urlencode(fields).encode() if as_form else fields
    assert gateway.call("POST", OPEN, body, key=None)[0] == 200
    until(gateway, f"SELECT state FROM messages WHERE id = '{id_}'", [("bounced",)])
    letter = {
        "from": "toko@example.com",
        "to": [address, "ok@example.com"],
        "subject": "x",
        "text": "y",
    }
    calls = [
        gateway.call("POST", "/v1/emails", letter, idempotency_key=f"form {as_form}")
        for _ in range(2)
    ]
    assert (calls[0][0], calls[0][1]["suppressed"]) == (200, [address])
    assert calls[1] == calls[0]


def signature(body):
    return hmac.new(SECRET.encode(), body, sha256).hexdigest()


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (PATH, {"x_mailketing_token": SECRET}, 200),
        (OPEN, {}, 200),
        (PATH, {"x_mailketing_signature": signature(b'{"type":"newsubscriber"}')}, 200),
        (PATH, {"x_mailketing_signature": f"sha256={signature(b'{}')}"}, 401),
        (PATH, {}, 401),
        (PATH, {"x_mailketing_token": SECRET + "x"}, 401),
        (f"{PATH}?secret=", {}, 401),
        (f"{PATH}?secret=wrong", {"x_mailketing_token": SECRET}, 200),
        (PATH, {"authorization": f"Bearer {SECRET}"}, 401),
    ],
)
def test_the_secret_opens_the_door_in_three_ways_and_nothing_else_does(
    gateway, path, headers, status
):
    body = b'{"type":"newsubscriber"}'
    found, answer = gateway.call("POST", path, body, key=None, **headers)
    assert found == status
    assert SECRET not in json.dumps(answer)


def test_without_a_secret_the_door_is_closed(tmp_path):
    served = Served(tmp_path).start()
    try:
        for path in (PATH, f"{PATH}?secret=", f"{PATH}?secret=None"):
            status, answer = served.call("POST", path, {"type": "emailopen"}, key=None)
            assert (status, answer["message"]) == (
                401,
                "callbacks are closed: no secret is set for them",
            )
        assert rows(served, "SELECT count(*) FROM callbacks") == [(0,)]
        status, report = served.call("GET", "/v1/tracking/health")
        assert (status, report["is_open"]) == (200, False)
        assert "MAILKETING_WEBHOOK_SECRET" in report["faults"][0]
    finally:
        served.stop()


def test_a_look_at_the_address_is_answered_with_the_challenge_or_a_plain_ok(gateway):
    status, headers, body = raw(gateway, "GET", f"{OPEN}&challenge=abc-123")
    assert (status, body) == (200, b"abc-123")
    assert headers["content-type"].startswith("text/plain")
    assert headers["x-content-type-options"] == "nosniff"
    assert raw(gateway, "GET", PATH)[2] == b"OK"
    assert raw(gateway, "GET", f"{PATH}?hub.challenge=9")[2] == b"9"
    assert raw(gateway, "HEAD", PATH)[0] == 200
    for path in (f"{PATH}?secret=wrong&challenge=abc", f"{PATH}?secret="):
        with pytest.raises(urllib.error.HTTPError, match="401") as caught:
            raw(gateway, "GET", path)
        caught.value.close()
    assert gateway.call("PUT", OPEN, {}, key=None)[0] == 405


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not json", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'[{"type":"emailopen"}]', 400),
        (b'"text"', 400),
        (b"\xff\xfe\xfd", 400),
        (b'{"type":"' + b"x" * 66_000 + b'"}', 400),
        (b"[" * 30_000, 400),
        (b'{"type":"neverheardof"}', 200),
        (b'{"type":"emailopen","email":"nobody-here@example.com"}', 200),
        (b'{"type":"emailopen","email":"a@example.com","message_id":"unknown"}', 200),
        (b'{"type":"emailopen","email":"a@example.com","date":"2099-01-01 00:00:00"}', 200),
        (b'{"type":"emailopen","email":"<script>@x","message_id":{"a":[1]}}', 200),
        (json.dumps(dict.fromkeys(("type", "email", "date", "reason"), HTML)).encode(), 200),
        (json.dumps({"type": "bounce"} | dict.fromkeys(("email", "reason"), HTML)).encode(), 200),
    ],
    ids=[
        "empty",
        "no JSON",
        "half",
        "an empty array",
        "an array",
        "a text",
        "no UTF-8",
        "huge",
        "deep",
        "of unknown kind",
        "for an unknown recipient",
        "for an unknown message",
        "from the future",
        "a forged address",
        "HTML in every field",
        "a bounce with HTML",
    ],
)
def test_a_bad_callback_is_kept_or_refused_with_a_sentence(gateway, body, status):
    found, answer = gateway.call("POST", OPEN, body, key=None)
    assert found == status
    if status == 400:
        assert len(answer["message"].split()) > 3
    assert gateway.call("GET", "/health/ready")[0] == 200


def test_an_event_from_the_future_is_dated_by_its_receipt_and_html_is_shown_as_text(gateway):
    body = {"type": "emailopen", "email": "future@example.com", "date": "2099-01-01 00:00:00"}
    body |= {"user_agent": HTML}
    assert gateway.call("POST", OPEN, body, key=None)[0] == 200
    until(gateway, "SELECT count(*) FROM unmatched WHERE recipient = 'future@example.com'", [(1,)])
    status, answer = gateway.call("GET", "/v1/tracking/unmatched?limit=100")
    (event,) = [one for one in answer["data"] if one["recipient"] == "future@example.com"]
    assert (status, event["at"]) == (200, event["received_at"])
    assert event["facts"] == {
        "user_agent": HTML,
        "date_not_believed": "2099-01-01 00:00:00",
    }
    request = urllib.request.Request(f"{gateway.url}/v1/tracking/unmatched")
    request.add_header("authorization", f"Bearer {gateway.env['TERKIRIM_API_KEY']}")
    with urllib.request.urlopen(request, timeout=10) as shown:
        assert shown.headers["content-type"] == "application/json"
    table = gateway.cli("events", "unmatched", "--limit", "50")
    assert (table.returncode, "no message yet" in table.stdout) == (0, True)


def test_ten_thousand_callbacks_with_a_wrong_secret_leave_no_row_each(gateway):
    before = rows(gateway, "SELECT count(*) FROM callbacks")
    body = b'{"type":"emailopen","email":"budi@example.com"}'
    request = (
        b"POST /api/webhooks/mailketing?secret=wrong HTTP/1.1\r\nhost: x\r\ncontent-length: "
        b"%d\r\n\r\n%b" % (len(body), body)
    )
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as line:
        for _ in range(100):
            line.sendall(request * 100)
            answered = 0
            while answered < 100:
                answered += line.recv(1 << 16).count(b"HTTP/1.1 401")
    assert rows(gateway, "SELECT count(*) FROM callbacks") == before
    until(
        gateway,
        "SELECT sum(count) >= 10000 FROM rollups WHERE kind = 'callback'"
        " AND key = 'mailketing:refused'",
        [(1,)],
    )
    (count,) = rows(gateway, "SELECT count(*) FROM activity WHERE what = 'callback refused'")
    assert 1 <= count[0] <= 2  # one for each hour that the test touches
    assert gateway.call("GET", "/v1/tracking/health")[1]["refused"] >= 10_000


def test_a_body_longer_than_it_says_and_one_without_a_length_are_refused(gateway):
    for head in (b"content-length: 70000", b"transfer-encoding: chunked"):
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as line:
            line.sendall(b"POST %b HTTP/1.1\r\nhost: x\r\n%b\r\n\r\n" % (OPEN.encode(), head))
            if b"chunked" in head:
                line.sendall((b"%x\r\n" % 16_000 + b"x" * 16_000 + b"\r\n") * 5 + b"0\r\n\r\n")
            assert line.recv(1 << 16).startswith(b"HTTP/1.1 400")


def test_events_are_listed_by_rest_and_by_the_command_line(gateway):
    id_ = sent(gateway, "listed@example.com")
    body = {"event": "open", "data": {"email": "listed@example.com", "message_id": id_}}
    assert gateway.call("POST", OPEN, body, key=None)[0] == 200
    until(gateway, f"SELECT count(*) FROM events WHERE message_id = '{id_}'", [(1,)])
    status, answer = gateway.call("GET", f"/v1/tracking/events?message_id={id_}&type=opened")
    assert (status, [one["message_id"] for one in answer["data"]]) == (200, [id_])
    listed = json.loads(gateway.cli("events", "list", "--message", id_, "--json").stdout)
    assert listed == answer | {"has_more": False, "next_cursor": None}
    assert (listed["data"][0]["type"], listed["data"][0]["match"]) == ("opened", "id")
    done = gateway.cli("events", "replay", "--all", "--since", "2020-01-01")
    assert (done.returncode, " 0 found their message" in done.stdout) == (0, True), done
    assert "--since" in gateway.cli("events", "replay", "--help").stdout
    assert gateway.cli("events", "replay", "--since", "soon").returncode == 2
    assert "accepted" in gateway.cli("events", "health").stdout
    status, answer = gateway.call("POST", "/v1/tracking/replay", {})
    assert (status, answer["matched"]) == (200, 0)
    for path, name in (
        ("events?type=sent", "`type`"),
        ("events?limit=0", "`limit`"),
        ("events?before=x", "`before`"),
        ("health?days=99999", "`days`"),
        ("events?limit=" + "9" * 5_000, "`limit`"),
    ):
        status, answer = gateway.call("GET", f"/v1/tracking/{path}")
        assert (status, answer["message"].startswith(name)) == (422, True)
    assert gateway.call("GET", "/v1/tracking/events", key=None)[0] == 401
