"""Pictures that travel in a mail itself: shown in its preview without anything being fetched."""

import base64
import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from terkirim.compose import Gateway
from terkirim.domain.email import Attachment
from terkirim.domain.errors import NotFound

SHOWN_AT_MOST = 10_000_000  # bytes of one letter's pictures, however often it names them
_CID = re.compile(r"""\bcid:([^"'\s)>]+)""", re.IGNORECASE)
_IMAGE = re.compile(r"image/[a-z0-9.+-]+")


async def with_pictures(gateway: Gateway, html: str, files: Iterable[Attachment]) -> str:
    """Return HTML in which each `cid:` of a kept picture is that picture; others stay as they are.

    A picture stands in it as a `data:` address: the frame it is shown in may fetch nothing.
    """
    pictures = {_name(one.content_id): one for one in files if one.content_id and _is_picture(one)}
    named = {_name(name) for name in _CID.findall(html)} & pictures.keys()
    if not named:
        return html
    shown = {name: await _address(gateway, pictures[name]) for name in sorted(named)}
    return _filled(html, {name: address for name, address in shown.items() if address})


def _filled(html: str, addresses: Mapping[str, str]) -> str:
    left = SHOWN_AT_MOST

    def picture(found: re.Match[str]) -> str:
        nonlocal left
        address = addresses.get(_name(found[1]), "")
        if not address or len(address) > left:
            return found[0]
        left -= len(address)
        return address

    return _CID.sub(picture, html)


async def _address(gateway: Gateway, picture: Attachment) -> str:
    """Return the picture as an address, "" where it is too large or not kept any more."""
    if picture.size > SHOWN_AT_MOST:
        return ""
    try:
        content = await gateway.store.attachment(picture.sha256)
    except NotFound:
        return ""
    return f"data:{picture.content_type.lower()};base64,{base64.b64encode(content).decode()}"


def _is_picture(one: Attachment) -> bool:
    return _IMAGE.fullmatch(one.content_type.lower()) is not None


def _name(content_id: str | None) -> str:
    return unquote(content_id or "").strip("<>").lower()
