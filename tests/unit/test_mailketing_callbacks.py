"""Mailketing's callbacks: every shape, every bounce class, every date, and what is none of them."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terkirim.domain.event import BounceClass, EventKind, NewEvent, NotUnderstood
from terkirim.providers.mailketing import MailketingCallbacks
from terkirim.providers.mailketing.bounces import bounce_class
from terkirim.providers.mailketing.dates import instant_of

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
JAKARTA = ZoneInfo("Asia/Jakarta")
READER = MailketingCallbacks()
ID = "01a20e27-9752-7835-a8b1-5cccc4acc189"


def read(body, *, received_at=NOW):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return READER.event(READER.fields(raw), received_at=received_at)


REAL = {
    "emailopen": EventKind.OPENED,
    "emailclick": EventKind.CLICKED,
    "bounce": EventKind.BOUNCED,
    "unsubscribe": EventKind.UNSUBSCRIBED,
}
DOCUMENTED = {
    "delivery": EventKind.DELIVERED,
    "delivered": EventKind.DELIVERED,
    "open": EventKind.OPENED,
    "click": EventKind.CLICKED,
    "bounce": EventKind.BOUNCED,
    "spam": EventKind.COMPLAINED,
}


@pytest.mark.parametrize(("word", "kind"), REAL.items())
@pytest.mark.parametrize("as_form", [False, True])
def test_the_real_shape_is_read_as_json_and_as_a_form(word, kind, as_form):
    fields = {
        "type": word,
        "email": "Budi@Example.com",
        "date": "2026-03-01 15:59:00",
        "message_id": ID,
        "link_clicked": "https://example.com/promo",
        "first_name": "Budi",
        "list_id": "7",
    }
    found = read(urlencode(fields).encode() if as_form else fields)
    assert isinstance(found, NewEvent)
    assert (found.kind, found.recipient, found.reference) == (kind, "budi@example.com", ID)
    assert found.at == datetime(2026, 3, 1, 8, 59, tzinfo=UTC)
    assert found.facts == {"link": "https://example.com/promo"}


@pytest.mark.parametrize(("word", "kind"), DOCUMENTED.items())
@pytest.mark.parametrize("shape", ["nested", "flat", "form", "nested form"])
def test_the_documented_shapes_are_read(word, kind, shape):
    details = {
        "message_id": ID,
        "email": "budi@example.com",
        "timestamp": "2026-03-01T08:59:00+00:00",
        "tracking_id": "t-1",
        "ip_address": "192.0.2.1",
        "user_agent": "Mozilla/5.0",
        "url": "https://example.com/a",
    }
    bodies = {
        "nested": {"event": word, "data": details},
        "flat": {"event": word, **details},
        "form": urlencode({"event": word, **details}).encode(),
        "nested form": urlencode(
            {"event": word, **{f"data[{name}]": text for name, text in details.items()}}
        ).encode(),
    }
    found = read(bodies[shape])
    assert isinstance(found, NewEvent)
    assert (found.kind, found.recipient, found.reference) == (kind, "budi@example.com", ID)
    assert found.at == NOW - timedelta(minutes=1)
    assert found.facts == {
        "tracking_id": "t-1",
        "ip": "192.0.2.1",
        "user_agent": "Mozilla/5.0",
        "link": "https://example.com/a",
    }


@pytest.mark.parametrize(
    "body",
    [
        {"type": "newsubscriber", "email": "budi@example.com", "list_id": 7},
        {"type": "somethingnew", "email": "budi@example.com"},
        {"email": "budi@example.com"},
        {"type": None},
        {"type": ["emailopen"]},
        {"event": {"a": 1}},
        b"hello=world",
    ],
    ids=["new subscriber", "unknown", "no kind", "null", "a list", "an object", "another form"],
)
def test_what_says_nothing_of_a_message_is_kept_with_a_sentence(body):
    found = read(body)
    assert isinstance(found, NotUnderstood)
    assert "says nothing of a message" in found.why


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "the body is empty"),
        (b" \r\n ", "the body is empty"),
        (b"not json", "neither JSON nor a form"),
        (b"{", "begins like JSON"),
        (b'{"type": "emailopen"', "begins like JSON"),
        (b"[]", "not one JSON object"),
        (b'[{"type": "emailopen"}]', "not one JSON object"),
        (b'"emailopen"', "not one JSON object"),
        (b"<html><body>502 Bad Gateway</body></html>", "neither JSON nor a form"),
        (b"\xff\xfe\x00a=b", "neither JSON nor a form"),
        (b"[" * 20_000 + b"]" * 20_000, "begins like JSON"),
        (b"&".join([b"a=b"] * 101), "neither JSON nor a form"),
    ],
    ids=[
        "empty",
        "blank",
        "words",
        "half of JSON",
        "cut off",
        "an array",
        "an array of callbacks",
        "a text",
        "a page",
        "no UTF-8",
        "deep",
        "a form without an end",
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(body, says):
    with pytest.raises(ValueError, match=says):
        READER.fields(body)


@given(body=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_body_is_read_or_refused_and_nothing_else(body):
    try:
        fields = READER.fields(body)
    except ValueError:
        return
    READER.is_dated(fields)
    assert isinstance(READER.event(fields, received_at=NOW), NewEvent | NotUnderstood)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(
    kind=st.sampled_from([*REAL, *DOCUMENTED]),
    fields=st.dictionaries(
        st.sampled_from(
            ["email", "date", "timestamp", "message_id", "reason", "url", "data", "bounce_type"]
        ),
        json_values,
    ),
)
def test_any_value_in_any_field_leaves_an_event_that_can_be_stored_and_shown(kind, fields):
    found = read({**fields, "type": kind})
    if isinstance(found, NotUnderstood):  # a nested `data` may bring another kind
        return
    texts = [found.recipient or "", found.reference or "", *found.facts.values()]
    assert all("\0" not in text and "\x1b" not in text for text in texts)
    assert NOW - timedelta(days=60) <= found.at <= NOW
    assert (found.bounce is None) == (found.kind is not EventKind.BOUNCED)


def test_html_and_escape_sequences_in_every_field_are_kept_as_harmless_text():
    html = "<script>alert(1)</script>\x1b[31m\x00\r\nx\u202e"
    found = read(
        {
            "type": "emailclick",
            "email": html,
            "message_id": html,
            "link_clicked": html,
            "date": html,
        }
    )
    assert isinstance(found, NewEvent)
    assert found.recipient is None
    assert found.facts["link"] == "<script>alert(1)</script> [31m x"
    assert found.at == NOW
    assert found.facts["date_not_believed"].startswith("<script>")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("budi@example.com", "budi@example.com"),
        ("  <Budi@Example.COM> ", "budi@example.com"),
        ("budi+a@example.com", "budi+a@example.com"),
        ("budi@bücher.example", "budi@xn--bcher-kva.example"),
        ("budi", None),
        ("a@b@c", None),
        ("a b@example.com", None),
        ("a@example.com,b@example.com", None),
        ("a@example.com\nbcc: x@example.com", None),
        ("a@" + "x" * 300, None),
        ("", None),
        ("@example.com", None),
        ("a@\u0660..", None),
        ("a@" + "\u00fc" * 80 + ".example", None),
        ("budi@localhost", None),
        ("*@*", None),
        ("x" * 65 + "@example.com", None),
    ],
)
def test_only_an_address_is_taken_for_one(text, address):
    found = read({"type": "emailopen", "email": text})
    assert isinstance(found, NewEvent)
    assert found.recipient == address


def test_a_number_for_an_id_and_one_in_angle_brackets_are_ids():
    assert read({"type": "emailopen", "message_id": 12345}).reference == "12345"
    assert read({"type": "emailopen", "message_id": "<a@b>"}).reference == "a@b"
    assert read({"type": "emailopen", "message_id": True}).reference is None


@pytest.mark.parametrize(
    ("reason", "kind", "expected"),
    [
        ("452 4.2.2 mailbox full", "", BounceClass.TRANSIENT),
        ("421 too many connections", "", BounceClass.TRANSIENT),
        ("4.4.1 no answer from host", "", BounceClass.TRANSIENT),
        ("Mailbox full", "", BounceClass.TRANSIENT),
        ("user is over quota", "", BounceClass.TRANSIENT),
        ("552 5.2.2 mailbox is full", "", BounceClass.TRANSIENT),
        ("Temporary failure in name resolution", "HARD", BounceClass.TRANSIENT),
        ("please try again later", "", BounceClass.TRANSIENT),
        ("554 5.7.1 blocked using zen.spamhaus.org", "HARD", BounceClass.BLOCKED),
        ("421 4.7.0 your IP is on a blacklist", "", BounceClass.BLOCKED),
        ("550 Barracuda reputation", "", BounceClass.BLOCKED),
        ("550 5.1.1 user unknown", "", BounceClass.PERMANENT),
        ("user unknown", "SOFT", BounceClass.PERMANENT),
        ("no such user here", "", BounceClass.PERMANENT),
        ("the account does not exist", "", BounceClass.PERMANENT),
        ("550 5.1.1 <toko442@example.com>: rejected", "SOFT", BounceClass.PERMANENT),
        ("", "", BounceClass.PERMANENT),
        ("", "HARD", BounceClass.PERMANENT),
        ("", "soft", BounceClass.TRANSIENT),
        ("", "whatever", BounceClass.PERMANENT),
        ("connection to 4.12.9.7 refused", "", BounceClass.PERMANENT),
        ("something nobody has seen", "", BounceClass.PERMANENT),
    ],
)
def test_the_table_of_bounce_classes(reason, kind, expected):
    assert bounce_class(reason, kind) is expected
    fields = {"event": "bounce", "data": {"bounce_reason": reason, "bounce_type": kind}}
    assert read(fields).bounce is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01 15:59:00", NOW - timedelta(minutes=1)),  # Jakarta's clock
        ("2026-03-01 08:59:00", NOW - timedelta(minutes=1)),  # UTC's
        ("2026-03-01T08:59:00Z", NOW - timedelta(minutes=1)),
        ("2026-03-01T15:59:00+07:00", NOW - timedelta(minutes=1)),
        ("01-03-2026 15:59:00", NOW - timedelta(minutes=1)),
        ("1/3/2026 15:59", NOW - timedelta(minutes=1)),
        ("01.03.2026", NOW - timedelta(hours=9)),
        ("1772355540", NOW - timedelta(minutes=1)),
        ("1772355540000", NOW - timedelta(minutes=1)),
        ("1772355540000000", NOW - timedelta(minutes=1)),
        ("2026-03-01T09:03:00Z", NOW),  # a clock that is a little ahead
        ("2026-03-01T09:06:00Z", None),
        ("2036-03-01 00:00:00", None),
        ("2025-11-01 00:00:00", None),
        ("0001-01-01 00:00:00", None),
        ("9999-12-31T23:59:59", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("31/31/2026", None),
        ("yesterday", None),
        ("0", None),
    ],
)
def test_when_a_callback_says_that_it_happened(text, expected):
    assert instant_of(text, received_at=NOW, zone=JAKARTA) == expected


@pytest.mark.parametrize("text", ["2036-01-01 00:00:00", "when it rains"])
def test_a_date_that_is_not_believed_is_kept_and_the_receipt_counts(text):
    found = read({"type": "emailopen", "email": "budi@example.com", "date": text})
    assert found.at == NOW
    assert found.facts == {"date_not_believed": text}


def test_a_callback_is_dated_by_either_name():
    assert READER.is_dated({"date": "2026-03-01 08:59:00"})
    assert READER.is_dated({"timestamp": 1772355540})
    assert not READER.is_dated({"date": " ", "timestamp": None})
    assert not READER.is_dated({})
