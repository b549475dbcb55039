"""Links to attachments: they show one file, for a week, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terkirim.content.outgoing import outgoing
from terkirim.content.signed_urls import LINK_FOR, AttachmentLink, Links, SigningKey
from terkirim.domain.email import Address, Attachment, Content, IfUnclear, Priority
from terkirim.domain.errors import BadSignature
from terkirim.domain.lease import Lease
from terkirim.ports import Work

NOW = datetime(2026, 8, 17, tzinfo=UTC)
KEY = SigningKey(b"k" * 32)
LINKS = Links(public_url="https://mail.contoh.id/gate/", key=KEY)
FILE = Attachment(filename="Kwitansi é/7.pdf", content_type="text/x", sha256="ab" * 32, size=3)
SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def token_of(url: str) -> str:
    return urlsplit(url).path.split("/")[3]


def test_a_link_shows_its_file_for_a_week():
    url = LINKS.url(FILE, now=NOW)
    token = token_of(url)

    assert url.startswith("https://mail.contoh.id/gate/a/")
    assert unquote(url.rpartition("/")[2]) == FILE.filename
    link = KEY.read(token, now=NOW + LINK_FOR - timedelta(seconds=1))
    assert (link.sha256, link.filename, link.content_type) == ("ab" * 32, FILE.filename, "text/x")
    with pytest.raises(BadSignature, match="expired"):
        KEY.read(token, now=NOW + LINK_FOR)


def test_a_link_is_signed_afresh_each_time():
    assert LINKS.url(FILE, now=NOW) != LINKS.url(FILE, now=NOW + timedelta(seconds=1))


def test_a_token_of_another_key_is_refused():
    with pytest.raises(BadSignature):
        SigningKey(b"j" * 32).read(token_of(LINKS.url(FILE, now=NOW)), now=NOW)


@given(st.data())
def test_no_changed_token_verifies(data):
    token = token_of(LINKS.url(FILE, now=NOW))
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from([one for one in SAFE if one != token[at]]))

    with pytest.raises(BadSignature):
        KEY.read(token[:at] + other + token[at + 1 :], now=NOW)


@pytest.mark.parametrize(
    "token", ["", "a", "é", "\ud800", "====", "a b", "A" * 100_000, "..", "A" * 60]
)
def test_nonsense_is_refused(token):
    with pytest.raises(BadSignature):
        KEY.read(token, now=NOW)


@given(st.text(max_size=300))
def test_any_text_is_refused(token):
    with pytest.raises(BadSignature):
        KEY.read(token, now=NOW)


def test_a_token_has_one_spelling():
    token = KEY.sign(AttachmentLink("ab", "a", "b", 2**40))

    for spelling in (token + "=", token + "==", token + "\n", f" {token}"):
        with pytest.raises(BadSignature):
            KEY.read(spelling, now=NOW)


def test_a_short_key_is_refused_and_no_key_is_shown():
    with pytest.raises(ValueError, match="at least 16 bytes"):
        SigningKey(b"short")
    assert "kkk" not in repr(LINKS)


WORK = Work(
    lease=Lease(
        message_id="m1",
        email_id="e1",
        number=1,
        provider="mailketing",
        until=NOW,
        route="default",
        position=0,
        step=0,
        waited_us=0,
        attempts=0,
        priority=Priority.NORMAL,
        if_unclear=IfUnclear.RESEND,
        created_at=NOW,
        due_at=NOW,
        ready_at=NOW,
        expires_at=None,
        sender="t@x.id",
    ),
    recipient="budi@contoh.id",
    variables={"name": "<Budi>"},
    sender=Address("t@x.id", "Toko"),
    subject="Halo {{ name }}",
    content=Content(id="c1", html="<p>{{ name }}", text="{{ name }}", is_template=True),
    reply_to=(Address("r@x.id"),),
    headers=(("X-A", "1"),),
    attachments=(FILE,),
)


def test_an_outgoing_message_is_rendered_and_its_links_signed():
    message = outgoing(WORK, links=LINKS, now=NOW)

    assert (message.id, message.email_id, message.recipient) == ("m1", "e1", "budi@contoh.id")
    assert (message.subject, message.html, message.text) == (
        "Halo <Budi>",
        "<p>&lt;Budi&gt;",
        "<Budi>",
    )
    assert (message.sender, message.reply_to, message.headers) == (
        WORK.sender,
        WORK.reply_to,
        WORK.headers,
    )
    assert message.attachment_urls == (LINKS.url(FILE, now=NOW),)


def test_literal_content_goes_out_as_it_is():
    literal = replace(WORK.content, is_template=False)
    message = outgoing(replace(WORK, content=literal), links=None, now=NOW)

    assert (message.subject, message.html) == ("Halo {{ name }}", "<p>{{ name }}")
    assert (message.attachments, message.attachment_urls) == ((FILE,), ())
