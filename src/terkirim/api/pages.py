"""`/openapi`: the routes for programs as JSON, and for people as a page that needs nothing else."""

import base64
import hashlib
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any

import jinja2
import msgspec
from litestar import Litestar, Response, get
from litestar.handlers import HTTPRouteHandler

from terkirim.api.describing import document
from terkirim.api.errors import json_answer


def page_routes(app: Callable[[], Litestar]) -> list[HTTPRouteHandler]:
    """Return the handlers of `/openapi`; `app` is asked when the first reader comes."""
    made = cache(lambda: document(app()))

    @get("/openapi/openapi.json")
    async def openapi_json() -> Response[bytes]:
        return json_answer(msgspec.json.encode(made()).decode())

    @get("/openapi")
    async def openapi_page() -> Response[bytes]:
        page, policy = _page(made())
        headers = {"content-security-policy": policy, "x-content-type-options": "nosniff"}
        return Response(page, media_type="text/html", headers=headers)

    return [openapi_json, openapi_page]


def _page(described: dict[str, Any]) -> tuple[bytes, str]:
    """Return the page, and the policy that lets nothing but its own style take effect."""
    folder = resources.files("terkirim.api").joinpath("templates")
    style = folder.joinpath("openapi.css").read_text("utf-8")
    environment = jinja2.Environment(autoescape=True)
    template = environment.from_string(folder.joinpath("openapi.html").read_text("utf-8"))
    text = template.render(document=described, style=style, name_of=_name_of)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return text.encode(), f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'"


def _name_of(schema: dict[str, Any]) -> str:  # noqa: PLR0911 - one line for each form of a schema
    """Return a schema in words: `text`, `list of Tag`, `whole number or null`."""
    match schema:
        case {"$ref": str(ref)}:
            return ref.rpartition("/")[2]
        case {"enum": [*choices]}:
            return " | ".join(map(str, choices))
        case {"const": value}:
            return str(value)
        case {"anyOf": [*some]}:
            return " or ".join(dict.fromkeys(map(_name_of, some)))
        case {"type": "array", "items": dict(items)}:
            return f"list of {_name_of(items)}"
        case {"type": "string", "format": "date-time"}:
            return "time"
        case {"type": str(kind)}:
            return {"string": "text", "integer": "whole number", "boolean": "true | false"}.get(
                kind, kind
            )
    return "anything"
