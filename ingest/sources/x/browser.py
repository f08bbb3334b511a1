"""One browser on X's search page, read through the responses that the page itself asks for.

    open/scroll ─> performance log: request sent, response, body complete ─> body by DevTools ─> page

Selenium drives Chrome or Chromium. The posts are read from the SearchTimeline responses, whatever
their method and query id, as soon as each is complete, since Chrome drops bodies on navigation; cards
that the page's virtual list has thrown out, or never drew, are in them all the same.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import random
import re
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from urllib3.exceptions import HTTPError

from config import Settings, environment_of_a_child
from ingest.runs import SourceError
from ingest.search import NO_ANSWER, UNREADABLE, Answer, Ask
from ingest.search.budget import rate_of
from ingest.sources.x import page_status
from ingest.sources.x.leftovers import MARK, Leftovers
from ingest.sources.x.responses import errors_in, is_timeline, is_unread, read_page, unrecognised
from ingest.sources.x.session import Session

log = logging.getLogger(__name__)

_SEARCH_CALL = re.compile(r"/graphql/[^/?]+/SearchTimeline(?:[/?]|$)")
_POLL_SECONDS = 0.05
UNRECOGNISED = "unrecognised"
STARTS_IN_VAIN = 4
_DRIVER_ERRORS = (WebDriverException, HTTPError, OSError)
# The page's word is asked for when responses are this late.
_STATUS_AFTER_SECONDS = 1.5
# Scrolling may not have reached the list's end the first time.
_SCROLL_AGAIN_SECONDS = 1.0

INSTALL = (
    "No Chrome or Chromium was found. On Debian or Ubuntu: sudo apt-get install -y chromium chromium-driver;"
    " on macOS: brew install --cask google-chrome. Or set MARKET_INTEL_X_CHROME to one."
)
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_PLACES = ("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",)


def find_chrome(settings: Settings) -> str:
    """The browser to start.

    Raises:
        SourceError: there is none; the message has the one command that installs it.
    """
    found = settings.x_chrome or next(filter(None, map(shutil.which, (*_NAMES, *_PLACES))), None)
    if not found:
        raise SourceError(INSTALL)
    return str(found)


@dataclass
class _Exchange:
    """One SearchTimeline request and its response, as the log tells them."""

    http_status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_complete: bool = False
    is_broken: bool = False


class Browser:
    """A ``Fetcher`` over a browser of its own, which it starts at need and replaces when it dies."""

    def __init__(
        self, settings: Settings, session: Session, site: str, leftovers: Leftovers, stop: threading.Event
    ) -> None:
        """Prepare for ``site`` (``https://x.com``); waiting ends when ``stop`` is set."""
        self._settings, self._session, self._site = settings, session, site.rstrip("/")
        self._leftovers, self._stop = leftovers, stop
        self._driver: webdriver.Chrome | None = None
        self._folder: str | None = None
        self._document = ""  # the loader's id of the page that was opened last
        self._ask: Ask | None = None
        self._exchanges: dict[str, _Exchange] = {}
        self._n_requests = self._starts_in_vain = 0

    # ---- Fetcher ----------------------------------------------------------------------------------

    def open(self, ask: Ask) -> Answer:
        """Load the search page for ``ask``; the answer holds the first response with results or an end."""
        self._ask = ask
        return self._guarded(self._load)

    def more(self) -> Answer:
        """Scroll to the end of the list, so that the page asks for the next results."""
        return self._guarded(self._scroll)

    def close(self) -> None:
        """End the browser and its driver, whatever state they are in."""
        driver, self._driver = self._driver, None
        if driver is not None:
            with suppress(*_DRIVER_ERRORS):
                driver.quit()
        folder, self._folder = self._folder, None
        if folder is not None:
            self._leftovers.end(folder)

    def _guarded(self, step: Callable[[webdriver.Chrome], Answer]) -> Answer:
        """A browser that dies is a fault like any other: the next question starts a new one.

        Raises:
            SourceError: none starts, again and again.
        """
        try:
            driver = self._running()
            self._starts_in_vain = 0
        except _DRIVER_ERRORS as error:
            self.close()
            self._starts_in_vain += 1
            if self._starts_in_vain >= STARTS_IN_VAIN:
                raise SourceError(
                    f"{find_chrome(self._settings)} does not start: {_reason(error)} Browser and driver"
                    " must be of one version: see MARKET_INTEL_X_CHROME and MARKET_INTEL_X_CHROMEDRIVER."
                ) from error
            log.warning("the browser did not start: %s", _reason(error))
            return Answer(fault="browser_did_not_start", n_requests=0)
        if self._stop.is_set():
            return Answer(n_requests=0)
        try:
            return step(driver)
        except _DRIVER_ERRORS as error:
            log.warning("the browser failed: %s", _reason(error))
            self.close()
            return Answer(fault="browser_failed", n_requests=max(self._taken_requests(), 1))

    # ---- Steps ------------------------------------------------------------------------------------

    def _load(self, driver: webdriver.Chrome) -> Answer:
        assert self._ask is not None
        self._take_notes(driver)  # of what the page that is left now has asked for
        self._exchanges.clear()
        url = f"{self._site}/search?q={quote(query_of(self._ask), safe='')}&src=typed_query&f=live"
        opened = driver.execute_cdp_cmd("Page.navigate", {"url": url})
        if reason := opened.get("errorText"):
            log.warning("the page could not be opened: %s", reason)
            return Answer(fault="page_not_opened", n_requests=self._taken_requests())
        self._document = opened.get("loaderId", self._document)
        return self._answer(driver, scrolls=False)

    def _scroll(self, driver: webdriver.Chrome) -> Answer:
        return self._answer(driver, scrolls=True)

    def _answer(self, driver: webdriver.Chrome, *, scrolls: bool) -> Answer:
        """Wait for the next response of the page, and read it."""
        begun = time.monotonic()
        scroll_at = begun if scrolls else float("inf")
        status_at = begun + _STATUS_AFTER_SECONDS
        while not self._stop.is_set():
            if answer := self._next_response(driver):
                return answer
            now = time.monotonic()
            if now >= scroll_at and not any(not e.is_complete for e in self._exchanges.values()):
                _scroll_down(driver)
                scroll_at = now + _SCROLL_AGAIN_SECONDS
            if now >= status_at:
                status = driver.execute_script(page_status.STATUS)
                if why := page_status.stopped(status):
                    raise why
                if status["is_error"] and not self._exchanges:
                    return Answer(fault="error_page", n_requests=max(self._taken_requests(), 1))
                status_at = now + _STATUS_AFTER_SECONDS
            if now - begun > self._settings.x_answer_seconds:
                return Answer(fault=NO_ANSWER, n_requests=max(self._taken_requests(), 1))
            self._stop.wait(_POLL_SECONDS)
        return Answer(n_requests=max(self._taken_requests(), 1))

    def _next_response(self, driver: webdriver.Chrome) -> Answer | None:
        """The answer in the first complete response that says anything, if there is one yet."""
        self._take_notes(driver)
        for request_id, exchange in list(self._exchanges.items()):
            if exchange.is_broken:
                del self._exchanges[request_id]
                return Answer(fault="connection_lost", n_requests=max(self._taken_requests(), 1))
            if exchange.is_complete:
                del self._exchanges[request_id]
                if answer := self._read(driver, request_id, exchange):
                    return answer
        return None

    def _take_notes(self, driver: webdriver.Chrome) -> None:
        """Take in the search's events in the log since it was last read."""
        for entry in driver.get_log("performance"):  # type: ignore[no-untyped-call]
            if '"Network.' in entry["message"]:
                message = json.loads(entry["message"])["message"]
                self._note(message["method"], message["params"])

    def _note(self, method: str, parameters: dict[str, Any]) -> None:
        request_id = parameters.get("requestId", "")
        if method == "Network.requestWillBeSent":
            if _SEARCH_CALL.search(parameters["request"]["url"]):
                self._n_requests += 1
                # What the page that is left now still asks for counts, and is gone with it.
                if parameters.get("loaderId") == self._document:
                    self._exchanges[request_id] = _Exchange()
        elif (exchange := self._exchanges.get(request_id)) is None:
            return
        elif method == "Network.responseReceived":
            response = parameters["response"]
            exchange.http_status = int(response["status"])
            exchange.headers = {name.lower(): value for name, value in response["headers"].items()}
        elif method == "Network.loadingFinished":
            exchange.is_complete = True
        elif method == "Network.loadingFailed":
            # A page that is left cancels its requests; those are gone with it.
            exchange.is_broken = True

    def _read(self, driver: webdriver.Chrome, request_id: str, exchange: _Exchange) -> Answer | None:
        """What a complete response says; None for one that X's page makes for itself."""
        assert self._ask is not None
        rate = rate_of(exchange.headers)
        try:
            got = driver.execute_cdp_cmd("Network.getResponseBody", {"requestId": request_id})
        except WebDriverException as error:
            if not _is_alive(driver):
                raise
            log.warning("a body is lost: %s", (error.msg or "")[:100])
            return Answer(fault="body_lost", rate=rate, n_requests=max(self._taken_requests(), 1))
        body = base64.b64decode(got["body"]) if got["base64Encoded"] else got["body"].encode()
        fault, response = None, None
        try:
            response = json.loads(body)
        except (ValueError, RecursionError):
            fault = UNREADABLE
        if not is_timeline(response):
            status = exchange.http_status or 0
            fault = page_status.fault_of(status, errors_in(response), is_empty=not body.strip()) or fault
        if fault:
            return Answer(fault=fault, rate=rate, n_requests=max(self._taken_requests(), 1))
        page = read_page(body, datetime.now(UTC), self._ask.terms)
        if is_unread(page, response):
            log.error(
                "X's response is not one that this version can read; the visible cards are taken in its place"
            )
            body = unrecognised(response, driver.execute_script(page_status.VISIBLE_CARDS))
            page, fault = read_page(body, datetime.now(UTC), self._ask.terms), UNRECOGNISED
        elif not is_timeline(response):
            self._n_requests -= 1  # X's page asks emptily now and then; the quota does not count it
            return None
        return Answer(page, fault, rate, max(self._taken_requests(), 1))

    # ---- The browser ------------------------------------------------------------------------------

    def _taken_requests(self) -> int:
        """Requests that the page made since they were last taken."""
        taken, self._n_requests = self._n_requests, 0
        return taken

    def _running(self) -> webdriver.Chrome:
        """The browser, started if there is none, with the session's cookies set before any navigation."""
        if self._driver is None:
            self._folder = self._leftovers.new_folder()
            self._driver = driver = webdriver.Chrome(self._options(self._folder), self._service(self._folder))
            self._exchanges.clear()
            self._n_requests = 0
            driver.execute_cdp_cmd("Network.enable", {})
            # A service worker would hide responses from the log.
            driver.execute_cdp_cmd("Network.setBypassServiceWorker", {"bypass": True})
            if self._settings.x_hide_webdriver:
                hide = "Object.defineProperty(navigator, 'webdriver', {get: () => undefined})"
                driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": hide})
            for name, value in (("auth_token", self._session.auth_token), ("ct0", self._session.ct0)):
                cookie = {
                    "name": name, "value": value, "url": self._site, "path": "/",
                    "secure": self._site.startswith("https:"), "httpOnly": name == "auth_token",
                }  # fmt: skip
                driver.execute_cdp_cmd("Network.setCookie", cookie)
        return self._driver

    def _options(self, folder: str) -> webdriver.ChromeOptions:
        options = webdriver.ChromeOptions()
        options.binary_location = find_chrome(self._settings)
        options.page_load_strategy = "none"  # the responses say when there is something to read
        options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
        arguments = [
            "--incognito",  # cookies stay in memory
            f"--user-data-dir={folder}",
            "--blink-settings=imagesEnabled=false",
            "--window-size=1280,1400",
            "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
            "--disable-quic", "--disable-sync", "--mute-audio", "--no-first-run",
            *(["--headless=new"] if self._settings.x_headless else []),
            # Chrome refuses to run as root with its sandbox.
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
        ]  # fmt: skip
        if self._settings.x_user_agents:
            agents = [agent.strip() for agent in self._settings.x_user_agents.split("|") if agent.strip()]
            arguments.append(f"--user-agent={random.choice(agents)}")
        for argument in arguments:
            options.add_argument(argument)
        return options

    def _service(self, folder: str) -> Service:
        driver = self._settings.x_chromedriver or shutil.which("chromedriver")
        # Without the settings in its environment: the browser has no business with them.
        return Service(str(driver) if driver else None, env=environment_of_a_child() | {MARK: folder})


def query_of(ask: Ask) -> str:
    """``ask`` in the words of X's search box."""
    words = [f"({ask.terms})", f"since_time:{ask.since}", f"until_time:{ask.until}"]
    return " ".join(words if ask.max_id is None else [*words, f"max_id:{ask.max_id}"])


def _scroll_down(driver: webdriver.Chrome) -> None:
    """To the list's end, in steps as of a wheel; the list asks for more when its end comes near."""
    driver.execute_script(
        "const end = document.documentElement.scrollHeight;"
        "for (let at = Math.max(window.scrollY - 700, 0); at < end; at += 700) window.scrollTo(0, at);"
        "window.scrollTo(0, end);"
    )


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"


def _is_alive(driver: webdriver.Chrome) -> bool:
    with suppress(*_DRIVER_ERRORS):
        return bool(driver.window_handles)
    return False
