"""The pages about events and suppressions: what came, how it was matched, who is let in again."""

import json
import re
from datetime import timedelta

import pytest

from terkirim.ports.suppressions import SuppressionFilter
from terkirim.tracking.suppression_csv import Entry
from tests.integration.test_web_pages import HOSTILE, noted, over_both, shown
from tests.integration.visitor import Visitor

SECRET = "callback-secret-word"


@pytest.fixture
async def visitor(open_door, request):
    given = {}
    if getattr(request, "param", "sqlite") == "postgres":
        given["database"] = await request.getfixturevalue("postgres").database()
    door = await open_door(
        mailketing_from_email="toko@example.com",
        mailketing_webhook_secret=SECRET,
        public_url="https://mail.example.com",
        **given,
    )
    visitor = await Visitor.at(door.gateway).enter()
    await visitor.get("/")
    return visitor


@pytest.fixture
async def viewer(visitor):
    return await visitor.another().enter("vivi", "viewer")


async def post(visitor, **fields):
    """Take a callback in, and apply it."""
    tracking = visitor.gateway.tracking
    await tracking.intake.take("mailketing", json.dumps(fields).encode())
    await tracking.applier.apply_kept()


async def say(visitor, word, id_, **fields):
    at = visitor.gateway.clock.now().isoformat()
    await post(visitor, type=word, email="budi@example.com", message_id=id_, date=at, **fields)


async def send(visitor, **fields):
    return await visitor.gateway.send_email(
        to="budi@example.com", subject="Halo", text="x", **fields
    )


async def suppressed(visitor, *addresses):
    listed = visitor.gateway.tracking.suppressions
    return await listed.add([Entry(address=one) for one in addresses], who="t")


async def test_before_the_first_callback_the_page_has_the_address_to_enter(visitor):
    page = await visitor.get("/events")
    text = shown(page)
    assert "https://mail.example.com/api/webhooks/mailketing?secret=YOUR-SECRET" in text
    assert "Done: MAILKETING_WEBHOOK_SECRET is set." in text
    assert SECRET not in page.text


async def test_without_a_secret_or_an_address_the_page_says_to_set_them(open_door):
    door = await open_door()
    visitor = await Visitor.at(door.gateway).enter()
    text = shown(await visitor.get("/events"))
    assert "Set MAILKETING_WEBHOOK_SECRET to any long text" in text
    assert "Set TERKIRIM_PUBLIC_URL" in text
    assert "callbacks are refused" in text


@over_both
async def test_an_event_shows_its_message_how_it_was_found_and_how_it_came(visitor):
    id_ = await send(visitor)
    await say(visitor, "bounce", id_, reason=f"550 {HOSTILE}")
    page = await visitor.get("/events")
    text = shown(page)
    for words in ("bounced for good", "budi@example.com", "found by its id", "callbacks kept"):
        assert words in text, words
    assert f'href="/messages/{id_}"' in page.text
    assert "<script>alert" not in page.text
    (link,) = re.findall(r'href="(/events/[0-9a-f-]{36})"', page.text)
    event = await visitor.get(link)
    assert '"type": "bounce"' in event.text.replace("&#34;", '"')
    assert "<script>alert" not in event.text
    assert "No such event yet." in shown(await visitor.get("/events?kind=opened"))
    assert "bounced for good" in shown(await visitor.get("/events?kind=bounced"))


@over_both
async def test_an_event_without_a_message_is_found_again_by_a_replay(visitor):
    early = "019aaaaa-0000-7000-8000-000000000001"
    await say(visitor, "emailopen", early)
    await post(visitor, type="odd", email="x")
    page = await visitor.get("/events?tab=unmatched")
    assert "no message yet" in shown(page)
    assert early in page.text
    aside = await visitor.get("/events?tab=aside")
    assert '"odd"' in aside.text.replace("&#34;", '"')
    done = await visitor.post("/events/replay", tab="unmatched")
    assert done.header("location") == "/events?tab=unmatched"
    assert "2 looked at again: 0 found their message" in shown(await visitor.get("/events"))
    (seq,) = re.findall(r"/events/callbacks/(\d+)/replay", aside.text)
    await visitor.post(f"/events/callbacks/{seq}/replay")
    assert "says nothing of a message" in shown(await visitor.get("/events?tab=aside"))
    assert (await visitor.post("/events/callbacks/999/replay")).status == 404
    whats = {what for _, what, _ in await noted(visitor)}
    assert {"callbacks replayed", "callback replayed"} <= whats


async def test_one_event_is_read_again_and_comes_no_second_time(visitor):
    id_ = await send(visitor)
    await say(visitor, "emailopen", id_)
    (link,) = re.findall(r'href="(/events/[0-9a-f-]{36})"', (await visitor.get("/events")).text)
    await visitor.post(f"{link}/replay")
    assert "no event comes twice" in shown(await visitor.get(link))
    assert (
        len(re.findall(r'href="/events/[0-9a-f-]{36}"', (await visitor.get("/events")).text)) == 1
    )
    assert (await visitor.get("/events/unknown")).status == 404


async def test_many_events_come_page_by_page(visitor, monkeypatch):
    monkeypatch.setattr("terkirim.web.pages.events.ON_A_PAGE", 2)
    id_ = await send(visitor)
    for n in range(3):
        await say(visitor, "emailclick", id_, link_clicked=f"https://example.com/{n}")
        await post(visitor, type="odd", n=n)
        await say(visitor, "emailopen", f"unknown-{n}")
    for tab in ("matched", "unmatched", "aside"):
        first = await visitor.get(f"/events?tab={tab}")
        older = re.search(r'href="([^"]+)" rel="next"', first.text)[1].replace("&amp;", "&")
        second = await visitor.get(older)
        rows = [page.text.count('<tr role="row">') - 1 for page in (first, second)]
        assert rows == [2, 1], tab


async def test_a_viewer_reads_no_address_and_nothing_that_came(visitor, viewer):
    id_ = await send(visitor)
    await say(visitor, "bounce", id_, reason="550 budi@example.com is unknown")
    await post(visitor, type="odd", email="budi@example.com")
    (link,) = re.findall(r'href="(/events/[0-9a-f-]{36})"', (await visitor.get("/events")).text)
    for path in ("/events", "/events?tab=aside", link, "/suppressions", "/suppressions?q=budi"):
        page = await viewer.get(path)
        assert page.status == 200
        assert "budi@example.com" not in page.text, path
    assert (await viewer.get("/suppressions.csv")).status == 403
    for path in ("/events/replay", f"{link}/replay", "/suppressions", "/suppressions/x/remove"):
        assert (await viewer.post(path)).status == 403


@over_both
async def test_an_address_is_added_with_a_reason_and_let_in_again_with_one(visitor):
    page = await visitor.post("/suppressions", email="Budi@Example.com", note="asked by phone")
    assert page.status == 303
    text = shown(await visitor.get("/suppressions"))
    assert "budi@example.com is not sent to any more." in text
    assert "by hand from ani asked by phone every e-mail" in text
    (entry,) = await visitor.gateway.tracking.suppressions.listed(SuppressionFilter())
    asked = shown(await visitor.get(f"/suppressions?remove={entry.id}"))
    assert "Send to budi@example.com again?" in asked
    assert (await visitor.post(f"/suppressions/{entry.id}/remove")).status == 422
    await visitor.post(f"/suppressions/{entry.id}/remove", why="his own wish")
    assert "budi@example.com is sent to again." in shown(await visitor.get("/suppressions"))
    rows = await visitor.gateway.desk.activity.activity(limit=9)
    kept = [(row.who, row.what, row.facts["note"]) for row in rows if "note" in row.facts]
    assert kept == [
        ("ani", "unsuppressed", "his own wish"),
        ("ani", "suppressed", "asked by phone"),
    ]
    assert "Nobody is suppressed." in shown(await visitor.get("/suppressions"))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "a@example.com", "until": "2020-01-01"}, "has passed"),
        ({"email": "a@example.com", "until": "soon"}, "is no date"),
        ({"email": "a@example.com", "stream": "odd"}, "is none of all"),
    ],
)
async def test_what_cannot_be_added_is_said_by_field_and_stays_in_the_form(visitor, fields, words):
    page = await visitor.post("/suppressions", **fields)
    assert page.status == 422
    assert words in shown(page)
    assert f'value="{fields["email"]}"' in page.text
    assert await visitor.gateway.tracking.suppressions.listed(SuppressionFilter()) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"email": "budi"}, "Alamat: budi harus berisi sesuatu sebelum dan sesudah tanda @"),
        ({"email": "budi s@a.id"}, "Sebelum tanda @ ada karakter yang tidak boleh dipakai: SPACE."),
        ({"email": "budi@toko"}, "Bagian setelah tanda @ harus memuat titik."),
        ({"email": "a@example.com", "until": "besok"}, "Sampai: besok bukan tanggal; tulis"),
        ({"email": "a@example.com", "note": "x" * 1_001}, "Alasan: panjangnya 1.001 karakter"),
    ],
)
async def test_a_faulty_field_is_marked_and_explained_in_the_readers_language(
    visitor, fields, words
):
    await visitor.get("/suppressions?lang=id")
    page = await visitor.post("/suppressions", **fields)
    assert page.status == 422
    assert words in shown(page)
    name = list(fields)[-1]
    assert re.search(rf'id="{name}" name="{name}"[^>]* aria-invalid="true"', page.text)
    assert page.text.count("aria-invalid") == 1


async def test_addresses_are_found_whole_by_their_beginning_and_by_their_domain(visitor):
    await suppressed(visitor, "budi@a.example", "budiman@b.example", "ani@a.example")

    async def found(query):
        return set(re.findall(r"(\w+)@[ab]\.example</bdi></a>", (await visitor.get(query)).text))

    assert await found("/suppressions") == {"budi", "budiman", "ani"}
    assert await found("/suppressions?q=budi") == {"budi", "budiman"}
    assert await found("/suppressions?q=BUDI@A.example") == {"budi"}
    assert await found("/suppressions?q=@a.example") == {"budi", "ani"}
    assert "No suppressed address fits." in shown(await visitor.get("/suppressions?q=odd"))


@pytest.mark.parametrize("query", ["", "?q=p", "?q=@example.com"])
async def test_many_addresses_come_page_by_page(visitor, monkeypatch, query):
    monkeypatch.setattr("terkirim.web.pages.suppressions.ON_A_PAGE", 2)
    await suppressed(visitor, *[f"p{n}@example.com" for n in range(5)])
    seen, path = [], f"/suppressions{query}"
    while path:
        page = await visitor.get(path)
        seen += re.findall(r"(p\d)@example\.com</bdi></a>", page.text)
        link = re.search(r'href="([^"]+)" rel="next"', page.text)
        path = link[1].replace("&amp;", "&") if link else None
    assert sorted(seen) == ["p0", "p1", "p2", "p3", "p4"]


async def upload(visitor, content, name="file"):
    """Send a form with a file, as a browser does."""
    edge = b"----edge"
    parts = [
        b'content-disposition: form-data; name="csrf"\r\n\r\n' + visitor.last.encode(),
        f'content-disposition: form-data; name="{name}"; filename="a.csv"\r\n'.encode()
        + b"content-type: text/csv\r\n\r\n"
        + content,
    ]
    body = b"".join(b"--" + edge + b"\r\n" + part + b"\r\n" for part in parts)
    headers = {
        "content-type": f"multipart/form-data; boundary={edge.decode()}",
        "origin": "http://m.example",
    }
    return await visitor._call(
        "POST", "/suppressions/import", body + b"--" + edge + b"--\r\n", headers
    )


async def test_a_file_is_imported_and_its_bad_rows_are_shown(visitor):
    await visitor.get("/suppressions")
    content = b"email,reason\ngood@example.com,bounce\nbad,\n<b>@example.com,odd\n"
    page = await upload(visitor, content)
    text = shown(page)
    assert "1 entry was put on the list. 2 rows were left out:" in text
    assert re.search(r"Line What is wrong 3 .* 4 reason : odd is none of", text)
    (entry,) = await visitor.gateway.tracking.suppressions.listed(SuppressionFilter())
    assert entry.address == "good@example.com"
    assert ("ani", "suppressions imported", "") in await noted(visitor)
    text = shown(await upload(visitor, content + b"Good@example.com,bounce\n"))
    assert (
        "0 entries were put on the list. 1 entry stood on the list already. "
        "1 row repeats an address that stands above it. 2 rows were left out:"
    ) in text
    wrong = await upload(visitor, b"name\nx\n")
    assert (wrong.status, "The file cannot be read" in wrong.text) == (422, True)
    assert (await upload(visitor, b"", name="other")).status == 422
    torn = b'email,note\nu1@x.co,"abc\nu2@x.co,x\n'
    assert "quote that opens in or after line 2 is never closed" in shown(
        await upload(visitor, torn)
    )
    await visitor.get("/suppressions?lang=id")
    assert "di baris 2 atau sesudahnya tidak pernah ditutup" in shown(await upload(visitor, torn))
    text = shown(await upload(visitor, content))
    assert re.search(r"3 email : bad harus berisi sesuatu .* 4 reason : odd tidak termasuk", text)


async def test_a_file_without_the_token_of_a_page_is_refused(visitor):
    await visitor.get("/suppressions")
    visitor.last = "0" * 64
    assert (await upload(visitor, b"email\na@example.com\n")).status == 403
    assert await visitor.gateway.tracking.suppressions.listed(SuppressionFilter()) == []


async def test_a_file_that_is_too_large_is_refused(visitor, monkeypatch):
    await visitor.get("/suppressions")
    page = await upload(visitor, b"email\n" + b"x" * 10_000_001)
    assert (page.status, "larger than is taken" in page.text) == (413, True)


async def test_the_list_is_exported_so_that_an_import_reads_it(visitor):
    await suppressed(visitor, "budi@example.com")
    page = await visitor.get("/suppressions.csv")
    assert "attachment" in page.header("content-disposition")
    (entry,) = await visitor.gateway.tracking.suppressions.listed(SuppressionFilter())
    await visitor.gateway.tracking.suppressions.remove([entry.id], who="t", why="")
    await visitor.get("/suppressions")
    assert "1 entry was put on the list." in shown(await upload(visitor, page.body))
    assert ("ani", "suppressions exported", "") in await noted(visitor)


async def test_an_entry_with_an_end_shows_it(visitor):
    until = visitor.gateway.clock.now() + timedelta(days=2)
    await visitor.post("/suppressions", email="a@example.com", until=until.date().isoformat())
    row = (await visitor.get("/suppressions")).text.partition("<tbody")[2].partition("</tbody>")[0]
    assert "for ever" not in row
    assert f" {until.year}</td>" in row


@over_both
async def test_an_address_is_suppressed_from_a_message_and_let_in_again_from_it(visitor):
    id_ = await send(visitor)
    await visitor.get(f"/messages/{id_}")
    await visitor.post(f"/messages/{id_}/suppress", note="wrote that he left")
    text = shown(await visitor.get(f"/messages/{id_}"))
    assert "budi@example.com is not sent to any more." in text
    assert "Nothing more is sent to it since" in text
    (entry,) = await visitor.gateway.tracking.suppressions.listed(SuppressionFilter())
    assert (entry.source, entry.note) == ("ani", "wrote that he left")
    link = f"/suppressions?q=budi@example.com&remove={entry.id}"
    assert "Send to budi@example.com again?" in shown(await visitor.get(link))
    story = await visitor.gateway.store.story(await send(visitor))
    assert story.message.state == "suppressed"
    await visitor.post(f"/suppressions/{entry.id}/remove", why="came back")
    assert "Suppress this address" in shown(await visitor.get(f"/messages/{id_}"))
