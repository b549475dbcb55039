"""What people type into the search box is read as they meant it, or refused with the part named."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terkirim.domain.message import State
from terkirim.domain.search import AddressWish, Part, Search, Word
from terkirim.language import speak
from terkirim.reports.asking import LONGEST, BadSearch, asked

NOW = datetime(2026, 8, 17, 3, 0, tzinfo=UTC)  # 10:00 in Jakarta
ZONE = ZoneInfo("Asia/Jakarta")
MIDNIGHT = datetime(2026, 8, 16, 17, 0, tzinfo=UTC)
ID = "01a20e51-3314-7a5d-a59d-96565e3b57ed"


def read(text):
    return asked(text, now=NOW, zone=ZONE)


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("to:Budi@Example.com", AddressWish("budi@example.com", Part.WHOLE)),
        ("to:bud", AddressWish("bud", Part.START)),
        ("to:budi.s", AddressWish("budi.s", Part.START_OR_DOMAIN)),
        ("to:budi@exa", AddressWish("budi@exa", Part.START)),
        ("to:budi@example.c*", AddressWish("budi@example.c", Part.START)),
        ("to:@example.com", AddressWish("example.com", Part.DOMAIN)),
        ("to:*@example.com", AddressWish("example.com", Part.DOMAIN)),
        ("kepada:bud", AddressWish("bud", Part.START)),
        ("budi@example.com", AddressWish("budi@example.com", Part.WHOLE)),
    ],
)
def test_an_address_may_be_whole_begun_or_a_domain(text, wish):
    assert read(text) == Search(to=(wish,))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", Search()),
        ("  ", Search()),
        ("from:toko@example.com", Search(sender=(AddressWish("toko@example.com", Part.WHOLE),))),
        ("subject:Pesanan", Search(words=(Word("pesanan"),))),
        ('subject:"Kode Masuk"', Search(words=(Word("kode"), Word("masuk")))),
        ("pesan*", Search(words=(Word("pesan", is_start=True),))),
        ("Re: kode", Search(words=(Word("re"), Word("kode")))),
        ('"a:b"', Search(words=(Word("a"), Word("b")))),
        ("tag:kind=otp", Search(tags=("kind=otp",))),
        (f"id:{ID}", Search(ids=(ID,))),
        (ID.upper(), Search(ids=(ID,))),
        ("state:dead,held", Search(states=frozenset({State.DEAD, State.HELD}))),
        ("state:sandbox", Search(is_sandbox=True)),
        ("STATE:Dead", Search(states=frozenset({State.DEAD}))),
        ("after:24h", Search(after=NOW - timedelta(hours=24))),
        ("before:2w", Search(before=NOW - timedelta(weeks=2))),
        ("after:today", Search(after=MIDNIGHT)),
        ("after:kemarin", Search(after=MIDNIGHT - timedelta(days=1))),
        ("after:2026-08-17", Search(after=MIDNIGHT)),
        ("after:2026-08-17T10:00", Search(after=NOW)),
        ("after:2026-08-17T03:00Z", Search(after=NOW)),
    ],
)
def test_each_part_of_the_grammar_is_read(text, wanted):
    assert read(text) == wanted


def test_parts_are_joined():
    found = read("to:@example.com state:dead after:7d pesanan")
    assert found == Search(
        to=(AddressWish("example.com", Part.DOMAIN),),
        states=frozenset({State.DEAD}),
        after=NOW - timedelta(days=7),
        words=(Word("pesanan"),),
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("state:gone", "`state:gone`"),
        ("foo:bar", "`foo:`"),
        ("after:soon", "`after:soon`"),
        ("before:2026-13-01", "`before:2026-13-01`"),
        ("after:", "after:7d"),
        ("sesudah: 7d", "after:7d"),
        ("to: budi", "to:budi@example.com"),
        ('to:""', "`to:`"),
        ("to:@", "`to:`"),
        ("state:,", "state:dead"),
        ("subject:*", "`subject:`"),
        ("x" * (LONGEST + 1), "500"),
    ],
)
def test_what_cannot_be_understood_is_named(text, named):
    with pytest.raises(BadSearch) as refused:
        read(text)
    for language in ("id", "en"):
        assert named in speak(language)(refused.value.says)


@given(st.text(max_size=LONGEST))
def test_any_text_is_read_or_refused(text):
    with suppress(BadSearch):
        assert isinstance(read(text), Search)
