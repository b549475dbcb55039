"""Mailketing's own answers, v1 and v2, with the types that its clients read."""

from typing import Any

HTML = "<!doctype html><html><head><title>Error</title></head><body><h1>Sorry</h1></body></html>"
Answer = tuple[int, Any, str]  # status, body (JSON value or HTML text), content type

_JSON, _HTML = "application/json", "text/html; charset=UTF-8"


def page(status: int) -> Answer:
    """Return a proxy's page."""
    return status, HTML, _HTML


def sent(version: int, message_id: str, left: int) -> Answer:
    """Return the answer to a mail that was taken."""
    if version == 1:
        return 200, {"status": "success", "response": "Mail Sent"}, _HTML
    answer = {"message_id": message_id, "credits": left}
    return 200, {"success": True, "data": answer, "message": "Email queued successfully"}, _JSON


def balance(version: int, left: int) -> Answer:
    """Return the credits that are left: a string in v1, a number in v2."""
    if version == 1:
        return 200, {"status": "true", "credits": str(left), "user": "emulated"}, _HTML
    answer = {"credits": left, "email": "emulated@example.com"}
    return 200, {"success": True, "data": answer, "message": "OK"}, _JSON


def lists() -> Answer:
    """Return v1's lists."""
    return 200, {"status": "success", "lists": [{"list_id": 1, "list_name": "Pelanggan"}]}, _HTML


def added() -> Answer:
    """Return v1's answer to a new subscriber."""
    return 200, {"status": "success", "response": "Subscriber Added"}, _HTML


def senders(approved: list[str]) -> Answer:
    """Return v2's approved senders."""
    return 200, {"success": True, "data": approved, "message": "OK"}, _JSON


def refused(version: int, status: int, message: str, field: str | None = None) -> Answer:
    """Return a failure; v1 says it with HTTP 200, as the real service does."""
    if version == 1:
        return 200, {"status": "failed", "response": message}, _HTML
    errors = {} if field is None else {field: [message]}
    return status, {"success": False, "message": message, "errors": errors}, _JSON


def failed(version: int, status: int) -> Answer:
    """Return a failure by status alone, such as 429 and 5xx."""
    words = {429: "Too Many Requests"}.get(status, "Server Error")
    body = (
        {"status": "failed", "response": words}
        if version == 1
        else {"success": False, "message": words, "errors": {}}
    )
    return status, body, _JSON
