"""Browsers that outlived their run are ended; those that are in use, and strangers, are not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from config import ROOT, Settings
from ingest.runs import open_state
from ingest.sources.x.leftovers import MARK, Leftovers, marked

# A driver and, below it, a browser of its own: as chromedriver and Chrome stand.
SLEEP = "import time; time.sleep(60)"
DRIVER = (
    "import subprocess, sys, time\n"
    f"print(subprocess.Popen([sys.executable, '-c', {SLEEP!r}]).pid, flush=True)\n"
    "time.sleep(60)"
)
OWNER = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from config import Settings
from ingest.sources.x.leftovers import Leftovers
print(Leftovers(Settings(data=Path({data!r}))).new_folder(), flush=True)
sys.stdin.read()
"""

Pair = tuple[subprocess.Popen[str], psutil.Process]


@pytest.fixture
def started() -> Iterator[list[Pair]]:
    pairs: list[Pair] = []
    yield pairs
    for driver, browser in pairs:
        for member in (browser, driver):
            try:
                member.kill()
            except psutil.NoSuchProcess:
                continue
        driver.wait(5)


def start(folder: str, started: list[Pair]) -> Pair:
    """A driver in a folder, and the browser below it."""
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER], stdout=subprocess.PIPE, text=True, env={**os.environ, MARK: folder}
    )
    assert driver.stdout
    started.append((driver, psutil.Process(int(driver.stdout.readline()))))
    return started[-1]


def owner_of(root: Settings) -> tuple[subprocess.Popen[str], str]:
    """Another process that has a browser's folder."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER.format(root=str(ROOT), data=str(root.data))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert owner.stdout
    return owner, owner.stdout.readline().strip()


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def rows(root: Settings) -> int:
    with closing(open_state(root)) as state:
        (n,) = state.execute("select count(*) from x_browsers").fetchone()
    return int(n)


@pytest.mark.parametrize("driver_died_too", [False, True])
def test_a_killed_runs_browsers_are_ended_and_a_living_ones_are_not(
    root: Settings, started: list[Pair], driver_died_too: bool
) -> None:
    owner, folder = owner_of(root)
    driver, browser = start(folder, started)
    (Path(folder) / "Cookies").write_bytes(b"canary")
    Leftovers(root).sweep()
    assert browser.is_running()
    assert len(marked(folder)) == 2
    assert rows(root) == 1
    owner.kill()
    owner.communicate()
    if driver_died_too:
        driver.kill()
        driver.wait()
    Leftovers(root).sweep()
    assert driver.wait(5) is not None
    assert is_gone(browser)
    assert not Path(folder).exists()
    assert rows(root) == 0


def test_an_owner_whose_number_was_given_out_again_is_gone(root: Settings, started: list[Pair]) -> None:
    _, browser = start(Leftovers(root).new_folder(), started)
    with closing(open_state(root)) as state:
        state.execute("update x_browsers set owner_started_at = owner_started_at - 30")
    Leftovers(root).sweep()
    assert is_gone(browser)


def test_ending_one_leaves_the_others(root: Settings, started: list[Pair]) -> None:
    leftovers = Leftovers(root)
    mine, theirs = leftovers.new_folder(), leftovers.new_folder()
    _, browser = start(mine, started)
    other, _ = start(theirs, started)
    leftovers.end(mine)
    assert is_gone(browser)
    assert not Path(mine).exists()
    assert other.poll() is None
    assert Path(theirs).exists()
    assert rows(root) == 1
    leftovers.end(theirs)
    other.wait(5)
    assert rows(root) == 0


def test_an_empty_root_has_none(root: Settings) -> None:
    Leftovers(root).sweep()
    assert rows(root) == 0
