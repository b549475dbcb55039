"""What strangers wrote is shown whole and harmless; addresses and instants as readers want them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from terkirim.language import speak
from terkirim.web.cookies import is_own_origin, is_secure, notice_in, notice_text
from terkirim.web.moments import Moments
from terkirim.web.speaking import language_of
from terkirim.web.texts import coded, masked, one_line, plain, without_addresses

NOW = datetime(2026, 11, 24, 8, 4, 5, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Jakarta")


def moments(language):
    return Moments(speak(language), zone=ZONE, now=lambda: NOW)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Halo é 👩‍👧", "Halo é 👩‍👧"),
        ("gpj.\u202eexe", "gpj.⟦202E⟧exe"),
        ("a\u200bb\u2066c\x00d\x1b[31m", "a⟦200B⟧b⟦2066⟧c⟦0000⟧d⟦001B⟧[31m"),
        ("two\nlines\t", "two\nlines\t"),
    ],
)
def test_what_hides_is_made_visible(text, shown):
    assert plain(text) == shown


def test_a_line_of_a_table_is_one_line_and_not_endless():
    assert one_line("a\r\nb") == "a  b"
    assert one_line("x" * 400, most=10) == "x" * 10 + "…"


@pytest.mark.parametrize(
    ("address", "shown"),
    [("budi@example.com", "b•••@example.com"), ("@x", "•••@x"), ("odd", "•••"), ("", "•••")],
)
def test_a_masked_address_keeps_its_domain(address, shown):
    assert masked(address) == shown


def test_an_address_is_masked_in_a_sentence_whatever_its_case():
    text = without_addresses(
        "BUDI@example.com is unknown (budi@example.com)", "budi@example.com", ""
    )
    assert text == "b•••@example.com is unknown (b•••@example.com)"


def test_only_backticks_become_code():
    assert coded("set `A_B` <now>") == "set <code>A_B</code> &lt;now&gt;"


@pytest.mark.parametrize(
    ("language", "at", "short", "ago"),
    [
        ("en", "24 Nov 2026, 15:04:05", "15:04", "just now"),
        ("id", "24 Nov 2026, 15.04.05", "15.04", "baru saja"),
    ],
)
def test_instants_are_told_by_the_clock_on_the_wall(language, at, short, ago):
    told = moments(language)
    assert (told.at(NOW), told.short(NOW), told.ago(NOW)) == (at, short, ago)


def test_other_days_and_years_are_named():
    told = moments("id")
    assert told.short(NOW - timedelta(days=31)) == "24 Okt, 15.04"
    assert told.short(NOW - timedelta(days=365)) == "24 Nov 2025, 15.04"
    assert told.ago(NOW - timedelta(minutes=3)) == "3 menit lalu"
    assert told.ago(NOW + timedelta(hours=2)) == "2 jam lagi"


@pytest.mark.parametrize(
    ("query", "cookie", "accepted", "language"),
    [
        ({"lang": "en"}, "id", "id", ("en", True)),
        ({"lang": "fr"}, "en", "id", ("en", False)),
        ({}, None, "fr, en;q=0.5, id-ID;q=0.8", ("id", False)),
        ({}, None, "en-GB,en;q=0.9", ("en", False)),
        ({}, None, "en;q=0, fr", ("id", False)),
        ({}, None, "en;q=abc", ("id", False)),
        ({}, "xx", "", ("id", False)),
    ],
)
def test_the_language_is_chosen_by_address_cookie_browser_and_setting(
    query, cookie, accepted, language
):
    assert language_of(query, cookie, accepted, usual="id") == language


@pytest.mark.parametrize(
    ("headers", "public", "is_ours"),
    [
        ({"host": "a.example"}, None, True),
        ({"host": "a.example", "origin": "http://a.example"}, None, True),
        ({"host": "a.example", "origin": "http://b.example"}, None, False),
        ({"host": "a.example", "origin": "null"}, None, False),
        ({"host": "10.0.0.1:8625", "origin": "https://m.example"}, "https://m.example", True),
        ({"host": "a.example", "sec-fetch-site": "cross-site"}, None, False),
        ({"host": "a.example", "sec-fetch-site": "same-site"}, None, False),
        ({"host": "a.example", "sec-fetch-site": "same-origin"}, None, True),
    ],
)
def test_a_change_is_taken_from_our_own_pages_only(headers, public, is_ours):
    assert is_own_origin(headers, public_url=public) is is_ours


@pytest.mark.parametrize(
    ("headers", "scheme", "public", "secure"),
    [
        ({}, "https", None, True),
        ({}, "http", "https://m.example", False),
        ({"x-forwarded-proto": "https"}, "http", "https://m.example", True),
        ({"x-forwarded-proto": "https"}, "http", None, False),
        ({"x-forwarded-proto": "https, http"}, "http", "https://m.example", False),
    ],
)
def test_cookies_are_secure_where_the_browser_speaks_tls(headers, scheme, public, secure):
    assert is_secure(headers, scheme=scheme, public_url=public) is secure


def test_a_notice_survives_its_cookie():
    assert notice_in({"terkirim_notice": notice_text("Sampai; é=1")}) == "Sampai; é=1"
