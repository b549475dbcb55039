"""Messages that gave up or wait for a decision: why, what mends it, and sending them again."""

from dataclasses import dataclass
from typing import Any

from litestar import Response
from litestar.handlers import HTTPRouteHandler

from terkirim.domain.message import State
from terkirim.domain.phrase import phrase
from terkirim.ports import RequeueFilter
from terkirim.ports.search import Stopped
from terkirim.reports.causes import CAUSES, cause_of, grouped
from terkirim.web.site import Site
from terkirim.web.visit import Denied, Visit

LOOKED_AT = 5_000  # of the newest: some 30 ms
REQUEUED_AT_ONCE = 1_000  # a step of the progress that a person sees
ALL = "all"  # everything that is dead; held mail needs a decision of its own
_STATES = (State.DEAD, State.HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a requeue of many is: `older` is where it goes on, None where it is done."""

    cause: str
    done: int
    total: int
    older: str | None


def routes(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers."""
    store, clock, insight = site.gateway.store, site.gateway.clock, site.gateway.desk.insight

    @site.get("/dead-letters")
    async def dead_letters(visit: Visit) -> Response[Any]:
        looked = await insight.stopped(limit=LOOKED_AT)
        counts = await insight.count_stopped()
        chosen = visit.query.get("requeue")
        if chosen is not None:
            _refuse_unknown(chosen)
        return visit.page(
            "dead_letters.html",
            place="/dead-letters",
            groups=grouped(looked),
            counts=counts,
            looked=len(looked),
            is_cut=len(looked) == LOOKED_AT,
            chosen=chosen,
            chosen_count=sum(_is_in(one, chosen) for one in looked) if chosen else 0,
            maybe_sent=sum(_may_be_sent(one, chosen) for one in looked) if chosen else 0,
            causes=CAUSES,
        )

    @site.post("/dead-letters/requeue")
    async def requeue(visit: Visit) -> Response[Any]:
        """Queue the next piece again; the page asks for the one after it until all are done."""
        cause, older = visit.form.get("cause", ""), visit.form.get("older") or None
        _refuse_unknown(cause)
        looked = await insight.stopped(limit=REQUEUED_AT_ONCE, older_than=older)
        ids = tuple(one.id for one in looked if _is_in(one, cause))
        count = 0
        if ids:
            which = RequeueFilter(message_ids=ids, states=_STATES, limit=len(ids))
            count = await store.requeue(which, now=clock.now())
            await visit.note("messages requeued", cause, count=count)
        is_done = len(looked) < REQUEUED_AT_ONCE
        progress = Progress(
            cause=cause,
            done=_number(visit, "done") + count,
            total=_number(visit, "total"),
            older=None if is_done else looked[-1].id,
        )
        template = "dead_letters_progress.html" if visit.is_partial else "dead_letters_step.html"
        return visit.page(template, place="/dead-letters", progress=progress)

    return [dead_letters, requeue]


def _is_in(one: Stopped, chosen: str) -> bool:
    """Return whether a message is meant, and can be sent again."""
    if not one.is_kept:
        return False
    if chosen == ALL:
        return one.state is State.DEAD
    return cause_of(one.state, one.reason).key == chosen


def _may_be_sent(one: Stopped, chosen: str) -> bool:
    return _is_in(one, chosen) and cause_of(one.state, one.reason).key in {"held", "maybe-sent"}


def _refuse_unknown(cause: str) -> None:
    if cause != ALL and cause not in CAUSES:
        raise Denied(
            422,
            phrase("There is no such group of messages."),
            phrase("Open the dead letters again and choose one there."),
        )


def _number(visit: Visit, name: str) -> int:
    text = visit.form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0  # noqa: PLR2004 - digits
