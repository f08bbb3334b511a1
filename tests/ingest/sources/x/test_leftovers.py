"""Browsers that outlived their run are ended; those that are in use, and strangers, are not."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from config import ROOT, Settings
from ingest.runs import open_state
from ingest.sources.x.leftovers import Leftovers

# A driver and, below it, a browser of its own, which has a child too: as chromedriver and Chrome stand.
SLEEP = "import time; time.sleep(60)"
BROWSER = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); time.sleep(60)"
DRIVER = (
    "import subprocess, sys, time\n"
    f"print(subprocess.Popen([sys.executable, '-c', {BROWSER!r}]).pid, flush=True)\n"
    "time.sleep(60)"
)


def start() -> tuple[subprocess.Popen[str], psutil.Process]:
    """A driver's process, and its browser's, when that has its child."""
    driver = subprocess.Popen([sys.executable, "-c", DRIVER], stdout=subprocess.PIPE, text=True)
    assert driver.stdout
    browser = psutil.Process(int(driver.stdout.readline()))
    for _ in range(200):
        if browser.children():
            break
        time.sleep(0.05)
    assert browser.children()
    return driver, browser


def as_driver(process: Any, browser_pid: int | None, folder: Path) -> Any:
    """What Selenium's driver shows of itself."""
    return SimpleNamespace(
        service=SimpleNamespace(process=process),
        capabilities={"goog:processID": browser_pid, "chrome": {"userDataDir": str(folder)}},
    )


@pytest.fixture
def pair() -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    driver, browser = start()
    family = [driver, browser, *browser.children(recursive=True)]
    yield driver, browser
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    driver.wait(5)


def folder(tmp_path: Path, name: str = "profile") -> Path:
    made = tmp_path / name
    (made / "Default").mkdir(parents=True)
    (made / "Default" / "Cookies").write_bytes(b"canary")
    return made


def rows(root: Settings) -> int:
    with closing(open_state(root)) as state:
        (n,) = state.execute("select count(*) from x_processes").fetchone()
    return int(n)


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


OWNER = """
import sys
from pathlib import Path
from types import SimpleNamespace
sys.path.insert(0, {root!r})
from config import Settings
from ingest.sources.x.leftovers import Leftovers
Leftovers(Settings(data=Path({data!r}))).remember(
    SimpleNamespace(
        service=SimpleNamespace(process=SimpleNamespace(pid={driver})),
        capabilities={{"goog:processID": {browser}, "chrome": {{"userDataDir": {folder!r}}}}},
    )
)
print(flush=True)
sys.stdin.read()
"""


def owner_of(root: Settings, driver: int, browser: int, profile: Path) -> subprocess.Popen[str]:
    """Another process that has started this browser."""
    script = OWNER.format(
        root=str(ROOT), data=str(root.data), driver=driver, browser=browser, folder=str(profile)
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout
    assert owner.stdout.readline() == "\n"
    return owner


@pytest.mark.parametrize("driver_died_too", [False, True])
def test_a_killed_runs_browsers_are_ended_and_a_living_ones_are_not(
    root: Settings, tmp_path: Path, pair: tuple[subprocess.Popen[str], psutil.Process], driver_died_too: bool
) -> None:
    driver, browser = pair
    below = browser.children()
    profile = folder(tmp_path)
    owner = owner_of(root, driver.pid, browser.pid, profile)
    Leftovers(root).sweep()
    assert browser.is_running()
    assert profile.exists()
    assert rows(root) == 2
    owner.kill()
    owner.communicate()
    if driver_died_too:
        driver.kill()
        driver.wait()
    Leftovers(root).sweep()
    assert driver.wait(5) is not None
    assert is_gone(browser)
    assert all(is_gone(process) for process in below)
    assert not profile.exists(), "its folder holds the session"
    assert rows(root) == 0


def test_a_process_that_has_the_number_of_a_dead_browser_is_left_alone(
    root: Settings, tmp_path: Path, pair: tuple[subprocess.Popen[str], psutil.Process]
) -> None:
    driver, browser = pair
    profile = folder(tmp_path)
    owner = owner_of(root, driver.pid, browser.pid, profile)
    owner.kill()
    owner.communicate()
    with closing(open_state(root)) as state:
        state.execute("update x_processes set started_at = started_at - 30")
    Leftovers(root).sweep()
    assert driver.poll() is None
    assert browser.is_running()
    assert rows(root) == 0


def test_an_owner_whose_number_was_given_out_again_is_gone(
    root: Settings, tmp_path: Path, pair: tuple[subprocess.Popen[str], psutil.Process]
) -> None:
    driver, browser = pair
    Leftovers(root).remember(as_driver(driver, browser.pid, folder(tmp_path)))
    with closing(open_state(root)) as state:
        state.execute("update x_processes set owner_started_at = owner_started_at - 30")
    Leftovers(root).sweep()
    assert is_gone(browser)


def test_ending_one_leaves_the_others(
    root: Settings, tmp_path: Path, pair: tuple[subprocess.Popen[str], psutil.Process]
) -> None:
    driver, browser = pair
    other = subprocess.Popen([sys.executable, "-c", SLEEP])
    leftovers = Leftovers(root)
    mine, theirs = folder(tmp_path, "mine"), folder(tmp_path, "theirs")
    leftovers.remember(as_driver(driver, browser.pid, mine))
    leftovers.remember(as_driver(other, None, theirs))
    leftovers.end(as_driver(driver, browser.pid, mine))
    assert is_gone(browser)
    assert not mine.exists()
    assert other.poll() is None
    assert theirs.exists()
    assert rows(root) == 1
    leftovers.end(as_driver(other, None, theirs))
    other.wait(5)
    assert rows(root) == 0


def test_a_browser_that_died_before_it_was_written_down_is_none(root: Settings, tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    Leftovers(root).remember(as_driver(dead, None, folder(tmp_path)))
    assert rows(root) == 0


def test_an_empty_root_has_none(root: Settings) -> None:
    Leftovers(root).sweep()
    assert rows(root) == 0
