"""Gateways of this process, with the REST door over them."""

import pytest

from terkirim.compose import Gateway
from tests.integration.door import Door


@pytest.fixture
async def open_door(tmp_path, monkeypatch):
    """Return a function that opens a gateway which takes mail and sends none, unless asked to."""
    monkeypatch.delenv("MAILKETING_API_KEY", raising=False)
    opened = []

    async def opening(*, work=False, **given):
        defaults = {"database": f"sqlite:///{tmp_path}/d.db"}
        context = Gateway.open(work=work, **defaults | given)
        opened.append(context)
        return await Door.to(await context.__aenter__())

    yield opening
    for context in opened:
        await context.__aexit__(None, None, None)


@pytest.fixture
async def door(open_door):
    return await open_door()
