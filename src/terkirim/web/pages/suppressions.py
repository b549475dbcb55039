"""The addresses that are not sent to: looked for, added, let in again, and as a CSV file."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeVar

from litestar import Response
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream as StreamedResponse

from terkirim.domain.email import Stream
from terkirim.domain.errors import InvalidEmail
from terkirim.domain.phrase import Phrase, phrase, phrases
from terkirim.domain.suppression import Suppression
from terkirim.ports.suppressions import SuppressionFilter
from terkirim.tracking.suppression_csv import Entry, ReadingError, read_stream, read_until
from terkirim.tracking.suppressions import Imported
from terkirim.web.site import Site
from terkirim.web.visit import Denied, Visit

ON_A_PAGE = 50
LARGEST_FILE = 10_000_000  # bytes: some 300,000 addresses
BAD_ROWS_SHOWN = 100
_LABELS = {
    "email": phrase("Address"),
    "note": phrase("Why"),
    "stream": phrase("Stops"),
    "until": phrase("Until"),
}
Value = TypeVar("Value")
_CURSOR = "~"  # between address and stream: no address has one behind its domain


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a form was answered: a fault with what was typed, or what became of a file."""

    fault: Phrase | None = None
    bad_field: str = ""
    typed: Mapping[str, str] | None = None
    imported: Imported | None = None


def routes(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers."""
    return [*_showing(site), *_changing(site), *_files(site)]


def _showing(site: Site) -> list[HTTPRouteHandler]:
    @site.get("/suppressions")
    async def suppressions(visit: Visit) -> Response[Any]:
        return await _page(site, visit, Said())

    return [suppressions]


def _changing(site: Site) -> list[HTTPRouteHandler]:
    listed = site.gateway.tracking.suppressions

    @site.post("/suppressions")
    async def add(visit: Visit) -> Response[Any]:
        try:
            (entry,) = await listed.add([_entry(visit)], who=visit.name)
        except InvalidEmail as error:
            label = _LABELS.get(error.field, error.field)
            fault = phrase("{label}: {why}", label=label, why=error.says)
            said = Said(fault=fault, bad_field=error.field, typed=visit.form)
            return await _page(site, visit, said)
        says = visit.say("{address} is not sent to any more.", address=visit.at(entry.address))
        return visit.go("/suppressions", says)

    @site.post("/suppressions/{entry_id:str}/remove")
    async def remove(visit: Visit) -> Response[Any]:
        id_, why = visit.request.path_params["entry_id"], visit.form.get("why", "").strip()
        if not why:
            raise Denied(
                422,
                phrase("A reason is needed: it is kept in the activity log."),
                phrase("Go back, and say why the address is let in again."),
            )
        removed = await listed.remove([id_], who=visit.name, why=why)
        says = [
            visit.say("{address} is sent to again.", address=visit.at(one.address))
            for one in removed
        ]
        gone = visit.say("It was let in again before, or its time was over.")
        return visit.go("/suppressions", " ".join(says) or gone)

    return [add, remove]


def _files(site: Site) -> list[HTTPRouteHandler]:
    listed = site.gateway.tracking.suppressions

    @site.post("/suppressions/import", most_bytes=LARGEST_FILE)
    async def take_file(visit: Visit) -> Response[Any]:
        content = visit.files.get("file", b"")
        try:
            found = await listed.import_csv(content, who=visit.name)
        except InvalidEmail as error:
            fault = phrase("The file cannot be read: {why}", why=error.says)
            return await _page(site, visit, Said(fault=fault, bad_field="file"))
        await visit.note(
            "suppressions imported",
            entered=found.entered,
            unchanged=found.unchanged,
            refused=len(found.bad),
        )
        return await _page(site, visit, Said(imported=found))

    @site.get("/suppressions.csv")
    async def give_file(visit: Visit) -> Response[Any]:
        if visit.is_masked:
            raise Denied(
                403,
                phrase("Addresses are not shown to viewers."),
                phrase("Ask an admin: the setting is `TERKIRIM_MASK_ADDRESSES`."),
            )
        await visit.note("suppressions exported")
        headers = {"content-disposition": 'attachment; filename="suppressions.csv"'}
        lines = _marked(listed.export_csv())
        return StreamedResponse(lines, media_type="text/csv", headers=headers)

    return [take_file, give_file]


async def _page(site: Site, visit: Visit, said: Said) -> Response[Any]:
    text = visit.query.get("q", "").strip()
    rows, older = await _listed(site, visit, text)
    chosen = visit.query.get("remove", "")
    return visit.page(
        "suppressions.html",
        status=200 if said.fault is None else 422,
        place="/suppressions",
        text=text,
        rows=rows,
        older=older,
        newest=None if "older" not in visit.query else visit.href(older=None),
        chosen=await _chosen(site, chosen) if chosen and visit.is_operator else None,
        said=said,
        bad_field=said.bad_field,
        typed=said.typed or {},
        streams=("", *Stream),
        bad_shown=BAD_ROWS_SHOWN,
        outcome=None if said.imported is None else _outcome(said.imported),
        bad=() if said.imported is None else said.imported.bad,
    )


async def _listed(site: Site, visit: Visit, text: str) -> tuple[list[Suppression], str | None]:
    """Return a page of entries, and the address of the one after it."""
    older = visit.query.get("older")
    which = _asked(text.lower(), older)
    rows = await site.gateway.tracking.suppressions.listed(which)
    if len(rows) <= ON_A_PAGE:
        return rows, None
    last = rows[ON_A_PAGE - 1]
    by_address = f"{last.address}{_CURSOR}{last.stream or ''}"
    cursor = last.id if which.starts is None else by_address
    return rows[:ON_A_PAGE], visit.href(older=cursor, remove=None)


def _asked(text: str, older: str | None) -> SuppressionFilter:
    """Return what is looked for: all, a domain ("@example.com"), or how an address begins."""
    limit = ON_A_PAGE + 1
    if not text or text.startswith("@"):
        return SuppressionFilter(limit=limit, after=older, domain=text[1:] or None)
    address, _, stream = (older or "").rpartition(_CURSOR)
    past = (address, stream) if address else None
    return SuppressionFilter(limit=limit, starts=text, past=past)


async def _chosen(site: Site, id_: str) -> Suppression | None:
    found = await site.gateway.tracking.suppressions.listed(SuppressionFilter(named=id_, limit=1))
    return next(iter(found), None)


def _entry(visit: Visit) -> Entry:
    form = visit.form
    return Entry(
        address=form.get("email", ""),
        stream=_read(read_stream, form, "stream"),
        until=_read(read_until, form, "until"),
        note=form.get("note", ""),
    )


def _read(read: Callable[[str], Value], form: Mapping[str, str], field: str) -> Value:
    try:
        return read(form.get(field, ""))
    except ReadingError as error:
        raise InvalidEmail(field, error.says) from None


def _outcome(found: Imported) -> Phrase:
    entered = phrases(
        "{count} entry was put on the list.",
        "{count} entries were put on the list.",
        count=found.entered,
    )
    bad = len(found.bad)
    refused = phrases("{count} row was left out:", "{count} rows were left out:", count=bad)
    sentences = [entered, *found.remarks, *([refused] if bad else [])]
    return reduce(lambda one, next_: phrase("{first} {second}", first=one, second=next_), sentences)


async def _marked(parts: AsyncIterator[str]) -> AsyncIterator[bytes]:
    """Give the file with the mark by which Excel knows UTF-8."""
    yield "\ufeff".encode()
    async for part in parts:
        yield part.encode(errors="replace")
