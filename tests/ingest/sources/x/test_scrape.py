"""The real source, in real browsers, against the replica: small, with every fault, and what ends a run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from config import ROOT, Settings
from ingest.runs import SourceError
from ingest.search import Ask
from ingest.sources.x.browser import INSTALL, Browser, find_chrome
from ingest.sources.x.leftovers import Leftovers
from ingest.sources.x.session import Session
from tests.scrape import TERMS, Site, environment, landed_ids, outcome, replica, start, window


@pytest.fixture(autouse=True, scope="module")
def _browser() -> None:
    try:
        find_chrome(Settings())
    except SourceError as error:
        pytest.skip(str(error))


@pytest.fixture
def faulty() -> Iterator[Site]:
    with replica(seed=11, posts=300, window_seconds=5, faults="all") as site:
        yield site


def scrape(root: Path, site: Site, *arguments: str, **settings: object) -> tuple[int, str]:
    """One run to its end: exit status, and all it printed."""
    Path(f"{root}.out").unlink(missing_ok=True)
    status = start(root, site, *arguments, **settings).wait(timeout=240)
    return status, Path(f"{root}.out").read_text(encoding="utf-8")


def like_counts(root: Path) -> dict[str, list[int]]:
    """Every sighting's likes by post, in the order of observation."""
    counts: dict[str, list[tuple[datetime, int]]] = {}
    for file in (root / "raw" / "tweets").glob("dt=*/*.parquet"):
        for row in pq.read_table(file).to_pylist():
            counts.setdefault(row["tweet_id"], []).append((row["observed_at"], row["like_count"]))
    return {tweet_id: [n for _, n in sorted(seen)] for tweet_id, seen in counts.items()}


def test_faults_lose_nothing_and_the_cookies_are_nowhere(tmp_path: Path, faulty: Site) -> None:
    root = tmp_path / "data"
    status, said = scrape(root, faulty, log_level="DEBUG")
    assert status == 0, said
    result = outcome(root, faulty)
    assert (result.recall, result.extras, result.duplicates) == (1.0, 0, 0), result.line()
    assert result.max_in_window <= faulty.quota - 10 + 3
    assert "slices are proven complete" in said

    runs = subprocess.run(
        [sys.executable, "-m", "ingest", "runs"], cwd=ROOT, env=environment(root, faulty),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = re.search(r"(\d+) requests, (\d+) faulty", runs.stdout)
    assert told, runs.stdout
    # A request whose connection broke may not have reached the site, or Chrome may have sent it twice.
    assert abs(result.requests - int(told[1])) <= sum(result.faults.values())
    assert (root / "logs" / "scraper.log").stat().st_size
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 5
    for path in files:
        held = path.read_bytes()
        for secret in (faulty.auth_token, faulty.ct0):
            assert secret.encode() not in held, path
    for path in root.rglob("*.parquet"):
        assert faulty.auth_token not in str(pq.read_table(path).to_pydict()), path

    # Again: all is known, and nothing is asked.
    before = len(faulty.oracle().requests)
    status, said = scrape(root, faulty)
    assert status == 0, said
    assert len(faulty.oracle().requests) - before <= 5  # the seconds that have passed since

    # Counts grow and posts go; asked for anew, the first show and the second stay.
    known = like_counts(root)
    faulty.do("grow")
    faulty.do("delete", 40)
    living = faulty.oracle().matching(TERMS, 0, 2**33)
    status, said = scrape(root, faulty, "--refresh")
    assert status == 0, said
    seen = like_counts(root)
    gone = {tweet_id for tweet_id in seen if tweet_id not in living}
    assert len(gone) >= 30
    oracle = faulty.oracle()
    since, until = window(root)  # of all three runs: what is oldest in it was too old for the last
    grew = {
        tweet_id
        for tweet_id in oracle.matching(TERMS, since + 600, until)
        if oracle.current_counts(tweet_id)["favorite_count"] > oracle.first_counts(tweet_id)["favorite_count"]
    }
    grew &= known.keys()  # what was posted between the runs is seen as it grew
    assert len(grew) > 30
    assert all(seen[tweet_id][-1] > seen[tweet_id][0] for tweet_id in grew)


def test_only_the_responses_hold_what_a_jump_to_the_bottom_leaves_out(tmp_path: Path) -> None:
    with replica(seed=12, posts=200, window_seconds=60, faults="none") as site:
        config = Settings(data=tmp_path, x_answer_seconds=10)
        browser = Browser(
            config, Session(site.auth_token, site.ct0), site.url, Leftovers(config), threading.Event()
        )
        try:
            until = int(time.time())
            read: set[str] = set()
            drawn: set[str] = set()
            answer = browser.open(
                Ask("#nifty50 OR #sensex OR #intraday OR #banknifty", until - 86_400, until)
            )
            while answer.page and answer.page.ids:
                read |= {str(tweet_id) for tweet_id in answer.page.ids}
                time.sleep(0.1)
                assert browser._driver is not None
                links = browser._driver.execute_script(
                    "return Array.from(document.querySelectorAll('article time'), (t) => t.closest('a').href)"
                )
                drawn |= {link.rsplit("/", 1)[-1] for link in links}
                answer = browser.more()
        finally:
            browser.close()
        served = {tweet_id for request in site.oracle().requests for tweet_id in request.ids}
    assert read == served
    assert len(read) >= 200
    assert len(drawn & read) < 0.9 * len(read), "a reader of the page alone would have missed nothing"


@pytest.mark.faults
def test_an_expired_session_stops_at_once_and_a_new_one_goes_on(tmp_path: Path) -> None:
    root = tmp_path / "data"
    options = ["--session-expires-after", "16"]
    with replica(seed=13, posts=400, window_seconds=5, faults="none", options=options) as site:
        status, said = scrape(root, site)
        assert status == 1, said
        assert "copy auth_token and ct0 again" in said
        assert sum(request.status == 401 for request in site.oracle().requests) <= 3, "no worker asks again"
        assert landed_ids(root), "what was read has landed"
        site.do("renew")
        status, said = scrape(root, site)
        assert status == 0, said
        assert outcome(root, site).recall == 1.0


@pytest.mark.faults
def test_a_locked_account_is_left_alone(tmp_path: Path) -> None:
    options = ["--locks-after", "3"]
    with replica(seed=13, posts=400, window_seconds=5, faults="none", options=options) as site:
        status, said = scrape(tmp_path / "data", site)
        assert status == 1, said
        assert "unlock it there" in said
        assert sum(request.status == 403 for request in site.oracle().requests) <= 3, "no worker asks again"


@pytest.mark.faults
def test_a_killed_run_goes_on_and_its_browsers_end(tmp_path: Path) -> None:
    root = tmp_path / "data"
    with replica(seed=14, posts=900, window_seconds=5, faults="none") as site:
        run = start(root, site)
        while len(site.oracle().requests) < 12:
            time.sleep(0.1)
            assert run.poll() is None
        orphans = psutil.Process(run.pid).children(recursive=True)
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        asked = len(site.oracle().requests)
        assert any(orphan.is_running() for orphan in orphans)
        status, said = scrape(root, site)
        assert status == 0, said
        _, alive = psutil.wait_procs(orphans, timeout=5)
        assert not [o for o in alive if o.status() != psutil.STATUS_ZOMBIE]
        result = outcome(root, site)
        requests = site.oracle().requests
        served = {tweet_id for request in requests[:asked] for tweet_id in request.ids}
        fetched_again = [r for r in requests[asked:] if r.ids and served.issuperset(r.ids)]
    assert (result.recall, result.extras, result.duplicates) == (1.0, 0, 0), result.line()
    # Each of three workers: the page that it waited for, and one where its slice meets what was read.
    assert len(fetched_again) <= 3 + 3


def test_without_a_browser_the_message_has_the_command(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    said = subprocess.run(
        [sys.executable, "-m", "ingest", "x"], cwd=ROOT, capture_output=True, text=True,
        env={
            "PATH": str(nothing), "MARKET_INTEL_DATA": str(tmp_path / "data"),
            "MARKET_INTEL_X_AUTH_TOKEN": "a", "MARKET_INTEL_X_CT0": "b",
        },
    )  # fmt: skip
    assert said.returncode == 2
    assert INSTALL in " ".join(said.stderr.split())
