"""The prices source on tiny files, and on the real ones where they are."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.entities import Captured, Item, Quarantined
from ingest.sources import SourceError
from ingest.sources.prices.bars import read

HEADER = "datetime,open,high,low,close,volume\n"


def items(path: Path, **options: str) -> list[Item]:
    return list(read([str(path)], **options))


def only(path: Path, **options: str) -> dict[str, object]:
    first = items(path, **options)[0]
    assert isinstance(first, Captured)
    return dict(first.fields)


def write(path: Path, *lines: str) -> Path:
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines))
    return path


def test_bare_times_in_session_hours_are_ist(tmp_path: Path) -> None:
    path = write(
        tmp_path / "NIFTY_3min.csv", "2025-07-30 09:15:00,1,2,0.5,1.5,0", "2025-07-30 09:18:00,1,2,0.5,1.5,0"
    )
    bar = only(path)
    assert bar["bar_start"] == datetime(2025, 7, 30, 3, 45, tzinfo=UTC)
    assert (bar["symbol"], bar["bar_interval"], bar["time_basis"], bar["volume"]) == (
        "NIFTY",
        "3min",
        "naive_ist",
        0,
    )


def test_bare_times_in_utc_session_hours_are_utc(tmp_path: Path) -> None:
    path = write(
        tmp_path / "NIFTY.csv", "2025-07-30 03:45:00,1,2,0.5,1.5,0", "2025-07-30 04:45:00,1,2,0.5,1.5,0"
    )
    assert only(path)["bar_start"] == datetime(2025, 7, 30, 3, 45, tzinfo=UTC)
    assert only(path)["bar_interval"] == "1h"


def test_a_clock_that_cannot_be_told_must_be_stated(tmp_path: Path) -> None:
    path = write(
        tmp_path / "NIFTY.csv", "2025-07-30 01:00:00,1,2,0.5,1.5,0", "2025-07-30 20:00:00,1,2,0.5,1.5,0"
    )
    with pytest.raises(SourceError, match="--clock"):
        items(path)
    assert only(path, clock="utc")["time_basis"] == "naive_utc"


def test_offsets_win(tmp_path: Path) -> None:
    path = write(
        tmp_path / "NIFTY.csv",
        "2025-07-30T09:15:00+05:30,1,2,0.5,1.5,",
        "2025-07-30T09:16:00+05:30,1,2,0.5,1.5,",
    )
    bar = only(path)
    assert bar["bar_start"] == datetime(2025, 7, 30, 3, 45, tzinfo=UTC)
    assert (bar["time_basis"], bar["volume"]) == ("offset", None)


def test_daily_bars_start_at_midnight_ist(tmp_path: Path) -> None:
    path = write(tmp_path / "sensex_daily.csv", "2025-07-30,1,2,0.5,1.5,3e6", "2025-07-31,1,2,0.5,1.5,3e6")
    bar = only(path)
    assert bar["bar_start"] == datetime(2025, 7, 29, 18, 30, tzinfo=UTC)
    assert (bar["symbol"], bar["bar_interval"], bar["volume"]) == ("SENSEX", "1d", 3_000_000)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2025-02-30 09:15:00,1,2,0.5,1.5,0", "impossible date"),
        ("1900-01-01 09:15:00,1,2,0.5,1.5,0", "impossible date"),
        ("2999-01-01 09:15:00,1,2,0.5,1.5,0", "impossible date"),
        ("2025-07-30 09:21:00,1,nan,0.5,1.5,0", "high is no number"),
        ("2025-07-30 09:21:00,1,2,0.5,,0", "close is no number"),
    ],
)
def test_a_row_that_is_no_bar_is_quarantined_and_the_rest_is_read(
    tmp_path: Path, line: str, reason: str
) -> None:
    path = write(
        tmp_path / "NIFTY.csv", "2025-07-30 09:15:00,1,2,0.5,1.5,0", line, "2025-07-30 09:18:00,1,2,0.5,1.5,0"
    )
    found = items(path)
    assert [type(item) for item in found] == [Captured, Quarantined, Captured]
    assert isinstance(found[1], Quarantined)
    assert found[1].reason.startswith(reason)


def test_parquet_and_gzip_read_alike(tmp_path: Path) -> None:
    lines = ["2025-07-30 09:15:00,1,2,0.5,1.5,0", "2025-07-30 09:18:00,1,2,0.5,1.5,0"]
    zipped = tmp_path / "NIFTY_a.csv.gz"
    zipped.write_bytes(gzip.compress((HEADER + "\n".join(lines)).encode()))
    times = [datetime(2025, 7, 30, 9, 15), datetime(2025, 7, 30, 9, 18)]
    table = {
        "datetime": times,
        "open": [1.0, 1.0],
        "high": [2.0, 2.0],
        "low": [0.5, 0.5],
        "close": [1.5, 1.5],
    }
    pq.write_table(pa.table({**table, "volume": [0, 0]}), tmp_path / "NIFTY_b.parquet")
    assert only(zipped) == only(tmp_path / "NIFTY_b.parquet")


def test_a_missing_path_or_column_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"does not exist.*globs"):
        items(tmp_path / "nowhere")
    (tmp_path / "x.csv").write_text("when,price\n1,2\n")
    with pytest.raises(SourceError, match="no column for"):
        items(tmp_path / "x.csv")


def test_every_real_bar_is_read(shared: Path) -> None:
    found = list(read([str(shared / "prices")]))
    assert len(found) == 73_840
    assert all(isinstance(item, Captured) for item in found)
