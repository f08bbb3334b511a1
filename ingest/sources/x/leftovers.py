"""Browsers that outlived their run: a process that is killed cannot end them, so the next run does."""

from __future__ import annotations

import os
import shutil
from contextlib import closing, suppress
from pathlib import Path

import psutil
from selenium import webdriver

from config import Settings
from ingest.runs import open_state

_TABLE = """
create table if not exists x_processes (
    pid integer not null, started_at real not null, owner_pid integer not null,
    owner_started_at real not null, folder text not null
)
"""


class Leftovers:
    """The browsers' processes, written down in ``ingest.sqlite`` while they run."""

    def __init__(self, settings: Settings) -> None:
        """Keep the list under the settings' data root."""
        self._settings = settings

    def remember(self, driver: webdriver.Chrome) -> None:
        """Write down the processes of a browser that has started, and its folder."""
        folder = driver.capabilities.get("chrome", {}).get("userDataDir", "")
        owner = psutil.Process()
        rows = []
        for pid in _processes(driver):
            with suppress(psutil.Error):
                rows.append((pid, psutil.Process(pid).create_time(), owner.pid, owner.create_time(), folder))
        with closing(open_state(self._settings)) as state:
            state.execute(_TABLE)
            state.executemany("insert into x_processes values (?, ?, ?, ?, ?)", rows)

    def end(self, driver: webdriver.Chrome) -> None:
        """End what is left of a browser, however it died."""
        pids = _processes(driver)
        with closing(open_state(self._settings)) as state:
            rows = state.execute(
                "select pid, started_at, folder from x_processes where owner_pid = ?"
                f" and pid in ({', '.join('?' * len(pids))})",
                (os.getpid(), *pids),
            ).fetchall()
            _end(rows)
            state.executemany("delete from x_processes where pid = ? and started_at = ? and folder = ?", rows)

    def sweep(self) -> None:
        """End the browsers of runs that are gone."""
        with closing(open_state(self._settings)) as state:
            state.execute(_TABLE)
            gone = [
                (pid, started_at, folder)
                for pid, started_at, owner, owner_started_at, folder in state.execute(
                    "select * from x_processes"
                ).fetchall()
                if not _is(owner, owner_started_at)
            ]
            _end(gone)
            state.executemany("delete from x_processes where pid = ? and started_at = ? and folder = ?", gone)


def _processes(driver: webdriver.Chrome) -> list[int]:
    """The driver's process, and the browser's."""
    return [pid for pid in (driver.service.process.pid, driver.capabilities.get("goog:processID")) if pid]


def _is(pid: int, started_at: float) -> bool:
    """Whether this process still is the one that was written down: numbers are given out again."""
    with suppress(psutil.Error):
        return bool(abs(psutil.Process(pid).create_time() - started_at) < 1.0)
    return False


def _end(rows: list[tuple[int, float, str]]) -> None:
    for pid, started_at, _ in rows:
        if not _is(pid, started_at):
            continue
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            family = [*process.children(recursive=True), process]
            for member in family:
                with suppress(psutil.Error):
                    member.kill()
            psutil.wait_procs(family, timeout=5)
    for folder in {folder for *_, folder in rows if folder}:
        shutil.rmtree(Path(folder), ignore_errors=True)
