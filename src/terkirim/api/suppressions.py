"""`/v1/suppressions`: Resend's routes, so that its SDKs work, and our own fields beside theirs."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Stream as StreamedResponse

from terkirim.api import schemas
from terkirim.api.asked import page_of, wrong
from terkirim.api.describing import PAGE, TEXT, described
from terkirim.api.errors import Refused, json_answer
from terkirim.api.requests import Http, Keys, by_key, json_of
from terkirim.api.tracking_shapes import imported_shape, suppression_shape
from terkirim.compose import Gateway
from terkirim.domain.errors import InvalidEmail, NotFound
from terkirim.domain.suppression import ORIGINS, Suppression
from terkirim.ports.suppressions import SuppressionFilter
from terkirim.tracking.suppression_csv import Entry, read_stream, read_until

BATCH_LIMIT = 100  # Resend's
_BY_REST = "REST"
LIST = described(
    answers=schemas.SuppressionList,
    scope="read",
    query={"origin": (TEXT, f"One of {', '.join(ORIGINS)}."), **PAGE},
)
SHOW = described(answers=schemas.SingleSuppression, scope="read")
ADD = described(takes=schemas.SuppressionBody, answers=schemas.SuppressionAdded, scope="admin")
REMOVE = described(
    answers=schemas.SuppressionRemoved,
    scope="admin",
    query={"note": (TEXT, "Why; kept in the activity log.")},
)
ADD_MANY = described(
    takes=schemas.SuppressionsBody, answers=schemas.SuppressionsAdded, scope="admin"
)
REMOVE_MANY = described(
    takes=schemas.SuppressionNames, answers=schemas.SuppressionsRemoved, scope="admin"
)
IMPORT = described(
    takes=schemas.Csv, takes_as=("text/csv",), answers=schemas.Imported, scope="admin"
)
EXPORT = described(answers=None, media_type="text/csv", scope="read")


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

    @get("/v1/suppressions", opt=LIST)
    async def list_suppressions(request: Http) -> Response[bytes]:
        """List the addresses that are not sent to, newest first."""
        await keys.owner(request, "read")
        page, origin = page_of(request), request.query_params.get("origin")
        if origin is not None and origin not in ORIGINS:
            raise wrong("origin", f"give one of {', '.join(ORIGINS)}")
        which = SuppressionFilter(
            limit=page.fetched,
            after=page.after,
            before=page.before,
            whys=None if origin is None else ORIGINS[origin],
        )
        rows, has_more = page.shown(await suppressions.listed(which))
        shapes = [suppression_shape(row) for row in rows]
        return json_answer({"object": "list", "has_more": has_more, "data": shapes})

    @get("/v1/suppressions/{name:str}", opt=SHOW)
    async def show_suppression(request: Http, name: FromPath[str]) -> Response[bytes]:
        """Show one entry, by its id or its address."""
        await keys.owner(request, "read")
        row = await suppressions.one(name)
        return json_answer({"object": "suppression", **suppression_shape(row)})

    return [list_suppressions, show_suppression]


def _changing(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    suppressions = gateway.tracking.suppressions

    @post("/v1/suppressions", status_code=200, opt=ADD)
    async def add_suppression(request: Http) -> Response[bytes]:
        """Send no more mail to an address: of all streams, or of one."""
        owner = await keys.owner(request, "admin")
        body = await json_of(request)
        (row,) = await suppressions.add([_entry(body)], who=by_key(owner))
        return json_answer({"object": "suppression", "id": row.id})

    @delete("/v1/suppressions/{name:str}", status_code=200, opt=REMOVE)
    async def remove_suppression(request: Http, name: FromPath[str]) -> Response[bytes]:
        """Let an address in again, by itself or by the id of its entry."""
        owner = await keys.owner(request, "admin")
        why = request.query_params.get("note", _BY_REST)
        rows = await suppressions.remove([name], who=by_key(owner), why=why)
        if not rows:
            raise NotFound(f"{name} is not suppressed")
        return json_answer(_removed(rows)[0])

    return [add_suppression, remove_suppression]


def _changing_many(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    suppressions = gateway.tracking.suppressions

    @post("/v1/suppressions/batch/add", status_code=200, opt=ADD_MANY)
    async def add_suppressions(request: Http) -> Response[bytes]:
        """Send no more mail to up to 100 addresses."""
        owner = await keys.owner(request, "admin")
        body = await json_of(request)
        addresses = _texts(body, "emails")
        rows = await suppressions.add([Entry(address=one) for one in addresses], who=by_key(owner))
        ids = dict.fromkeys(row.id for row in rows)  # an address that stands twice is one entry
        return json_answer({"data": [{"object": "suppression", "id": id_} for id_ in ids]})

    @post("/v1/suppressions/batch/remove", status_code=200, opt=REMOVE_MANY)
    async def remove_suppressions(request: Http) -> Response[bytes]:
        """Let up to 100 addresses in again: `emails` or `ids`, one of the two."""
        owner = await keys.owner(request, "admin")
        body = await json_of(request)
        given = [name for name in ("emails", "ids") if isinstance(body, dict) and name in body]
        if len(given) != 1:
            raise Refused(422, "validation_error", "give `emails` or `ids`, one of the two")
        rows = await suppressions.remove(_texts(body, given[0]), who=by_key(owner), why=_BY_REST)
        return json_answer({"data": _removed(rows)})

    return [add_suppressions, remove_suppressions]


def _files(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    suppressions = gateway.tracking.suppressions

    @post("/v1/suppressions/import", status_code=200, opt=IMPORT)
    async def import_suppressions(request: Http) -> Response[bytes]:
        """Enter the rows of a CSV file with a column `email`; tell what is wrong with others."""
        owner = await keys.owner(request, "admin")
        found = await suppressions.import_csv(await request.body(), who=by_key(owner))
        return json_answer(imported_shape(found))

    @get("/v1/suppressions/export", opt=EXPORT)
    async def export_suppressions(request: Http) -> StreamedResponse:
        """Write the list as a CSV file that the import reads again."""
        await keys.owner(request, "read")
        return StreamedResponse(
            suppressions.export_csv(),
            media_type="text/csv",
            headers={"content-disposition": 'attachment; filename="suppressions.csv"'},
        )

    return [import_suppressions, export_suppressions]


def _removed(rows: Sequence[Suppression]) -> list[dict[str, Any]]:
    return [{"object": "suppression", "id": row.id, "deleted": True} for row in rows]


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
