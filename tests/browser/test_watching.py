"""What people see of a gateway that runs: live figures, credits, events, alerts, in a browser."""

import re
import time

from playwright.sync_api import expect

from tests.browser.conftest import sign_in

LIVE, NOTICE = "[data-live-mark]", "[data-live-notice]"


def test_the_overview_tells_that_mail_fails_and_that_it_goes_again_without_a_reload(page, shop):
    page.goto("/")
    expect(page.locator(LIVE)).to_be_visible()
    page.evaluate("window.isTheSamePage = true")
    sent = page.locator("#live-periods tbody tr").first.locator("td").nth(1).locator("b")
    before = sent.inner_text()
    shop.unapprove("toko@example.com")
    ids = [shop.send(f"live{n}@example.com", "Langsung") for n in range(2)]
    expect(page.locator("#live-health")).to_contain_text("does not approve of this sender")
    expect(page.locator("#live-health")).to_contain_text("2 messages wait")
    shop.unapprove()
    shop.resume("mailketing", "toko@example.com")
    for one in ids:
        shop.settled(one)
    expect(page.locator("#live-health")).not_to_contain_text("does not approve")
    expect(sent).not_to_have_text(before)
    assert page.evaluate("window.isTheSamePage")


def test_a_lost_line_is_told_and_so_is_its_return_and_it_holds_up_no_stop(page, shop):
    page.goto("/")
    expect(page.locator(LIVE)).to_be_visible()
    began = time.monotonic()
    shop.served.stop()
    assert time.monotonic() - began < 10  # seconds: a line would hold it for ever
    expect(page.locator(NOTICE)).to_contain_text("is lost: these figures are old")
    expect(page.locator(LIVE)).to_be_hidden()
    shop.served.start()
    expect(page.locator(NOTICE)).to_contain_text("is back: these figures are live")
    expect(page.locator(LIVE)).to_be_visible()
    page.faults.clear()  # Chromium logs each try


def test_an_open_overview_leaves_when_its_session_ends(open_page, shop):
    page = open_page(base_url=shop.url)
    sign_in(page)
    expect(page.locator(LIVE)).to_be_visible()
    other = page.context.new_page()
    other.goto("/messages")
    other.get_by_role("button", name="Sign out").click()
    expect(page.locator("[name=password]")).to_be_visible()


def test_the_balance_is_checked_and_a_sum_is_answered(page, shop):
    shop.top_up(321_000)
    page.goto("/credits")
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_role("status").first).to_contain_text("321,000 credits, enough")
    expect(page.locator(".balance b")).to_have_text(re.compile(r"321,000|± 320,\d{3}"))
    expect(page.locator(".chart canvas")).to_have_count(2)
    page.get_by_label("How many e-mails").fill("25.000")
    page.get_by_role("button", name="Calculate").click()
    expect(page.locator(".answer-line")).to_contain_text("Enough: 25,000 mails")
    page.get_by_role("link", name="7 days").click()
    page.get_by_text("As a table").first.click()
    expect(page.locator("#balance-data tbody tr").last).to_be_visible()


def test_the_overview_draws_where_the_credits_go_and_keeps_it_while_the_balance_changes(page, shop):
    shop.top_up(250_000)
    shop.check_credits()
    page.goto("/")
    panel = page.get_by_role("region", name="Credits")
    expect(panel.locator(".balance b")).to_contain_text("250,0")
    expect(panel.locator("canvas")).to_be_visible()
    panel.locator("canvas").evaluate("canvas => { canvas.id = 'kept'; }")
    shop.top_up(123_000)
    shop.check_credits()
    expect(panel.locator(".balance b")).to_contain_text("123,0", timeout=30_000)
    expect(page.locator("canvas#kept")).to_be_visible()
    panel.get_by_text("As a table").click()
    expect(panel.locator("tbody tr").last).to_be_visible()


def test_an_address_is_suppressed_from_its_message_and_let_in_again(page, shop):
    id_ = shop.send("stop@example.com", "Terakhir")
    shop.settled(id_)
    page.goto(f"/messages/{id_}")
    page.get_by_text("Suppress this address").click()
    page.get_by_label("Why").fill("asked by phone")
    page.get_by_role("button", name="Yes, send nothing more there").click()
    expect(page.get_by_role("status").first).to_contain_text("is not sent to any more")
    assert shop.settled(shop.send("stop@example.com", "Lagi"))["state"] == "suppressed"
    page.goto("/suppressions")
    page.keyboard.press("f")
    page.keyboard.type("stop")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Let in again stop@example.com").click()
    page.get_by_label("Why").first.fill("asked again")
    page.get_by_role("button", name="Yes, send to it again").click()
    expect(page.get_by_role("status").first).to_contain_text("is sent to again")


def test_a_file_of_addresses_is_imported_and_its_bad_rows_are_shown(page):
    page.goto("/suppressions")
    content = b"email,note\nimpor@example.com,lama\nbukan alamat,\n"
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "daftar.csv", "mimeType": "text/csv", "buffer": content}
    )
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("status").first).to_contain_text("1 entry was put on the list.")
    expect(page.locator(".small-table tbody tr")).to_have_count(1)


def test_an_event_leads_to_the_callback_and_is_read_again(page, shop):
    id_ = shop.send("event@example.com", "Peristiwa")
    shop.settled(id_)
    shop.hear("bounce", id_, "event@example.com", reason="452 4.2.2 mailbox full")
    shop.settled(id_, states=("bounced",))
    page.goto("/events?kind=bounced")
    page.get_by_role("link", name=re.compile("bounced for now")).first.click()
    expect(page.locator("pre.answer")).to_contain_text("452 4.2.2 mailbox full")
    page.get_by_role("button", name="Read it again").click()
    expect(page.get_by_role("status").first).to_contain_text("no event comes twice")
    page.goto("/events?tab=aside")
    page.get_by_role("button", name=re.compile("^Read again [^w]")).first.click()
    expect(page.get_by_role("status").first).to_contain_text("says nothing of a message")


def test_the_channels_of_alerts_are_tested(page):
    page.goto("/alerts")
    page.get_by_role("button", name="Test all channels").click()
    expect(page.get_by_role("status").first).to_contain_text("json://*** it took the text")
