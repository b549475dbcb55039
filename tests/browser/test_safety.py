"""Hostile mail does nothing in a real browser, and nobody is shut out by how a page is made."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.browser.test_journeys import PAGES

AXE = Path(__file__).parent.joinpath("vendor", "axe.min.js")
SCRIPT = "<script>document.title='owned'; alert(1)</script>"
HOSTILE = (
    f"{SCRIPT}<img src=x onerror=alert(2)><svg onload=alert(3)></svg>"
    "<a href='javascript:alert(4)'>x</a><form action='/logout' method='post'><input></form>"
    "<meta http-equiv='refresh' content='0;url=/login'><base href='https://evil.example/'>"
    "<iframe src='/messages'></iframe><link rel=stylesheet href='https://evil.example/x.css'>"
)

# A page about one thing -> the list that leads to it, and its link there.
ONE_OF = {
    "message": ("/messages?q=state:dead,held,accepted", "td.cell-main a"),
    "event": ("/events", "td.cell-state a"),
}


@pytest.fixture
def hostile(shop):
    id_ = shop.send(
        "hostile@example.com", f"gpj.\u202eexe {SCRIPT}",
        html=f"<html><body><p id=seen>Halo</p>{HOSTILE}</body></html>",
        headers={"X-Note": SCRIPT}, tags=[{"name": "note", "value": "x"}],
    )  # fmt: skip
    shop.settled(id_)
    return id_


def test_a_hostile_mail_runs_nothing_and_fetches_nothing(page, hostile):
    refused = {}
    page.on("requestfailed", lambda request: refused.update({request.url: request.failure}))
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for view in ("html", "source", "headers", "curl"):
        page.goto(f"/messages/{hostile}?view={view}")
        page.wait_for_load_state("networkidle")
        assert "owned" not in page.title()
        assert page.locator("h1").inner_text().startswith("gpj.⟦202E⟧exe <script>")
    page.goto(f"/messages/{hostile}?view=html")
    frame = page.frame_locator(".letter-frame")
    page.locator(".letter-frame").scroll_into_view_if_needed()
    assert frame.locator("#seen").inner_text() == "Halo"
    frame.get_by_text("x", exact=True).first.click()
    page.wait_for_load_state("networkidle")
    outside = {url for url in asked if "evil" in url}
    assert {refused[url] for url in outside} <= {"csp"}
    assert page.locator(".who-name").is_visible()  # the form in the mail signed nobody out
    page.goto("/messages?q=to:hostile@example.com")
    assert "owned" not in page.title()
    assert [said for said in page.faults if not is_refusal(said)] == []
    page.faults.clear()


def is_refusal(said):
    """Tell whether Chromium logs what it did not do: the mail asked for it, and got it not."""
    return (
        said.startswith(("Blocked ", "Refused "))
        or "has been blocked" in said
        or "violates" in said
    )


class Pictures(BaseHTTPRequestHandler):
    """Somebody's server that counts who looks."""

    def do_GET(self):
        self.server.seen.append(self.path)
        self.send_response(404)
        self.end_headers()

    def log_message(self, *_args):
        """Say nothing."""


@pytest.fixture
def pictures():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    server.seen = []
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_five_megabytes_of_html_show_without_harm(page, shop):
    id_ = shop.send("long@example.com", "Panjang", html="<p id=end>" + "kata " * 1_000_000 + "</p>")
    shop.settled(id_)
    page.goto(f"/messages/{id_}?view=source")
    assert page.get_by_text("Only the beginning is shown.").is_visible()
    page.goto(f"/messages/{id_}")
    page.locator(".letter-frame").scroll_into_view_if_needed()
    frame = page.frame_locator(".letter-frame")
    assert frame.locator("#end").evaluate("p => p.textContent.length") == 5_000_000


def test_remote_images_are_fetched_only_when_asked_for(page, shop, pictures):
    picture = f"<img src='http://127.0.0.1:{pictures.server_port}/pixel.png'>"
    id_ = shop.send("image@example.com", "Gambar", html=f"<p>Halo</p>{picture}")
    shop.settled(id_)

    def look():
        page.locator(".letter-frame").scroll_into_view_if_needed()
        assert page.frame_locator(".letter-frame").locator("p").inner_text() == "Halo"
        page.wait_for_load_state("networkidle")

    page.goto(f"/messages/{id_}")
    look()
    assert pictures.seen == []
    page.get_by_role("link", name="Show them").click()
    look()
    assert pictures.seen == ["/pixel.png"]
    page.faults.clear()  # the one that was blocked, and the one that is not there


@pytest.mark.parametrize("path", [*PAGES, "message", "event"])
@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_axe_finds_nothing(open_signed_in, path, look):
    view = {"width": 360, "height": 740} if look == "phone" else {"width": 1280, "height": 800}
    scheme = "dark" if look == "dark" else "light"
    page = open_signed_in(viewport=view, color_scheme=scheme, bypass_csp=True)
    page.goto(ONE_OF.get(path, (path,))[0])
    if path in ONE_OF:
        page.locator(ONE_OF[path][1]).first.click()
        page.wait_for_load_state()
    assert axe(page) == []
    page.faults.clear()


@pytest.mark.parametrize("path", ["/login", "/first?link=x"])
def test_axe_finds_nothing_before_signing_in(open_page, shop, path):
    page = open_page(base_url=shop.url, bypass_csp=True)
    page.goto(path)
    assert axe(page) == []
    page.faults.clear()


def test_axe_would_find_something(open_page, shop):
    page = open_page(base_url=shop.url, bypass_csp=True)
    page.goto("/login")
    page.evaluate("document.querySelector('label').remove()")
    assert any("label" in one for one in axe(page))


def axe(page):
    """Return what axe finds wrong, in words: every rule of WCAG 2.2 AA and its best practices."""
    page.add_script_tag(path=AXE)
    found = page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{one['impact']} {one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for one in found
        for node in one["nodes"]
    ]
