"""The prices source on tiny files, and on the real ones where they are."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.entities import Captured, Item, Quarantined
from ingest.runs import SourceError
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
        ("2025-07-30 09:21:00,1,2,0.5,1.5,0,7", "more cells than the header"),
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


def test_a_time_without_offset_among_offsets_is_quarantined(tmp_path: Path) -> None:
    lines = [f"2025-07-30T09:{minute}:00+05:30,1,2,0.5,1.5," for minute in (15, 16, 17)]
    found = items(write(tmp_path / "NIFTY.csv", *lines, "2025-07-30T09:18:00,1,2,0.5,1.5,"))
    assert [type(item) for item in found] == [Captured] * 3 + [Quarantined]


@pytest.mark.parametrize("stamp", ["2025-07-29T18:30:00Z", "2025-07-30T00:00:00+05:30", "1753813800"])
def test_a_daily_bar_keeps_its_date_in_india(tmp_path: Path, stamp: str) -> None:
    path = write(tmp_path / "NIFTY.csv", f"{stamp},1,2,0.5,1.5,0")
    assert only(path, interval="1d")["bar_start"] == datetime(2025, 7, 29, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize(("stated", "kept"), [("5m", "5min"), ("1H", "1h"), ("day", "1d"), ("3 Min", "3min")])
def test_stated_intervals_are_written_one_way(tmp_path: Path, stated: str, kept: str) -> None:
    path = tmp_path / "NIFTY.csv"
    path.write_text(f"datetime,open,high,low,close,interval\n2025-07-30 09:15:00,1,2,0.5,1.5,{stated}\n")
    assert only(path)["bar_interval"] == kept


def test_bytes_that_are_no_utf8_spoil_their_row_only(tmp_path: Path) -> None:
    path = tmp_path / "NIFTY.csv"
    good = b"2025-07-30 09:15:00,1,2,0.5,1.5,0\n2025-07-30 09:18:00,1,2,0.5,1.5,0\n"
    path.write_bytes(HEADER.encode() + good + b"2025-07-30 09:21:00,1,\xff2,0.5,1.5,0\n")
    assert [type(item) for item in items(path)] == [Captured, Captured, Quarantined]


def test_a_broken_file_does_not_stop_the_others(tmp_path: Path) -> None:
    lines = ["2025-07-30 09:15:00,1,2,0.5,1.5,0", "2025-07-30 09:18:00,1,2,0.5,1.5,0"]
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress((HEADER + "\n".join(lines)).encode())[:-9])
    (tmp_path / "b.parquet").write_bytes(b"no parquet")
    write(tmp_path / "c.csv", *lines)
    found = items(tmp_path)
    assert sum(isinstance(item, Quarantined) for item in found) == 2
    assert sum(isinstance(item, Captured) and item.origin.file == "c.csv" for item in found) == 2


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
