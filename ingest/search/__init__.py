"""Collecting by search: what the sources that ask a site's search have in common.

    plan (what time is missing) → walk (newest to oldest, proving that nothing was left out)
         └── budget (one quota for all workers) ── journal (every answer on disk before it counts)
                                                     └──> items

A source brings a ``Fetcher``, its way to the site; everything here knows neither browser nor API.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ingest.entities import Item
from ingest.runs import SourceError


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to the search, newest first: posts on ``terms`` in [``since``, ``until``) epoch seconds.

    With ``max_id``, only those up to that id, itself included: the search goes on where another ended,
    and a post that is known already shows that the site answers for that place.
    """

    terms: str
    since: int
    until: int
    max_id: int | None = None


# A window counts as over this long after its end.
GRACE_SECONDS = 1.0
# The site's clock is told in whole seconds: a smaller difference is none.
CLOCKS_DIFFER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Rate:
    """What the site says of the account's quota: requests per window, those left, when it is filled up.

    ``reset_at`` is epoch seconds by the site's clock; ``ahead`` is by how much this machine's was ahead of
    it when the answer was read, in seconds, the way and the wait until then included.
    """

    limit: int
    remaining: int
    reset_at: float
    ahead: float = field(default=0.0, compare=False)

    @property
    def is_over_at(self) -> float:
        """When the window is over, in epoch seconds by this machine's clock."""
        ahead = self.ahead if abs(self.ahead) >= CLOCKS_DIFFER_SECONDS else 0.0
        return self.reset_at + ahead + GRACE_SECONDS


@dataclass(frozen=True, slots=True)
class Page:
    """One page of results: as received, and as read.

    ``ids`` are the results' ids in the site's order, without nested and promoted posts.
    """

    observed_at: datetime
    body: bytes
    items: tuple[Item, ...]
    ids: tuple[int, ...]
    next_cursor: str | None


# Faults by name; a fetcher may know others.
RATE_LIMITED = "rate_limited"
SERVER_ERROR = "server_error"
UNREADABLE = "unreadable"
NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one step: a page, or the fault that stood in its place.

    ``n_requests`` counts all requests that the step made, as a page may make some by itself.
    """

    page: Page | None = None
    fault: str | None = None
    rate: Rate | None = None
    n_requests: int = 1


class Fetcher(Protocol):
    """One worker's way to the site. A fault is an answer; what ends the account raises AccountStopped."""

    def open(self, ask: Ask) -> Answer:
        """Ask anew; the answer holds the first page."""

    def more(self) -> Answer:
        """The next page of what was asked last."""

    def close(self) -> None:
        """Let go of everything; may be called twice."""


# From a stored body: the page it holds. Same code as for a fresh one.
Reader = Callable[[bytes, datetime, str], Page]


class AccountStopped(SourceError):
    """The site refuses the account; the message says how, and what to do. Nothing more is asked."""

    is_usage = False
