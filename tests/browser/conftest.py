"""A real Chromium over real gateways; whatever a page logs as an error fails its test."""

import shutil
from functools import partial

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.stage import ADMIN, PASSWORD, Stage

expect.set_options(timeout=15_000)
WITHIN = 15_000  # milliseconds for any one thing that a page is to do


@pytest.fixture(scope="session")
def chromium():
    path = shutil.which("chromium") or shutil.which("google-chrome")
    assert path is not None, "the pages are tested in a browser: `make chromium` installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shop(tmp_path_factory):
    """A gateway that sends through an emulated Mailketing, with mail of every fate."""
    stage = Stage(
        tmp_path_factory.mktemp("shop"), TERKIRIM_RETRY_TAIL="off", TERKIRIM_UNCLEAR_WAIT="1s"
    ).start()
    stage.add_user()
    stage.add_user("vivi", role="viewer")
    stage.fill()
    stage.wear_out()
    stage.hold()
    stage.remember()
    yield stage
    stage.stop()


@pytest.fixture
def empty(tmp_path):
    """A gateway as it is at its first start: no key, no mail, nobody who can sign in."""
    stage = Stage(tmp_path, is_sandbox=True).start()
    yield stage
    stage.stop()


@pytest.fixture
def open_page(chromium):
    """Return a function that opens a page of its own browser; it must log no error."""
    contexts, faults = [], []

    def opening(**options):
        context = chromium.new_context(
            **{"viewport": {"width": 1280, "height": 800}, "locale": "en-GB"} | options
        )
        context.set_default_timeout(WITHIN)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
        page.faults = faults
        return page

    yield opening
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture(scope="session")
def admin(chromium, shop):
    """What the browser of an admin of the shop keeps, for `storage_state`: signed in once."""
    context = chromium.new_context(base_url=shop.url)
    context.set_default_timeout(WITHIN)
    sign_in(context.new_page())
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def open_signed_in(open_page, shop, admin):
    """Return `open_page` for somebody who is signed in as an admin of the shop."""
    return partial(open_page, base_url=shop.url, storage_state=admin)


@pytest.fixture
def page(open_signed_in):
    """A page of somebody who is signed in as an admin of the shop."""
    return open_signed_in()


def sign_in(page, name=ADMIN, password=PASSWORD):
    page.goto("/login")
    page.fill("[name=name]", name)
    page.fill("[name=password]", password)
    page.click("main button")
    expect(page.locator(".who-name")).to_contain_text(name)
