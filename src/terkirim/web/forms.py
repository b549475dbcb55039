"""What a form of ours sends: its fields, and the files of one that takes files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from litestar import Request
from litestar.datastructures import UploadFile
from litestar.exceptions import HTTPException

_MOST_FIELDS = 200
_PLAIN, _WITH_FILES = "application/x-www-form-urlencoded", "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Sent:
    """The fields of a form by name, and the contents of its files by the field's name."""

    fields: Mapping[str, str]
    files: Mapping[str, bytes] = field(default_factory=dict)


async def sent(request: Request[Any, Any, Any], *, takes_files: bool) -> Sent:
    """Return what was sent.

    Raises:
        ValueError: it is not in the form in which our pages send.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if takes_files and kind == _WITH_FILES:
        return await _with_files(request)
    body = await request.body()
    if body and kind != _PLAIN:
        raise ValueError(f"a form of the kind {kind}")
    pairs = parse_qsl(
        body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
    )
    return Sent({name: _storable(value) for name, value in pairs})


async def _with_files(request: Request[Any, Any, Any]) -> Sent:
    try:
        form = await request.form()
    except HTTPException as error:
        if error.status_code == 413:  # noqa: PLR2004 - it is too large, and says so itself
            raise
        raise ValueError(error.detail) from None
    fields, files = dict[str, str](), dict[str, bytes]()
    for name, value in form.items():
        if isinstance(value, UploadFile):
            files[name] = await value.read()
        else:
            fields[name] = _storable(str(value))
    return Sent(fields, files)


def _storable(text: str) -> str:
    return text.replace("\0", "")  # no database keeps one
