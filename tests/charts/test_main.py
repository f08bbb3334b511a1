"""The command."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import config
from charts.__main__ import NAMES, PICTURES, main
from config import ROOT, Settings

Publish = Callable[..., Settings]


@pytest.fixture(autouse=True)
def _settings_of_the_root(root: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MARKET_INTEL_DATA", str(root.data))
    config.settings.cache_clear()
    yield
    config.settings.cache_clear()


def size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG file, in pixels."""
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])


def test_all_pictures_are_made_and_named(publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    root = publish()
    before = hashlib.sha256(root.published_db.read_bytes()).digest()
    assert main([]) == 0
    paths = [root.charts / f"{name}.png" for name in PICTURES]
    brief = root.reports / "market_brief.html"
    assert capsys.readouterr().out.splitlines() == [str(path) for path in (*paths, brief)]
    assert sorted(root.charts.iterdir()) == sorted(paths)
    assert list(root.reports.iterdir()) == [brief]
    for path in paths:
        assert size(path) == (1600, 1000)
        assert path.stat().st_size > 30_000
    assert hashlib.sha256(root.published_db.read_bytes()).digest() == before


def test_some_pictures_are_made_by_name(publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    root = publish()
    assert main(["signal_aggregation", "signal_over_time", "signal_aggregation"]) == 0
    assert [Path(line).stem for line in capsys.readouterr().out.splitlines()] == [
        "signal_aggregation",
        "signal_over_time",
    ]
    assert len(list(root.charts.iterdir())) == 2


def test_without_posts_the_pictures_say_so(publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    root = publish(n_posts=0)
    assert main([]) == 0
    *paths, brief = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert [path.stem for path in paths] == list(PICTURES)
    assert all(size(path) == (1600, 1000) for path in paths)
    assert {path.parent for path in paths} == {root.charts}
    assert "no posts" in brief.read_text()


def test_without_a_published_file_it_says_what_to_do(
    root: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == 2
    told = capsys.readouterr()
    assert not told.out
    assert "nothing is published" in told.err
    assert str(root.published_db) in told.err
    assert "dbt build" in told.err
    assert not root.charts.exists()


def test_a_file_that_is_no_database_is_told(root: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    root.data.mkdir()
    root.published_db.write_text("no database" * 1000)
    assert main([]) == 2
    told = capsys.readouterr().err
    assert "cannot be read" in told
    assert str(root.published_db) in told
    assert "dbt build" in told


def test_a_file_without_a_table_is_told(publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    publish("drop table marts.hashtag_stats")
    assert main(["signal_aggregation"]) == 2
    told = capsys.readouterr().err
    assert "hashtag_stats" in told
    assert "another version" in told


def test_an_unknown_picture_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["signal_over_time", "moon_phase"])
    assert stop.value.code == 2
    told = capsys.readouterr().err
    assert "no picture is called moon_phase" in told
    assert all(name in told for name in NAMES)


def test_a_setting_that_cannot_be_used_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MARKET_INTEL_BATCH_ROWS", "many")
    assert main([]) == 2
    assert "MARKET_INTEL_BATCH_ROWS" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_told(
    publish: Publish, capsys: pytest.CaptureFixture[str]
) -> None:
    publish().charts.write_text("in the way")
    assert main([]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_the_command_needs_neither_pyplot_nor_pandas(publish: Publish) -> None:
    root = publish()
    program = (
        "import sys; from charts.__main__ import main; status = main(['signal_aggregation']);"
        "print({'matplotlib.pyplot', 'pandas'} & set(sys.modules)); sys.exit(status)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | {"MARKET_INTEL_DATA": str(root.data)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.splitlines() == [str(root.charts / "signal_aggregation.png"), "set()"]
    assert not run.stderr
