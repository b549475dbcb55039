"""What people do at the pages, in a real browser, from the first start to a requeue."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import sign_in
from tests.browser.stage import PASSWORD

PAGES = (
    "/", "/messages", "/dead-letters", "/dead-letters?requeue=all", "/credits?count=25.000",
    "/events", "/events?tab=unmatched", "/events?tab=aside", "/suppressions", "/providers",
    "/alerts", "/sandbox", "/webhooks", "/activity", "/settings?tab=keys", "/settings?tab=people",
    "/settings?tab=choices",
    "/settings?tab=environment", "/settings?tab=you", "/nothing-here",
)  # fmt: skip


def first_message(page, query):
    page.goto(f"/messages?q={query}")
    page.locator("td.cell-main a").first.click()
    return page


def test_the_first_start_leads_to_an_admin_and_the_first_e_mail(empty, open_page):
    page = open_page(base_url=empty.url)
    page.goto("/")
    expect(page.get_by_text("Nobody can sign in yet.")).to_be_visible()
    page.goto(empty.first_link)
    page.get_by_label("Name").fill("ani")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("status").first).to_contain_text("You are the first admin")
    expect(page.get_by_role("heading", name="The first three steps")).to_be_visible()
    expect(page.locator(".sandbox-strip")).to_contain_text("Nothing is really sent.")
    empty.settled(empty.send("budi@example.com", "Halo"))
    page.goto("/messages")
    expect(page.locator("tbody")).to_contain_text("budi@example.com")
    page.goto("/sandbox")
    expect(page.locator("tbody")).to_contain_text("Halo")
    other = open_page(base_url=empty.url)
    answer = other.goto(empty.first_link)
    assert answer.status == 410
    other.faults.clear()  # Chromium logs each page that is not 200


def test_wrong_passwords_lock_out_and_the_page_says_for_how_long(shop, open_page):
    page = open_page(base_url=shop.url)
    page.goto("/login")
    for _ in range(6):
        page.fill("[name=name]", "somebody")
        page.fill("[name=password]", "wrong wrong")
        page.click("main button")
    expect(page.get_by_role("alert")).to_have_text(
        re.compile(r"Too many wrong tries\. You can try again in (1 minute|5\d seconds)\.")
    )
    page.faults.clear()
    sign_in(page)  # others get in meanwhile
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")


def test_a_search_is_typed_after_f_and_its_link_can_be_shared(page, open_page, shop):
    page.goto("/messages")
    page.keyboard.press("f")
    page.keyboard.type("to:budi pesanan after:today")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(4)
    assert "q=to%3Abudi+pesanan+after%3Atoday" in page.url
    assert page.locator("tbody tr").filter(has_text="budi@").count() == 4
    other = open_page(base_url=shop.url)
    sign_in(other)
    other.goto(page.url)
    expect(other.locator("tbody tr")).to_have_count(4)


def test_a_search_that_cannot_be_understood_is_explained(page):
    page.goto("/messages")
    page.fill("[name=q]", "state:gone")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("is not known")
    expect(page.get_by_text("How to search")).to_be_visible()
    page.faults.clear()  # Chromium logs the 422


def test_the_csv_is_downloaded(page):
    page.goto("/messages?q=state:dead")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Export as CSV").click()
    lines = waiting.value.path().read_text("utf-8-sig").splitlines()
    assert lines[0].startswith("id,email_id,created_at,to,from,subject,state")
    assert all(",dead," in line for line in lines[1:])


def test_a_message_shows_every_attempt_and_its_letter(page, shop):
    shop.fail(error_503=1)
    id_ = shop.send("story@example.com", "Pesanan", html="<h1>Halo Budi</h1>")
    shop.settled(id_)
    shop.fail()
    page.goto(f"/messages/{id_}")
    expect(page.locator(".next-says")).to_contain_text("It was given up.")
    attempts = page.locator(".moment").filter(has_text="Attempt")
    expect(attempts).to_have_count(3)
    expect(page.locator(".timeline .wait").first).to_be_visible()
    answer = attempts.first.locator("pre.answer")
    expect(answer).to_be_hidden()
    attempts.first.get_by_text("Technical details").click()
    expect(answer).to_be_visible()
    expect(attempts.first).to_contain_text("503")
    page.locator(".letter-frame").scroll_into_view_if_needed()
    expect(page.frame_locator(".letter-frame").locator("h1")).to_have_text("Halo Budi")
    page.get_by_role("link", name="As curl").click()
    expect(page.locator(".command code")).to_contain_text("Authorization: Bearer $TERKIRIM_API_KEY")


def test_a_message_on_its_way_is_followed_without_a_reload(page, shop):
    page.goto("/providers")
    page.get_by_role("button", name="Pause mailketing").click()
    expect(page.get_by_text("Paused: paused by hand.")).to_be_visible()
    id_ = shop.send("waiting@example.com", "Menunggu")
    page.goto(f"/messages/{id_}")
    expect(page.locator(".next-says")).to_contain_text("It waits: mailketing is not used")
    page.evaluate("window.isTheSamePage = true")
    other = page.context.new_page()
    other.goto("/providers")
    other.get_by_role("button", name="Use it again").click()
    expect(page.locator(".next-state")).to_contain_text("taken by the provider")
    assert page.evaluate("window.isTheSamePage")


def test_the_focus_stays_where_it_was_while_a_message_is_followed(page, shop):
    page.goto("/providers")
    page.get_by_role("button", name="Pause mailketing").click()
    id_ = shop.send("fokus@example.com", "Fokus")
    page.goto(f"/messages/{id_}")
    cancel = page.get_by_role("button", name="Cancel it")
    cancel.focus()
    for _ in range(2):
        with page.expect_response(re.compile("/live$")):
            pass
        expect(cancel).to_be_focused()
    shop.resume("mailketing")
    expect(page.locator(".next-state")).to_contain_text("taken by the provider")
    expect(page.locator("#live")).to_be_focused()  # what was to be pressed is gone


def test_dead_letters_are_sent_again_with_a_count_before_and_progress_after(page, shop):
    shop.wear_out(3)
    page.goto("/dead-letters")
    page.get_by_role("link", name=re.compile("Send these again.*Every attempt")).click()
    expect(page.locator("#confirm")).to_contain_text(
        "messages are queued again, from the first step"
    )
    page.get_by_role("button", name="Yes, send them again").click()
    expect(page.locator("#confirm h2")).to_have_text("Done")
    expect(page.locator("#confirm")).to_be_focused()
    expect(page.locator("#confirm")).to_contain_text("messages are queued again.")
    page.goto("/dead-letters")
    expect(page.get_by_text("Every attempt failed, to the last")).to_have_count(0)
    page.goto("/activity")
    # An alert about the dead letters may stand above it.
    expect(page.locator("tbody tr").filter(has_text="queued messages again")).to_have_count(1)


def test_the_language_is_switched_and_stays(page):
    page.goto("/messages")
    page.get_by_role("link", name="Indonesia").click()
    expect(page.get_by_role("heading", name="Pesan")).to_be_visible()
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "id")
    expect(page.get_by_role("link", name="Ringkasan")).to_have_attribute("aria-current", "page")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def test_the_colours_are_switched_and_stay(page):
    page.goto("/")
    page.get_by_role("link", name="Dark").click()
    page.goto("/messages")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(16, 22, 28)"
    page.get_by_role("link", name="Light").click()
    assert page.evaluate(ground) == "rgb(244, 246, 248)"


def test_the_chart_is_drawn_from_the_table_behind_it(page):
    page.goto("/?span=7d")
    chart = page.get_by_role("region", name="Sent by hour")
    expect(chart.locator("canvas")).to_be_visible()
    assert chart.locator("canvas").evaluate("canvas => canvas.clientWidth") > 600
    chart.get_by_text("As a table").click()
    expect(page.locator("#chart-data tbody tr")).to_have_count(7 * 24)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["id", "en"])
def test_a_phone_of_360_pixels_needs_no_sideways_scrolling(open_signed_in, path, language):
    page = open_signed_in(is_mobile=True, viewport={"width": 360, "height": 740})
    page.goto(f"{path}{'&' if '?' in path else '?'}lang={language}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.faults.clear()  # one of the pages is not there, on purpose


def test_a_phone_folds_the_navigation_and_unfolds_it(open_signed_in):
    page = open_signed_in(is_mobile=True, viewport={"width": 360, "height": 740})
    page.goto("/")
    link = page.get_by_role("link", name="Messages", exact=True)
    expect(link).to_be_hidden()
    button = page.get_by_role("button", name="Menu")
    expect(button).to_have_attribute("aria-expanded", "false")
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    link.click()
    expect(page.get_by_role("heading", name="Messages")).to_be_visible()


def tab_to(page, target):
    """Press Tab until the target has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if target.evaluate("one => one === document.activeElement"):
            return
    raise AssertionError("the keyboard does not lead there")


def test_signing_in_and_skipping_to_the_content_need_no_mouse(open_page, shop):
    page = open_page(base_url=shop.url)
    page.goto("/login")
    page.keyboard.press("Tab")
    page.keyboard.type("ani")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".who-name")).to_contain_text("ani")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_a_message_is_found_and_sent_again_by_the_keyboard_alone(page, shop):
    id_ = shop.wear_out(1)[0]
    page.goto(f"/messages?q=id:{id_}")
    page.keyboard.press("f")
    expect(page.locator("[name=q]")).to_be_focused()
    link = page.locator("td.cell-main a")
    tab_to(page, link)
    assert link.evaluate("link => getComputedStyle(link).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    button = page.get_by_role("button", name="Send it again")
    expect(button).to_be_visible()
    tab_to(page, button)
    page.keyboard.press("Enter")
    expect(page.get_by_text("It is queued again.")).to_be_visible()


def test_the_pages_work_without_scripts(open_page, shop):
    page = open_page(base_url=shop.url, java_script_enabled=False)
    sign_in(page)
    shop.wear_out(1)
    page.get_by_role("link", name="Dead letters").click()
    page.get_by_role("link", name="Send all dead ones again").click()
    page.get_by_role("button", name="Yes, send them again").click()
    expect(page.get_by_role("heading", name="Done")).to_be_visible()


def test_a_question_is_asked_before_a_key_is_revoked(page):
    page.goto("/settings?tab=keys")
    page.get_by_label("Name").fill("kasir")
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator(".confirm code")).to_have_text(re.compile(r"tk_[\w-]{43}"))
    page.goto("/settings?tab=keys")
    page.get_by_role("button", name="Revoke kasir").click()  # the question is answered with no
    assert any("Revoke this key?" in said for said in page.faults)
    page.faults.clear()
    expect(page.get_by_role("button", name="Revoke kasir")).to_be_visible()


def test_a_webhook_is_added_tried_and_shows_what_was_answered(page):
    page.goto("/webhooks")
    page.get_by_role("textbox", name="Address").fill("https://app.invalid/terkirim")
    page.get_by_label("email.bounced").check()
    page.get_by_role("button", name="Add the webhook").click()
    expect(page.locator(".confirm code")).to_have_text(re.compile(r"whsec_[\w+/=]{44}"))
    page.locator("td.cell-main a").first.click()
    expect(page.locator(".facts")).to_contain_text("email.bounced")
    page.get_by_role("button", name="Send a test event").click()
    expect(page.locator(".timeline")).to_contain_text("the name of the host is not known")
    expect(page.locator("main")).to_contain_text('"type": "webhook.test"')


def test_a_viewer_sees_neither_addresses_nor_buttons(open_page, shop):
    page = open_page(base_url=shop.url)
    sign_in(page, "vivi")
    first_message(page, "state:accepted")
    expect(page.locator("main")).not_to_contain_text("@gmail.example".replace("@", "budi@"))
    expect(page.locator(".to-line")).to_contain_text("•••@")
    expect(page.get_by_role("button", name="Send it again")).to_have_count(0)
    expect(page.get_by_text("Contents are not shown to viewers.")).to_be_visible()
