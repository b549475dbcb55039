"""Describes the routes as OpenAPI does: the paths from the application, the shapes from `schemas`.

A handler carries its own description in `opt`; the first line of its docstring is its summary.
"""

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import ASGIRouteHandler, HTTPRouteHandler
from litestar.routes import ASGIRoute, HTTPRoute

from terkirim.api.schemas import Error
from terkirim.domain.version import __version__

OPT = "terkirim"  # the place in a handler's `opt`
_PARAMETER = re.compile(r"\{(\w+)\}")
_REF = "#/components/schemas/{name}"
_BODY_ERRORS = (400, 413, 422)
_KEY_ERRORS = (401, 403, 429)
_SAYS: Mapping[int, str] = {
    400: "The body is no JSON, or the idempotency key has a wrong length.",
    401: "No API key, or one without the scope; or a secret that is none.",
    403: "The API key is unknown or was revoked; or a link does not verify.",
    404: "There is no such thing.",
    409: "It is past the point where this can be done, or a key was used with another payload.",
    413: "The body is larger than TERKIRIM_MAX_BODY.",
    422: "A field or parameter is wrong: the message names it.",
    429: "More requests than TERKIRIM_API_RATE grants.",
    503: "The database cannot be used now; nothing was stored, ask again later.",
}
_IN_PATHS: Mapping[str, str] = {
    "email_id": "An e-mail's id, or that of one of its messages.",
    "message_id": "A message's id; an e-mail to one recipient has the same.",
    "attachment_id": "The SHA-256 of the file, in hex.",
    "name": "What it is called: a provider, a file, a suppression by its address or id.",
    "key_id": "The key's id, not its text.",
    "webhook_id": "The webhook's id.",
    "event_id": "The id under which it was told: the header webhook-id.",
    "address": "The person's e-mail address.",
    "token": "What a signed link ends in.",
}
_RATE_HEADERS = {
    f"ratelimit-{name}": {"description": says, "schema": {"type": "integer"}}
    for name, says in (
        ("limit", "Requests that the key is granted."),
        ("remaining", "What is left of them now."),
        ("reset", "Seconds until all of them are granted again."),
    )
}
_SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "cron": {"type": "http", "scheme": "bearer", "description": "CRON_SECRET."},
    "callback": {
        "type": "apiKey",
        "in": "query",
        "name": "secret",
        "description": "MAILKETING_WEBHOOK_SECRET: also as the header x-mailketing-token, or "
        "as what signs the body in x-mailketing-signature (HMAC-SHA256).",
    },
}
_WAIT_HEADER = {"retry-after": {"description": "Seconds.", "schema": {"type": "integer"}}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a route takes and answers. `scope` None: it asks for no key.

    `query` and `headers`: name -> (JSON schema, what it means). `errors` beside those that follow
    from the rest; `refusals`: how a missing key or scope is answered; `otherwise`: status -> the
    shape of an error that is not `Error`. `scheme`: another secret than an API key opens it.
    `leads_to`: operation -> its parameter that the answer's `id` is for.
    """

    answers: Any
    scope: str | None = None
    takes: Any = None
    takes_as: tuple[str, ...] = ("application/json",)
    is_body_needed: bool = True
    status: int = 200
    media_type: str = "application/json"
    query: Mapping[str, tuple[Mapping[str, Any], str]] = field(default_factory=dict)
    headers: Mapping[str, tuple[Mapping[str, Any], str]] = field(default_factory=dict)
    errors: tuple[int, ...] = ()
    refusals: tuple[int, ...] = _KEY_ERRORS
    otherwise: Mapping[int, Any] = field(default_factory=dict)
    scheme: str | None = None
    leads_to: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of a path: its name, what it is for, and its description."""

    method: str
    name: str
    says: str
    facts: Described


def described(**facts: Any) -> dict[str, Any]:
    """Return the `opt` of a handler with its description."""
    return {OPT: Described(**facts)}


def described_by_method(*operations: Operation) -> dict[str, Any]:
    """Return the `opt` of a plain ASGI handler, which answers to several methods."""
    return {OPT: operations}


TEXT: Mapping[str, Any] = {"type": "string"}
YES_OR_NO: Mapping[str, Any] = {"type": "string", "enum": ["1", "0", "true", "false"]}


def whole(least: int, most: int, usual: int) -> Mapping[str, Any]:
    """Return the schema of a whole number."""
    return {"type": "integer", "minimum": least, "maximum": most, "default": usual}


PAGE: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "limit": (whole(1, 100, 20), "How many rows."),
    "after": (TEXT, "An id: older rows than that one. Not together with `before`."),
    "before": (TEXT, "An id: newer rows than that one."),
}


def document(app: Litestar) -> dict[str, Any]:
    """Return the OpenAPI document of the application."""
    routes = list(_routes(app))
    types = [kind for _, one in routes for kind in _shapes(one.facts)]
    schemas, components = msgspec.json.schema_components([*types, Error], ref_template=_REF)
    by_type = dict(zip(map(id, [*types, Error]), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for path, one in routes:
        paths.setdefault(path, {})[one.method.lower()] = _operation(path, one, by_type)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Terkirim",
            "version": __version__,
            "description": "Takes e-mail durably and sends it: Resend's API, and more beside it.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": components, "securitySchemes": _SCHEMES},
    }


def operations_of(handler: HTTPRouteHandler | ASGIRouteHandler) -> list[Operation]:
    """Return what a handler answers to, as it is described; nothing where it is not."""
    facts = handler.opt.get(OPT)
    if isinstance(facts, Described) and isinstance(handler, HTTPRouteHandler):
        says = inspect.getdoc(handler.fn) or handler.handler_name
        methods = sorted(handler.http_methods)
        return [Operation(method, handler.handler_name, says, facts) for method in methods]
    return list(facts or ())


def _shapes(facts: Described) -> list[Any]:
    return [kind for kind in (facts.takes, facts.answers, *facts.otherwise.values()) if kind]


def _routes(app: Litestar) -> Iterator[tuple[str, Operation]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                yield from ((route.path_format, one) for one in operations_of(handler))
        elif isinstance(route, ASGIRoute):
            yield from ((route.path_format, one) for one in operations_of(route.route_handler))


def _operation(path: str, one: Operation, by_type: Mapping[int, Any]) -> dict[str, Any]:
    facts = one.facts
    summary, _, more = one.says.partition("\n")
    operation: dict[str, Any] = {
        "operationId": one.name,
        "summary": summary.rstrip("."),
        "tags": [_tag(path)],
        "parameters": [*_path_parameters(path), *_other_parameters(facts)],
        "responses": _responses(path, facts, by_type),
    }
    if more.strip():
        operation["description"] = more.strip()
    if facts.scope is not None:
        operation["security"] = [{"key": []}]
        operation["x-scope"] = facts.scope
    elif facts.scheme is not None:
        operation["security"] = [{facts.scheme: []}]
    if facts.takes is not None:
        shape = {"schema": by_type[id(facts.takes)]}
        content = dict.fromkeys(facts.takes_as, shape)
        operation["requestBody"] = {"required": facts.is_body_needed, "content": content}
    return operation


def _tag(path: str) -> str:
    parts = [part for part in path.split("/") if part and part != "v1"]
    return parts[0] if parts else "gateway"


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": TEXT,
            "description": _IN_PATHS.get(name, ""),
        }
        for name in _PARAMETER.findall(path)
    ]


def _other_parameters(facts: Described) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": place, "required": False, "schema": schema, "description": says}
        for place, parameters in (("query", facts.query), ("header", facts.headers))
        for name, (schema, says) in parameters.items()
    ]


def _responses(path: str, facts: Described, by_type: Mapping[int, Any]) -> dict[str, Any]:
    is_counted = facts.scope is not None
    good: dict[str, Any] = {"description": "Done.", "headers": _RATE_HEADERS if is_counted else {}}
    schema = by_type[id(facts.answers)] if facts.answers else TEXT
    good["content"] = {facts.media_type: {"schema": schema}}
    if facts.leads_to:
        good["links"] = {
            name: {"operationId": name, "parameters": {parameter: "$response.body#/id"}}
            for name, parameter in facts.leads_to.items()
        }
    responses = {str(facts.status): good}
    for status in _errors(path, facts):
        shape = facts.otherwise.get(status, Error)
        headers = dict(_RATE_HEADERS) if is_counted else {}
        headers |= _WAIT_HEADER if status in {429, 503} else {}
        responses[str(status)] = {
            "description": _SAYS[status],
            "headers": headers,
            "content": {"application/json": {"schema": by_type[id(shape)]}},
        }
    return responses


def _errors(path: str, facts: Described) -> Sequence[int]:
    found = {503, *facts.errors}
    if facts.scope is not None:
        found |= set(facts.refusals)
    if facts.takes is not None:
        found |= set(_BODY_ERRORS)
    if facts.query:
        found.add(422)
    if _PARAMETER.search(path):
        found.add(404)
    return sorted(found)
