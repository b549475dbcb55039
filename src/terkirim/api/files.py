"""Attachments: listed for their owner, and handed to whoever has a signed link."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from terkirim.api import schemas
from terkirim.api.describing import described
from terkirim.api.errors import json_answer
from terkirim.api.requests import Http, Keys
from terkirim.compose import Gateway
from terkirim.content.signed_urls import LINK_FOR, Links
from terkirim.domain.email import Attachment
from terkirim.domain.errors import NotFound

LIST = described(answers=schemas.FileList, scope="read")
SHOW = described(answers=schemas.SingleFile, scope="read")
HAND_OUT = described(answers=None, media_type="*/*", errors=(403,))


def file_routes(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    """Return the handlers of attachments."""
    store, clock = gateway.store, gateway.clock

    @get("/v1/emails/{email_id:str}/attachments", opt=LIST)
    async def list_attachments(request: Http, email_id: FromPath[str]) -> Response[bytes]:
        """List an e-mail's attachments, each with a link that works for seven days."""
        await keys.owner(request, "read")
        email = await store.email(email_id, with_content=False)
        links, now = _links(gateway, request), clock.now()
        data = [_shape(id_, one, links, now) for id_, one in _by_id(email.attachments).items()]
        return json_answer({"object": "list", "has_more": False, "data": data})

    @get("/v1/emails/{email_id:str}/attachments/{attachment_id:str}", opt=SHOW)
    async def show_attachment(
        request: Http, email_id: FromPath[str], attachment_id: FromPath[str]
    ) -> Response[bytes]:
        """Tell of one attachment; its id is the SHA-256 of its bytes, and `-2` for their second."""
        await keys.owner(request, "read")
        email = await store.email(email_id, with_content=False)
        one = _by_id(email.attachments).get(attachment_id)
        if one is None:
            raise NotFound("this e-mail has no such attachment")
        shape = _shape(attachment_id, one, _links(gateway, request), clock.now())
        return json_answer({"object": "attachment", **shape})

    @get(["/a/{token:str}", "/a/{token:str}/{name:str}"], opt=HAND_OUT)
    async def attachment(
        token: FromPath[str], name: FromPath[str | None] = None
    ) -> Response[bytes]:
        """Hand out the bytes that a signed link shows."""
        del name  # it stands in the address for the provider's sake; the token has the true one
        link = gateway.signing_key.read(token, now=clock.now())
        return Response(
            await store.attachment(link.sha256),
            media_type=link.content_type,
            headers={"x-content-type-options": "nosniff", "content-disposition": "attachment"},
        )

    return [list_attachments, show_attachment, attachment]


def _links(gateway: Gateway, request: Http) -> Links:
    """Return what signs links: below the public address, else below the one that was asked."""
    here = str(request.base_url)
    return Links(public_url=gateway.settings.public_url or here, key=gateway.signing_key)


def _by_id(attachments: Sequence[Attachment]) -> dict[str, Attachment]:
    """Return the attachments by id, in their order: the same bytes twice are two attachments."""
    times: Counter[str] = Counter()
    found = {}
    for one in attachments:
        times[one.sha256] += 1
        number = times[one.sha256]
        found[one.sha256 if number == 1 else f"{one.sha256}-{number}"] = one
    return found


def _shape(id_: str, one: Attachment, links: Links, now: datetime) -> dict[str, Any]:
    return {
        "id": id_,
        "filename": one.filename,
        "content_type": one.content_type,
        "content_id": one.content_id,
        "content_disposition": "attachment" if one.content_id is None else "inline",
        "size": one.size,
        "download_url": links.url(one, now=now),
        "expires_at": (now + LINK_FOR).isoformat(),
    }
