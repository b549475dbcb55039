"""The pages show what is, act through the gateway, and write down who did it."""

import base64
import csv
import html
import io
import re
from datetime import timedelta

import pytest

from terkirim.domain.alert import Activity
from terkirim.domain.message import State
from terkirim.domain.outcome import Deferred, Rejected, Unclear
from terkirim.policy.retry import RetrySchedule
from terkirim.policy.verdict import Facts, verdict
from terkirim.ports import ClaimWish, MessageFilter
from tests.integration.visitor import PASSWORD, Visitor

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


over_both = pytest.mark.parametrize("visitor", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
async def visitor(request, open_door):
    given = {"mailketing_from_email": "toko@example.com"}
    if getattr(request, "param", "sqlite") == "postgres":
        given["database"] = await request.getfixturevalue("postgres").database()
    return await Visitor.at((await open_door(**given)).gateway).enter()


@pytest.fixture
async def send(visitor):
    async def sending(to="budi@example.com", subject="Halo", **fields):
        fields = {"text": "x"} | fields
        return await visitor.gateway.send_email(to=to, subject=subject, **fields)

    return sending


async def end(gateway, *results):
    """Let the due messages end with these results, the oldest first."""
    now = gateway.clock.now()
    wish = ClaimWish(limit=len(results), now=now, lease_for=timedelta(minutes=1))
    works = (await gateway.store.claim(wish)).works
    for work, result in zip(works, results, strict=True):
        facts = Facts(
            now=now, started_at=now, duration_us=1_500, spread=0.0,
            schedule=RetrySchedule(tail=(), jitter=0.0), unclear_wait=timedelta(0),
            route=("sandbox",),
        )  # fmt: skip
        await gateway.store.settle(verdict(work.lease, result, facts))


async def noted(visitor):
    rows = await visitor.gateway.desk.activity.activity(limit=50)
    return [(row.who, row.what, row.subject) for row in rows]


def shown(page):
    """Return what a reader sees: no tags, single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text)).strip()


async def test_an_empty_installation_says_the_first_three_steps(visitor):
    page = shown(await visitor.get("/"))
    for words in (
        "The first three steps",
        "curl http://127.0.0.1:8625/v1/emails",
        "terkirim serve",
    ):
        assert words in page
    assert "SANDBOX Nothing is really sent." in page


@over_both
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/messages", "No messages yet."),
        ("/messages?q=state:dead", "Nothing fits this search."),
        ("/dead-letters", "Nothing was given up."),
        ("/sandbox", "Nothing is in the sandbox."),
        ("/providers", "It has not been asked for anything yet."),
    ],
)
async def test_every_empty_list_says_what_would_fill_it(visitor, path, words):
    assert words in shown(await visitor.get(path))


async def test_the_language_is_chosen_once_and_kept(visitor):
    assert "Overview" in shown(await visitor.get("/"))
    assert "Ringkasan" in shown(await visitor.get("/", accept_language="id-ID,id;q=0.9"))
    page = await visitor.get("/?lang=id")
    assert '<html lang="id"' in page.text
    assert "Ringkasan" in shown(await visitor.get("/", accept_language="en"))
    assert "Overview" in shown(await visitor.get("/?lang=en", accept_language="id"))


async def test_the_colours_are_chosen_once_and_kept(visitor):
    assert 'data-theme="dark"' in (await visitor.get("/?theme=dark")).text
    assert 'data-theme="dark"' in (await visitor.get("/")).text
    assert 'data-theme="dark"' in (await visitor.get("/?theme=odd")).text


@over_both
async def test_a_search_is_in_the_address_and_leads_to_the_message(visitor, send):
    await send("siti@example.com", "Struk")
    id_ = await send("budi@example.com", "Pesanan dikirim")
    page = await visitor.get("/messages?q=to%3Abudi+pesanan")
    assert 'value="to:budi pesanan"' in page.text
    assert f'href="/messages/{id_}"' in page.text
    assert "siti@" not in page.text


async def test_a_search_that_is_wrong_says_what_would_be_right(visitor):
    page = await visitor.get("/messages?q=state:gone")
    assert page.status == 422
    assert "state:gone is not known. Known are queued" in shown(page).replace(" is not", " is not")


@over_both
async def test_older_messages_are_on_the_next_page(visitor, send):
    ids = [await send(f"p{at}@example.com") for at in range(60)]
    first = await visitor.get("/messages")
    assert first.text.count('class="cell-main"') == 50
    older = re.search(r'href="([^"]+)" rel="next"', first.text)[1].replace("&amp;", "&")
    second = await visitor.get(older)
    assert second.text.count('class="cell-main"') == 10
    assert ids[0] in second.text
    assert ids[0] not in first.text


@over_both
async def test_the_csv_has_every_message_and_no_formula(visitor, send):
    await send("a@example.com", "=cmd()", tags=[{"name": "kind", "value": "otp"}])
    for at in range(3):
        await send(f"p{at}@example.com")
    page = await visitor.get("/messages.csv?q=from:toko@example.com")
    assert "attachment" in page.header("content-disposition")
    rows = list(csv.DictReader(io.StringIO(page.body.decode("utf-8-sig"))))
    assert len(rows) == 4
    assert (rows[-1]["subject"], rows[-1]["tags"]) == ("'=cmd()", "kind=otp")
    assert ("ani", "messages exported", "from:toko@example.com") in await noted(visitor)


@over_both
async def test_a_message_tells_its_story_with_what_the_provider_said(visitor, send):
    id_ = await send("budi@example.com", "Halo", text="Isi surat")
    await end(visitor.gateway, Deferred("HTTP 503: away", code="503", answer="<b>down</b>"))
    page = await visitor.get(f"/messages/{id_}")
    text = shown(page)
    for words in (
        "Attempt 1 through sandbox: not taken this time", "HTTP 503: away",
        "&lt;b&gt;down&lt;/b&gt;",
        "It will be tried again in", "Handed over by library", "Isi surat",
    ):  # fmt: skip
        assert words in text, words
    assert "hx-get" in page.text  # it is still on its way
    part = await visitor.get(f"/messages/{id_}/live", hx_request="true")
    assert "<html" not in part.text
    assert "Timeline" in part.text


async def test_dead_mail_is_sent_again_from_its_page(visitor, send):
    id_ = await send()
    await end(visitor.gateway, Rejected("no such address", field="recipient"))
    assert "recipient: no such address" in shown(await visitor.get(f"/messages/{id_}"))
    page = await visitor.post(f"/messages/{id_}/requeue")
    assert page.header("location") == f"/messages/{id_}"
    assert "It is queued again." in shown(await visitor.get(f"/messages/{id_}"))
    assert (await visitor.gateway.store.story(id_)).message.state is State.QUEUED
    assert (await visitor.post(f"/messages/{id_}/requeue")).status == 409
    assert ("ani", "message requeued", id_) in await noted(visitor)


async def test_waiting_mail_is_cancelled_once(visitor, send):
    id_ = await send()
    await visitor.get(f"/messages/{id_}")
    assert (await visitor.post(f"/messages/{id_}/cancel")).status == 303
    assert (await visitor.gateway.store.story(id_)).message.state is State.CANCELLED
    again = await visitor.post(f"/messages/{id_}/cancel")
    assert (again.status, "cancelled now" in shown(again)) == (409, True)


async def test_held_mail_counts_as_sent_when_a_person_says_so(visitor, send):
    id_ = await send(if_unclear="hold")
    await end(visitor.gateway, Unclear("broken"))
    await visitor.gateway.store.sweep(now=visitor.gateway.clock.now() + timedelta(minutes=5))
    assert "Count it as sent" in shown(await visitor.get(f"/messages/{id_}"))
    await visitor.post(f"/messages/{id_}/accept")
    assert (await visitor.gateway.store.story(id_)).message.state is State.ACCEPTED


@over_both
async def test_dead_letters_come_in_groups_and_go_again_by_group(visitor, send):
    for at in range(3):
        await send(f"p{at}@example.com")
    await send("x@example.com")
    refused = Rejected("no such address", field="recipient")
    await end(visitor.gateway, refused, refused, refused, Rejected("odd"))
    page = shown(await visitor.get("/dead-letters"))
    assert "4 messages were given up" in page
    assert "The provider refuses the recipient&#39;s address 3" in page
    asked = shown(await visitor.get("/dead-letters?requeue=recipient"))
    assert "3 messages are queued again, from the first step" in asked
    part = await visitor.post(
        "/dead-letters/requeue", cause="recipient", total="3", headers={"hx-request": "true"}
    )
    assert "3 messages are queued again." in shown(part)
    dead = await visitor.gateway.store.messages(MessageFilter(states=(State.DEAD,)))
    assert [one.recipient for one in dead] == ["x@example.com"]
    assert "messages were given up within a day." in shown(await visitor.get("/"))
    await visitor.get("/dead-letters")
    await visitor.post("/dead-letters/requeue", cause="all", total="1")
    assert "given up within a day" not in shown(await visitor.get("/"))  # all of it goes again


async def test_a_requeue_of_many_goes_on_piece_by_piece(visitor, send, monkeypatch):
    monkeypatch.setattr("terkirim.web.pages.dead_letters.REQUEUED_AT_ONCE", 2)
    for at in range(5):
        await send(f"p{at}@example.com")
    await end(visitor.gateway, *[Rejected("odd")] * 5)
    await visitor.get("/dead-letters")
    fields, pages = {"cause": "all", "total": "5", "done": "0"}, 0
    while True:
        page = await visitor.post("/dead-letters/requeue", **fields)
        pages += 1
        found = dict(re.findall(r'name="(older|done)" value="([^"]+)"', page.text))
        if "older" not in found:
            break
        fields |= found
    assert pages == 3
    assert "5 messages are queued again." in shown(page)
    assert await visitor.gateway.desk.insight.count_stopped() == {State.DEAD: 0, State.HELD: 0}


async def test_held_mail_is_not_among_all_dead(visitor, send):
    id_ = await send(if_unclear="hold")
    await end(visitor.gateway, Unclear("broken"))
    await visitor.gateway.store.sweep(now=visitor.gateway.clock.now() + timedelta(minutes=5))
    await visitor.get("/dead-letters")
    await visitor.post("/dead-letters/requeue", cause="all")
    assert (await visitor.gateway.store.story(id_)).message.state is State.HELD
    assert "may have been sent already" in shown(await visitor.get("/dead-letters?requeue=held"))
    assert (await visitor.post("/dead-letters/requeue", cause="odd")).status == 422


@over_both
async def test_a_provider_is_paused_and_used_again(visitor):
    await visitor.get("/providers")
    await visitor.post("/providers/sandbox/pause")
    page = shown(await visitor.get("/providers"))
    assert "Paused: paused by hand." in page
    assert "by ani" in page
    banner = shown(await visitor.get("/messages"))
    await visitor.post("/providers/sandbox/resume")
    assert await visitor.gateway.store.pauses() == []
    assert (await visitor.post("/providers/odd/pause")).status == 404
    assert "sandbox was paused by hand" in banner or visitor.gateway.is_sandbox


async def test_a_provider_shows_its_limits(open_door, visitor):
    assert "imit" not in shown(await visitor.get("/providers"))  # the sandbox has none
    door = await open_door(mailketing_api_key="k")
    free = await Visitor.at(door.gateway).enter("budi")
    assert "No limit is set: TERKIRIM_RATE sets one." in shown(await free.get("/providers"))
    door = await open_door(mailketing_api_key="k", rate="10/s,400/d")
    limited = await Visitor.at(door.gateway).enter("siti")
    assert "Limit: at most 10 a second, 400 a day." in shown(await limited.get("/providers"))
    page = shown(await limited.get("/providers?lang=id"))
    assert "Batas: paling banyak 10 per detik, 400 per hari." in page


async def test_a_test_email_goes_the_usual_way(visitor):
    await visitor.get("/providers")
    page = await visitor.post("/providers/test", to="saya@example.com")
    id_ = page.header("location").rpartition("/")[2]
    story = await visitor.gateway.store.story(id_)
    assert (story.message.recipient, story.email.tags) == (
        "saya@example.com",
        (("test", "dashboard"),),
    )
    wrong = await visitor.post("/providers/test", to="nobody")
    assert wrong.status == 422
    assert "To: nobody needs something before and after an @-sign" in shown(wrong)
    assert re.search(r'name="to" type="email" value="nobody"[^>]* aria-invalid="true"', wrong.text)
    assert "Send a test e-mail" in shown(wrong)
    await visitor.get("/providers?lang=id")
    wrong = await visitor.post("/providers/test", to="nobody@")
    assert "Kepada: nobody@ belum punya domain setelah tanda @" in shown(wrong)


@over_both
async def test_the_activity_is_paged_without_loss_where_many_rows_share_an_instant(visitor):
    log, at = visitor.gateway.desk.activity, visitor.gateway.clock.now() - timedelta(days=1)
    for number in range(120):
        await log.note(Activity(at=at, who="orang", what="signed in", subject=f"s-{number:03}-"))
    seen, path = [], "/activity"
    while path:
        page = await visitor.get(path)
        seen += re.findall(r"s-\d{3}-", page.text)
        older = re.search(r'href="([^"]+)" rel="next"', page.text)
        path = html.unescape(older[1]) if older else None
    assert sorted(seen) == [f"s-{number:03}-" for number in range(120)]
    assert (await visitor.get("/activity?older=nonsense")).status == 200
    assert (await visitor.get("/activity?older=2026-11-28~gone")).status == 200


async def test_the_activity_is_told_in_the_readers_language_and_names_keys(visitor):
    log, at = visitor.gateway.desk.activity, visitor.gateway.clock.now()
    (key,) = await visitor.gateway.store.keys()
    told = {
        ("cli", "user added"): {"role": "viewer"},
        (f"key {key.id}", "credits checked"): {"credits": 41_000},
        ("mailketing", "suppressed"): {"why": "permanent bounce", "odd": 1},
    }
    for (who, what), facts in told.items():
        await log.note(Activity(at=at, who=who, what=what, facts=facts))
    page = shown(await visitor.get("/activity?lang=id"))
    for words in (
        "baris perintah menambah pengguna peran: pengamat",
        f"kunci API {key.name} menanyakan saldo kredit: 41.000",
        "mailketing memasukkan alamat ke daftar henti kirim karena: terpental permanen, odd: 1",
    ):
        assert words in page, words


async def test_a_right_is_not_called_like_a_month(visitor):
    page = shown(await visitor.get("/settings?tab=keys&lang=id"))
    assert "Nama Berawalan Hak Dibuat" in page
    assert "Mei" not in page


async def test_a_key_is_shown_once_and_revoked(visitor):
    await visitor.get("/settings?tab=keys")
    page = await visitor.post("/settings/keys", name="kasir", scope_send="1")
    (text,) = re.findall(r"tk_[\w-]{43}", page.text)
    assert text not in (await visitor.get("/settings?tab=keys")).text
    keys = {key.name: key for key in await visitor.gateway.store.keys()}
    assert keys["kasir"].scopes == {"send"}
    await visitor.post(f"/settings/keys/{keys['kasir'].id}/revoke")
    assert "revoked" in shown(await visitor.get("/settings?tab=keys"))
    last = await visitor.post(f"/settings/keys/{keys['t'].id}/revoke")
    assert (last.status, "last key" in last.text) == (409, True)
    wrong = await visitor.post("/settings/keys", name="kasir")
    assert (wrong.status, "aria-invalid" in wrong.text) == (422, False)
    wrong = await visitor.post("/settings/keys", name="TERKIRIM_API_KEY", scope_read="1")
    assert (wrong.status, "the name of the key in the settings" in wrong.text) == (422, True)
    wrong = await visitor.post("/settings/keys", name="x" * 200, scope_read="1")
    assert re.search(r'name="name"[^>]* aria-invalid="true"', wrong.text)
    assert 'name="scope_read" value="1" checked' in wrong.text
    assert 'name="scope_send" value="1" checked' not in wrong.text


@over_both
async def test_people_are_added_changed_and_removed(visitor):
    await visitor.get("/settings?tab=people")
    added = await visitor.post("/settings/people", name="budi", password=PASSWORD, role="operator")
    assert added.status == 303
    again = await visitor.post("/settings/people", name="BUDI", password=PASSWORD, role="viewer")
    assert (again.status, "called BUDI already" in again.text) == (422, True)
    weak = await visitor.post("/settings/people", name="x", password="x", role="viewer")
    assert weak.status == 422
    assert re.search(r'name="password"[^>]* aria-invalid="true"', weak.text)
    accounts = visitor.gateway.desk.accounts
    budi = await accounts.find_user("budi")
    await visitor.post(f"/settings/people/{budi.id}/role", role="viewer")
    assert (await accounts.find_user("budi")).role == "viewer"
    other = visitor.another()
    await other.post("/login", name="budi", password=PASSWORD)
    await visitor.post(f"/settings/people/{budi.id}/password", password="another one here")
    assert (await other.get("/")).status == 303  # signed out by the new password
    await visitor.post(f"/settings/people/{budi.id}/remove")
    assert await accounts.find_user("budi") is None
    ani = await accounts.find_user("ani")
    assert (await visitor.post(f"/settings/people/{ani.id}/remove")).status == 409


async def test_everybody_changes_their_own_password(visitor):
    await visitor.get("/settings?tab=you")
    wrong = await visitor.post("/settings/password", current="wrong", password="brand new word")
    assert (wrong.status, "present password" in wrong.text) == (422, True)
    done = await visitor.post("/settings/password", current=PASSWORD, password="brand new word")
    assert done.status == 303
    assert (await visitor.get("/")).status == 200
    page = await visitor.another().post("/login", name="ani", password="brand new word")
    assert page.status == 303


async def test_settings_are_shown_and_secrets_are_not(open_door):
    waits = "600ms,2s,90s"
    door = await open_door(
        mailketing_api_key="very-secret-key", cron_secret="cron-secret-word", retry_waits=waits
    )
    visitor = await Visitor.at(door.gateway).enter()
    page = await visitor.get("/settings?tab=environment")
    assert "TERKIRIM_RETRY_WAITS 600 ms, 2 seconds, 1 minute 30 seconds" in shown(page)
    assert "TERKIRIM_MAX_BODY 40 MB" in shown(page)
    assert "very-secret" not in page.text
    assert "cron-secret" not in page.text


async def test_a_viewer_reads_no_addresses_and_no_contents(visitor, send):
    id_ = await send("rahasia@example.com", "Halo", text="isi yang rahasia")
    await end(
        visitor.gateway, Rejected("rahasia@example.com is unknown", answer="rahasia@example.com")
    )
    viewer = await visitor.another().enter("vivi", "viewer")
    for path in ("/messages", f"/messages/{id_}", "/dead-letters", "/providers", "/messages.csv"):
        page = await viewer.get(path)
        assert page.status == 200
        assert "rahasia" not in page.text, path
    assert "r•••@example.com" in (await viewer.get("/messages")).text
    for part in ("letter", "source"):
        assert (await viewer.get(f"/messages/{id_}/{part}")).status == 403
    assert (await viewer.get(f"/messages/{id_}?view=curl")).text.count("rahasia") == 0


async def test_viewers_read_everything_where_the_setting_says_so(open_door):
    door = await open_door(mask_addresses=False, mailketing_from_email="toko@example.com")
    viewer = await Visitor.at(door.gateway).enter("vivi", "viewer")
    id_ = await door.gateway.send_email(to="budi@example.com", subject="Halo", text="isi")
    page = await viewer.get(f"/messages/{id_}")
    assert "budi@example.com" in page.text
    assert "isi" in page.text


async def test_a_hostile_mail_is_only_text(visitor, send):
    id_ = await send(
        subject=f"gpj.\u202eexe {HOSTILE}", html=f"<body>{HOSTILE}</body>",
        headers={"X-A": HOSTILE}, tags=[{"name": "a", "value": "b"}],
    )  # fmt: skip
    await end(visitor.gateway, Rejected(HOSTILE, code="200", answer=HOSTILE))
    views = [f"/messages/{id_}?view={view}" for view in ("html", "source", "headers", "curl")]
    for path in ("/messages", "/dead-letters", "/providers", "/activity", *views):
        page = await visitor.get(path)
        assert page.status == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert "\u202e" not in page.text
    frame = await visitor.get(f"/messages/{id_}/letter")
    policy = frame.header("content-security-policy")
    assert HOSTILE in frame.text  # as it was sent, in a frame where nothing of it runs
    assert policy.startswith("sandbox; default-src 'none'")
    assert "https:" not in policy
    assert "script-src" not in policy
    assert 'sandbox loading="lazy"' in (await visitor.get(views[0])).text
    with_images = await visitor.get(f"/messages/{id_}/letter?images=1")
    assert "img-src data: https: http:" in with_images.header("content-security-policy")


async def test_how_a_mail_goes_is_told_in_the_readers_language(visitor, send):
    id_ = await send(priority="high")
    page = shown(await visitor.get(f"/messages/{id_}?lang=id"))
    assert "Prioritas, jenis, rute tinggi, transaksional, default" in page


async def test_a_letter_of_five_megabytes_does_not_fill_the_page(visitor, send):
    id_ = await send(html="<p>" + "x" * 5_000_000 + "</p>")
    for view in ("html", "source", "curl"):
        page = await visitor.get(f"/messages/{id_}?view={view}")
        assert len(page.body) < 250_000
    assert len((await visitor.get(f"/messages/{id_}/letter")).body) > 5_000_000
    assert len((await visitor.get(f"/messages/{id_}/source")).body) > 5_000_000


@over_both
async def test_a_letter_to_many_is_shown_as_its_reader_gets_it(visitor, send):
    id_ = await send(
        to="budi@example.com", subject="Halo {{ nama }}", html="<p>{{ nama }}</p>", text=None,
        variables={"budi@example.com": {"nama": "Budi <b>"}},
    )  # fmt: skip
    assert "<p>Budi &lt;b&gt;</p>" in (await visitor.get(f"/messages/{id_}/letter")).text
    assert "Halo Budi" in shown(await visitor.get(f"/messages/{id_}"))


async def test_pictures_of_the_mail_itself_show_in_its_preview(visitor, send):
    pixel = b"GIF89a-pixel"
    picture = {
        "filename": "logo.gif",
        "content": pixel,
        "content_type": "image/gif",
        "content_id": "logo@toko",
    }
    page = {
        "filename": "x.html",
        "content": b"<script>",
        "content_type": "text/html",
        "content_id": "page",
    }
    html = "<img src='cid:logo@toko'><img src=CID:logo%40toko><img src='cid:page'><p>cid:gone</p>"
    id_ = await send(html=html, attachments=[picture, page])
    frame = await visitor.get(f"/messages/{id_}/letter")
    shown_as = f"data:image/gif;base64,{base64.b64encode(pixel).decode()}"
    assert frame.text == (
        f"<img src='{shown_as}'><img src={shown_as}><img src='cid:page'><p>cid:gone</p>"
    )
    assert "img-src data:;" in frame.header("content-security-policy")


async def test_a_picture_that_a_mail_repeats_does_not_fill_the_preview(visitor, send, monkeypatch):
    monkeypatch.setattr("terkirim.web.inline_images.SHOWN_AT_MOST", 100)
    picture = {
        "filename": "a.png",
        "content": b"x" * 30,
        "content_type": "image/png",
        "content_id": "a",
    }
    id_ = await send(html="<img src='cid:a'>" * 50, attachments=[picture])
    frame = await visitor.get(f"/messages/{id_}/letter")
    assert frame.text.count("data:image/png") == 1
    assert frame.text.count("cid:a") == 49


async def test_what_is_not_there_has_a_page_for_people_and_json_for_programs(visitor):
    page = await visitor.get("/nothing-here")
    assert (page.status, "There is nothing at this address." in page.text) == (404, True)
    assert (await visitor.get("/messages/unknown")).status == 404
    json = await visitor.get("/nothing-here", accept="application/json")
    assert (json.status, json.header("content-type")) == (404, "application/json")
    assert (await visitor.get("/v1/emails")).status == 401
    assert (await visitor.get("/static/../secret")).status == 404
    assert (await visitor.get("/static/app.css")).status == 200


async def test_a_database_that_is_away_has_a_page_that_says_so(visitor, monkeypatch):
    from terkirim.domain.errors import StoreUnavailable

    async def away(*_args, **_given):
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(visitor.gateway.desk.search, "find", away)
    page = await visitor.get("/messages")
    assert (page.status, "the disk is full" in page.text) == (503, True)


async def test_a_page_that_breaks_says_nothing_of_its_inside(visitor, monkeypatch):
    async def broken(*_args, **_given):
        raise RuntimeError("secret inside")

    monkeypatch.setattr(visitor.gateway.desk.search, "find", broken)
    page = await visitor.get("/messages")
    assert (page.status, "This page has a fault." in page.text) == (500, True)
    assert "secret inside" not in page.text


async def test_the_sandbox_is_sent_in_earnest_only_where_that_is_possible(visitor, open_door):
    await visitor.get("/sandbox")
    refused = await visitor.post("/sandbox/send")
    assert (refused.status, "sandbox mode" in refused.text) == (409, True)
