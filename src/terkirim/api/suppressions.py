"""`/v1/suppressions`: Resend's routes, so that its SDKs work, and our own fields beside theirs."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Stream as StreamedResponse

from terkirim.api.errors import Refused, json_answer
from terkirim.api.requests import Http, Keys, json_of
from terkirim.api.tracking import number
from terkirim.compose import Gateway
from terkirim.domain.errors import InvalidEmail, NotFound
from terkirim.domain.suppression import Suppression, Why
from terkirim.ports.suppressions import SuppressionFilter
from terkirim.tracking.suppression_csv import Entry, read_stream, read_until

BATCH_LIMIT = 100  # Resend's
PAGE, PAGE_LIMIT = 20, 100
_ORIGINS = {
    "bounce": (Why.PERMANENT_BOUNCE, Why.TRANSIENT_BOUNCES),
    "complaint": (Why.COMPLAINT,),
    "manual": (Why.BY_HAND, Why.UNSUBSCRIBED),
}
_ORIGIN_OF = {why: origin for origin, whys in _ORIGINS.items() for why in whys}
_BY_REST = "REST"


def suppression_routes(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    """Return the handlers of `/v1/suppressions`."""
    return [
        *_telling(gateway, keys),
        *_changing(gateway, keys),
        *_changing_many(gateway, keys),
        *_files(gateway, keys),
    ]


def _telling(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    suppressions = gateway.tracking.suppressions

    @get("/v1/suppressions")
    async def listed(request: Http) -> Response[bytes]:
        await keys.owner(request, "read")
        which = _filter(request)
        rows = await suppressions.listed(which)
        has_more = len(rows) == which.limit
        rows = rows[1:] if has_more and which.before is not None else rows[: which.limit - 1]
        page = [suppression_shape(row) for row in rows]
        return json_answer({"object": "list", "has_more": has_more, "data": page})

    @get("/v1/suppressions/{name:str}")
    async def shown(request: Http, name: FromPath[str]) -> Response[bytes]:
        await keys.owner(request, "read")
        row = await suppressions.one(name)
        return json_answer({"object": "suppression", **suppression_shape(row)})

    return [listed, shown]


def _changing(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    suppressions = gateway.tracking.suppressions

    @post("/v1/suppressions", status_code=200)
    async def added(request: Http) -> Response[bytes]:
        owner = await keys.owner(request, "admin")
        body = await json_of(request)
        (row,) = await suppressions.add([_entry(body)], who=owner)
        return json_answer({"object": "suppression", "id": row.id})

    @delete("/v1/suppressions/{name:str}", status_code=200)
    async def removed(request: Http, name: FromPath[str]) -> Response[bytes]:
        owner = await keys.owner(request, "admin")
        why = request.query_params.get("note", _BY_REST)
        rows = await suppressions.remove([name], who=owner, why=why)
        if not rows:
            raise NotFound(f"{name} is not suppressed")
        return json_answer(_removed(rows)[0])

    return [added, removed]


def _changing_many(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    suppressions = gateway.tracking.suppressions

    @post("/v1/suppressions/batch/add", status_code=200)
    async def added(request: Http) -> Response[bytes]:
        owner = await keys.owner(request, "admin")
        body = await json_of(request)
        addresses = _texts(body, "emails")
        rows = await suppressions.add([Entry(address=one) for one in addresses], who=owner)
        ids = dict.fromkeys(row.id for row in rows)  # an address that stands twice is one entry
        return json_answer({"data": [{"object": "suppression", "id": id_} for id_ in ids]})

    @post("/v1/suppressions/batch/remove", status_code=200)
    async def removed(request: Http) -> Response[bytes]:
        owner = await keys.owner(request, "admin")
        body = await json_of(request)
        given = [name for name in ("emails", "ids") if isinstance(body, dict) and name in body]
        if len(given) != 1:
            raise Refused(422, "validation_error", "give `emails` or `ids`, one of the two")
        rows = await suppressions.remove(_texts(body, given[0]), who=owner, why=_BY_REST)
        return json_answer({"data": _removed(rows)})

    return [added, removed]


def _files(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    suppressions = gateway.tracking.suppressions

    @post("/v1/suppressions/import", status_code=200)
    async def imported(request: Http) -> Response[bytes]:
        owner = await keys.owner(request, "admin")
        count, bad = await suppressions.import_csv(await request.body(), who=owner)
        errors = [{"line": row.line, "message": row.why} for row in bad]
        return json_answer({"entered": count, "errors": errors})

    @get("/v1/suppressions/export")
    async def exported(request: Http) -> StreamedResponse:
        await keys.owner(request, "read")
        return StreamedResponse(
            suppressions.export_csv(),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": 'attachment; filename="suppressions.csv"'},
        )

    return [imported, exported]


def suppression_shape(one: Suppression) -> dict[str, Any]:
    """Return an entry in Resend's fields, with stream, reason, end, note and source beside them."""
    return {
        "id": one.id,
        "email": one.address,
        "origin": _ORIGIN_OF[one.why],
        "source_id": one.source_id,
        "created_at": one.created_at.isoformat(),
        "stream": one.stream or "all",
        "reason": one.why,
        "until": None if one.until is None else one.until.isoformat(),
        "note": one.note,
        "source": one.source,
    }


def _removed(rows: Sequence[Suppression]) -> list[dict[str, Any]]:
    return [{"object": "suppression", "id": row.id, "deleted": True} for row in rows]


def _filter(request: Http) -> SuppressionFilter:
    """Return what is asked for, with a limit of one more, so that a next page is seen."""
    query = request.query_params
    origin = query.get("origin")
    if origin is not None and origin not in _ORIGINS:
        raise Refused(422, "validation_error", f"`origin`: give one of {', '.join(_ORIGINS)}")
    if "after" in query and "before" in query:
        raise Refused(422, "validation_error", "`after`, `before`: give one of the two")
    return SuppressionFilter(
        limit=number(request, "limit", usual=PAGE, most=PAGE_LIMIT) + 1,
        after=query.get("after"),
        before=query.get("before"),
        whys=None if origin is None else _ORIGINS[origin],
    )


def _entry(body: Any) -> Entry:
    if not isinstance(body, dict):
        raise InvalidEmail("", "give a JSON object with `email`")
    texts = {name: body.get(name) or "" for name in ("email", "stream", "until", "note")}
    for name, text in texts.items():
        if not isinstance(text, str):
            raise InvalidEmail(name, "must be a text")
    if not texts["email"]:
        raise InvalidEmail("email", "give the address", kind="missing_required_field")
    return Entry(
        address=texts["email"],
        stream=_read(read_stream, "stream", texts["stream"]),
        until=_read(read_until, "until", texts["until"]),
        note=texts["note"],
    )


def _read(read: Any, field: str, text: str) -> Any:
    try:
        return read(text)
    except ValueError as error:
        raise InvalidEmail(field, str(error)) from None


def _texts(body: Any, name: str) -> list[str]:
    given = body.get(name) if isinstance(body, dict) else None
    if not isinstance(given, list) or not 1 <= len(given) <= BATCH_LIMIT:
        raise InvalidEmail(name, f"give a list of 1 to {BATCH_LIMIT}")
    if not all(isinstance(one, str) for one in given):
        raise InvalidEmail(name, "must hold texts only")
    return given
