"""A whole collection against a simulated site: nothing is lost, whatever fails and whenever it dies."""

from __future__ import annotations

import io
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from config import ROOT, Settings
from ingest.entities import Captured, Item, Origin
from ingest.entities.tweets.identity import time_of_id
from ingest.landing import landed_files
from ingest.progress import Progress
from ingest.runs import Checkpoint, Run, SourceError, open_state, run
from ingest.search import NO_ANSWER, RATE_LIMITED, AccountStopped, Answer, Ask, Page, Rate
from ingest.search.collect import FAULTS_BEFORE_LEAVING, Site, Wanted, collect, wanted
from ingest.search.walk import second_of

NOON = 1_780_000_000
WINDOW = (NOON - 8 * 3600, NOON)
WANT = Wanted(["#a"], WINDOW)
PAGE_SIZE = 20


def tweet_id(second: float, nth: int = 0) -> int:
    return (int(second * 1000) - 1_288_834_974_657 << 22) + nth


def corpus(n: int, seed: int = 1) -> list[int]:
    """Ids in the window and the four hours before it, newest first."""
    dice = random.Random(seed)
    return sorted({tweet_id(NOON - dice.uniform(0, 12 * 3600)) for _ in range(n)}, reverse=True)


def in_window(ids: list[int]) -> set[int]:
    return {i for i in ids if WINDOW[0] <= second_of(i) < WINDOW[1]}


def read(body: bytes, observed_at: datetime, terms: str) -> Page:
    held = json.loads(body)
    items = tuple(_post(i, observed_at, terms) for i in held["ids"])
    return Page(observed_at, body, items, tuple(held["ids"]), held["next"])


def _post(i: int, observed_at: datetime, terms: str) -> Captured:
    fields = {
        "tweet_id": str(i), "is_derived_id": False, "source_format": "x_graphql", "text": f"post {i}",
        "observed_at": observed_at, "search_query": terms, "parse_warnings": [],
        "posted_at": time_of_id(str(i)), "posted_at_basis": "id",
    }  # fmt: skip
    return Captured("tweets", fields, b"post %d" % i, Origin("test", str(i)))


@dataclass
class World:
    """The site, seen by all its fetchers. ``strikes`` says before each request what happens instead."""

    ids: list[int]
    strike: Callable[[int], Answer | None] = lambda nth: None
    quota: int = 1_000_000
    served: Counter[int] = field(default_factory=Counter)
    pages: list[tuple[int, ...]] = field(default_factory=list)
    n_requests: int = 0
    n_open: int = 0
    threads: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def site(self, workers: int = 3) -> Site:
        return Site("x", "me", lambda stop: Fetching(self), read, workers)


class Fetching:
    """One worker's way to the simulated site."""

    def __init__(self, world: World) -> None:
        self._world, self._left = world, list[int]()
        with world.lock:
            world.n_open += 1

    def open(self, ask: Ask) -> Answer:
        self._left = [
            i
            for i in self._world.ids
            if ask.since <= second_of(i) < ask.until and (ask.max_id is None or i <= ask.max_id)
        ]
        return self.more()

    def more(self) -> Answer:
        world = self._world
        time.sleep(0.001)
        with world.lock:
            world.n_requests += 1
            world.threads.add(threading.get_ident())
            nth = world.n_requests
        if struck := world.strike(nth):
            return struck
        ids, self._left = self._left[:PAGE_SIZE], self._left[PAGE_SIZE:]
        with world.lock:
            world.served.update(ids)
            world.pages.append(tuple(ids))
        body = json.dumps({"ids": ids, "next": f"to {self._left[0] if self._left else 'end'}"}).encode()
        rate = Rate(world.quota, world.quota - nth, time.time() + 900)
        return Answer(read(body, datetime(2026, 6, 1, tzinfo=UTC), "#a"), rate=rate)

    def close(self) -> None:
        with self._world.lock:
            self._world.n_open -= 1


@pytest.fixture
def config(root: Settings) -> Settings:
    return quick(root.data)


def quick(data: Path, **more: object) -> Settings:
    given = {"x_delay_seconds_min": 0, "x_delay_seconds_max": 0.002, "x_reserve_requests": 0}
    return Settings.model_validate({"data": data, "x_requests_per_day": 100_000, **given, **more})


def this_run(config: Settings, run_id: str = "run-1") -> Run:
    return Run(run_id, config, Progress(Console(file=io.StringIO())))


def drained(run: Run, world: World, want: Wanted = WANT, workers: int = 3) -> Counter[int]:
    """Ids in the order of a run whose every checkpoint lands at once."""
    got: Counter[int] = Counter()
    with run.at_end:
        for item in collect(run, world.site(workers), want):
            if isinstance(item, Checkpoint):
                item.landed()
            elif isinstance(item, Captured):
                got[int(item.fields["tweet_id"])] += 1
    return got


def test_all_is_collected_by_three_workers_at_little_cost(config: Settings) -> None:
    world, this = World(corpus(3_200)), this_run(config)
    got = drained(this, world)
    assert in_window(world.ids) <= set(got) <= set(world.ids)
    assert len(world.threads) == 3
    assert world.n_open == 0
    least = len(in_window(world.ids)) / PAGE_SIZE
    assert world.n_requests <= 1.25 * least
    assert sum(got.values()) == sum(world.served.values()), "what was served has come out, each time"
    posts, slices = this.notes
    known = len(in_window(world.ids))
    assert posts == (
        f"{known:,} posts of the window are known, {len(got):,} were read by this run;"
        " the target of 2,000 is reached."
    )
    assert re.match(r"(\d+) of \1 slices are proven complete \(\d+ crossed", slices)


def test_a_second_run_asks_nothing_and_refresh_asks_for_all(config: Settings) -> None:
    world = World(corpus(600))
    drained(this_run(config), world)
    n_before, again = world.n_requests, this_run(config, "run-2")
    assert drained(again, world) == Counter()
    assert world.n_requests == n_before
    assert "--refresh" in again.notes[0]
    got = drained(this_run(config, "run-3"), world, Wanted(["#a"], WINDOW, refresh=True))
    assert in_window(world.ids) <= set(got)


def test_a_later_window_asks_only_for_what_is_new(config: Settings) -> None:
    world = World(corpus(600))
    drained(this_run(config), world)
    newer = [tweet_id(NOON + minute * 60) for minute in range(1, 50)]
    world.ids = sorted([*world.ids, *newer], reverse=True)
    world.pages.clear()
    got = drained(this_run(config, "run-2"), world, Wanted(["#a"], (WINDOW[0] + 3600, NOON + 3600)))
    assert set(newer) <= set(got)
    assert len(world.pages) <= 6


def test_faults_of_every_kind_lose_nothing(config: Settings) -> None:
    for seed in range(5):
        dice = random.Random(seed)

        def strike(nth: int, dice: random.Random = dice) -> Answer | None:
            kind = dice.choice(["503", NO_ANSWER, "empty", *["well"] * 9])
            if kind == "empty":
                return Answer(Page(datetime(2026, 6, 1, tzinfo=UTC), b"{}", (), (), f"empty {nth}"))
            return None if kind == "well" else Answer(fault=kind)

        world = World(corpus(1_200, seed), strike)
        local = quick(config.data / str(seed), x_full_slice_posts=100)
        assert in_window(world.ids) <= set(drained(this_run(local), world))


def test_several_groups_are_collected_apart(config: Settings) -> None:
    world = World(corpus(300))
    got = drained(this_run(config), world, Wanted(["#a", "#b OR #c"], WINDOW))
    assert all(got[i] >= 2 for i in in_window(world.ids))


def test_a_filling_slice_is_shared_out(config: Settings) -> None:
    """Two hours of a night in one slice, three workers."""
    world = World(corpus(6_000))
    local = quick(
        config.data, x_full_slice_posts=60, x_overnight_slice_minutes=5_000, x_session_slice_minutes=5_000
    )
    got = drained(this_run(local), world)
    assert in_window(world.ids) <= set(got)
    with closing(open_state(local)) as state:
        held = state.execute("select since, until, proof from search_slices order by since").fetchall()
    assert len(held) > 3
    assert (held[0][0], held[-1][1]) == WINDOW
    assert all(before[1] == after[0] for before, after in pairwise(held))
    assert all(proof for *_, proof in held)


def test_max_posts_ends_it_and_the_rest_can_follow(config: Settings) -> None:
    world, this = World(corpus(2_000)), this_run(config)
    got = drained(this, world, Wanted(["#a"], WINDOW, max_posts=200))
    assert 200 <= len(got) <= 200 + 3 * PAGE_SIZE
    assert "short of the target of 2,000: --max-posts 200 is reached" in this.notes[0]
    assert "The next run goes on with" in this.notes[-1]
    got += drained(this_run(config, "run-2"), world)
    assert in_window(world.ids) <= set(got)


def test_a_shortfall_names_its_cause(config: Settings) -> None:
    few, world = this_run(config), World(corpus(100))
    drained(few, world)
    n = len(in_window(world.ids))
    assert few.notes[0].startswith(f"{n} posts of the window are known")
    assert f"{2_000 - n:,} short of the target of 2,000: the search has no more of them." in few.notes[0]

    day = quick(config.data / "day", x_requests_per_day=7)
    capped = this_run(day)
    world = World(corpus(3_000))
    drained(capped, world)
    assert world.n_requests == 7
    assert "7 requests in 24 hours (MARKET_INTEL_X_REQUESTS_PER_DAY)" in capped.notes[0]

    broken = this_run(quick(config.data / "broken"))
    world = World(corpus(3_000), lambda nth: Answer(fault="503"))
    with pytest.raises(SourceError, match=r"not one of \d+ requests was answered"):
        drained(broken, world)
    assert world.n_requests <= FAULTS_BEFORE_LEAVING + 3
    assert "requests in a row failed, the last with 503" in broken.notes[0]
    told = re.match(rf"0 of \d+ slices .* {world.n_requests} requests, (\d+) of them faulty", broken.notes[1])
    assert told, broken.notes
    # What the other two workers are asking when the run gives up is not judged any more.
    assert world.n_requests - 2 <= int(told[1]) <= world.n_requests


def test_slices_that_are_given_up_are_taken_up_by_the_next_run(config: Settings) -> None:
    world = World(corpus(200), lambda nth: Answer(fault="503") if 2 <= nth <= 9 else None)
    first = this_run(config)
    got = drained(first, world, workers=1)
    assert "1 of the slices are not complete" in first.notes[0]
    got += drained(this_run(config, "run-2"), world)
    assert in_window(world.ids) <= set(got)


def test_a_quota_is_kept_over_a_stop_and_a_restart(config: Settings) -> None:
    world, this = World(corpus(3_000), quota=30), this_run(config)
    stream = collect(this, world.site(), WANT)
    begun = time.monotonic()
    with this.at_end:
        for _ in stream:
            if world.n_requests >= 30:
                break
        stream.close()  # type: ignore[attr-defined]
    assert time.monotonic() - begun < 10
    assert world.n_requests == 30
    second = this_run(config, "run-2")
    with second.at_end:
        stream = collect(second, world.site(), WANT)
        stored = [item for item, _ in zip(stream, range(30), strict=False)]
        stream.close()  # type: ignore[attr-defined]
    assert stored
    assert world.n_requests == 30


@pytest.mark.parametrize("seed", range(4))
def test_closed_at_any_moment_it_goes_on_where_it_was(config: Settings, seed: int) -> None:
    dice, world = random.Random(seed), World(corpus(2_000, seed))
    got: set[int] = set()
    n_closed = 0
    while True:
        this = this_run(config, f"run-{n_closed}")
        ends_at, waiting = dice.randrange(20, 900), set[int]()
        stream = collect(this, world.site(), WANT)
        with this.at_end:
            for nth, item in enumerate(stream):
                if isinstance(item, Captured):
                    waiting.add(int(item.fields["tweet_id"]))
                elif isinstance(item, Checkpoint) and dice.random() < 0.7:  # else the batch never lands
                    got |= waiting
                    item.landed()
                if nth == ends_at:
                    break
            else:
                break
            stream.close()  # type: ignore[attr-defined]
        assert world.n_open == 0
        n_closed += 1
    # What came out and did not land comes out again.
    got |= set(drained(this_run(config, "last"), world))
    assert n_closed >= 2
    assert in_window(world.ids) <= got
    whole = World(world.ids)
    drained(this_run(quick(config.data / "whole")), whole)
    assert world.n_requests <= whole.n_requests + 3 * n_closed + 3


KILLED = """
import os, sys
from pathlib import Path
for place in {places!r}:
    sys.path.insert(0, place)
import test_collect as t
from ingest.runs import Checkpoint
from ingest.entities import Captured
def strike(nth):
    if nth == {dies_at}:
        os._exit(9)
world = t.World(t.corpus({n}), strike)
run = t.this_run(t.quick(Path({data!r})), "killed")
out = open({out!r}, "a")
waiting = []
for item in t.collect(run, world.site(), t.WANT):
    if isinstance(item, Captured):
        waiting.append(item.fields["tweet_id"])
    elif isinstance(item, Checkpoint):
        print(*waiting, file=out, flush=True)
        waiting.clear()
        item.landed()
"""


def test_a_killed_process_loses_nothing_and_repeats_a_page_per_worker(
    config: Settings, tmp_path: Path
) -> None:
    n, out = 2_000, tmp_path / "out"
    n_kills = 0
    for dies_at in (9, 25, 14):
        script = KILLED.format(
            places=[str(ROOT), str(Path(__file__).parent)],
            dies_at=dies_at,
            n=n,
            data=str(config.data),
            out=str(out),
        )
        n_kills += subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    assert n_kills == 3
    landed = {int(word) for word in out.read_text().split()}
    world = World(corpus(n))
    landed |= set(drained(this_run(config, "last"), world))
    assert in_window(world.ids) <= landed
    whole = World(world.ids)
    drained(this_run(quick(config.data / "whole")), whole)
    assert 9 + 25 + 14 + world.n_requests <= whole.n_requests + 3 * 2 * n_kills


def test_an_account_that_is_stopped_stops_all_and_what_was_read_lands(config: Settings) -> None:
    def strike(nth: int) -> Answer | None:
        if nth == 12:
            raise AccountStopped("locked: unlock it")
        return None

    world = World(corpus(3_000), strike)
    notes: list[list[str]] = []

    def items(this: Run) -> Iterator[Item | Checkpoint]:
        notes.append(this.notes)
        return collect(this, world.site(), WANT)

    progress = Progress(Console(file=io.StringIO()))
    with pytest.raises(AccountStopped, match="locked: unlock it"):
        run(config, "x", "--test", items, progress)
    assert world.n_open == 0
    assert 12 <= world.n_requests <= 12 + 2
    landed = {
        int(i) for path in landed_files(config, "tweets") for i in pq.read_table(path)["tweet_id"].to_pylist()
    }
    assert landed == set(world.served)
    assert "locked: unlock it" in notes[0][0]
    with closing(open_state(config)) as state:
        assert state.execute("select count(*) from search_pages").fetchone() == (0,)
        assert state.execute("select status from runs").fetchone() == ("failed",)
    # The next run goes on.
    world.strike = lambda nth: None
    result = run(config, "x", "--test", items, progress)
    assert result.status == "succeeded"
    landed = {
        int(i) for path in landed_files(config, "tweets") for i in pq.read_table(path)["tweet_id"].to_pylist()
    }
    assert in_window(world.ids) <= landed


def test_any_failure_of_a_worker_ends_the_run(config: Settings) -> None:
    def strike(nth: int) -> Answer | None:
        if nth == 5:
            raise ZeroDivisionError
        return None

    world = World(corpus(3_000), strike)
    with pytest.raises(ZeroDivisionError):
        drained(this_run(config), world)
    assert world.n_requests <= 5 + 2


def test_two_runs_do_not_share_a_quota(config: Settings) -> None:
    with closing(open_state(config)) as state:
        state.execute(
            "insert into runs (run_id, source, arguments, status, started_at, pid)"
            " values ('other', 'x', '', 'running', '2026-06-01T00:00:00+00:00', 1)"
        )
    world = World(corpus(10))
    with pytest.raises(SourceError, match=r"other \(process 1\) is collecting"):
        drained(this_run(config), world)
    assert world.n_requests == 0


def test_a_dead_run_that_had_our_process_number_is_no_company(config: Settings) -> None:
    """In a container every run may have the same one."""
    with closing(open_state(config)) as state:
        state.execute(
            "insert into runs (run_id, source, arguments, status, started_at, pid)"
            " values ('dead', 'x', '', 'running', '2026-06-01T00:00:00+00:00', ?)",
            (os.getpid(),),
        )
    world = World(corpus(50))
    assert in_window(world.ids) <= set(drained(this_run(config), world))


def test_a_limit_reached_is_waited_out(config: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.search.budget.WINDOW_SECONDS", 0.3)
    monkeypatch.setattr("ingest.search.GRACE_SECONDS", 0.0)
    world = World(corpus(200), lambda nth: Answer(fault=RATE_LIMITED) if nth == 3 else None)
    assert in_window(world.ids) <= set(drained(this_run(config), world))


def test_what_is_wanted_ends_where_posts_can_be_found(config: Settings) -> None:
    local = config.model_copy(update={"x_terms": "#a; #b", "x_settle_seconds": 30.0})
    want = wanted(local, 2.5, 10, refresh=True)
    assert want.groups == ["#a", "#b"]
    assert want.window[1] - want.window[0] == 9_000
    assert abs(want.window[1] - (time.time() - 30)) < 3
    with pytest.raises(SourceError, match="MARKET_INTEL_X_TERMS"):
        wanted(local.model_copy(update={"x_terms": " ; "}), 1, None, refresh=False)
