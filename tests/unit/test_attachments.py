"""Attachments: every form the SDKs send, and names that lead nowhere."""

import base64
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terkirim.content.attachments import read_attachments
from terkirim.domain.errors import InvalidEmail

CONTENT = bytes(range(256))
TEXT = base64.b64encode(CONTENT).decode()


def read(*attachments, limit=1_000_000):
    return read_attachments(list(attachments), limit=limit)


def one(**changes):
    return read({"filename": "a.pdf", "content": CONTENT} | changes).attachments[0]


def refused(value, limit=1_000):
    with pytest.raises(InvalidEmail) as caught:
        read_attachments(value, limit=limit)
    return caught.value


@pytest.mark.parametrize(
    "content",
    [
        CONTENT,
        bytearray(CONTENT),
        TEXT,
        "\r\n".join(TEXT[at : at + 76] for at in range(0, len(TEXT), 76)),
        list(CONTENT),
        {"type": "Buffer", "data": list(CONTENT)},
    ],
    ids=["bytes", "bytearray", "base64", "base64 in lines", "numbers", "node buffer"],
)
def test_every_wire_form_gives_the_same_bytes(content):
    files = read({"filename": "a.pdf", "content": content})
    (attachment,) = files.attachments

    assert attachment.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert attachment.size == 256
    assert files.contents == {attachment.sha256: CONTENT}


@pytest.mark.parametrize("content", [b"", bytearray(), "", [], (), {"type": "Buffer", "data": []}])
def test_an_empty_file_is_a_file_in_every_form(content):
    (attachment,) = read({"filename": "a.txt", "content": content, "path": ""}).attachments
    assert attachment.size == 0


def test_a_file_without_content_is_refused():
    fault = refused([{"filename": "a.txt"}])
    assert (fault.field, fault.kind) == ("attachments[0].content", "missing_required_field")


@given(st.binary(max_size=64))
def test_what_the_sdks_send_comes_back(content):
    python = json.loads(json.dumps({"filename": "a", "content": list(content)}))
    node = {"filename": "b", "content": {"type": "Buffer", "data": list(content)}}
    text = {"filename": "c", "content": base64.b64encode(content).decode()}

    assert [*read(python, node, text).contents.values()] == [content]


@pytest.mark.parametrize("value", [None, [], ()])
def test_no_attachments_are_none(value):
    assert read_attachments(value, limit=0).attachments == ()


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("laporan.pdf", "laporan.pdf"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\Users\\Budi\\Kwitansi 7.pdf", "Kwitansi 7.pdf"),
        ("laporan é 🧾.pdf", "laporan é 🧾.pdf"),
    ],
)
def test_a_name_has_no_path(given_name, kept):
    assert one(filename=given_name).filename == kept


@pytest.mark.parametrize(
    ("changes", "content_type"),
    [
        ({}, "application/pdf"),
        ({"filename": "a.zzz"}, "application/octet-stream"),
        ({"filename": "a"}, "application/octet-stream"),
        ({"content_type": "text/csv; charset=utf-8"}, "text/csv; charset=utf-8"),
    ],
)
def test_the_content_type_is_given_or_guessed_from_the_name(changes, content_type):
    assert one(**changes).content_type == content_type


def test_a_content_id_has_two_names():
    assert one(content_id="logo").content_id == "logo"
    assert one(inline_content_id="logo@x").content_id == "logo@x"
    assert one().content_id is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"content": "not base64!"}, "attachments[0].content"),
        ({"content": "YQ"}, "attachments[0].content"),
        ({"content": "data:text/plain;base64,YQ=="}, "attachments[0].content"),
        ({"content": "é"}, "attachments[0].content"),
        ({"content": [256]}, "attachments[0].content"),
        ({"content": [-1]}, "attachments[0].content"),
        ({"content": [True]}, "attachments[0].content"),
        ({"content": {"type": "Buffer", "data": [1, False]}}, "attachments[0].content"),
        ({"path": "https://example.com/a.pdf"}, "attachments[0].path"),
        ({"content": "", "path": "https://example.com/a.pdf"}, "attachments[0].path"),
        ({"content": ["a"]}, "attachments[0].content"),
        ({"content": {"type": "Buffer"}}, "attachments[0].content"),
        ({"content": 5}, "attachments[0].content"),
        ({"content": None, "path": "http://169.254.169.254/"}, "attachments[0].path"),
        ({"filename": ".."}, "attachments[0].filename"),
        ({"filename": "a/"}, "attachments[0].filename"),
        ({"filename": 5}, "attachments[0].filename"),
        ({"filename": "é" * 128}, "attachments[0].filename"),
        ({"content_type": "pdf"}, "attachments[0].content_type"),
        ({"content_type": "text/html\r\nX: y"}, "attachments[0].content_type"),
        ({"content_id": "<a>"}, "attachments[0].content_id"),
        ({"content_id": ""}, "attachments[0].content_id"),
        ({"content_id": 5}, "attachments[0].content_id"),
    ],
)
def test_a_fault_names_the_place(changes, field):
    fault = refused([{"filename": "a", "content": "YQ=="} | changes])

    assert (fault.field, fault.kind) == (field, "invalid_attachment")


def test_all_attachments_together_are_bounded():
    attachments = [
        {"filename": "a", "content": b"x" * 500},
        {"filename": "b", "content": b"y" * 501},
    ]

    assert read_attachments(attachments, limit=1_001).attachments
    assert refused(attachments).field == "attachments[1]"
    assert refused([{"filename": "a", "content": b"x"}] * 51).field == "attachments"
    assert refused(["a"]).field == "attachments[0]"
