"""Mailketing's own answers, v1 and v2, with the types that its clients read."""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import msgspec

JSON, HTML = "application/json", "text/html; charset=UTF-8"
_PAGE = (
    b"<!doctype html><html><head><title>Error</title></head><body><h1>Sorry</h1></body></html>\n"
)
_WORDS = {405: "Method Not Allowed", 429: "Too Many Requests", 504: "Gateway Timeout"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; `headers` are whole lines."""

    status: int
    body: bytes
    kind: str = JSON
    headers: tuple[str, ...] = ()

    def payload(self) -> bytes:
        """Return all bytes that go over the line."""
        head = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            f"content-type: {self.kind}",
            f"content-length: {len(self.body)}",
            *self.headers,
            "\r\n",
        ]
        return "\r\n".join(head).encode("latin-1") + self.body

    def as_json(self) -> "Answer":
        """Return the answer, labelled as what it is."""
        return self if self.body is _PAGE else replace(self, kind=JSON)


def of(value: Any, status: int = 200) -> Answer:
    """Return a JSON answer."""
    return Answer(status, msgspec.json.encode(value))


def page(status: int) -> Answer:
    """Return a proxy's page."""
    return Answer(status, _PAGE, HTML)


def moved(location: str) -> Answer:
    """Return what the real service answers to a wrong path."""
    return Answer(301, _PAGE, HTML, (f"location: {location}",))


def sent(version: int, message: str, left: int) -> Answer:
    """Return the answer to a mail that was taken."""
    if version == 1:
        return of({"status": "success", "response": "Mail Sent"})
    taken = {"message_id": message, "credits": left}
    return of({"success": True, "data": taken, "message": "Email queued successfully"})


def balance(version: int, left: int) -> Answer:
    """Return the credits that are left: a string in v1, labelled as HTML, and a number in v2."""
    if version == 1:
        answer = of({"status": "true", "credits": str(left), "user": "emulated"})
        return replace(answer, kind=HTML)
    found = {"credits": left, "email": "emulated@example.com"}
    return of({"success": True, "data": found, "message": "OK"})


def lists() -> Answer:
    """Return v1's lists."""
    return of({"status": "success", "lists": [{"list_id": 1, "list_name": "Pelanggan"}]})


def added() -> Answer:
    """Return v1's answer to a new subscriber."""
    return of({"status": "success", "response": "Subscriber Added"})


def senders(approved: list[str]) -> Answer:
    """Return v2's approved senders."""
    return of({"success": True, "data": approved, "message": "OK"})


def refused(
    version: int, status: int, message: str, *, field: str | None = None, is_strict: bool = False
) -> Answer:
    """Return a failure; v1 says it with HTTP 200, as the real service does, unless `is_strict`."""
    if version == 1:
        return of({"status": "failed", "response": message}, status if is_strict else 200)
    errors = {} if field is None else {field: [message]}
    return of({"success": False, "message": message, "errors": errors}, status)


def failed(version: int, status: int, *headers: str) -> Answer:
    """Return a failure by status alone, such as 429 and 5xx."""
    words = _WORDS.get(status, "Server Error")
    answer = (
        of({"status": "failed", "response": words}, status)
        if version == 1
        else of({"success": False, "message": words, "errors": {}}, status)
    )
    return replace(answer, headers=headers)
