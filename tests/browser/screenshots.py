"""Takes the pictures of docs/screenshots: real pages of a real gateway, in both languages.

Run by `make screenshots`; give the folder that the pictures go to.
"""

import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.stage import ADMIN, PASSWORD, Stage

DESKTOP, PHONE = {"width": 1200, "height": 760}, {"width": 360, "height": 720}
# Name -> path; a search leads to its first message. One more picture is of the first webhook.
PAGES = {
    "overview": "/",
    "messages": "/messages",
    "message": "?state:held",
    "dead-letters": "/dead-letters",
    "credits": "/credits?count=25.000",
    "events": "/events",
    "suppressions": "/suppressions",
    "alerts": "/alerts",
    "providers": "/providers",
    "webhooks": "/webhooks",
    "sandbox": "/sandbox",
    "activity": "/activity",
    "settings": "/settings?tab=keys",
}

WHOLE = {"credits"}  # what they are about begins below the fold
# Each chart is drawn, and the line of the overview, which is never idle, is there.
SETTLED = """() => !document.querySelector("[data-chart]:empty, [data-live-mark][hidden]")"""


def pictures(folder: Path) -> None:
    """Write every picture into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        quick = {
            "TERKIRIM_RETRY_TAIL": "off",
            "TERKIRIM_UNCLEAR_WAIT": "1s",
            "TERKIRIM_WEBHOOK_REACH": "any",
        }
        stage = Stage(Path(place), **quick).start()
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        try:
            fill(stage)
            for language in ("id", "en"):
                with signed_in(browser, stage, language, viewport=DESKTOP) as page:
                    take(page, folder, PAGES, f"-{language}")
                    take_webhook(page, folder, f"-{language}")
            with signed_in(browser, stage, "id", viewport=PHONE) as page:
                take(page, folder, ["overview", "message", "credits"], "-id-phone")
            with signed_in(browser, stage, "id", viewport=DESKTOP, color_scheme="dark") as page:
                take(page, folder, ["overview", "credits"], "-id-dark")
        finally:
            browser.close()
            stage.stop()


def fill(stage):
    stage.add_user()
    stage.add_webhook()
    stage.top_up(41_000)
    stage.fill()
    stage.wear_out()
    stage.hold()
    stage.remember(left=41_000)
    stage.check_credits()


@contextmanager
def signed_in(browser, stage, language, **options):
    context = browser.new_context(base_url=stage.url, **options)
    page = context.new_page()
    page.goto(f"/login?lang={language}")
    page.fill("[name=name]", ADMIN)
    page.fill("[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url(lambda url: "/login" not in url)
    yield page
    context.close()


def take(page, folder, names, ending):
    for name in names:
        path = PAGES[name]
        page.goto(path if path.startswith("/") else f"/messages?q={path[1:]}")
        if not path.startswith("/"):
            page.locator("td.cell-main a").first.click()
        page.wait_for_load_state()
        page.wait_for_function(SETTLED)
        page.screenshot(path=folder / f"{name}{ending}.png", full_page=name in WHOLE)


def take_webhook(page, folder, ending):
    page.goto("/webhooks")
    page.locator("td.cell-main a").first.click()
    page.wait_for_load_state()
    page.screenshot(path=folder / f"webhook{ending}.png")


if __name__ == "__main__":
    pictures(Path(sys.argv[1]))
