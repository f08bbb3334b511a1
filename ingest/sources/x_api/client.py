"""Requests to X's official API: the bearer token, and what each answer means.

The token leaves this module only in the header of requests to the one site it is for: X's API. It is
in no message and in no representation.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from config import Settings
from ingest.entities.tweets.capture import dig
from ingest.runs import SourceError
from ingest.search import NO_ANSWER, RATE_LIMITED, SERVER_ERROR, UNREADABLE, AccountStopped, Rate
from ingest.search.budget import rate_of

log = logging.getLogger(__name__)

CONNECTION_LOST = "connection_lost"

_CONSOLE = "https://console.x.com"
HOW = (
    f"Make an app at {_CONSOLE}, copy its bearer token from Keys and tokens, and set"
    " MARKET_INTEL_X_BEARER_TOKEN to it, in .env (chmod 600) or in the environment."
)
_STOPPED = {
    401: f"X does not know the bearer token. {HOW}",
    402: f"The API's credits are used up. Buy more at {_CONSOLE}, or go on when your plan renews.",
    403: f"X does not let this app ask that. See at {_CONSOLE} what its plan includes.",
}
_CAPPED = (
    f"The app has read as many posts as its plan or its spending limit allows. Raise it at {_CONSOLE},"
    " or go on when the period is over."
)
_TOKEN = re.compile(r"[!-~]+")
_AT_HOME = {"localhost", "127.0.0.1", "::1"}


class NotAllowed(AccountStopped):
    """The app's plan does not include what was asked; it may include other things."""


@dataclass(frozen=True, slots=True)
class Token:
    """The app's bearer token. Its value is in no representation of it."""

    value: str = field(repr=False)

    @property
    def account(self) -> str:
        """A name for the app's quota that tells nothing about the token."""
        return hashlib.sha256(b"market-intel app " + self.value.encode()).hexdigest()[:12]


def bearer_token(settings: Settings) -> Token:
    """The token that the settings name.

    Raises:
        SourceError: there is none, or it is none.
    """
    value = settings.x_bearer_token.get_secret_value().strip() if settings.x_bearer_token else ""
    if not value:
        raise SourceError(f"The official API needs a bearer token, and none is given. {HOW}")
    if not _TOKEN.fullmatch(value):
        raise SourceError(
            "MARKET_INTEL_X_BEARER_TOKEN is no bearer token: it has spaces or special characters in it."
            " Give the token alone, without the word Bearer."
        )
    return Token(value)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a request: its content, or a fault that may pass, or a refusal that will not."""

    content: Any = None
    body: bytes = b""
    fault: str | None = None
    refusal: str | None = None
    rate: Rate | None = None


class Api:
    """The official API at one site, asked with one token."""

    def __init__(self, settings: Settings, token: Token, site: str) -> None:
        """Prepare for ``site`` (``https://api.x.com``).

        Raises:
            SourceError: the token would travel in the clear.
        """
        parts = urlsplit(site)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _AT_HOME):
            raise SourceError(f"--site {site} does not begin with https://, and the token would be seen.")
        self._token = token
        self._client = httpx.Client(
            base_url=site,
            headers={"Authorization": f"Bearer {token.value}", "User-Agent": "market-intel"},
            timeout=settings.x_answer_seconds,
        )

    def close(self) -> None:
        """Let go of the connections; may be called twice."""
        self._client.close()

    def ask(self, method: str, path: str, **request: Any) -> Reply:
        """Make one request; ``request`` is what httpx takes.

        Raises:
            AccountStopped: no request with this token will succeed; the message says what to do.
        """
        try:
            response = self._client.request(method, path, **request)
        except httpx.TimeoutException:
            return Reply(fault=NO_ANSWER)
        except httpx.RequestError as error:
            log.warning("the connection failed: %s", type(error).__name__)
            return Reply(fault=CONNECTION_LOST)
        rate, status = rate_of(response.headers), response.status_code
        try:
            content = response.json()
        except ValueError:
            content = None
        if status == 429:
            if why := self._capped(content, response.headers):
                raise AccountStopped(why)
            return Reply(fault=RATE_LIMITED, rate=replace(rate, remaining=0) if rate else None)
        if status in _STOPPED:
            stopped = NotAllowed if status == 403 else AccountStopped
            raise stopped(f"{_STOPPED[status]} X says: {self._said(status, content)}")
        if status >= 500:
            return Reply(fault=SERVER_ERROR, rate=rate)
        if not response.is_success:
            return Reply(refusal=self._said(status, content), rate=rate)
        if not isinstance(content, dict):
            return Reply(fault=UNREADABLE, rate=rate)
        return Reply(content, response.content, rate=rate)

    def _capped(self, content: object, headers: Mapping[str, str]) -> str | None:
        """Why a refused request is refused for longer than a window, if it is."""
        kind = f"{dig(content, 'title')} {dig(content, 'type')}"
        if "UsageCapExceeded" in kind or "usage-capped" in kind:
            return f"{_CAPPED} X says: {self._said(429, content)}"
        for whose in ("app", "user"):
            limit = f"x-{whose}-limit-24hour"
            if headers.get(f"{limit}-remaining") == "0":
                reset_at = headers.get(f"{limit}-reset", "")
                until = f", until {datetime.fromtimestamp(int(reset_at), UTC)}" if reset_at.isdigit() else ""
                return f"The app has made all the requests that X allows it in 24 hours{until}; go on then."
        return None

    def _said(self, status: int, content: object) -> str:
        """X's own words on an error, in a line."""
        errors = dig(content, "errors")
        first = errors[0] if isinstance(errors, list) and errors else None
        words = [
            dig(content, "title"), dig(content, "detail"), dig(content, "reason"), dig(first, "message"),
        ]  # fmt: skip
        said = ": ".join(dict.fromkeys(word for word in words if isinstance(word, str) and word))
        # Who knows what an error repeats of the request.
        said = " ".join(said.replace(self._token.value, "(hidden)").split())[:300]
        return f"{status} {said}".rstrip()
