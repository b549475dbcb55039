"""`/v1/emails`: Resend's routes, so that its SDKs work by a change of URL."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Response, get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from terkirim.api import schemas
from terkirim.api.asked import page_of
from terkirim.api.describing import PAGE, TEXT, YES_OR_NO, described
from terkirim.api.errors import Refused, json_answer
from terkirim.api.requests import Http, Keys, draft_of, json_of, wants_force, wants_strict
from terkirim.api.shapes import answer_with_suppressed, email_shape
from terkirim.compose import Gateway
from terkirim.content.times import read_scheduled_at
from terkirim.delivery.submit import idempotency_key
from terkirim.domain.email import Draft, Email
from terkirim.domain.errors import InvalidEmail
from terkirim.ports import IdempotencyKey

BATCH_LIMIT = 100
TAKING = {
    "strict": (YES_OR_NO, "Refuse fields that nobody reads, instead of warning of them."),
    "force": (YES_OR_NO, "Take a broadcast that the credits do not pay."),
}
KEY = {"idempotency-key": ({**TEXT, "minLength": 1, "maxLength": 256}, "Kept for 24 hours.")}
MODE = {
    "x-batch-validation": (
        {**TEXT, "enum": ["strict", "permissive"]},
        "Permissive: the good ones are taken, and the bad ones listed.",
    )
}
OF_AN_EMAIL = ("show_email", "move_email", "cancel_email", "list_attachments")
OF_A_MESSAGE = ("show_message", "cancel_message", "accept_message", "requeue_message")
SEND = described(
    takes=schemas.EmailBody,
    answers=schemas.Receipt,
    scope="send",
    leads_to=dict.fromkeys(OF_AN_EMAIL, "email_id") | dict.fromkeys(OF_A_MESSAGE, "message_id"),
    query=TAKING,
    headers=KEY,
    errors=(409,),
)
SEND_BATCH = described(
    takes=schemas.Batch,
    answers=schemas.BatchReceipt,
    scope="send",
    query=TAKING,
    headers=KEY | MODE,
    errors=(409,),
)
MOVE = described(takes=schemas.MoveBody, answers=schemas.EmailChanged, scope="send", errors=(409,))
CANCEL = described(answers=schemas.EmailCancelled, scope="send", errors=(409,))


def email_routes(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    """Return the handlers of `/v1/emails`."""
    return [
        *_taking(gateway, keys),
        *_telling(gateway, keys),
        *_changing(gateway, keys),
    ]


def sending(gateway: Gateway, keys: Keys) -> Callable[[Http], Awaitable[Response[bytes]]]:
    """Return what answers `POST /v1/emails`."""

    async def send(request: Http) -> Response[bytes]:
        owner = await keys.owner(request, "send")
        body = await json_of(request)
        draft, warnings = draft_of(body, is_strict=wants_strict(request))
        key = _key(request, owner, "POST /v1/emails", body)

        def answer(emails: Sequence[Email]) -> dict[str, Any]:
            return _receipt(gateway, emails[0], warnings)

        return await _submitted(gateway, request, [draft], owner=owner, answer=answer, key=key)

    return send


async def _submitted(
    gateway: Gateway,
    request: Http,
    drafts: Sequence[Draft],
    *,
    owner: str,
    answer: Callable[[Sequence[Email]], Any],
    key: IdempotencyKey | None,
) -> Response[bytes]:
    """Put drafts on disk, and answer what is kept with their key."""
    submitted = await gateway.send(
        drafts,
        owner=owner,
        answer=answer,
        answer_with=answer_with_suppressed,
        key=key,
        is_forced=wants_force(request),
    )
    return json_answer(submitted.answer)


def _taking(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    clock, take = gateway.clock, sending(gateway, keys)

    @post("/v1/emails", status_code=200, opt=SEND)
    async def send(request: Http) -> Response[bytes]:
        """Put an e-mail on disk; it is sent from there."""
        return await take(request)

    @post("/v1/emails/batch", status_code=200, opt=SEND_BATCH)
    async def batch(request: Http) -> Response[bytes]:
        """Put up to a hundred e-mails on disk, all or none; permissive: the good ones."""
        owner = await keys.owner(request, "send")
        body = await json_of(request)
        is_permissive = _is_permissive(request)
        key = _key(request, owner, "POST /v1/emails/batch", body)
        if key is not None and (known := await gateway.store.repeat_of(key, now=clock.now())):
            return json_answer(known.answer)
        read = await _read_batch(
            gateway, owner, body, is_strict=wants_strict(request), skips=is_permissive
        )

        def answer(emails: Sequence[Email]) -> dict[str, Any]:
            rows = [
                _receipt(gateway, email, own)
                for email, own in zip(emails, read.warnings, strict=True)
            ]
            return {"data": rows, **({"errors": read.errors} if is_permissive else {})}

        return await _submitted(gateway, request, read.drafts, owner=owner, answer=answer, key=key)

    return [send, batch]


def _telling(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    store, clock = gateway.store, gateway.clock

    @get("/v1/emails", opt=described(answers=schemas.EmailList, scope="read", query=PAGE))
    async def list_emails(request: Http) -> Response[bytes]:
        """List e-mails, newest first."""
        await keys.owner(request, "read")
        page = page_of(request)
        found = await store.emails(limit=page.fetched, after=page.after, before=page.before)
        rows, has_more = page.shown(found)
        shapes = [email_shape(row, clock.now(), is_listed=True) for row in rows]
        return json_answer({"object": "list", "has_more": has_more, "data": shapes})

    @get("/v1/emails/{email_id:str}", opt=described(answers=schemas.Email, scope="read"))
    async def show_email(request: Http, email_id: FromPath[str]) -> Response[bytes]:
        """Show an e-mail by its id, or by the id of one of its messages."""
        await keys.owner(request, "read")
        return json_answer(email_shape(await store.email(email_id), clock.now()))

    return [list_emails, show_email]


def _changing(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    store, clock = gateway.store, gateway.clock

    @patch("/v1/emails/{email_id:str}", opt=MOVE)
    async def move_email(request: Http, email_id: FromPath[str]) -> Response[bytes]:
        """Move an e-mail that was not attempted yet to another time."""
        owner = await keys.owner(request, "send")
        body = await json_of(request)
        given = body.get("scheduled_at") if isinstance(body, dict) else None
        at = read_scheduled_at(given, now=clock.now())
        if at is None:
            raise InvalidEmail("scheduled_at", "give the new time", kind="missing_required_field")
        await store.reschedule(email_id, scheduled_at=at, now=clock.now())
        await keys.note(owner, "message moved", email_id, until=at.isoformat())
        return json_answer({"object": "email", "id": email_id})

    @post("/v1/emails/{email_id:str}/cancel", status_code=200, opt=CANCEL)
    async def cancel_email(request: Http, email_id: FromPath[str]) -> Response[bytes]:
        """Stop the messages of an e-mail that have not left."""
        owner = await keys.owner(request, "send")
        results = await store.cancel(email_id, now=clock.now())
        late = [one for one in results if not one.is_cancelled]
        if len(late) == len(results):
            says = "too late to cancel: " + ", ".join(f"{o.recipient} is {o.state}" for o in late)
            raise Refused(409, "resource_locked", says)
        await keys.note(owner, "message cancelled", email_id)
        too_late = [{"recipient": one.recipient, "state": one.state} for one in late]
        return json_answer({"object": "email", "id": email_id, "too_late": too_late})

    return [move_email, cancel_email]


@dataclass(frozen=True, slots=True)
class _Batch:
    drafts: list[Draft]
    warnings: list[list[str]]
    errors: list[dict[str, Any]]


async def _read_batch(
    gateway: Gateway, owner: str, body: Any, *, is_strict: bool, skips: bool
) -> _Batch:
    """Return the good drafts; a bad one is listed where `skips`, else it refuses them all."""
    read = _Batch([], [], [])
    for index, one in enumerate(_batch(body)):
        try:
            draft, warnings = draft_of(one, is_strict=is_strict)
            draft = await gateway.with_files(draft)
            gateway.check(draft, owner=owner)
        except InvalidEmail as error:
            if not skips:
                raise InvalidEmail("", f"e-mail {index}: {error}", kind=error.kind) from None
            read.errors.append({"index": index, "message": str(error)})
        else:
            read.drafts.append(draft)
            read.warnings.append(warnings)
    return read


def _is_permissive(request: Http) -> bool:
    wanted = request.headers.get("x-batch-validation", "strict")
    if wanted not in {"strict", "permissive"}:
        says = "`x-batch-validation`: give strict or permissive"
        raise Refused(422, "invalid_parameter", says)
    return wanted == "permissive"


def _receipt(gateway: Gateway, email: Email, warnings: Sequence[str]) -> dict[str, Any]:
    receipt: dict[str, Any] = {"id": email.id}
    said = [*gateway.watch.warnings_of(email.route), *warnings, *email.warnings]
    waits = gateway.lookout.reserve.says(email.route, email.priority)
    if waits is not None:
        said.append(waits)
    if said:
        receipt["warnings"] = said
    if gateway.watch.is_sandboxed(email.route):
        receipt["sandbox"] = True
    return receipt


def _key(request: Http, owner: str, route: str, body: Any) -> IdempotencyKey | None:
    text = request.headers.get("idempotency-key")
    return None if text is None else idempotency_key(text, owner=owner, route=route, payload=body)


def _batch(body: Any) -> list[Any]:
    if not isinstance(body, list) or not 1 <= len(body) <= BATCH_LIMIT:
        raise InvalidEmail("", f"give a JSON array of 1 to {BATCH_LIMIT} e-mails")
    return body
