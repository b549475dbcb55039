"""Mail of routes that the settings no longer have, over a restart."""

from structlog.testing import capture_logs

from terkirim.compose import Gateway
from terkirim.domain.message import State
from tests.integration.test_gateway import ended


async def test_mail_of_a_route_that_is_no_more_goes_at_the_next_start(tmp_path, monkeypatch):
    monkeypatch.delenv("MAILKETING_API_KEY", raising=False)
    given = {"database": f"sqlite:///{tmp_path}/g.db", "mailketing_from_email": "a@example.com"}
    async with Gateway.open(**given, work=False, routes="otp=sandbox") as gateway:
        id_ = await gateway.send_email(to="b@example.com", subject="x", text="y", route="otp")
    with capture_logs() as told:
        async with Gateway.open(**given) as gateway:
            await ended(gateway)
            assert (await gateway.store.story(id_)).message.state is State.ACCEPTED
    assert [one["count"] for one in told if "routes" in one["event"]] == [1]
    with capture_logs() as told:
        async with Gateway.open(**given):
            pass
    assert not [one for one in told if "routes" in one["event"]]
