"""The one place where an error becomes an HTTP answer, in Resend's shape."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException

from terkirim.domain.errors import (
    BadSignature,
    CannotBePaid,
    IdempotencyConflict,
    InvalidEmail,
    NotFound,
    StoreUnavailable,
    WrongState,
)
from terkirim.logs import Logger

RETRY_AFTER_SECONDS = 5
_STATUS_OF_KIND = {"invalid_idempotency_key": 400}

_log = Logger("terkirim.api")


class Refused(Exception):  # noqa: N818 - it ends a request, it is not a fault of ours
    """Ends a request with this status, Resend's error name, and a sentence."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.name = name
        self.message = message


def json_answer(
    body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """Return a JSON answer; `body` may be JSON text already."""
    content = body.encode() if isinstance(body, str) else msgspec.json.encode(body)
    return Response(content, status_code=status, media_type="application/json", headers=headers)


def refusal(
    status: int, name: str, message: str, *, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """Return an error as both SDKs read it."""
    written = message.encode(errors="replace").decode()  # a caller's own word may stand in it
    body = {"statusCode": status, "name": name, "message": written}
    return json_answer(body, status=status, headers=headers)


def handler(_request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Return the answer to an exception, as the framework asks for it."""
    return answer_to(error)


def answer_to(error: Exception) -> Response[bytes]:  # noqa: PLR0911 - one line for each of the tree
    """Return the answer to an exception; an unknown one says nothing of its inside."""
    match error:
        case Refused():
            return refusal(error.status, error.name, error.message)
        case InvalidEmail():
            return refusal(_STATUS_OF_KIND.get(error.kind, 422), error.kind, str(error))
        case IdempotencyConflict():
            name = (
                "concurrent_idempotent_requests"
                if error.is_running
                else "invalid_idempotent_request"
            )
            return refusal(409, name, str(error))
        case NotFound():
            return refusal(404, "not_found", str(error))
        case BadSignature():
            return refusal(403, "invalid_access", str(error))
        case WrongState():
            return refusal(409, "resource_locked", f"{error} (it is {error.state})")
        case StoreUnavailable():
            wait = {"retry-after": str(RETRY_AFTER_SECONDS)}
            return refusal(503, "service_unavailable", f"nothing was stored: {error}", headers=wait)
        case _:
            return _answer_to_others(error)


def _answer_to_others(error: Exception) -> Response[bytes]:
    match error:
        case CannotBePaid():
            return refusal(403, "email_above_quota", str(error))
        case NotFoundException():
            return refusal(404, "not_found", "there is nothing at this address")
        case MethodNotAllowedException():
            methods = methods_of(error)
            says = f"this address does not take this method; it takes {methods}"
            return refusal(405, "method_not_allowed", says, headers={"allow": methods})
        case HTTPException(status_code=413):
            return refusal(413, "validation_error", "the body is larger than TERKIRIM_MAX_BODY")
        case HTTPException():
            return refusal(error.status_code, "validation_error", str(error.detail))
    _log.error("a request broke", exc_info=error)
    return refusal(500, "application_error", "this is a fault of the gateway; its log says more")


def methods_of(error: MethodNotAllowedException) -> str:
    """Return the methods that the address takes, as the header `allow` has them."""
    known = str((error.headers or {}).get("allow", "")).split(", ")
    return ", ".join(sorted({*known, "OPTIONS", *(["HEAD"] if "GET" in known else [])} - {""}))
