"""Where providers post what became of mail: `/api/webhooks/mailketing`.

A plain ASGI handler: callbacks come by the thousand, and need nothing of the rest of the door.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import asgi
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from terkirim.api import schemas
from terkirim.api.asgi import App
from terkirim.api.describing import TEXT, Described, Operation, described_by_method
from terkirim.api.errors import answer_to
from terkirim.compose import Gateway
from terkirim.domain.errors import BadSignature, StoreUnavailable
from terkirim.tracking.ingest import BODY_LIMIT, Intake, Unreadable
from terkirim.tracking.signature import Shown

PATH = "/api/webhooks/mailketing"
RETRY_AFTER = b"5"  # seconds
_PROVIDER = "mailketing"
_TOKEN, _SIGNATURE = b"x-mailketing-token", b"x-mailketing-signature"
_LENGTH = b"content-length"
_CHALLENGES = ("challenge", "hub.challenge")
_CHALLENGE_LIMIT = 200  # characters
_TAKEN = b'{"received":true}'
CALLBACKS = described_by_method(
    Operation(
        "POST",
        "take_callback",
        "Keep what the provider says of a mail, and apply it soon after.\n\n"
        "It is on disk before the answer; a repeat is answered the same and counts once.",
        Described(
            takes=schemas.Callback,
            takes_as=("application/json", "application/x-www-form-urlencoded"),
            answers=schemas.CallbackTaken,
            scheme="callback",
            errors=(401,),
        ),
    ),
    Operation(
        "GET",
        "verify_callbacks",
        "Answer whoever looks whether this address is right: a challenge, or OK.",
        Described(
            answers=None,
            media_type="text/plain",
            errors=(401,),
            query={
                "challenge": (TEXT, "Is answered as it is."),
                "secret": (TEXT, "Need not be shown; a wrong one is refused."),
            },
        ),
    ),
)
_JSON, _TEXT = b"application/json", b"text/plain; charset=utf-8"


def callback_routes(gateway: Gateway) -> list[ASGIRouteHandler]:
    """Return the handler of the provider's callbacks, which describes them too."""
    answered = callbacks(gateway)

    @asgi(PATH, copy_scope=False, opt=CALLBACKS)
    async def mailketing(scope: Scope, receive: Receive, send: Send) -> None:
        await answered(scope, receive, send)

    return [mailketing]


def callbacks(gateway: Gateway) -> App:
    """Return what takes callbacks, and shows that they are taken here."""
    intake = gateway.tracking.intake

    async def answered(scope: Any, receive: Any, send: Any) -> None:
        method = scope.get("method", "")
        try:
            if method == "POST":
                await _take(intake, scope, receive, send)
            elif method in {"GET", "HEAD"}:
                await _verify(intake, scope, send)
            else:
                await _refuse(send, 405, "method_not_allowed", "callbacks are posted here")
        except Exception as error:  # noqa: BLE001 - as the framework does: each has its answer
            answer = answer_to(error)
            await _answer(send, answer.status_code or 500, answer.content)

    return answered


async def _take(intake: Intake, scope: Scope, receive: Receive, send: Send) -> None:
    try:
        headers = dict(scope["headers"])
        shown = _shown(headers, scope["query_string"])
        # The secret first: whoever does not know it does not get a body read.
        is_admitted = intake.admit(_PROVIDER, shown)
        body = await _body(intake, headers, receive)
        await intake.take(_PROVIDER, body, signed=None if is_admitted else shown)
    except BadSignature as error:
        await _refuse(send, 401, "invalid_access", str(error))
    except Unreadable as error:
        await _refuse(send, 400, "validation_error", str(error))
    except StoreUnavailable as error:
        await _refuse(send, 503, "service_unavailable", f"nothing was stored: {error}")
    else:
        await _answer(send, 200, _TAKEN)


async def _verify(intake: Intake, scope: Scope, send: Send) -> None:
    """Answer whoever looks whether this address is right; a secret that is shown must be."""
    query = _query(scope["query_string"])
    shown = _shown(dict(scope["headers"]), scope["query_string"])
    if shown.token is not None or shown.secret is not None:
        try:
            intake.admit(_PROVIDER, shown)
        except BadSignature as error:
            await _refuse(send, 401, "invalid_access", str(error))
            return
    asked = next((query[name] for name in _CHALLENGES if query.get(name)), "OK")
    text = "".join(one for one in asked[:_CHALLENGE_LIMIT] if one.isprintable())
    await _answer(send, 200, text.encode(), kind=_TEXT)


def _shown(headers: Mapping[bytes, bytes], query_string: bytes) -> Shown:
    token, signature = headers.get(_TOKEN), headers.get(_SIGNATURE)
    return Shown(
        token=None if token is None else token.decode("utf-8", "replace"),
        secret=_query(query_string).get("secret") if query_string else None,
        signature=None if signature is None else signature.decode("latin-1"),
    )


@lru_cache(maxsize=16)  # a provider's address has the same one each time
def _query(query_string: bytes) -> Mapping[str, str]:
    return dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))


async def _body(intake: Intake, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    length = headers.get(_LENGTH, b"0")
    if not length.isdigit() or int(length) > BODY_LIMIT:
        raise intake.too_large(_PROVIDER)
    parts: list[bytes] = []
    size, is_more = 0, True
    while is_more:
        message: Any = await receive()
        part: bytes = message.get("body", b"")
        is_more = message.get("more_body", False)
        size += len(part)
        if size > BODY_LIMIT:
            raise intake.too_large(_PROVIDER)
        parts.append(part)
    return b"".join(parts)


async def _refuse(send: Send, status: int, name: str, message: str) -> None:
    body = msgspec.json.encode({"statusCode": status, "name": name, "message": message})
    await _answer(send, status, body)


async def _answer(send: Send, status: int, body: bytes, *, kind: bytes = _JSON) -> None:
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    if status == 503:  # noqa: PLR2004 - HTTP's own
        headers.append((b"retry-after", RETRY_AFTER))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
