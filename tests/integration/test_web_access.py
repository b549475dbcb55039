"""Who gets in, what they may do there, and what no other site can make their browser do."""

import re

import pytest

from terkirim.access.sign_in import FREE_TOGETHER, token_hash
from terkirim.web.doors import CSP
from tests.integration.visitor import PASSWORD, Visitor

PAGES = (
    "/", "/?span=90d", "/messages", "/messages?q=state:dead", "/dead-letters", "/providers",
    "/sandbox", "/activity", "/settings", "/settings?tab=people", "/settings?tab=choices",
    "/settings?tab=environment", "/settings?tab=you",
)  # fmt: skip


@pytest.fixture
def visitor(door):
    return Visitor.at(door.gateway)


async def test_every_page_asks_who_is_there_and_comes_back_after_signing_in(visitor):
    page = await visitor.get("/messages?q=state:dead")
    assert (page.status, page.header("location")) == (
        303,
        "/login?next=%2Fmessages%3Fq%3Dstate%253Adead",
    )
    await visitor.add_user("ani", "viewer")
    page = await visitor.post(
        "/login", name="ani", password=PASSWORD, next="/messages?q=state:dead"
    )
    assert page.header("location") == "/messages?q=state:dead"
    assert (await visitor.get("/login")).header("location") == "/"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "/a\r\nb", "x"]
)
async def test_signing_in_leads_to_no_other_site(visitor, target):
    await visitor.add_user("ani", "viewer")
    page = await visitor.post("/login", name="ani", password=PASSWORD, next=target)
    assert page.header("location") == "/"


async def test_a_session_is_a_cookie_that_no_script_reads_and_only_its_hash_is_kept(visitor):
    await visitor.add_user("ani", "admin")
    page = await visitor.post("/login", name="ani", password=PASSWORD)
    cookie = page.cookies["terkirim_session"]
    assert (cookie["httponly"], cookie["samesite"].lower(), cookie["secure"]) == (True, "lax", "")
    kept = await visitor.gateway.store.read(
        lambda db: [hash_ for (hash_,) in db.execute("SELECT hash FROM sessions")]
    )
    assert kept == [token_hash(cookie.value)]


async def test_behind_tls_the_cookie_is_secure(open_door):
    door = await open_door(public_url="https://m.example")
    visitor = Visitor.at(door.gateway)
    await visitor.add_user("ani", "admin")
    page = await visitor.post(
        "/login", name="ani", password=PASSWORD,
        headers={"x-forwarded-proto": "https", "origin": "https://m.example"},
    )  # fmt: skip
    assert page.cookies["terkirim_session"]["secure"] is True


async def test_who_signs_out_is_out(visitor):
    await visitor.enter()
    token = visitor.cookies["terkirim_session"]
    await visitor.get("/")
    assert (await visitor.post("/logout")).header("location") == "/login"
    visitor.cookies["terkirim_session"] = token
    assert (await visitor.get("/")).status == 303


async def test_too_many_wrong_tries_lock_out_and_say_for_how_long(visitor):
    await visitor.add_user("ani", "admin")
    for _ in range(FREE_TOGETHER):
        page = await visitor.post("/login", name="ani", password="wrong wrong")
        assert (page.status, "not right" in page.text) == (401, True)
    page = await visitor.post("/login", name="ANI ", password=PASSWORD)
    assert page.status == 429
    assert re.search(r"You can try again in (1 minute|5\d seconds)", page.text)
    assert 50 <= int(page.header("retry-after")) <= 60
    assert "terkirim_session" not in page.cookies
    await visitor.add_user("budi", "admin")
    assert (await visitor.post("/login", name="budi", password=PASSWORD)).status == 303
    rows = await visitor.gateway.desk.activity.activity(limit=10)
    assert {"sign-in refused", "sign-in locked out"} <= {row.what for row in rows}


async def test_somebody_unknown_is_told_the_same_as_a_wrong_password(visitor):
    await visitor.add_user("ani", "admin")
    unknown = await visitor.post("/login", name="nobody", password="wrong wrong")
    wrong = await visitor.post("/login", name="ani", password="wrong wrong")
    assert unknown.status == wrong.status == 401
    assert unknown.text.replace("nobody", "") == wrong.text.replace('value="ani"', 'value=""')


async def test_the_first_link_makes_one_admin_and_then_nothing(visitor):
    link = await visitor.gateway.desk.sign_in.first_link()
    assert "Make the account" in (await visitor.get(f"/first?link={link}")).text
    short = await visitor.post("/first", link=link, name="ani", password="short")
    assert (short.status, "8 to 256" in short.text) == (422, True)
    assert (await visitor.post("/first", link=link, name="", password=PASSWORD)).status == 422
    page = await visitor.post("/first", link=link, name="ani", password=PASSWORD)
    assert (page.status, page.header("location")) == (303, "/")
    home = await visitor.get("/settings?tab=people")
    assert "ani" in home.text
    assert await visitor.gateway.desk.sign_in.first_link() is None
    other = visitor.another()
    assert (await other.get(f"/first?link={link}")).status == 410
    assert (await other.post("/first", link=link, name="x", password=PASSWORD)).status == 410


async def test_a_made_up_first_link_opens_nothing(visitor):
    assert (await visitor.get("/first?link=guess")).status == 410
    page = await visitor.post("/first", link="guess", name="x", password=PASSWORD)
    assert page.status == 410
    assert "Nobody can sign in yet" in (await visitor.get("/login")).text


async def test_a_form_without_its_token_changes_nothing(visitor):
    await visitor.enter()
    for csrf in ("x", "0" * 64):
        page = await visitor.post("/providers/sandbox/pause", csrf=csrf)
        assert page.status == 403
    assert await visitor.gateway.store.pauses() == []


async def test_the_token_of_another_session_is_not_taken(visitor):
    await visitor.enter()
    other = await visitor.another().enter("budi")
    await other.get("/")
    assert (await visitor.post("/providers/sandbox/pause", csrf=other.last)).status == 403


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}],
)
async def test_another_site_changes_nothing_and_signs_nobody_in(visitor, headers):
    await visitor.enter()
    await visitor.get("/")
    assert (await visitor.post("/providers/sandbox/pause", headers=headers)).status == 403
    page = await visitor.another().post("/login", name="ani", password=PASSWORD, headers=headers)
    assert page.status == 403
    assert "terkirim_session" not in page.cookies


async def test_a_form_of_another_kind_is_refused(visitor):
    await visitor.enter()
    await visitor.get("/")
    page = await visitor.post("/providers/sandbox/pause", headers={"content-type": "text/plain"})
    assert page.status == 403


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_has_a_strict_policy_and_nothing_inline(visitor, path):
    await visitor.enter()
    page = await visitor.get(path)
    assert (page.status, page.header("content-security-policy")) == (200, CSP)
    assert "unsafe" not in CSP
    assert page.header("x-content-type-options") == "nosniff"
    assert page.header("cache-control") == "no-store"
    assert not re.search(r"<script(?![^>]*\bsrc=)", page.text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", page.text)
    outside = re.findall(r'(?:src|href|action)="(?!/|#)[^"]*', page.text)
    assert outside == []


CHANGES = {
    "viewer": [],
    "operator": ["/providers/sandbox/pause", "/sandbox/send", "/dead-letters/requeue"],
    "admin": ["/settings/keys", "/settings/people", "/settings/choices"],
}


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
async def test_each_role_may_do_its_own_and_no_more(visitor, role):
    await visitor.enter("x", role)
    await visitor.get("/")
    roles = list(CHANGES)
    for needed, paths in CHANGES.items():
        for path in paths:
            page = await visitor.post(path)
            is_refused = page.status == 403 and "may not do this" in page.text
            assert is_refused is (roles.index(role) < roles.index(needed)), (path, page.text)


@pytest.mark.parametrize("role", ["viewer", "operator"])
@pytest.mark.parametrize("tab", ["keys", "people", "choices", "environment"])
async def test_parts_of_the_settings_that_are_not_for_a_role_are_refused(visitor, role, tab):
    await visitor.enter("x", role)
    page = await visitor.get(f"/settings?tab={tab}")
    assert (page.status, "may not do this" in page.text) == (403, True)
    assert (await visitor.get("/settings?tab=odd")).status == 200


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/settings/keys", "/settings"),
        ("/settings/people/x/role", "/settings"),
        ("/messages/x/requeue", "/messages"),
        ("/suppressions/import", "/suppressions"),
        ("/dead-letters/requeue", "/dead-letters"),
        ("/logout", "/"),
    ],
)
async def test_who_comes_back_to_the_address_of_a_form_lands_on_its_page(visitor, path, place):
    await visitor.enter("ani", "admin")
    page = await visitor.get(f"{path}?lang=id")
    assert (page.status, page.header("location")) == (303, place)
    assert page.cookies["terkirim_language"].value == "id"


async def test_the_language_of_a_refused_form_is_switched_on_its_page(visitor):
    await visitor.enter("ani", "admin")
    await visitor.get("/settings?tab=keys")
    page = await visitor.post("/settings/keys", name="")
    assert page.status == 422
    assert 'href="/settings?lang=id"' in page.text


async def test_the_first_admin_may_switch_the_language_of_a_refused_form(visitor):
    link = await visitor.gateway.desk.sign_in.first_link()
    page = await visitor.post(f"/first?link={link}", link=link, name="ani", password="x")
    assert page.status == 422
    switch = re.search(r'href="(/first\?[^"]*lang=id)"', page.text)[1].replace("&amp;", "&")
    page = await visitor.get(switch)
    assert (page.status, f'value="{link}"' in page.text) == (200, True)


async def test_a_role_that_is_taken_away_is_gone_at_once(visitor):
    admin = await visitor.another().enter("ani")
    await visitor.enter("budi")
    await admin.get("/")
    budi = await visitor.gateway.desk.accounts.find_user("budi")
    assert (await admin.post(f"/settings/people/{budi.id}/role", role="viewer")).status == 303
    await visitor.get("/")
    assert (await visitor.post("/settings/keys", name="k", scope_send="1")).status == 403


async def test_only_a_terminal_sees_the_first_link_else_a_file_of_its_owner(open_door, tmp_path):
    from terkirim.serve import first_admin

    door = await open_door()
    await first_admin(door.gateway)
    path = tmp_path / "d.db.first-admin"
    assert path.stat().st_mode & 0o777 == 0o600
    link = path.read_text().strip()
    assert link.startswith("http://127.0.0.1:8625/first?link=")
    visitor = Visitor.at(door.gateway)
    assert (await visitor.get(link.removeprefix("http://127.0.0.1:8625"))).status == 200
    await visitor.enter()
    await first_admin(door.gateway)
    assert not path.exists()
