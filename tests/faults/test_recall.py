"""The claims of the source x, on 6,000 posts with every fault on. ``make test-faults``, 20 minutes."""

from __future__ import annotations

import random
import secrets
import time
from pathlib import Path

import pytest

from tests.scrape import Usage, landed_ids, outcome, replica, start, strike

pytestmark = pytest.mark.faults

SEEDS = 10
POSTS = 6_000
WINDOW_SECONDS = 6.0  # for X's 15 minutes
KILLS = 20


def test_ten_fresh_seeds_lose_nothing(tmp_path: Path) -> None:
    outcomes = []
    for _ in range(SEEDS):
        seed = secrets.randbelow(1_000_000)
        root = tmp_path / str(seed)
        with replica(seed=seed, posts=POSTS, window_seconds=WINDOW_SECONDS, faults="all") as site:
            run = start(root, site)
            usage = Usage()
            usage.watch(run)
            assert run.wait() == 0, Path(f"{root}.out").read_text(encoding="utf-8")
            result = outcome(root, site)
        took = f"{usage.cpu_seconds:.0f} CPU s, browser {usage.browser_mb:.0f} MB"
        print(f"\nseed {seed}: {result.line()}; {took}", end="")
        outcomes.append(result)
    assert all(result.recall == 1.0 for result in outcomes)
    assert not any(result.extras or result.duplicates for result in outcomes)
    assert all(result.max_in_window <= result.quota for result in outcomes)
    assert max(result.ratio for result in outcomes) <= 1.25


def test_a_run_killed_at_random_moments_ends_whole(tmp_path: Path) -> None:
    seed = secrets.randbelow(1_000_000)
    dice = random.Random(seed)
    root = tmp_path / "data"
    struck: list[str] = []
    n_runs = 0
    with replica(seed=seed, posts=POSTS, window_seconds=WINDOW_SECONDS, faults="none") as site:
        status: int | None = None
        while status != 0:
            n_runs += 1
            assert n_runs <= KILLS + 3, Path(f"{root}.out").read_text(encoding="utf-8")[-3_000:]
            run = start(root, site)
            while (status := run.poll()) is None:
                time.sleep(dice.uniform(0.5, 8.0))
                if len(struck) < KILLS:
                    kind = dice.choice(("process", "driver", "browser"))
                    if strike(run, kind, dice.randrange(3)):
                        struck.append(kind)
        result = outcome(root, site)
    print(f"\nseed {seed}: {len(struck)} kills ({', '.join(struck)}), {n_runs} runs: {result.line()}", end="")
    assert len(struck) == KILLS
    assert (result.recall, result.extras, result.duplicates) == (1.0, 0, 0)
    assert result.max_in_window <= result.quota
    # A killed process has three workers under way, a killed browser or driver one; each loses a page.
    lost = sum(3 if kind == "process" else 1 for kind in struck)
    assert result.requests <= 1.25 * result.least + lost
    assert len(landed_ids(root)) <= 1.25 * result.posts + 20 * lost
