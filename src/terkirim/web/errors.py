"""The one place where an error becomes a page: what is the matter, and what to do about it."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from litestar import Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException

from terkirim.domain.errors import InvalidEmail, NotFound, StoreUnavailable, WrongState
from terkirim.domain.phrase import Phrase, phrase
from terkirim.logs import Logger
from terkirim.web.visit import Denied, Visit

_log = Logger("terkirim.web")


def error_page(visit: Visit, error: Exception) -> Response[Any]:
    """Return the page; for a part of one, the same words in a box."""
    found = error if isinstance(error, Denied) else _denied(error)
    template = "parts/error_box.html" if visit.is_partial else "error.html"
    return visit.page(
        template, status=found.status, code=found.status, says=found.says, mends=found.mends
    )


def _denied(error: Exception) -> Denied:
    for kind, made in _KINDS.items():
        if isinstance(error, kind):
            return made(error)
    _log.error("a page broke", exc_info=error)
    return Denied(
        500,
        phrase("This page has a fault."),
        phrase("The gateway goes on; its log says more. Please report it."),
    )


def _not_found(_error: Exception) -> Denied:
    return Denied(
        404,
        phrase("There is nothing at this address."),
        phrase("The message may have been deleted when its time was over, or the link is cut."),
    )


def _wrong_state(error: Exception) -> Denied:
    state = error.state if isinstance(error, WrongState) else ""
    return Denied(
        409,
        phrase("That is not possible any more: the message is {state} now.", state=state),
        phrase("Open it again to see where it stands."),
    )


def _unavailable(error: Exception) -> Denied:
    return Denied(
        503,
        phrase("The database cannot be used now: {why}", why=str(error)),
        phrase("Nothing was changed. Mend that, then load this page again."),
    )


def _invalid(error: Exception) -> Denied:
    why = error.named if isinstance(error, InvalidEmail) else str(error)
    return Denied(
        422,
        phrase("That cannot be taken: {why}", why=why),
        phrase("Go back, put it right, and send it again."),
    )


def _of_http(error: Exception) -> Denied:
    status = error.status_code if isinstance(error, HTTPException) else 400
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return Denied(
            status,
            phrase("That is larger than is taken here."),
            phrase("Go back, and send less at once: a long file in several parts."),
        )
    says: Phrase = phrase("The browser asked for something that is not understood here.")
    return Denied(status, says, phrase("Go back, and load the page again."))


_KINDS: dict[type[Exception], Callable[[Exception], Denied]] = {
    NotFound: _not_found,
    NotFoundException: _not_found,
    MethodNotAllowedException: _not_found,
    WrongState: _wrong_state,
    StoreUnavailable: _unavailable,
    InvalidEmail: _invalid,
    HTTPException: _of_http,
}
