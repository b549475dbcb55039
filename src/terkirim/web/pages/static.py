"""The files that pages need, and the page for an address where there is nothing."""

from typing import Any

from litestar import Response
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler

from terkirim.web.site import Site
from terkirim.web.visit import Visit

_FOR_EVER = "public, max-age=31536000, immutable"  # the address has a mark of the content


def routes(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers."""

    @site.get("/static/{name:path}", role=None)
    async def static(visit: Visit) -> Response[Any]:
        file = site.files.find(str(visit.request.path_params["name"]).lstrip("/"))
        if file is None:
            raise NotFoundException
        headers = {"cache-control": _FOR_EVER}
        return Response(file.content, media_type=file.media_type, headers=headers)

    @site.get("/{rest:path}", role=None)
    async def nothing(_visit: Visit) -> Response[Any]:
        raise NotFoundException

    return [static, nothing]
