"""Attachments as callers send them: decoded, named safely, known by the hash of their bytes."""

import base64
import binascii
import hashlib
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from terkirim.content.fields import shown
from terkirim.content.texts import line, spoken_type
from terkirim.domain.email import Attachment
from terkirim.domain.errors import InvalidEmail

_MAX_ATTACHMENTS = 50
_NAME_LIMIT = 255  # bytes: what file systems take
_CONTENT_TYPE = re.compile(
    r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}"
    r"(?:; ?[A-Za-z0-9-]{1,40}=[A-Za-z0-9_.+-]{1,70})*\Z",
    re.ASCII,
)
_CONTENT_ID = re.compile(r"[!-;=?-~]{1,200}\Z", re.ASCII)
_WHITESPACE = re.compile(rb"[\r\n\t ]+")
_KIND = "invalid_attachment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The attachments of one email, and their bytes by SHA-256 in hex."""

    attachments: tuple[Attachment, ...]
    contents: Mapping[str, bytes]


NO_FILES = Files(attachments=(), contents=MappingProxyType({}))


def read_attachments(value: object, *, limit: int) -> Files:
    """Return the decoded attachments.

    `content` may be bytes, base64 text, a list of byte values (resend-python) or a Node Buffer; an
    empty one is an empty file.
    `limit` is in bytes of all attachments together, decoded.

    Raises:
        InvalidEmail: one has no name or content, cannot be decoded, or they are too large.
    """
    if value is None:
        return NO_FILES
    if not isinstance(value, list | tuple):
        raise _refused("attachments", f"must be a list of objects, not {spoken_type(value)}")
    if len(value) > _MAX_ATTACHMENTS:
        problem = f"there are {len(value)}; at most {_MAX_ATTACHMENTS} are taken"
        raise _refused("attachments", problem)
    if not value:
        return NO_FILES
    contents: dict[str, bytes] = {}
    attachments = []
    left = limit
    for at, one in enumerate(value):
        field = f"attachments[{at}]"
        attachment, content = _read_one(one, field, limit=left)
        left -= len(content)
        contents[attachment.sha256] = content
        attachments.append(attachment)
    return Files(attachments=tuple(attachments), contents=contents)


def _read_one(value: object, field: str, *, limit: int) -> tuple[Attachment, bytes]:
    if not isinstance(value, Mapping):
        problem = f"must be an object with `filename` and `content`, not {spoken_type(value)}"
        raise _refused(field, problem)
    _refuse_path(value, f"{field}.path")
    filename = _filename(value.get("filename"), f"{field}.filename")
    content = _decoded(value.get("content"), f"{field}.content")
    if len(content) > limit:
        raise _refused(field, "makes the attachments of this email too large; send a link instead")
    found = Attachment(
        filename=filename,
        content_type=_content_type(value.get("content_type"), f"{field}.content_type", filename),
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        content_id=_content_id(value, field),
    )
    return found, content


def _refuse_path(value: Mapping[Any, Any], field: str) -> None:
    """Whatever was fetched has its `content` in place of its `path` by now."""
    content, path = value.get("content"), value.get("path")
    if path is None or (path == "" and content is not None):
        return
    if content is None:
        raise _refused(field, "is not fetched here; send the file itself as base64 in `content`")
    raise _refused(field, "is given beside `content`; keep the one that holds the file")


def _decoded(value: object, field: str) -> bytes:
    match value:
        case None:
            raise InvalidEmail(field, "is missing", kind="missing_required_field")
        case bytes() | bytearray() | memoryview():
            return bytes(value)
        case str():
            return _from_base64(value, field)
        case list() | tuple():
            return _from_numbers(value, field)
        case {"type": "Buffer", "data": list(numbers)}:
            return _from_numbers(numbers, field)
    problem = f"must be base64 text, or a list of byte values, not {spoken_type(value)}"
    raise _refused(field, problem)


def _from_base64(value: str, field: str) -> bytes:
    try:
        compact = _WHITESPACE.sub(b"", value.encode("ascii"))
        return base64.b64decode(compact, validate=True)
    except (binascii.Error, UnicodeEncodeError):
        problem = "is not base64; encode the bytes of the file, without a `data:` prefix"
        raise _refused(field, problem) from None


def _from_numbers(values: list[Any] | tuple[Any, ...], field: str) -> bytes:
    wanted = "must hold whole numbers from 0 to 255 only"
    if bool in set(map(type, values)):  # which Python takes for 0 and 1
        raise _refused(field, wanted)
    try:
        return bytes(values)
    except (TypeError, ValueError):
        raise _refused(field, wanted) from None


def _filename(value: object, field: str) -> str:
    if value is None or value == "":
        raise InvalidEmail(field, "is missing", kind="missing_required_field")
    text = line(value, field, kind=_KIND)
    # Callers pass whole paths of their own machine; only the last part says anything to a reader.
    name = text.replace("\\", "/").rpartition("/")[2].strip()
    if name in {"", ".", ".."}:
        raise _refused(field, f"`{shown(text)}` is no file name")
    if len(name.encode()) > _NAME_LIMIT:
        raise _refused(field, f"is longer than {_NAME_LIMIT} bytes")
    return name


def _content_type(value: object, field: str, filename: str) -> str:
    if value is None or value == "":
        return mimetypes.guess_type(filename, strict=False)[0] or "application/octet-stream"
    if not isinstance(value, str) or not _CONTENT_TYPE.match(value):
        raise _refused(field, "must look like application/pdf; leave it out to have it guessed")
    return value


def _content_id(value: Mapping[Any, Any], field: str) -> str | None:
    given = value.get("content_id")
    if given is None:
        given = value.get("inline_content_id")  # resend-python's other name for it
    if given is None:
        return None
    if not isinstance(given, str) or not _CONTENT_ID.match(given):
        problem = "must be up to 200 visible ASCII characters without `<` and `>`"
        raise _refused(f"{field}.content_id", problem)
    return given


def _refused(field: str, problem: str) -> InvalidEmail:
    return InvalidEmail(field, problem, kind=_KIND)
