"""How long the dashboard takes to open a page, with few and with ten million messages behind it.

`python -m benchmarks.pages --history 10000000`. The search index is brought up to date first, and
how fast that goes is told too.
"""

import argparse
import asyncio
import http.cookiejar
import time
import urllib.parse
import urllib.request

from benchmarks.history import history, indexed
from benchmarks.shared.databases import Database
from benchmarks.shared.provider import provider
from benchmarks.shared.readings import MS, Reading, arguments, at, report
from benchmarks.shared.served import served
from terkirim import Gateway
from terkirim.access.roles import ADMIN

FEW = 10_000
TIMES = 15
NAME, PASSWORD = "bench", "a word for the bench"
# The newest, the oldest, one of many, none at all, and what fits everywhere or nowhere.
SEARCHES = (
    "to:pelanggan5@example.com", "to:pelanggan99", "to:@example.com state:delivered",
    "subject:pesanan", "INV-77", "state:dead", "state:accepted after:30d", "before:200d",
    "to:nobody@example.com", "tag:kind=otp",
)  # fmt: skip
PAGES = (
    "/", "/?span=90d", "/messages", *(f"/messages?q={urllib.parse.quote(q)}" for q in SEARCHES),
    "/dead-letters", "/credits", "/credits?span=90d", "/events", "/events?kind=opened",
    "/events?tab=unmatched", "/suppressions", "/suppressions?q=p", "/suppressions?q=@example.com",
    "/providers", "/webhooks", "/alerts", "/sandbox", "/activity", "/settings",
    "/settings?tab=keys",
)  # fmt: skip


def measure(options: argparse.Namespace) -> list[Reading]:
    readings = []
    for count in (FEW, options.history):
        with history("sqlite", count) as store:
            rate = asyncio.run(prepared(store))
            if rate is not None:
                readings.append(Reading(f"search index, {count:,} of history", rate, "messages/s"))
            for path, wait in opened_within(store).items():
                name = f"page {urllib.parse.unquote(path)}, {count:,} of history"
                readings.append(Reading(name, wait * 1e3, MS))
    pages = [one for one in readings if one.name.startswith("page ")]
    slowest = max(pages[len(PAGES) :], key=lambda one: one.value)
    name = f"the slowest page, {options.history:,} of history"
    return [Reading(name, slowest.value, MS), *readings]


async def prepared(store: Database) -> float | None:
    """Add a person who may sign in, and index; return how many messages a second."""
    async with Gateway.open(database=store.url, work=False) as gateway:
        await gateway.desk.sign_in.add(NAME, PASSWORD, role=ADMIN, email="")
        return await indexed(gateway)


def opened_within(store: Database) -> dict[str, float]:
    """Return the median of each page, in seconds."""
    with provider(store.folder) as partner, served(store, partner) as gateway:
        browser = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        )
        form = urllib.parse.urlencode({"name": NAME, "password": PASSWORD}).encode()
        browser.open(f"{gateway.url}/login", form).close()
        return {
            path: at([opened(browser, gateway.url + path) for _ in range(TIMES)], 0.5)
            for path in PAGES
        }


def opened(browser: urllib.request.OpenerDirector, url: str) -> float:
    began = time.perf_counter()
    with browser.open(url, timeout=60) as answer:
        answer.read()
        assert "/login" not in answer.url, "nobody is signed in"
    return time.perf_counter() - began


def main() -> None:
    parser = arguments(__doc__, history=10_000_000)
    options = parser.parse_args()
    report(measure(options), options.into)


if __name__ == "__main__":
    main()
