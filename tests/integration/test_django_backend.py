"""Django's e-mail through a gateway: what is carried, what is refused, and where it goes."""

import asyncio
import base64
import contextlib
import json
from collections import Counter
from email.message import MIMEPart
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart

import django
import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage, EmailMultiAlternatives, send_mail
from django.test import override_settings
from django.utils.functional import lazystr

from terkirim.domain.errors import GatewayUnavailable, InvalidEmail
from terkirim.domain.message import State
from terkirim.integrations import django as backend
from terkirim.integrations.django import EmailBackend, fields_of
from tests.contract.provider_sockets import answering, http, serving

BACKEND = "terkirim.integrations.django.EmailBackend"
KEY = "tk_hush_hush_hush"
TAKEN = http('{"id":"e1"}')
NO = http('{"statusCode":422,"name":"validation_error","message":"`to`: no"}', status=422)

WAY = (
    {"MAILERS": {"default": {"BACKEND": BACKEND}}}
    if django.VERSION >= (6, 1)
    else {"EMAIL_BACKEND": BACKEND}
)

if not settings.configured:
    settings.configure(DEFAULT_FROM_EMAIL="Toko <toko@example.com>", USE_TZ=True, **WAY)


@pytest.fixture
def database(tmp_path, monkeypatch):
    monkeypatch.delenv("MAILKETING_API_KEY", raising=False)
    address = f"sqlite:///{tmp_path}/django.db"
    with override_settings(TERKIRIM_DATABASE=address):
        yield address
    backend._gateway(address).close()
    backend._gateway.cache_clear()


@contextlib.contextmanager
def served_by(served):
    url = f"http://127.0.0.1:{served.port}"
    with override_settings(TERKIRIM_URL=url, TERKIRIM_API_KEY=KEY):
        yield
    backend._client(url, KEY).close()
    backend._client.cache_clear()


def letter(**fields):
    return EmailMultiAlternatives(
        **{"subject": "Halo", "body": "Halo Budi", "to": ["budi@example.com"]} | fields
    )


def with_part(part):
    message = letter()
    message.attachments.append(part)  # older Django takes other kinds of part in `attach`
    return message


def body_of(request):
    return json.loads(request.partition(b"\r\n\r\n")[2])


async def test_send_mail_puts_an_email_on_the_gateways_disk():
    async with serving(answering(TAKEN)) as served:
        with served_by(served):
            count = await asyncio.to_thread(
                send_mail, "Halo", "teks", None, ["budi@example.com"], html_message="<p>x</p>"
            )
    assert count == 1
    assert body_of(served.requests[0]) == {
        "from": "Toko <toko@example.com>",
        "to": ["budi@example.com"],
        "subject": "Halo",
        "text": "teks",
        "html": "<p>x</p>",
    }
    assert f"Bearer {KEY}".encode() in served.requests[0]


async def test_the_id_is_left_on_the_message_and_one_connection_serves_many():
    messages = [letter(), letter(), letter(to=[])]
    async with serving(answering(TAKEN)) as served:
        with served_by(served):
            count = await asyncio.to_thread(EmailBackend().send_messages, messages)
            count += await asyncio.to_thread(letter().send)
    assert (count, messages[0].terkirim_id) == (3, "e1")
    assert (served.connections, len(served.requests)) == (1, 3)


async def test_options_of_a_mailer_beat_the_settings():
    async with serving(answering(TAKEN)) as served:
        with served_by(served), override_settings(TERKIRIM_URL="http://127.0.0.1:1"):
            one = EmailBackend(url=f"http://127.0.0.1:{served.port}")
            assert await asyncio.to_thread(one.send_messages, [letter()]) == 1


async def test_a_refusal_is_raised_or_passed_over_and_not_counted():
    async with serving(answering(NO, NO, TAKEN)) as served:
        with served_by(served):
            with pytest.raises(InvalidEmail, match="`to`: no"):
                await asyncio.to_thread(letter().send)
            silent = EmailBackend(fail_silently=True)
            assert await asyncio.to_thread(silent.send_messages, [letter(), letter()]) == 1


async def test_a_gateway_that_does_not_answer_as_one_is_silent_only_where_asked():
    page = http("<html>Sorry</html>", kind="text/html")
    async with serving(answering(page)) as served:
        with served_by(served):
            with pytest.raises(GatewayUnavailable):
                await asyncio.to_thread(letter().send)
            silent = EmailBackend(fail_silently=True)
            assert await asyncio.to_thread(silent.send_messages, [letter()]) == 0


@pytest.mark.parametrize(
    "given", [{}, {"TERKIRIM_URL": "http://h", "TERKIRIM_DATABASE": "sqlite:///x.db"}], ids=str
)
def test_settings_must_name_one_gateway_even_where_failures_are_silent(given):
    with override_settings(**given), pytest.raises(ImproperlyConfigured, match="one of the two"):
        EmailBackend(fail_silently=True).send_messages([letter()])


def test_nothing_to_send_is_nothing_sent():
    assert EmailBackend().send_messages([]) == 0
    assert EmailBackend().send_messages([letter(to=[])]) == 0


def test_a_database_of_the_process_takes_the_mail_and_sends_it(database):
    message = letter()
    assert message.send() == 1
    gateway = backend._gateway(database)
    (settled,) = gateway.wait_for(message.terkirim_id, within=20)
    assert settled.state is State.ACCEPTED


async def test_threads_that_send_at_once_open_one_database(database):
    counts = await asyncio.gather(*(asyncio.to_thread(letter().send) for _ in range(20)))
    assert Counter(counts) == {1: 20}
    assert backend._gateway.cache_info().currsize == 1


def test_every_field_of_a_message_is_carried():
    message = letter(
        subject=lazystr("Halo"),
        from_email="Kasir <kasir@example.com>",
        cc=["c@example.com"],
        bcc=["b@example.com"],
        reply_to=["Jawab <jawab@example.com>"],
        headers={"X-Order": 7},
    )
    message.attach_alternative("<p>x</p>", "text/html")
    assert fields_of(message) == {
        "sender": "Kasir <kasir@example.com>",
        "to": ["budi@example.com"],
        "cc": ["c@example.com"],
        "bcc": ["b@example.com"],
        "reply_to": ["Jawab <jawab@example.com>"],
        "subject": "Halo",
        "text": "Halo Budi",
        "html": "<p>x</p>",
        "headers": {"X-Order": "7"},
        "attachments": None,
    }


def test_a_body_may_be_html_itself():
    message = letter(body="<p>x</p>")
    message.content_subtype = "html"
    fields = fields_of(message)
    assert (fields["html"], "text" in fields) == ("<p>x</p>", False)


def test_headers_replace_sender_and_reply_to_as_django_says():
    fields = fields_of(
        letter(
            reply_to=["x@example.com"],
            headers={
                "From": "Kasir <kasir@example.com>",
                "reply-to": '"Budi, Toko" <a@example.com>, b@example.com',
            },
        )
    )
    assert fields["sender"] == "Kasir <kasir@example.com>"
    assert fields["reply_to"] == ['"Budi, Toko" <a@example.com>', "b@example.com"]
    assert fields["headers"] is None


def test_attachments_keep_name_type_and_bytes():
    message = letter()
    message.attach("a.csv", "nama\né", "text/csv")
    message.attach("b.bin", b"\x00\xff", "application/octet-stream")
    message.attach(None, b"%PDF", "application/pdf")
    message.attach("tak.txt", b"\xff\xfe", "text/plain")
    csv, binary, nameless, undecodable = fields_of(message)["attachments"]
    assert csv == {
        "filename": "a.csv",
        "content": "nama\né".encode(),
        "content_type": "text/csv; charset=utf-8",
    }
    assert (binary["content"], binary["content_type"]) == (b"\x00\xff", "application/octet-stream")
    assert nameless["filename"] == "attachment.pdf"
    assert (undecodable["content"], undecodable["content_type"]) == (
        b"\xff\xfe",
        "application/octet-stream",
    )


def test_an_image_that_the_html_shows_keeps_its_content_id():
    image = MIMEImage(b"\x89PNG", _subtype="png")
    image.add_header("Content-ID", "<logo>")
    (attachment,) = fields_of(with_part(image))["attachments"]
    assert attachment == {
        "filename": "attachment.png",
        "content": b"\x89PNG",
        "content_type": "image/png",
        "content_id": "logo",
    }


@pytest.mark.parametrize("form", ["django's", "python's", "text", "bytes"])
def test_a_letter_may_be_attached_to_a_letter(form):
    inner = EmailMessage("Dalam", "isi", "a@example.com", ["b@example.com"])
    forms = {
        "django's": inner,
        "python's": inner.message(),
        "text": inner.message().as_string(),
        "bytes": inner.message().as_bytes(),
    }
    message = letter()
    message.attach("surat.eml", forms[form], "message/rfc822")
    (attachment,) = fields_of(message)["attachments"]
    assert attachment["content_type"] == "message/rfc822"
    assert b"Subject: Dalam" in attachment["content"]


def test_a_part_of_many_parts_is_refused_and_so_is_a_body_that_has_no_field():
    with pytest.raises(InvalidEmail) as caught:
        fields_of(with_part(MIMEMultipart()))
    assert caught.value.field == "attachments"
    message = letter()
    message.attach_alternative("BEGIN:VCALENDAR", "text/calendar")
    with pytest.raises(InvalidEmail, match="text/calendar") as caught:
        fields_of(message)
    assert caught.value.field == "alternatives"
    message = letter()
    message.attach_alternative("one", "text/html")
    message.attach_alternative("two", "text/html")
    with pytest.raises(InvalidEmail, match="text/html"):
        fields_of(message)


def by_hand():
    part = MIMEBase("text", "csv", charset="utf-8")
    part.set_payload(base64.b64encode(b"a,b").decode())
    part.add_header("Content-Transfer-Encoding", "base64")
    part.add_header("Content-Disposition", "attachment", filename="a.csv")
    return part


def by_the_newer_classes():
    part = MIMEPart()
    part.set_content(b"a,b", "text", "csv", filename="a.csv")
    part.set_param("charset", "utf-8")
    return part


@pytest.mark.parametrize("made", [by_hand, by_the_newer_classes], ids=lambda one: one.__name__)
def test_a_part_that_was_built_is_decoded(made):
    part = made()
    (attachment,) = fields_of(with_part(part))["attachments"]
    assert attachment == {
        "filename": "a.csv",
        "content": b"a,b",
        "content_type": "text/csv; charset=utf-8",
        "content_id": None,
    }


def test_attachments_and_headers_reach_the_gateways_own_checks(database):
    message = letter(headers={"X-Order": "7"}, reply_to=["j@example.com"])
    message.attach("a.csv", "a,b", "text/csv")
    assert message.send() == 1
    stored = backend._gateway(database).get_email(message.terkirim_id)
    assert (stored.headers, stored.attachments[0].filename) == ((("X-Order", "7"),), "a.csv")
    with pytest.raises(InvalidEmail, match="written by the gateway itself"):
        letter(headers={"To": "lain@example.com"}).send()
