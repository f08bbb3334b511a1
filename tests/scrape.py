"""The real source against the replica, each in a process of its own, and what the oracle says of it.

    replica ── url ──> python -m ingest x ── raw/tweets ──> Outcome <── oracle

``python -m tests.scrape`` (``make demo-scrape``) does that once, with the progress in sight.
"""

from __future__ import annotations

import argparse
import json
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import Request, urlopen

import psutil
import pyarrow.parquet as pq

from config import ROOT, environment_of_a_child
from tests.replica import Oracle

OWN_ROOT = ROOT / "target" / "demo-scrape"
TERMS = ("#nifty50", "#sensex", "#intraday", "#banknifty")
# Faults that cost no request of their own: an answer that comes, late, and a worker that passes all on.
FREE_FAULTS = {"slow", "service_worker"}


@dataclass
class Site:
    """A replica in a process of its own, and a session on it."""

    url: str
    process: subprocess.Popen[str]
    auth_token: str
    ct0: str
    quota: int

    def oracle(self) -> Oracle:
        """What is true, and what was asked so far."""
        with urlopen(f"{self.url}/__oracle__") as answer:
            return Oracle.from_json(json.load(answer))

    def do(self, what: str, n: int = 0) -> None:
        """``grow``, ``delete``, ``publish`` or ``renew``, with ``n`` posts where it takes a number."""
        urlopen(Request(f"{self.url}/__{what}__" + (f"?n={n}" if n else ""), data=b"")).close()


@contextmanager
def replica(
    *,
    seed: int,
    posts: int,
    window_seconds: float,
    faults: str,
    quota: int = 50,
    options: tuple[str, ...] = (),
) -> Iterator[Site]:
    """Serve one until the block ends. Its cookies are canaries: they may turn up nowhere."""
    auth_token, ct0 = secrets.token_hex(20), secrets.token_hex(80)
    command = [
        sys.executable, "-m", "tests.replica", "--port", "0", "--seed", str(seed), "--posts", str(posts),
        "--window", str(window_seconds), "--quota", str(quota), "--faults", faults,
        "--account", f"{auth_token}={ct0}", *options,
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Site(process.stdout.readline().strip(), process, auth_token, ct0, quota)
    finally:
        process.terminate()
        process.wait(timeout=20)


def environment(root: Path, site: Site, **settings: object) -> dict[str, str]:
    """A run's environment: the session, no human pauses, and what a test sets otherwise."""
    given = {
        "data": root, "x_auth_token": site.auth_token, "x_ct0": site.ct0, "x_delay_seconds_min": 0,
        "x_delay_seconds_max": 0.05, "x_answer_seconds": 6, "x_settle_seconds": 0,
        "x_requests_per_day": 100_000, **settings,
    }  # fmt: skip
    return environment_of_a_child() | {f"MARKET_INTEL_{name.upper()}": str(v) for name, v in given.items()}


def start(root: Path, site: Site, *arguments: str, **settings: object) -> subprocess.Popen[str]:
    """``python -m ingest x`` under way; both its streams go to ``<root>.out``, which stays."""
    with Path(f"{root}.out").open("a", encoding="utf-8") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "ingest", "x", "--site", site.url, *arguments], cwd=ROOT, text=True,
            env=environment(root, site, **settings), stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip


@dataclass
class Usage:
    """What a run took: CPU seconds of our processes and the site's driver, MB of the largest browser."""

    cpu_seconds: float = 0.0
    browser_mb: float = 0.0
    _cpu: dict[int, float] = field(default_factory=dict)

    def watch(self, process: subprocess.Popen[str], every_seconds: float = 1.0) -> None:
        """Look at the run's processes until it ends."""
        while process.poll() is None:
            with suppress(psutil.Error):
                family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
                for member in family:
                    self._note(member)
            self.cpu_seconds = sum(self._cpu.values())
            time.sleep(every_seconds)

    def _note(self, member: psutil.Process) -> None:
        with suppress(psutil.Error):
            if not is_browser(member):
                times = member.cpu_times()
                self._cpu[member.pid] = times.user + times.system
            elif not is_browser(member.parent()):
                sizes = (part.memory_full_info().pss for part in [member, *member.children(recursive=True)])
                self.browser_mb = max(self.browser_mb, sum(sizes) / 2**20)


def is_browser(process: psutil.Process | None) -> bool:
    """Whether a process is Chrome's own, and not its driver."""
    name = process.name() if process else ""
    return "chrom" in name and "chromedriver" not in name


@dataclass(frozen=True)
class Outcome:
    """A collection beside the truth."""

    posts: int
    missing: int
    extras: int
    duplicates: int
    requests: int
    least: int
    faults: Mapping[str, int]
    max_in_window: int
    quota: int
    served: int

    @property
    def recall(self) -> float:
        """Share of the window's posts that landed."""
        return 1 - self.missing / self.posts

    @property
    def ratio(self) -> float:
        """Requests beside the least."""
        return self.requests / self.least

    def line(self) -> str:
        """All of it, in one line."""
        return (
            f"recall {self.recall:.2%} of {self.posts:,} posts ({self.missing} missing, {self.extras} extra,"
            f" {self.duplicates} duplicates); {self.requests} requests = {self.ratio:.3f} of the least"
            f" {self.least}; {sum(self.faults.values())} faults; at most {self.max_in_window} of"
            f" {self.quota} requests in a window"
        )


def landed_ids(root: Path) -> list[str]:
    """Ids in the landed sightings, with repeats."""
    files = sorted((root / "raw" / "tweets").glob("dt=*/*.parquet"))
    return [tweet_id for file in files for tweet_id in pq.read_table(file)["tweet_id"].to_pylist()]


def outcome(root: Path, site: Site) -> Outcome:
    """Compare what landed under ``root`` with what the search truly held in the windows of its slices.

    The least number of requests is the pages that the posts fill, and one per injected fault that takes a
    request. An extra is a landed id that was no result: nested, promoted, or not the search's.
    """
    oracle = site.oracle()
    since, until = window(root)
    wanted = oracle.matching(TERMS, since, until)
    anywhere = oracle.matching(TERMS, 0, 2**33)
    ids = landed_ids(root)
    sightings = [
        sighting_id
        for file in (root / "raw" / "tweets").glob("dt=*/*.parquet")
        for sighting_id in pq.read_table(file)["sighting_id"].to_pylist()
    ]
    faults = Counter({kind: n for kind, n in oracle.faults_injected.items() if kind not in FREE_FAULTS})
    return Outcome(
        posts=len(wanted),
        missing=len(wanted - set(ids)),
        extras=len(set(ids) - anywhere),
        duplicates=len(sightings) - len(set(sightings)),
        requests=len(oracle.requests),
        least=-(-len(wanted) // 20) + sum(faults.values()),
        faults=faults,
        max_in_window=oracle.max_in_window,
        quota=site.quota,
        served=sum(len(request.ids) for request in oracle.requests),
    )


def window(root: Path) -> tuple[int, int]:
    """What the root's slices span, in epoch seconds; all of them must be proven complete."""
    import sqlite3

    with sqlite3.connect(root / "ingest.sqlite") as state:
        since, until, n_open = state.execute(
            "select min(since), max(until), count(*) filter (where proof is null) from search_slices"
        ).fetchone()
    assert n_open == 0, f"{n_open} slices of {root} are not complete"
    return since, until


def family(process: subprocess.Popen[str], kind: str) -> list[psutil.Process]:
    """The run's living ``driver`` or ``browser`` processes, or itself (``process``)."""
    own = psutil.Process(process.pid)
    if kind == "process":
        return [own]
    children = own.children(recursive=True)
    drivers = [child for child in children if "chromedriver" in child.name()]
    if kind == "driver":
        return drivers
    return [c for c in children if is_browser(c) and not is_browser(c.parent())]


def strike(process: subprocess.Popen[str], kind: str, pick: int) -> bool:
    """Kill -9 one process of the kind; False where there was none."""
    with suppress(psutil.Error):
        victims = family(process, kind)
        if victims:
            victims[pick % len(victims)].send_signal(signal.SIGKILL)
            return True
    return False


def main() -> int:
    """Scrape the replica once and print the recall; exit status 1 where something is missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.scrape", description=main.__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000))
    parser.add_argument("--posts", type=int, default=2_000)
    parser.add_argument("--window", type=float, default=20.0, help="seconds for X's 15 minutes (default 20)")
    parser.add_argument("--faults", choices=("all", "none"), default="all")
    parser.add_argument("--root", type=Path, help=f"a new data root (default {OWN_ROOT}, emptied first)")
    arguments = parser.parse_args()
    if arguments.root is None:
        shutil.rmtree(OWN_ROOT, ignore_errors=True)
    root = (arguments.root or OWN_ROOT).resolve()
    if root.exists() and any(root.iterdir()):
        parser.error(f"{root} is not empty: invented posts must not be mixed with others")
    print(
        f"A replica of X's search with {arguments.posts:,} invented posts (seed {arguments.seed}), faults"
        f" {arguments.faults}, 50 requests in {arguments.window:g} s; the records go to {root}"
    )
    with replica(
        seed=arguments.seed, posts=arguments.posts, window_seconds=arguments.window, faults=arguments.faults
    ) as site:
        command = [sys.executable, "-m", "ingest", "x", "--site", site.url]
        process = subprocess.Popen(command, cwd=ROOT, env=environment(root, site), text=True)
        usage = Usage()
        watcher = threading.Thread(target=usage.watch, args=(process,))
        watcher.start()
        try:
            status = process.wait()
        except KeyboardInterrupt:
            status = process.wait()
        watcher.join()
        if status:
            return status
        result = outcome(root, site)
    print(result.line())
    print(f"To look at them: MARKET_INTEL_DATA={root} make build")
    print(f"{usage.cpu_seconds:.1f} CPU seconds of ours; largest browser {usage.browser_mb:,.0f} MB")
    return int(result.missing > 0 or result.extras > 0)


if __name__ == "__main__":
    raise SystemExit(main())
