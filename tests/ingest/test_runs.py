"""Runs: counts, interruption, failure, and what is recorded of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from config import Settings
from ingest.entities import Captured, Excluded, Item, Origin, Quarantined
from ingest.landing import Landed, LandingZone, landed_files
from ingest.progress import Progress
from ingest.runs import RunResult, history, open_state, run

WHERE = Origin("capture.jsonl", "line 1")


def bar(minute: int) -> Captured:
    from datetime import UTC, datetime

    fields = {
        "symbol": "NIFTY50", "bar_interval": "1min", "bar_start": datetime(2026, 1, 5, 4, minute, tzinfo=UTC),
        "open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5, "volume": 0, "time_basis": "offset",
    }  # fmt: skip
    return Captured("price_bars", fields, f"bar {minute}".encode(), WHERE)


def drive(root: Settings, items: Iterator[Item]) -> RunResult:
    progress = Progress(Console(stderr=True))
    return run(root, "prices", "--test", lambda shown: items, progress)


def test_the_counting_rule_holds_and_the_run_lands_as_a_record(root: Settings) -> None:
    items = [
        bar(1),
        bar(1),
        bar(2),
        Excluded("price_bars", "duplicate", WHERE),
        Quarantined("price_bars", "no date", b"x", WHERE),
    ]
    result = drive(root, iter(items))
    counts = result.counts["price_bars"]
    assert (counts.read, counts.landed, counts.unchanged, counts.quarantined) == (5, 2, 1, 1)
    assert counts.excluded == {"duplicate": 1}
    assert counts.accounted == counts.read
    (path,) = landed_files(root, "ingest_runs")
    (row,) = pq.read_table(path).to_pylist()
    assert (row["run_id"], row["entity"], row["status"]) == (result.run_id, "price_bars", "succeeded")
    assert row["records_read"] == 5
    assert dict(row["excluded_by_reason"]) == {"duplicate": 1}


def test_a_second_ctrl_c_does_not_break_into_what_the_first_has_begun(root: Settings) -> None:
    ended: list[str] = []

    def interrupted() -> Iterator[Item]:
        try:
            yield bar(1)
            os.kill(os.getpid(), signal.SIGINT)
            yield bar(2)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            ended.append("in order")

    result = drive(root, interrupted())
    assert ended == ["in order"]
    assert result.status == "interrupted"
    assert result.counts["price_bars"].landed == 1


def test_ctrl_c_lands_what_was_read(root: Settings) -> None:
    def interrupted() -> Iterator[Item]:
        yield bar(1)
        os.kill(os.getpid(), signal.SIGINT)
        yield bar(2)

    result = drive(root, interrupted())
    assert result.status == "interrupted"
    assert result.counts["price_bars"].landed >= 1
    again = drive(root, iter([bar(1), bar(2)]))
    assert again.counts["price_bars"].landed + result.counts["price_bars"].landed == 2


def test_ctrl_c_while_a_batch_lands_waits_for_it(root: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    land = LandingZone.land

    def interrupted_land(zone: LandingZone, entity: str, captured: list[Captured]) -> Landed:
        os.kill(os.getpid(), signal.SIGINT)
        return land(zone, entity, captured)

    monkeypatch.setattr(LandingZone, "land", interrupted_land)
    small = root.model_copy(update={"batch_rows": 10})
    items = [Quarantined("price_bars", "no date", b"x", WHERE), *(bar(minute) for minute in range(35))]
    result = drive(small, iter(items))
    assert result.status == "interrupted"
    counts = result.counts["price_bars"]
    assert (counts.landed, counts.quarantined) == (10, 1)
    assert counts.accounted == counts.read


def test_a_landing_that_fails_ends_the_run_as_failed(root: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    land = LandingZone.land

    def full(zone: LandingZone, entity: str, captured: list[Captured]) -> Landed:
        if entity == "price_bars":
            raise OSError("disk full")
        return land(zone, entity, captured)

    monkeypatch.setattr(LandingZone, "land", full)
    with pytest.raises(OSError, match="disk full"):
        drive(root, iter([bar(1)]))
    (past,) = history(root, 5)
    assert (past.status, past.counts.read) == ("failed", 0)


def test_sigterm_ends_a_run_as_ctrl_c_does(root: Settings) -> None:
    def terminated() -> Iterator[Item]:
        yield bar(1)
        os.kill(os.getpid(), signal.SIGTERM)
        yield bar(2)

    assert drive(root, terminated()).status == "interrupted"


def test_a_source_that_fails_loses_nothing_it_had_read(root: Settings) -> None:
    def failing() -> Iterator[Item]:
        yield bar(1)
        raise OSError("disk on fire")

    with pytest.raises(OSError, match="disk on fire"):
        drive(root, failing())
    assert len(landed_files(root, "price_bars")) == 1
    (past,) = history(root, 5)
    assert past.status == "failed"
    assert "disk on fire" in past.line()


def test_a_run_whose_process_died_is_lost(root: Settings) -> None:
    drive(root, iter([bar(1)]))
    state = open_state(root)
    state.execute("update runs set status = 'running', pid = 4194300")
    state.close()
    (past,) = history(root, 5)
    assert past.status == "lost"


def test_batches_are_bounded_by_rows(root: Settings) -> None:
    small = root.model_copy(update={"batch_rows": 10})
    drive(small, (bar(minute) for minute in range(35)))
    sizes = [pq.read_metadata(path).num_rows for path in landed_files(small, "price_bars")]
    assert sizes == [10, 10, 10, 5]
