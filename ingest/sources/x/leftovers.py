"""Browsers that outlived their run: a process that is killed cannot end them, so the next run does."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import closing, suppress

import psutil

from config import Settings
from ingest.runs import open_state

# In the environment of a browser's driver, and so of every process of the browser: its folder.
MARK = "MARKET_INTEL_BROWSER_FOLDER"

_TABLE = """
create table if not exists x_browsers (
    folder text primary key, owner_pid integer not null, owner_started_at real not null
)
"""


class Leftovers:
    """The browsers' folders, written down in ``ingest.sqlite`` before there is anything to leave."""

    def __init__(self, settings: Settings) -> None:
        """Keep the list under the settings' data root."""
        self._settings = settings

    def new_folder(self) -> str:
        """A folder for a browser of this process; whoever runs it sets ``MARK`` to it."""
        folder, owner = tempfile.mkdtemp(prefix="market-intel-x-"), psutil.Process(os.getpid())
        with closing(open_state(self._settings)) as state:
            state.execute(_TABLE)
            state.execute("insert into x_browsers values (?, ?, ?)", (folder, owner.pid, owner.create_time()))
        return folder

    def end(self, folder: str) -> None:
        """End what is left of a browser, however it died."""
        for process in marked(folder):
            with suppress(psutil.Error):
                process.kill()
                process.wait(5)
        shutil.rmtree(folder, ignore_errors=True)
        with closing(open_state(self._settings)) as state:
            state.execute("delete from x_browsers where folder = ?", (folder,))

    def sweep(self) -> None:
        """End the browsers of runs that are gone."""
        with closing(open_state(self._settings)) as state:
            state.execute(_TABLE)
            rows = state.execute("select folder, owner_pid, owner_started_at from x_browsers").fetchall()
        for folder, pid, started_at in rows:
            if not _is(pid, started_at):
                self.end(folder)


def marked(folder: str) -> list[psutil.Process]:
    """The living processes of the browser in a folder, its driver included."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == folder:
                found.append(process)
    return found


def _is(pid: int, started_at: float) -> bool:
    """Whether this process still is the one that was written down: numbers are given out again."""
    with suppress(psutil.Error):
        return bool(abs(psutil.Process(pid).create_time() - started_at) < 1.0)
    return False
