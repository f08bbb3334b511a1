"""The budget against a site that counts: never more than the quota, whoever asks and whatever happens."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from config import Settings
from ingest.runs import open_state
from ingest.search import RATE_LIMITED, SERVER_ERROR, Answer, Ask, Page, Rate
from ingest.search import budget as budget_module
from ingest.search import journal as journal_module
from ingest.search.budget import DAY_SECONDS, DEFAULT_LIMIT, WINDOW_SECONDS, Budget, DayCapReached, rate_of
from ingest.search.journal import Journal, Slice

ASK = Ask("#a", 0, 1800)
PIECE = Slice(1, "#a", 0, 1800, None)
PAGE = Page(datetime(2026, 6, 1, tzinfo=UTC), b"{}", (), (), None)


@dataclass
class Clock:
    """A clock that runs ``speed`` times as fast as ours, and can be put forward."""

    speed: float = 0.0
    ahead: float = 1_780_000_000.0
    _begun: float = field(default_factory=time.monotonic)

    def time(self) -> float:
        return self.ahead + self.speed * (time.monotonic() - self._begun)


@dataclass
class Quota:
    """The site's side: a window begins with its first request."""

    clock: Clock
    limit: int = 50
    per_window: list[int] = field(default_factory=list)
    reset_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self) -> Rate:
        with self._lock:
            if self.clock.time() >= self.reset_at:
                self.reset_at = self.clock.time() + WINDOW_SECONDS
                self.per_window.append(0)
            self.per_window[-1] += 1
            return Rate(self.limit, max(self.limit - self.per_window[-1], 0), self.reset_at)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (budget_module, journal_module):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=clock.time))
    return clock


class Stop(threading.Event):
    """Counts as set once it has been looked at ``looks`` times."""

    looks: int | None = None

    def is_set(self) -> bool:
        if self.looks is None:
            return super().is_set()
        self.looks -= 1
        return self.looks < 0


@dataclass
class Process:
    """One process that asks: its journal, its budget."""

    journal: Journal
    stop: Stop
    budget: Budget

    def request(self, answer: Callable[[], Answer]) -> Answer | None:
        request_id = self.budget.acquire(ASK)
        if request_id is None:
            return None
        got = answer()
        self.budget.settle(request_id, got)
        self.journal.took(request_id, got, PIECE, None, None)
        return got

    def may_ask(self) -> bool:
        """Whether a request would be let through at once; it is made and stays without an answer."""
        self.stop.looks = 1
        try:
            return self.budget.acquire(ASK) is not None
        finally:
            self.stop.looks = None


Start = Callable[..., Process]


@pytest.fixture
def start(root: Settings, clock: Clock) -> Iterator[Start]:
    with closing(open_state(root, any_thread=True)) as state:

        def begin(run_id: str = "run-1", reserve: int = 10, per_day: int = 100_000) -> Process:
            journal, stop = Journal(state, "x", run_id), Stop()
            return Process(journal, stop, Budget(journal, "me", reserve, per_day, stop))

        yield begin


def drain(process: Process, site: Quota) -> int:
    """Ask until one would have to wait."""
    n = 0
    while process.may_ask():
        # The one that may_ask made has reached the site and was answered.
        (request_id,) = process.journal._connection.execute(
            "select max(request_id) from search_requests"
        ).fetchone()
        process.budget.settle(request_id, Answer(PAGE, rate=site.ask()))
        n += 1
    return n


@pytest.mark.parametrize(("limit", "reserve"), [(50, 10), (20, 0), (5, 50)])
def test_no_window_gives_more_than_the_quota_without_its_reserve(
    start: Start, clock: Clock, limit: int, reserve: int
) -> None:
    clock.speed = 3_000.0
    process, site = start(reserve=reserve), Quota(clock, limit)
    dice = random.Random(limit)

    def answer() -> Answer:
        time.sleep(dice.uniform(0, 0.004))
        rate = site.ask()
        time.sleep(dice.uniform(0, 0.004))
        kind = dice.random()
        if kind < 0.1:
            return Answer(fault=SERVER_ERROR)
        return Answer(fault=SERVER_ERROR, rate=rate) if kind < 0.2 else Answer(PAGE, rate=rate)

    def work() -> None:
        while len(site.per_window) < 4 and process.request(answer):
            pass
        process.stop.set()

    with ThreadPoolExecutor(8) as pool:
        for worker in [pool.submit(work) for _ in range(8)]:
            worker.result(timeout=30)
    spendable = limit - min(reserve, limit - 1)
    assert max(site.per_window) <= spendable
    assert max(site.per_window) >= 0.6 * spendable, "and it is used"


def test_it_waits_for_the_reset_and_says_until_when(start: Start, clock: Clock) -> None:
    process, site = start(), Quota(clock)
    process.request(lambda: Answer(PAGE, rate=Rate(50, 10, clock.time() + 300)))
    assert not process.may_ask()
    assert process.budget.waits_until == pytest.approx(clock.time() + 301)
    clock.ahead += 302
    assert process.request(lambda: Answer(PAGE, rate=site.ask()))
    assert process.budget.waits_until is None


def test_a_refusal_without_a_word_costs_a_whole_window(start: Start, clock: Clock) -> None:
    process = start()
    process.request(lambda: Answer(fault=RATE_LIMITED))
    clock.ahead += WINDOW_SECONDS - 1
    assert not process.may_ask()
    clock.ahead += 3
    assert process.may_ask()


def test_what_the_site_says_replaces_what_was_guessed(start: Start, clock: Clock) -> None:
    process = start()
    late = process.budget.acquire(ASK)
    assert late is not None
    process.budget.settle(late, Answer(fault=RATE_LIMITED))
    late = process.journal.asking("me", ASK)  # was under way when the other was refused
    process.budget._in_flight += 1
    process.budget.settle(late, Answer(PAGE, rate=Rate(50, 40, clock.time() + 20)))
    assert process.may_ask()


def test_a_site_that_says_nothing_gets_the_usual_quota(start: Start) -> None:
    process = start()
    n = 0
    while n < 3 * DEFAULT_LIMIT and process.may_ask():
        process.budget.settle(n + 1, Answer(PAGE))
        n += 1
    assert n == DEFAULT_LIMIT - 10


def test_a_new_window_is_asked_by_one_alone_and_a_hanging_one_holds_the_others(
    start: Start, clock: Clock
) -> None:
    process, site = start(), Quota(clock)
    probe = process.budget.acquire(ASK)
    assert probe is not None
    assert not process.may_ask()
    clock.ahead += 10 * WINDOW_SECONDS
    assert not process.may_ask()
    process.budget.settle(probe, Answer(fault=SERVER_ERROR))
    assert process.may_ask(), "a probe that failed is followed by another"
    process.budget.settle(probe + 1, Answer(PAGE, rate=site.ask()))
    assert process.may_ask()
    assert process.may_ask()


def test_a_late_answer_from_the_last_window_says_nothing_of_this_one(start: Start, clock: Clock) -> None:
    process = start()
    process.request(lambda: Answer(PAGE, rate=Rate(50, 30, clock.time() + 1)))
    slow, quick = process.budget.acquire(ASK), process.budget.acquire(ASK)
    assert slow
    assert quick
    process.budget.settle(quick, Answer(PAGE, rate=Rate(50, 49, clock.time() + 901)))
    process.budget.settle(slow, Answer(PAGE, rate=Rate(50, 11, clock.time() + 1)))
    assert process.may_ask()
    assert process.may_ask()


def test_a_new_window_waits_for_the_last_ones_answers(start: Start, clock: Clock) -> None:
    """Else one that the site counts here, and says nothing of, would be counted nowhere."""
    process = start()
    process.request(lambda: Answer(PAGE, rate=Rate(50, 30, clock.time() + 100)))
    slow = process.budget.acquire(ASK)
    assert slow
    clock.ahead += 102
    assert not process.may_ask()
    process.budget.settle(slow, Answer(fault=SERVER_ERROR))
    assert process.may_ask()


@pytest.mark.parametrize("n_under_way", [1, 3])
def test_what_a_killed_process_had_under_way_counts_as_spent(
    start: Start, clock: Clock, n_under_way: int
) -> None:
    site = Quota(clock, limit=20)
    first = start("run-1", reserve=0)
    first.request(lambda: Answer(PAGE, rate=site.ask()))
    under_way = [first.budget.acquire(ASK) for _ in range(n_under_way)]
    # A later one is answered before the site has taken them in; then the process is killed.
    first.request(lambda: Answer(PAGE, rate=site.ask()))
    assert None not in under_way
    for _ in under_way:
        site.ask()
    second = start("run-2", reserve=0)
    assert drain(second, site) == 20 - 2 - n_under_way
    assert site.per_window == [20]


def test_faults_without_a_word_count_after_a_restart_too(start: Start, clock: Clock) -> None:
    first = start("run-1")
    first.request(lambda: Answer(PAGE, rate=Rate(50, 20, clock.time() + 600)))
    for _ in range(4):
        first.request(lambda: Answer(fault=SERVER_ERROR, n_requests=2))
    site = Quota(clock, per_window=[38], reset_at=clock.time() + 600)
    assert drain(start("run-2"), site) == 2
    assert site.per_window == [40]


def test_a_fault_that_was_overtaken_is_not_forgotten(start: Start, clock: Clock) -> None:
    """Found by eight threads: the answer that came later told what was true before the fault."""
    process = start(reserve=0)
    process.request(lambda: Answer(PAGE, rate=Rate(50, 4, clock.time() + 600)))
    first, second = process.budget.acquire(ASK), process.budget.acquire(ASK)
    assert first
    assert second
    process.budget.settle(first, Answer(fault=SERVER_ERROR))
    process.budget.settle(second, Answer(PAGE, rate=Rate(50, 3, clock.time() + 600)))
    assert [process.may_ask() for _ in range(3)] == [True, True, False]


def test_kills_at_any_moment_never_spend_more_than_the_quota(start: Start, clock: Clock) -> None:
    n_asked = 0
    for seed in range(12):
        dice = random.Random(seed)
        clock.ahead += 10 * WINDOW_SECONDS
        site = Quota(clock)
        for generation in range(12):
            process = start(f"run-{seed}-{generation}", reserve=0)
            under_way: list[int] = []
            for _ in range(dice.randrange(12)):
                budget = process.budget
                is_over = budget._rate and clock.time() > budget._rate.reset_at + 1
                if is_over or budget._may_ask():  # else it would wait
                    request_id = budget.acquire(ASK)
                    assert request_id is not None
                    under_way.append(request_id)
                dice.shuffle(under_way)
                while under_way and dice.random() < 0.5:
                    answer = Answer(PAGE, rate=site.ask())
                    request_id = under_way.pop()
                    budget.settle(request_id, answer)
                    process.journal.took(request_id, answer, PIECE, None, None)
            for _ in under_way:
                site.ask()  # killed; the site counts them all the same
        assert max(site.per_window, default=0) <= site.limit
        n_asked += sum(site.per_window)
    assert n_asked > 100


def test_a_day_holds_no_more_than_its_cap(start: Start, clock: Clock) -> None:
    process = start(per_day=7)
    site = Quota(clock)
    for _ in range(3):
        process.request(lambda: Answer(PAGE, rate=site.ask(), n_requests=2))
    again = start("run-2", per_day=7)
    again.request(lambda: Answer(PAGE, rate=site.ask()))
    with pytest.raises(DayCapReached):
        again.budget.acquire(ASK)
    clock.ahead += DAY_SECONDS + 1
    assert again.may_ask()


def test_stopping_ends_the_waiting_at_once(start: Start, clock: Clock) -> None:
    process = start()
    process.request(lambda: Answer(PAGE, rate=Rate(50, 0, clock.time() + 900)))
    got: list[int | None] = []
    waiting = threading.Thread(target=lambda: got.append(process.budget.acquire(ASK)))
    waiting.start()
    process.stop.set()
    waiting.join(1.0)
    assert not waiting.is_alive()
    assert got == [None]


def test_headers_are_read_by_the_sites_own_clock(clock: Clock) -> None:
    told = {"x-rate-limit-limit": "50", "x-rate-limit-remaining": "49", "x-rate-limit-reset": "1780000900"}
    assert rate_of(told) == Rate(50, 49, 1_780_000_900)
    behind = datetime.fromtimestamp(clock.time() - 3600, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    rate = rate_of(told | {"date": behind})
    assert rate == Rate(50, 49, 1_780_000_900)
    assert rate is not None
    assert 3_599 <= rate.ahead <= 3_601
    assert rate_of(told | {"date": "yesterday"}) == Rate(50, 49, 1_780_000_900)
    assert rate_of({**told, "x-rate-limit-limit": "many"}) is None
    assert rate_of({}) is None


def test_their_clock_may_be_an_hour_behind(start: Start, clock: Clock) -> None:
    process = start()
    process.request(lambda: Answer(PAGE, rate=Rate(50, 0, clock.time() - 3_600 + 900, ahead=3_600)))
    waiting = threading.Thread(target=process.budget.acquire, args=(ASK,))
    waiting.start()
    time.sleep(0.5)
    assert waiting.is_alive(), "their reset has passed by our clock, and is 15 minutes off by theirs"
    process.stop.set()
    waiting.join(1.0)


def test_an_answer_that_is_read_late_opens_no_new_window(start: Start, clock: Clock) -> None:
    process, reset_at = start(), clock.time() + 900
    process.request(lambda: Answer(PAGE, rate=Rate(50, 49, reset_at)))
    process.request(lambda: Answer(PAGE, rate=Rate(50, 48, reset_at, ahead=5.0)))
    for remaining in range(47, 10, -1):
        process.request(lambda left=remaining: Answer(PAGE, rate=Rate(50, left, reset_at)))  # type: ignore[misc]
    assert process.budget._rate is not None
    assert process.budget._rate.remaining == 11


def test_too_many_requests_are_none_left_whatever_the_headers_say(start: Start, clock: Clock) -> None:
    process = start()
    process.request(lambda: Answer(fault=RATE_LIMITED, rate=Rate(50, 30, clock.time() + 900)))
    assert process.budget._rate is not None
    assert process.budget._rate.remaining == 0
