"""The pages of webhooks: a secret is shown once, what was told is shown with its answers."""

import pytest

from terkirim.domain.outcome import Accepted
from tests.integration.receiver import Receiver
from tests.integration.test_rest_messages import settled
from tests.integration.test_web_pages import noted, shown
from tests.integration.visitor import Visitor


@pytest.fixture
async def visitor(open_door):
    given = {"mailketing_from_email": "toko@example.com", "webhook_reach": "any"}
    return await Visitor.at((await open_door(**given)).gateway).enter()


async def added(visitor, url="https://app.example/hooks", **fields):
    await visitor.get("/webhooks")
    page = await visitor.post("/webhooks", endpoint=url, **fields)
    assert page.status == 200, page.text
    (endpoint,) = await visitor.gateway.webhooks.book.endpoints()
    return page, f"/webhooks/{endpoint.id}"


async def test_the_empty_page_says_what_would_fill_it_in_both_languages(visitor):
    assert "terkirim webhooks add URL" in shown(await visitor.get("/webhooks"))
    page = shown(await visitor.get("/webhooks", accept_language="id"))
    assert "Belum ada webhook." in page
    _, path = await added(visitor)
    assert "A test event shows at once" in shown(await visitor.get(path))
    assert "Nothing of this state." in shown(await visitor.get(f"{path}?state=failed"))


async def test_a_secret_is_shown_once_where_it_is_made_or_changed(visitor):
    page, path = await added(visitor, **{"type_email.bounced": "1"})
    assert "whsec_" in page.text
    for where in ("/webhooks", path, "/activity"):
        assert "whsec_" not in (await visitor.get(where)).text
    assert "email.bounced" in shown(await visitor.get(path))
    changed = await visitor.post(f"{path}/rotate")
    assert "whsec_" in changed.text
    assert "signs too, until" in shown(await visitor.get(path))


async def test_an_address_that_may_not_be_told_is_refused_and_stays_in_the_form(visitor):
    await visitor.get("/webhooks")
    fields = {"endpoint": "ftp://app.example/", "type_email.failed": "1"}
    page = await visitor.post("/webhooks", **fields)
    assert page.status == 422
    assert "The address must be an address such as" in shown(page)
    assert 'value="ftp://app.example/"' in page.text
    assert 'name="type_email.failed" value="1" checked' in page.text


async def test_why_an_address_is_refused_is_said_in_the_readers_language(visitor):
    await visitor.get("/webhooks?lang=id")
    for endpoint, words in {
        "ftp://app.example/": "Alamat ini harus berupa alamat seperti https://example.com/webhooks.",
        "https://a:b@app.example/": "tidak boleh memuat nama pengguna, kata sandi, atau fragmen",
    }.items():
        page = await visitor.post("/webhooks", endpoint=endpoint)
        assert words in shown(page), endpoint
        assert 'aria-invalid="true"' in page.text


async def test_a_webhook_is_disabled_enabled_and_removed_with_who_did_it(visitor):
    _, path = await added(visitor)
    assert (await visitor.post(f"{path}/disable")).status == 303
    assert "disabled" in shown(await visitor.get(path))
    refused = await visitor.post(f"{path}/replay", days="1")
    assert (refused.status, "Enable it first" in shown(refused)) == (409, True)
    assert (await visitor.post(f"{path}/enable")).status == 303
    assert (await visitor.post(f"{path}/remove")).status == 303
    assert (await visitor.get(path)).status == 404
    words = {(who, what) for who, what, _ in await noted(visitor)}
    for what in ("added", "disabled", "enabled", "removed"):
        assert ("ani", f"webhook endpoint {what}") in words


async def test_a_test_event_leads_to_what_was_answered(visitor):
    async with Receiver(status=500, body=b"<b>no room</b>") as receiver:
        _, path = await added(visitor, receiver.url)
        done = await visitor.post(f"{path}/test")
        page = await visitor.get(done.header("location"))
    assert "The test did not arrive" in shown(page)
    assert "HTTP 500" in shown(page)
    assert "&lt;b&gt;no room&lt;/b&gt;" in page.text
    assert "webhook.test" in shown(page)


async def test_what_was_told_of_a_mail_stands_on_its_page_and_is_told_again(visitor):
    gateway = visitor.gateway
    async with Receiver() as receiver:
        _, path = await added(visitor, receiver.url)
        id_ = await gateway.send_email(to="budi@example.com", subject="Halo", text="x")
        await settled(visitor, Accepted("r"))
        gateway.webhooks.start()
        await receiver.wait_for(1)
        await gateway.webhooks.stop(within=gateway.settings.grace)
        of_message = await visitor.get(f"/messages/{id_}")
        assert "What your app was told" in shown(of_message)
        (event,) = await gateway.webhooks.book.deliveries_of(id_)
        where = f"{path}/events/{event.payload.id}"
        assert f'href="{where}"' in of_message.text
        assert "budi@example.com" in shown(await visitor.get(where))
        assert (await visitor.post(f"{where}/replay")).status == 303
        ranged = await visitor.post(f"{path}/replay", days="7")
    assert ranged.status == 303
    assert "0 are told again." in shown(await visitor.get(path))  # only what failed or was held
    (again,) = await gateway.webhooks.book.deliveries_of(id_)
    assert again.state == "waiting"


async def test_viewers_do_not_come_in_and_operators_change_no_webhook(visitor):
    _, path = await added(visitor)
    viewer = await visitor.another().enter("vivi", role="viewer")
    assert (await viewer.get("/webhooks")).status == 403
    assert "/webhooks" not in (await viewer.get("/")).text
    operator = await visitor.another().enter("oki", role="operator")
    page = await operator.get(path)
    assert (page.status, "Change the secret" in page.text) == (200, False)
    for action in ("rotate", "disable", "enable", "remove"):
        assert (await operator.post(f"{path}/{action}")).status == 403
