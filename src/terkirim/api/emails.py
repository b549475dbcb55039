"""`/v1/emails`: Resend's routes, so that its SDKs work by a change of URL."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Response, delete, get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from terkirim.api.asked import page_of
from terkirim.api.errors import Refused, json_answer
from terkirim.api.requests import Http, Keys, draft_of, json_of, wants_strict
from terkirim.api.shapes import email_shape
from terkirim.compose import Gateway
from terkirim.content.times import read_scheduled_at
from terkirim.delivery.submit import idempotency_key
from terkirim.domain.email import Draft, Email
from terkirim.domain.errors import InvalidEmail
from terkirim.ports import IdempotencyKey

BATCH_LIMIT = 100


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

        submitted = await gateway.send([draft], owner=owner, answer=answer, key=key)
        return json_answer(submitted.answer)

    return send


def _taking(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    clock, take = gateway.clock, sending(gateway, keys)

    @post("/v1/emails", status_code=200)
    async def send(request: Http) -> Response[bytes]:
        return await take(request)

    @post("/v1/emails/batch", status_code=200)
    async def batch(request: Http) -> Response[bytes]:
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

        submitted = await gateway.send(read.drafts, owner=owner, answer=answer, key=key)
        return json_answer(submitted.answer)

    return [send, batch]


def _telling(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    store, clock = gateway.store, gateway.clock

    @get("/v1/emails")
    async def listed(request: Http) -> Response[bytes]:
        await keys.owner(request, "read")
        page = page_of(request)
        found = await store.emails(limit=page.fetched, after=page.after, before=page.before)
        rows, has_more = page.shown(found)
        shapes = [email_shape(row, clock.now(), is_listed=True) for row in rows]
        return json_answer({"object": "list", "has_more": has_more, "data": shapes})

    @get("/v1/emails/{email_id:str}")
    async def shown(request: Http, email_id: FromPath[str]) -> Response[bytes]:
        await keys.owner(request, "read")
        return json_answer(email_shape(await store.email(email_id), clock.now()))

    return [listed, shown]


def _changing(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    store, clock = gateway.store, gateway.clock

    @patch("/v1/emails/{email_id:str}")
    async def moved(request: Http, email_id: FromPath[str]) -> Response[bytes]:
        await keys.owner(request, "send")
        body = await json_of(request)
        given = body.get("scheduled_at") if isinstance(body, dict) else None
        at = read_scheduled_at(given, now=clock.now())
        if at is None:
            raise InvalidEmail("scheduled_at", "give the new time", kind="missing_required_field")
        await store.reschedule(email_id, scheduled_at=at, now=clock.now())
        return json_answer({"object": "email", "id": email_id})

    @post("/v1/emails/{email_id:str}/cancel", status_code=200)
    async def cancelled(request: Http, email_id: FromPath[str]) -> Response[bytes]:
        await keys.owner(request, "send")
        results = await store.cancel(email_id, now=clock.now())
        late = [one for one in results if not one.is_cancelled]
        if len(late) == len(results):
            says = "too late to cancel: " + ", ".join(f"{o.recipient} is {o.state}" for o in late)
            raise Refused(409, "resource_locked", says)
        too_late = [{"recipient": one.recipient, "state": one.state} for one in late]
        return json_answer({"object": "email", "id": email_id, "too_late": too_late})

    @delete("/v1/emails/{email_id:str}", status_code=405)
    async def undeletable(email_id: FromPath[str]) -> Response[bytes]:
        raise Refused(405, "method_not_allowed", f"cancel {email_id} instead: history is kept")

    return [moved, cancelled, undeletable]


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
