"""The page itself, in a browser: what scrolling shows, and what jumping to the bottom loses."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.replica import Faults, Replica
from tests.replica_site.client import GROUP, only

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
SHOWN = """
    return Array.from(document.querySelectorAll('[data-testid=cellInnerDiv]'))
        .filter((cell) => cell.querySelector('time'))
        .map((cell) => [cell.style.transform, cell.querySelector('time').closest('a').getAttribute('href')])
"""  # one pair a result: its place in the list, and its link (a repost shows the original's)
IS_IDLE = "return !document.querySelector('[role=progressbar]')"

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(
        not (CHROMIUM.exists() and DRIVER.exists()), reason="neither chromium nor chromedriver is installed"
    ),
]


@pytest.fixture(scope="module")
def browser() -> Iterator["Chrome"]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--window-size=1200,900",
    ):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    yield driver
    driver.quit()


def _open(browser: "Chrome", site: Replica, raw_query: str = GROUP, *, is_in: bool = True) -> None:
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    if is_in:
        for name, value in (("auth_token", "auth-token-value"), ("ct0", "ct0-value")):
            cookie = {"name": name, "value": value, "url": site.url, "httpOnly": name == "auth_token"}
            browser.execute_cdp_cmd("Network.setCookie", cookie)
    browser.get(f"{site.url}/search?q={quote(raw_query)}&src=typed_query&f=live")


def _wait(browser: "Chrome", is_true: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            raise AssertionError(browser.execute_script("return document.body.innerText")[:2000])
        time.sleep(0.02)


def _text(browser: "Chrome") -> str:
    return str(browser.execute_script("return document.body.innerText"))


def _wait_for_text(browser: "Chrome", text: str) -> None:
    _wait(browser, lambda: text in _text(browser))


def _wait_for_results(browser: "Chrome") -> None:
    _wait(browser, lambda: browser.execute_script(SHOWN))


def _scroll(browser: "Chrome", site: Replica, step: str) -> dict[str, str]:
    """Scroll by steps until the site gave its last page; return the results seen in the DOM, by place."""
    _wait_for_results(browser)
    seen: dict[str, str] = {}
    before = -1.0
    while site.oracle().requests[-1].ids or before != (before := browser.execute_script("return scrollY")):
        seen |= dict(browser.execute_script(SHOWN))
        browser.execute_script(f"window.scrollBy(0, {step})")
        time.sleep(0.05)
        _wait(browser, lambda: browser.execute_script(IS_IDLE))
    return seen | dict(browser.execute_script(SHOWN))


def _served(site: Replica) -> list[str]:
    return [post_id for request in site.oracle().requests for post_id in request.ids]


def test_scrolling_shows_everything_and_jumping_loses_posts(browser: "Chrome") -> None:
    with Replica(posts=90, stall_after=None) as site:
        _open(browser, site)
        seen = _scroll(browser, site, "0.8 * window.innerHeight")
        served = _served(site)
        oracle = site.oracle()

        assert len(served) == len(set(served)) == len(seen) >= 90
        shown = {link.rsplit("/", 1)[1] for link in seen.values()}
        assert len(shown & set(served)) > 0.8 * len(served)
        assert shown - set(served) <= oracle.not_results, "only reposts show another id"

        _open(browser, site, f"{GROUP} since_time:1")
        jumped = _scroll(browser, site, "document.body.scrollHeight")
        assert len(_served(site)) == 2 * len(served)
        assert len(jumped) < 0.85 * len(served)


def test_the_list_is_virtual_and_loads_only_when_scrolled(browser: "Chrome") -> None:
    with Replica(posts=300) as site:
        _open(browser, site)
        _wait_for_results(browser)
        time.sleep(0.5)
        assert len(site.oracle().requests) == 1

        first = browser.execute_script(SHOWN)
        for _ in range(12):
            browser.execute_script("window.scrollBy(0, 0.8 * window.innerHeight)")
            time.sleep(0.05)
        assert {tuple(pair) for pair in first}.isdisjoint(map(tuple, browser.execute_script(SHOWN)))
        cells = "return document.querySelectorAll('[data-testid=cellInnerDiv]').length"
        assert browser.execute_script(cells) < 30
        _wait(browser, lambda: len(_served(site)) >= 40)


def test_the_cells_look_like_those_of_the_original(browser: "Chrome") -> None:
    with Replica(posts=400) as site:
        _open(browser, site)
        _wait_for_results(browser)
        found = set[str]()
        marks = (
            "article[data-testid=tweet] [data-testid=User-Name] a[href*='/status/'] time[datetime]",
            "article [data-testid=tweetText][lang]",
            "article [data-testid=tweetText] img[alt]",
            "article [role=group][aria-label*=likes]",
            "article a[href$='/analytics'][aria-label*=views]",
            "[data-testid=placementTracking] article",
            "[data-testid=socialContext]",
            "[data-testid=tweet-text-show-more-link]",
            "[data-testid=tweetText] a[href^='/hashtag/']",
        )
        for _ in range(60):
            found |= {
                mark for mark in marks if browser.execute_script(f'return document.querySelector("{mark}")')
            }
            assert not browser.execute_script(
                "return document.querySelector('[data-testid=placementTracking] time')"
            )
            if len(found) == len(marks):
                break
            browser.execute_script("window.scrollBy(0, 0.9 * window.innerHeight)")
            time.sleep(0.08)

        assert found == set(marks)


def test_no_results(browser: "Chrome") -> None:
    with Replica(posts=50) as site:
        _open(browser, site, "#nifty50 until_time:1000000000")
        _wait_for_text(browser, "No results for")
        mark = "[data-testid=emptyState] [data-testid=empty_state_header_text]"
        assert browser.execute_script(f"return document.querySelector('{mark}').innerText").endswith("00”")
        assert len(site.oracle().requests) == 1


@pytest.mark.parametrize("kind", ["error", "unavailable", "truncated", "reset"])
def test_an_error_offers_a_retry_of_the_same_request(browser: "Chrome", kind: str) -> None:
    with Replica(posts=50, faults=only(kind)) as site:
        _open(browser, site)
        _wait_for_text(browser, "Something went wrong. Try reloading.")
        before = len(site.oracle().requests)
        browser.execute_script("document.querySelector('.footer [role=button]').click()")
        _wait(browser, lambda: len(site.oracle().requests) > before)
        _wait_for_text(browser, "Retry")

        assert len({(one.raw_query, one.cursor) for one in site.oracle().requests}) == 1


def test_an_empty_page_waits_for_a_scroll(browser: "Chrome") -> None:
    with Replica(posts=80, faults=Faults(empty=1.0)) as site:
        _open(browser, site)
        _wait_for_results(browser)
        for wanted in (2, 3):

            def has_asked(wanted: int = wanted) -> bool:
                return len(site.oracle().requests) >= wanted

            browser.execute_script("window.scrollTo(0, document.body.scrollHeight - 1200)")
            time.sleep(0.3)
            browser.execute_script("window.scrollTo(0, document.body.scrollHeight)")
            _wait(browser, has_asked)
            _wait(browser, lambda: browser.execute_script(IS_IDLE))
        time.sleep(0.4)
        requests = site.oracle().requests

        assert [request.fault for request in requests] == [None, *["empty"] * (len(requests) - 1)]
        assert len(requests) <= 6
        assert len({request.cursor for request in requests}) == len(requests)


def test_the_quota_and_the_daily_cap_show(browser: "Chrome") -> None:
    with Replica(posts=50, quota=0) as site:
        _open(browser, site)
        _wait_for_text(browser, "Something went wrong. Try reloading.")
    with Replica(posts=50, daily_cap=0) as site:
        _open(browser, site)
        _wait_for_text(browser, "limit for seeing posts today")


def test_sessions_end_where_they_should(browser: "Chrome") -> None:
    with Replica(posts=50) as site:
        for _ in range(4):  # by redirect and from within the page
            _open(browser, site, is_in=False)
            _wait(browser, lambda: "/i/flow/login" in browser.current_url)
    with Replica(posts=50, session_expires_after=0) as site:
        _open(browser, site)
        _wait(browser, lambda: "/i/flow/login" in browser.current_url)
    with Replica(posts=100, session_expires_after=1) as site:
        _open(browser, site)
        _wait_for_results(browser)
        browser.execute_script("window.scrollTo(0, document.body.scrollHeight)")
        _wait(browser, lambda: "/i/flow/login" in browser.current_url)
    with Replica(posts=100, locks_after=1) as site:
        _open(browser, site)
        _wait_for_results(browser)
        browser.execute_script("window.scrollTo(0, document.body.scrollHeight)")
        _wait(browser, lambda: "/account/access" in browser.current_url)
        _wait_for_text(browser, "this account is temporarily locked")


def test_a_service_worker_passes_the_requests_on(browser: "Chrome") -> None:
    with Replica(posts=100, faults=Faults(service_worker=1.0)) as site:
        _open(browser, site)
        _wait_for_results(browser)

        assert browser.execute_script("return navigator.serviceWorker.controller.scriptURL").endswith(
            "/sw.js"
        )
        assert len(site.oracle().requests) == 1
        assert site.oracle().requests[0].remaining == 49
