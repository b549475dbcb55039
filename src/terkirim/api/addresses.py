"""`/v1/addresses`: forgetting one person."""

from litestar import Response, delete
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from terkirim.api.errors import json_answer
from terkirim.api.requests import Http, Keys
from terkirim.compose import Gateway


def address_routes(gateway: Gateway, keys: Keys) -> list[HTTPRouteHandler]:
    """Return the handlers of `/v1/addresses`."""

    @delete("/v1/addresses/{address:str}", status_code=200)
    async def erase_address(request: Http, address: FromPath[str]) -> Response[bytes]:
        """Stop what waits for this address, and take it out of everything that is kept."""
        await keys.owner(request, "admin")
        done = await gateway.erase(address)
        return json_answer(
            {
                "object": "address",
                "erased": done.left == 0,
                "cancelled": done.cancelled,
                "anonymised": done.anonymised,
                "left": done.left,
            }
        )

    return [erase_address]
