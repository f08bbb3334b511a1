"""One account's quota, shared by all workers and remembered over runs.

    acquire ──> (wait for the window, the day's cap) ──> request ──> settle with what the site said

The site's own word rules; where it has not spoken yet, one request alone asks for it. Requests that
were made and never answered, by a process that was killed for one, count as spent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime

from ingest.search import GRACE_SECONDS, RATE_LIMITED, Answer, Ask, Rate
from ingest.search.journal import Journal

# Taken where the site does not say; both are X's for its search.
DEFAULT_LIMIT, WINDOW_SECONDS = 50, 900.0
DAY_SECONDS = 86_400.0


def rate_of(headers: Mapping[str, str]) -> Rate | None:
    """What a response's headers (names in lower case) say of the quota."""
    try:
        limit, remaining, reset_at = (
            int(headers[f"x-rate-limit-{name}"]) for name in ("limit", "remaining", "reset")
        )
    except (KeyError, ValueError):
        return None
    try:
        ahead = time.time() - parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        ahead = 0.0
    return Rate(limit, remaining, reset_at, ahead)


class DayCapReached(Exception):
    """The account has made all the requests it makes in 24 hours."""


class Budget:
    """Lets requests through, one by one, as long as the account's quota allows."""

    def __init__(
        self, journal: Journal, account: str, reserve: int, per_day: int, stop: threading.Event
    ) -> None:
        """Begin with what the journal knows of ``account``; waiting ends when ``stop`` is set."""
        self._journal, self._account = journal, account
        self._reserve, self._per_day, self._stop = reserve, per_day, stop
        self._changed = threading.Condition()
        self._in_flight = self._newest = 0
        # Requests of which the site said nothing, each with the newest that may have overtaken it.
        self._unsaid: list[tuple[int, int]] = []
        self._rate: Rate | None = None
        self._is_guess = False  # of ours, until the site says
        # Answers are read late, never early: of all differences between the clocks the least is the truest.
        self._ahead: float | None = None
        self.waits_until: float | None = None  # epoch seconds, while all wait for the next window
        if known := journal.last_rate(account):
            rate, since = known
            self._rate, self._ahead = replace(rate, remaining=rate.remaining - since), rate.ahead
        elif made := journal.made_since(account, time.time() - WINDOW_SECONDS):
            self._guess(DEFAULT_LIMIT - made)

    def acquire(self, ask: Ask) -> int | None:
        """Wait until a request may be made and write it down; returns its id, None when stopped.

        Raises:
            DayCapReached: no request may be made for hours.
        """
        with self._changed:
            while not self._stop.is_set():
                now = time.time()
                if self._rate and now >= self._window_ends_at(self._rate):
                    # A new window; how much it holds, its first answer says.
                    self._rate = None
                if self._journal.made_since(self._account, now - DAY_SECONDS) >= self._per_day:
                    raise DayCapReached
                if self._may_ask():
                    self._in_flight += 1
                    self.waits_until = None
                    self._unsaid = self._unsaid if self._rate else []
                    self._newest = self._journal.asking(self._account, ask)
                    return self._newest
                if self._rate and not self._in_flight:
                    self.waits_until = self._window_ends_at(self._rate)
                self._changed.wait(0.2)
        return None

    def _window_ends_at(self, rate: Rate) -> float:
        """When a window is over, by this machine's clock."""
        return replace(rate, ahead=self._ahead or 0.0).is_over_at

    def _guess(self, remaining: int) -> None:
        self._rate = Rate(DEFAULT_LIMIT, remaining, time.time() - (self._ahead or 0.0) + WINDOW_SECONDS)
        self._is_guess = True

    def _may_ask(self) -> bool:
        if self._rate is None:
            # One alone, when the last window's are all back: what it is told then counts them too.
            return not self._in_flight
        # A reserve as large as the quota itself would never let a request through.
        reserve = min(self._reserve, self._rate.limit - 1)
        unsaid = sum(n_requests for n_requests, _ in self._unsaid)
        return self._rate.remaining - self._in_flight - unsaid > reserve

    def settle(self, request_id: int, answer: Answer) -> None:
        """Take in what the answer to a request says of the quota."""
        with self._changed:
            self._in_flight -= 1
            held, said = self._rate, answer.rate
            if said is None:
                self._unsaid.append((answer.n_requests, self._newest))
                if answer.fault == RATE_LIMITED:
                    self._guess(0)
                elif answer.page and not held:
                    self._guess(DEFAULT_LIMIT)
            else:
                # What was asked after another had come back counts that one too.
                self._unsaid = [(n, newest) for n, newest in self._unsaid if newest >= request_id]
                self._ahead = said.ahead if self._ahead is None else min(self._ahead, said.ahead)
                if answer.fault == RATE_LIMITED:
                    said = replace(said, remaining=0)
                if held is None or self._is_guess or said.reset_at > held.reset_at + GRACE_SECONDS:
                    self._rate, self._is_guess = said, False
                elif said.reset_at > held.reset_at - GRACE_SECONDS:
                    # Answers overtake one another: within a window the least is the newest, and of those
                    # from the last window nothing is to be learnt.
                    self._rate = Rate(said.limit, min(said.remaining, held.remaining), held.reset_at)
            self._changed.notify_all()
