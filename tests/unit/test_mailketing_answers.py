"""The table of Mailketing's answers, line by line; texts as public clients have seen them."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terkirim.domain.email import Address, OutgoingMessage
from terkirim.domain.outcome import (
    Accepted,
    Deferred,
    OutOfCredits,
    QuotaReached,
    Rejected,
    SenderRefused,
    Unauthorised,
    Unclear,
)
from terkirim.providers.http import Answer
from terkirim.providers.mailketing.answers import Reader, outcome_of
from terkirim.providers.mailketing.content import collapsed, fields_of, html_from_text
from terkirim.providers.mailketing.key import Key, KeySource
from terkirim.providers.mailketing.reply import plausible_balance
from terkirim.providers.mailketing.times import next_midnight, retry_after

SENDER = "toko@example.com"
KEY = "s3cret/key"
NOW = datetime(2026, 3, 1, 16, 30, tzinfo=UTC)
JAKARTA = ZoneInfo("Asia/Jakarta")


class FixedTime:
    def now(self):
        return NOW

    def monotonic(self):
        return 0.0


READER = Reader(
    sender=SENDER,
    clock=FixedTime(),
    zone=JAKARTA,
    address="https://api.example.com/api/v1",
    masked=Key.of(KEY).masked,
)
PAGE = "<!DOCTYPE html><html><title>Bad gateway</title></html>"


def answer(body, status=200, **headers):
    raw = body if isinstance(body, bytes) else body.encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, body=raw, is_whole=True, headers=named)


def read(body, status=200, **headers):
    if isinstance(body, dict):
        body = json.dumps(body)
    return outcome_of(answer(body, status, **headers), READER)


def v1(text, word="failed", field="response"):
    return {"status": word, field: text}


def v2(text, **errors):
    return {"success": False, "message": text, "errors": errors}


@pytest.mark.parametrize(
    "body",
    [
        {"status": "success", "response": "Mail Sent"},
        {"status": True, "response": "Mail Sent"},
        {"status": "true", "message": "Mail Sent"},
        {"success": True, "data": {"message_id": "x"}, "message": "Email queued successfully"},
        {"success": True, "status": "success"},
        {"success": True, "status": 200},
    ],
    ids=json.dumps,
)
@pytest.mark.parametrize("status", [200, 201, 202])
def test_what_the_body_calls_a_success_is_accepted(body, status):
    outcome = read(body, status)
    assert isinstance(outcome, Accepted)
    assert outcome.code == str(status)
    assert not outcome.is_sandbox


def test_json_counts_whatever_stands_around_it():
    assert isinstance(read(b'\xef\xbb\xbf\r\n {"status":"success"}\n'), Accepted)


@pytest.mark.parametrize(
    ("data", "ref", "left"),
    [
        ({"message_id": "abc", "credits": 12}, "abc", 12),
        ({"message_id": 12, "credits": "12"}, "12", 12),
        ({"message_id": "", "credits": -1}, None, None),
        ({"message_id": ["x"], "credits": "abc"}, None, None),
        ({"message_id": True, "credits": True}, None, None),
        ({}, None, None),
        (None, None, None),
    ],
    ids=str,
)
def test_an_acceptance_carries_the_id_and_a_plausible_balance(data, ref, left):
    outcome = read({"success": True, "data": data})
    assert (outcome.provider_ref, outcome.credits) == (ref, left)


OURS, OTHERS = (f"01990000-0000-7000-8000-00000000000{n}" for n in (1, 2))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"message_id": OURS}, Accepted),
        ({"message_id": OTHERS}, Unclear),
        ({"message_id": "the provider's"}, Accepted),
        ({"message_id": 7}, Accepted),
        ({"message_id": ""}, Accepted),
        ({"message_id": None}, Accepted),
        ({"credits": 7}, Accepted),
        (None, Accepted),
    ],
    ids=str,
)
def test_a_success_that_names_another_message_says_nothing_of_ours(said, expected):
    body = json.dumps({"success": True, "data": said})
    outcome = outcome_of(answer(body), READER._replace(message_id=OURS))
    assert isinstance(outcome, expected)
    if expected is Unclear:
        assert outcome.reason == "HTTP 200: the answer speaks of another message"
        assert outcome.answer == body
    assert isinstance(outcome_of(answer(body), READER), Accepted)  # no id of ours is repeated


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"success": True, "status": "failed"}, 200),
        ({"success": True}, 400),
        ({"success": True}, 422),
        ({"success": True}, 500),
        ({"status": "success"}, 429),
        ({"data": {"message_id": "x"}}, 200),
        ({"status": "queued"}, 200),
        ({}, 200),
        ("[]", 200),
        ("true", 200),
        ('"success"', 200),
        ("", 200),
        ("", 204),
        ("Mail Sent", 200),
        (PAGE, 200),
        (b"\xff\xfe\x00", 200),
        ('{"status":"success"', 200),
        ('<br /><b>Warning</b>{"status":"success"}', 200),
        ("[" * 100_000, 200),
        ('{"message":' * 600 + "1" + "}" * 600, 200),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_answer_that_says_nothing_or_both_is_unclear_never_a_success(body, status):
    assert isinstance(read(body, status), Unclear)


@pytest.mark.parametrize("status", [504, 520, 521, 522, 523, 524])
@pytest.mark.parametrize(
    "body", [PAGE, "", {"success": True}, v2("Server error"), v1("Access Denied, Invalid Token")]
)
def test_a_proxy_that_gave_up_leaves_it_unclear_whatever_the_body_says(status, body):
    assert isinstance(read(body, status), Unclear)


@pytest.mark.parametrize("status", [500, 501, 502, 503, 505, 525, 530])
@pytest.mark.parametrize(
    "body",
    [
        PAGE,
        "",
        {},
        v2("Server Error"),
        v1("Coba lagi"),
        v1("Invalid recipient"),
        v2("Validation failed", recipient=["must be an email"]),
    ],
    ids=str,
)
def test_an_outage_is_deferred_and_counts_against_the_provider(status, body):
    outcome = read(body, status)
    assert isinstance(outcome, Deferred)
    assert outcome.is_provider_down
    assert not outcome.is_rate_limit
    assert not outcome.is_unknown_answer
    assert outcome.code == str(status)


@pytest.mark.parametrize("status", [408, 425])
@pytest.mark.parametrize("body", [PAGE, "", v2("Too slow")])
def test_a_request_that_came_too_late_or_early_is_deferred(status, body):
    outcome = read(body, status)
    assert isinstance(outcome, Deferred)
    assert not outcome.is_provider_down
    assert not outcome.is_rate_limit


@pytest.mark.parametrize("body", [PAGE, "", v2("Too Many Attempts."), v1("slow down")])
def test_429_closes_the_gate_until_retry_after(body):
    outcome = read(body, 429, retry_after="7")
    assert isinstance(outcome, Deferred)
    assert outcome.is_rate_limit
    assert not outcome.is_provider_down
    assert outcome.retry_after == timedelta(seconds=7)


def test_a_challenge_page_is_an_outage_and_a_plain_403_is_unknown():
    assert read(PAGE, 403).is_provider_down
    assert read("Forbidden", 403).is_unknown_answer


@pytest.mark.parametrize(
    "text",
    [
        "Access Denied, Invalid Token",
        "Invalid API token",
        "Unauthenticated.",
        "Unauthorized",
        "Token tidak valid",
    ],
)
@pytest.mark.parametrize("status", [200, 401, 403])
def test_a_refused_key_is_a_fault_of_the_account(text, status):
    for body in (v1(text), v1(text, "error", "message"), v2(text)):
        outcome = read(body, status)
        assert isinstance(outcome, Unauthorised)
        assert text in outcome.reason


def test_401_needs_no_words_and_a_refused_token_field_no_status():
    for body in (PAGE, "", {}, v2("Hmm")):
        assert isinstance(read(body, 401), Unauthorised)
    assert isinstance(
        read(v2("Invalid", api_token=["The api token is invalid."]), 422), Unauthorised
    )


@pytest.mark.parametrize(
    "text",
    [
        "Saldo tidak cukup",
        "Saldo anda habis",
        "Kredit tidak mencukupi",
        "Insufficient credit",
        "Insufficient credits, please top up",
        "Your credit is not enough",
    ],
)
@pytest.mark.parametrize("status", [200, 402, 403, 422, 500])
def test_an_empty_account_is_a_fault_of_the_account(text, status):
    for body in (v1(text), v2(text)):
        assert isinstance(read(body, status), OutOfCredits)


def test_402_needs_no_words():
    for body in (PAGE, "", {}, v2("Payment Required")):
        assert isinstance(read(body, 402), OutOfCredits)


@pytest.mark.parametrize(
    "text",
    ["Daily limit reached", "Kuota harian habis", "Limit 400 email per hari tercapai"],
)
@pytest.mark.parametrize("status", [200, 403, 429])
def test_a_daily_limit_lasts_until_the_accounts_next_day(text, status):
    for body in (v1(text), v2(text)):
        outcome = read(body, status)
        assert isinstance(outcome, QuotaReached)
        assert outcome.until == datetime(2026, 3, 1, 17, 0, tzinfo=UTC)  # midnight in Jakarta


@pytest.mark.parametrize("status", [200, 400, 422, 429])
@pytest.mark.parametrize(
    ("errors", "fault"),
    [
        ({"credits": ["Saldo tidak cukup"]}, OutOfCredits),
        ({"credits": ["is insufficient"], "subject": ["required"]}, OutOfCredits),
        ({"quota": "Daily limit reached"}, QuotaReached),
        ({"account": ["token expired"]}, Unauthorised),
    ],
    ids=str,
)
def test_a_fault_of_the_account_under_a_field_rejects_no_mail(errors, fault, status):
    for text in ("The given data was invalid.", ""):
        assert isinstance(read(v2(text, **errors), status), fault)


def test_words_under_a_field_of_the_mail_may_quote_it_and_shut_no_account():
    for text in ("The given data was invalid.", ""):
        outcome = read(v2(text, subject=["'Saldo habis, invalid token' looks like spam"]), 422)
        assert isinstance(outcome, Rejected)
        assert outcome.field == "subject"


@pytest.mark.parametrize(
    "text",
    [
        "Sender not approved",
        "from_email toko@example.com tidak terdaftar",
        "Domain belum verifikasi",
        "Your domain is not verified",
        "Invalid from email",
        "Email pengirim tidak valid",
    ],
)
@pytest.mark.parametrize("status", [200, 403, 422])
def test_a_sender_that_is_not_approved_holds_that_sender_only(text, status):
    for body in (v1(text), v2(text), v2("Validation failed", from_email=[text])):
        outcome = read(body, status)
        assert isinstance(outcome, SenderRefused)
        assert outcome.sender == SENDER


@pytest.mark.parametrize(
    "errors",
    [
        {"from_email": ["The selected from email is invalid."]},
        {"from_email": "The selected from email is invalid.", "subject": ["required"]},
        {"domain": ["unknown"]},
    ],
    ids=str,
)
def test_no_words_about_the_sender_field_reject_the_mail(errors):
    assert isinstance(read(v2("The given data was invalid.", **errors), 422), SenderRefused)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (v2("The given data was invalid.", recipient=["must be an email"]), 422, "recipient"),
        (v2("Validation failed", subject="The subject field is required."), 400, "subject"),
        (v2("Validation failed", content=[]), 200, "content"),
        (v2("Validation failed", attach1=["not a URL"]), 422, "attach1"),
        (v2("Validation failed", recipient=["domain tidak terdaftar"]), 422, "recipient"),
        ({"errors": {"something_new": ["is odd"]}}, 422, "something_new"),
        (v1("Invalid recipient"), 200, "recipient"),
        (v1("Email penerima tidak valid", "error", "message"), 200, "recipient"),
    ],
    ids=str,
)
def test_a_field_that_is_invalid_rejects_the_mail_and_is_named(body, status, field):
    outcome = read(body, status)
    assert isinstance(outcome, Rejected)
    assert outcome.field == field
    assert field in outcome.reason or "penerima" in outcome.reason


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (v1("Akun sedang dalam peninjauan"), 200),
        (v1("", "error"), 200),
        ({"status": "failed"}, 200),
        (v2("Something new happened"), 200),
        (v2("Something new happened"), 400),
        (v2("Something new happened"), 403),
        (v2("Something new happened"), 409),
        (v2("Something new happened"), 422),
        (v2("Odd", something_new=["is odd"]), 200),
        ({"success": False, "errors": ["a", "b"]}, 422),
        ({"error": {"message": "nested"}}, 400),
        ("Bad Request", 400),
        (PAGE, 400),
        (PAGE, 413),
    ],
    ids=str,
)
def test_an_answer_nobody_knows_is_deferred_with_its_text_and_one_alert(body, status):
    outcome = read(body, status)
    assert isinstance(outcome, Deferred)
    assert outcome.is_unknown_answer
    assert outcome.answer == (body if isinstance(body, str) else json.dumps(body))
    assert not outcome.is_provider_down


@pytest.mark.parametrize(
    "text",
    [
        "Template email tidak ditemukan",
        "Database error: table recipient does not exist",
        "Server email tidak ditemukan",
        "Koneksi ke mailbox server invalid",
        "Server penerima tidak ditemukan sementara",
        "penerima server salah konfigurasi, coba lagi",
        "Alamat email ini tidak valid untuk saat ini karena sistem sibuk",
        "SMTP: mailbox unavailable, invalid response from upstream",
        "Gagal menghubungi server penerima, alamat IP salah",
        "Recipient list invalid",
        "Waktu habis (timeout) saat memproses kredit",
        "0 kredit terpakai",
    ],
)
@pytest.mark.parametrize("status", [200, 422])
def test_words_about_a_machine_or_a_moment_lose_no_mail_and_pause_no_account(text, status):
    for body in (v1(text), v1(text, "error", "message"), v2(text)):
        outcome = read(body, status)
        assert isinstance(outcome, Deferred)
        assert outcome.is_unknown_answer
        assert text in outcome.reason


@pytest.mark.parametrize("status", [301, 302, 307, 308, 404, 405])
@pytest.mark.parametrize("body", [PAGE, "", {"message": "The route could not be found."}])
def test_a_wrong_address_is_named_and_shuts_the_provider(status, body):
    outcome = read(body, status)
    assert isinstance(outcome, Deferred)
    assert READER.address in outcome.reason
    assert outcome.is_provider_down
    assert outcome.is_unknown_answer


def test_the_text_is_found_where_each_version_puts_it():
    for body in (
        {"status": "failed", "response": "words"},
        {"status": "failed", "message": "words"},
        {"status": "failed", "message": ["words"]},
        {"status": "failed", "error": {"message": "words"}},
        {"status": "failed", "message": "", "response": " words "},
        {"success": False, "errors": {"general": ["words"]}},
    ):
        assert "words" in read(body).reason


def test_an_answer_is_kept_short_masked_and_storable():
    outcome = read({"status": "failed", "response": f"\x00 {KEY} " + "x" * 5_000})
    assert len(outcome.answer) == 2_000
    assert len(outcome.reason) < 600
    assert KEY not in repr(outcome)
    assert "s3cret\\/key" not in repr(read('{"status":"failed","response":"s3cret\\/key"}'))
    assert "\x00" not in outcome.reason
    assert "\x00" not in read("a\x00b").answer
    assert "\x00" not in read({"success": True, "data": {"message_id": "a\x00"}}).provider_ref


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["status", "success", "message", "response", "errors", "data", "credits", "error"]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
STATUSES = st.integers(min_value=200, max_value=599)


@given(body=JSON.map(json.dumps) | st.text() | st.binary(), status=STATUSES)
def test_every_answer_means_something_and_success_is_never_guessed(body, status):
    outcome = read(body, status)
    if isinstance(outcome, Accepted):
        assert status < 300
        said = json.loads(body)
        claims = [said.get("status"), said.get("success")]
        assert any(str(claim).strip().lower() in {"true", "success"} for claim in claims)
    assert len(outcome.answer) <= 2_000


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 120 ", 120),
        ("9" * 400, 86_400),
        ("Sun, 01 Mar 2026 16:31:00 GMT", 60),
        ("Sun, 01 Mar 2026 16:00:00 GMT", 0),
        ("Sun, 01 Mar 2126 16:00:00 GMT", 86_400),
        ("Sun, 01 Mar 2026 16:31:00 -0000", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
        ("Sun, 99 Mar 2026 16:31:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header, seconds):
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert retry_after(answer("", 503, **{"retry-after": header}), NOW) == expected


def test_without_retry_after_nothing_is_asked():
    assert retry_after(answer("", 503), NOW) is None


@pytest.mark.parametrize(
    ("now", "zone", "expected"),
    [
        (datetime(2026, 3, 1, 17, 0, tzinfo=UTC), JAKARTA, datetime(2026, 3, 2, 17, tzinfo=UTC)),
        (datetime(2026, 3, 1, 16, 59, tzinfo=UTC), JAKARTA, datetime(2026, 3, 1, 17, tzinfo=UTC)),
        (
            datetime(2026, 3, 28, 23, 30, tzinfo=UTC),  # the night the clocks go forward
            ZoneInfo("Europe/Berlin"),
            datetime(2026, 3, 29, 22, tzinfo=UTC),
        ),
    ],
    ids=str,
)
def test_the_next_day_begins_at_midnight_of_the_zone(now, zone, expected):
    assert next_midnight(now, zone) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (429405, 429405),
        ("429405", 429405),
        (0, 0),
        ("0", 0),
        (10**9 - 1, 10**9 - 1),
        (10**9, None),
        ("1000000000", None),
        ("1" * 5_000, None),
        (-1, None),
        ("-1", None),
        (1e9, None),
        ("1.000", None),
        ("٤٢", None),
        (True, None),
        (None, None),
        ({}, None),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_balance_is_a_whole_number_or_unknown(value, expected):
    assert plausible_balance(value) == expected


def test_a_key_is_masked_in_every_spelling_and_never_shown():
    key = Key.of("a/b&c d")
    text = "a/b&c d|a%2Fb%26c%20d|a%2Fb%26c+d|a\\/b&c d|a/b&amp;c d"
    assert key.masked(text) == "***|***|***|***|***"
    assert "b&c" not in repr(key)
    assert Key.of("").masked("abc") == "abc"
    assert Key.of("k").masked("Invalid Token, unknown key") == "Invalid Token, unknown key"


def test_a_key_source_reads_each_time_and_trims():
    words = ["one\n", "one", " two "]
    source = KeySource(lambda: words.pop(0))
    assert [source.current().text for _ in range(3)] == ["one", "one", "two"]


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Halo", "Halo"),
        ("a < b & c", "a &lt; b &amp; c"),
        ("satu\ndua\r\ntiga", "satu<br>\ndua<br>\ntiga"),
        ("a\n\nb", "a<br>\n<br>\nb"),
        ("a\tb", "a" + "&nbsp;" * 6 + " b"),
        ("", ""),
    ],
    ids=ascii,
)
def test_plain_text_looks_the_same_as_html(text, html):
    assert html_from_text(text) == html


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a</p>", "<p>a</p>"),
        ("<p>a</p>\r\n\t<p>b</p>\n", "<p>a</p> <p>b</p> "),
        ("a\n<pre>\n\tb\n</pre>\nc", "a <pre>\n\tb\n</pre> c"),
        ("<TEXTAREA rows=2>\na\n</TextArea >\nb", "<TEXTAREA rows=2>\na\n</TextArea > b"),
        ("<pre>a\n</pre>\n<pre>b\n</pre>", "<pre>a\n</pre> <pre>b\n</pre>"),
        ("<prefix>\na", "<prefix> a"),
        ("<pre>never\nclosed", "<pre>never closed"),
    ],
    ids=ascii,
)
def test_newlines_are_collapsed_only_where_html_ignores_them(html, expected):
    assert collapsed(html) == expected


def test_a_sender_without_a_name_is_shown_by_its_address():
    message = OutgoingMessage(
        id="1",
        email_id="1",
        recipient="b@example.org",
        sender=Address(SENDER),
        subject="s",
        html=None,
        text="t",
        attachment_urls=tuple("abcd"),
    )
    fields = fields_of(message, token=KEY, collapse=False)
    assert fields["from_name"] == SENDER
    assert fields["content"] == "t"
    assert [name for name in fields if name.startswith("attach")] == [
        "attach1",
        "attach2",
        "attach3",
    ]
