"""The claims of the source x, on 6,000 posts with every fault on. ``make test-faults``, 20 minutes."""

from __future__ import annotations

import random
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pytest

from config import ROOT
from ingest.sources.x.leftovers import marked
from tests.scrape import TERMS, Usage, environment, landed_ids, outcome, replica, start, strike, window

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


def test_two_thousand_posts_are_cheap(tmp_path: Path) -> None:
    root = tmp_path / "data"
    with replica(seed=1, posts=2_000, window_seconds=WINDOW_SECONDS, faults="none") as site:
        run = start(root, site)
        usage = Usage()
        usage.watch(run)
        assert run.wait() == 0, Path(f"{root}.out").read_text(encoding="utf-8")
        assert outcome(root, site).recall == 1.0
    print(f"\n2,000 posts: {usage.cpu_seconds:.1f} CPU s, largest browser {usage.browser_mb:.0f} MB", end="")
    assert 0 < usage.cpu_seconds <= 60
    assert 0 < usage.browser_mb <= 600


def test_each_post_of_a_scrape_is_one_row_of_the_warehouse(tmp_path: Path) -> None:
    root = tmp_path / "data"
    with replica(seed=3, posts=1_000, window_seconds=WINDOW_SECONDS, faults="all") as site:
        assert start(root, site).wait() == 0, Path(f"{root}.out").read_text(encoding="utf-8")
        site.do("grow")
        assert start(root, site, "--refresh").wait() == 0, Path(f"{root}.out").read_text(encoding="utf-8")
        posts = {post.id: post for post in site.oracle().posts}
        wanted = site.oracle().matching(TERMS, *window(root))
        built = subprocess.run(
            [str(Path(sys.executable).with_name("dbt")), "build"], cwd=ROOT, env=environment(root, site),
            capture_output=True, text=True,
        )  # fmt: skip
    assert built.returncode == 0, built.stdout[-3_000:]
    with duckdb.connect(root / "market_intel.duckdb", read_only=True) as client:
        rows = client.sql(
            "select tweet_id, epoch_ms(posted_at), first_seen_at < last_seen_at, n_sightings"
            " from processed.tweets"
        ).fetchall()
        assert client.sql("select count(*) from validated.rejected_tweets").fetchall() == [(0,)]
    assert wanted <= {tweet_id for tweet_id, *_ in rows} <= set(posts)
    assert len(rows) == len({tweet_id for tweet_id, *_ in rows})
    assert all(posts[tweet_id].posted_at == posted_at for tweet_id, posted_at, *_ in rows)
    assert all(was_seen_twice and n >= 2 for tweet_id, _, was_seen_twice, n in rows if tweet_id in wanted)


def test_a_run_killed_at_random_moments_ends_whole(tmp_path: Path) -> None:
    seed = secrets.randbelow(1_000_000)
    dice = random.Random(seed)
    root = tmp_path / "data"
    struck: list[str] = []
    n_runs = 0
    with replica(seed=seed, posts=POSTS, window_seconds=WINDOW_SECONDS, faults="all") as site:
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
    folders = Path(tempfile.gettempdir()).glob("market-intel-x-*")
    assert not [process for folder in folders for process in marked(str(folder))], "a browser outlived it"
    # A killed process has three workers under way, a killed browser or driver one; each loses a page.
    lost = sum(3 if kind == "process" else 1 for kind in struck)
    assert result.requests <= 1.25 * result.least + lost
    assert len(landed_ids(root)) <= 1.25 * result.posts + 20 * lost
