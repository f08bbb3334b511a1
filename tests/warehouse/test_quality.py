"""The quality pages, on a built root."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import duckdb

from config import Settings
from tests.warehouse.conftest import command


def test_the_pages_are_written_and_everything_holds(demo: Settings, tmp_path: Path) -> None:
    root = Settings(data=tmp_path / "data")
    root.data.mkdir()
    shutil.copy(demo.published_db, root.published_db)
    done = command(root, sys.executable, "-m", "warehouse.quality")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (root.reports / "quality.html").read_text()
    assert "expectations hold" in page
    assert "every post is validated or rejected" in page
    assert "http" not in page, "the front page must not need a network"
    assert len(list((root.reports / "data_docs" / "validations").rglob("*.html"))) == 4


def test_a_broken_table_is_reported(demo: Settings, tmp_path: Path) -> None:
    root = Settings(data=tmp_path / "data")
    root.data.mkdir()
    shutil.copy(demo.published_db, root.published_db)
    with duckdb.connect(str(root.published_db)) as connection:
        connection.execute("update signals.tweet_signals set composite = 3 where sentiment_label = 1")
    done = command(root, sys.executable, "-m", "warehouse.quality")
    assert done.returncode == 1
    assert "FAILED signals.tweet_signals" in done.stdout
    assert "class='fail'" in (root.reports / "quality.html").read_text()


def test_nothing_published_is_said_plainly(tmp_path: Path) -> None:
    done = command(Settings(data=tmp_path / "nothing"), sys.executable, "-m", "warehouse.quality")
    assert done.returncode == 2
    assert "make build" in done.stderr
