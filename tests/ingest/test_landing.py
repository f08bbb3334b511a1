"""The landing zone, on real files in a temporary root."""

from __future__ import annotations

import gzip
import json
import os
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from config import Settings
from ingest import landing
from ingest.entities import Captured, Origin, Quarantined, schema
from ingest.landing import Landed, LandingZone, RootError
from ingest.runs import open_state


def post(tweet_id: str, **fields: object) -> Captured:
    values = {
        "tweet_id": tweet_id,
        "is_derived_id": False,
        "text": f"nifty {tweet_id}",
        "source_format": "tabular",
        "parse_warnings": [],
        **fields,
    }
    return Captured(
        "tweets", values, json.dumps(values, default=str).encode(), Origin("capture.csv", "row 1")
    )


def land(root: Settings, *records: Captured, source: str = "archive", run_id: str = "run1") -> Landed:
    with closing(open_state(root)) as state:
        return LandingZone(root, state, source, run_id).land("tweets", records)


def landed_ids(root: Settings) -> list[str]:
    return sorted(
        tweet_id
        for path in landing.landed_files(root, "tweets")
        for tweet_id in pq.read_table(path)["tweet_id"].to_pylist()
    )


def test_a_batch_lands_in_the_entitys_schema_with_its_payload_beside_it(root: Settings) -> None:
    assert land(root, post("1"), post("2")) == Landed(landed=2)
    (path,) = landing.landed_files(root, "tweets")
    table = pq.read_table(path)
    assert table.schema.equals(schema("tweets"))
    (payloads,) = root.payloads.rglob("*.parquet")
    assert set(pq.read_table(payloads)["payload_hash"].to_pylist()) == set(table["payload_hash"].to_pylist())
    assert not list(root.data.rglob("*.tmp"))


def test_a_sighting_lands_once_whatever_the_run(root: Settings) -> None:
    land(root, post("1"))
    assert land(root, post("1"), post("2"), post("2"), run_id="run2") == Landed(landed=1, unchanged=2)
    assert landed_ids(root) == ["1", "2"]


def test_an_origin_that_is_no_text_is_no_hindrance(root: Settings) -> None:
    where = Origin("caf\udce9.json", "item 1 tweet-\ud83d")
    landed = Captured("tweets", post("1").fields, b"{}", where)
    assert land(root, landed).landed == 1
    with closing(open_state(root)) as state:
        broken = Quarantined("tweets", "no_id", b"{}", where)
        LandingZone(root, state, "archive", "run2").quarantine("tweets", [broken])
    (payloads,) = root.payloads.rglob("*.parquet")
    assert pq.read_table(payloads).to_pylist()[0]["position"] == "item 1 tweet-\ufffd"
    (kept,) = root.quarantine.rglob("*.jsonl.gz")
    assert json.loads(gzip.decompress(kept.read_bytes()))["file"] == "caf\ufffd.json"


def test_a_new_count_is_a_new_sighting(root: Settings) -> None:
    land(root, post("1", like_count=1))
    assert land(root, post("1", like_count=2)).landed == 1


def test_a_lost_index_is_rebuilt_from_the_files(root: Settings) -> None:
    land(root, post("1"))
    for path in root.data.glob("ingest.sqlite*"):
        path.unlink()
    assert land(root, post("1")) == Landed(unchanged=1)


def test_a_record_that_does_not_fit_is_quarantined_whole_and_the_others_land(root: Settings) -> None:
    outcome = land(root, post("1"), post("2", like_count="many"), post("3", text="\ud83d"))
    assert (outcome.landed, outcome.quarantined) == (1, 2)
    assert landed_ids(root) == ["1"]
    (kept,) = root.quarantine.rglob("*.jsonl.gz")
    lines = [json.loads(line) for line in gzip.decompress(kept.read_bytes()).splitlines()]
    assert {json.loads(line["payload"])["tweet_id"] for line in lines} == {"2", "3"}
    assert all(line["reason"].startswith("does not fit the schema") for line in lines)


def test_a_record_without_its_key_is_quarantined(root: Settings) -> None:
    assert land(root, post("1", is_derived_id=None)).quarantined == 1


def test_a_quarantined_record_is_kept_once_and_counted_each_time(root: Settings) -> None:
    broken = Quarantined("tweets", "no JSON", b"\xff{", Origin("x.jsonl", "line 3"))
    for run_id in ("run1", "run2"):
        with closing(open_state(root)) as state:
            assert LandingZone(root, state, "archive", run_id).quarantine("tweets", [broken]) == [broken]
    assert len(list(root.quarantine.rglob("*.jsonl.gz"))) == 1


def test_a_batch_that_great_expectations_refuses_goes_to_quarantine_whole(root: Settings) -> None:
    drifted = [post(str(n), text=None) for n in range(200)]
    outcome = land(root, *drifted)
    assert (outcome.landed, outcome.quarantined) == (0, 200)
    assert any("text" in problem for problem in outcome.problems)
    assert landing.landed_files(root) == []
    kept, originals = sorted(root.quarantine.rglob("*.parquet"), key=lambda path: len(path.name))
    assert pq.read_table(kept).num_rows == pq.read_table(originals).num_rows == 200
    report = json.loads(kept.with_suffix(".json").read_text())
    assert report["problems"] == list(outcome.problems)


def test_a_refused_batch_can_land_later(root: Settings) -> None:
    land(root, *[post(str(n), text=None) for n in range(200)])
    assert land(root, *[post(str(n), text="nifty") for n in range(200)]).landed == 200


def test_a_record_whose_file_was_taken_away_lands_again(root: Settings) -> None:
    land(root, post("1"))
    landing.landed_files(root)[0].unlink()
    assert land(root, post("1"), run_id="run2") == Landed(landed=1)


def test_a_file_of_before_a_column_was_added_compacts_and_its_records_stay_known(root: Settings) -> None:
    land(root, post("1"))
    (path,) = landing.landed_files(root)
    landing.write_parquet(pq.read_table(path).drop_columns(["bookmark_count"]), path)
    land(root, post("2"), run_id="run2")
    with closing(open_state(root)) as state:
        assert landing.compact(root, state, "tweets", rows=1000) == (2, 1)
    assert landed_ids(root) == ["1", "2"]
    assert land(root, post("1"), run_id="run3") == Landed(unchanged=1)


def test_a_file_name_that_is_no_text_is_kept_readably(root: Settings) -> None:
    odd = Origin(os.fsdecode(b"caf\xe9.jsonl"), "line 1")
    record = post("1")
    assert land(root, Captured("tweets", record.fields, record.payload, odd)).landed == 1
    (payloads,) = root.payloads.rglob("*.parquet")
    assert pq.read_table(payloads)["file"].to_pylist() == ["caf\ufffd.jsonl"]


def test_a_killed_write_leaves_no_file_and_no_index(root: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(table: pa.Table, path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(landing, "write_parquet", die)
        with pytest.raises(KeyboardInterrupt):
            land(root, post("1"))
    assert landing.landed_files(root) == []
    assert land(root, post("1")) == Landed(landed=1)


@pytest.mark.parametrize(("first", "second"), [("demo", "archive"), ("archive", "demo"), ("prices", "demo")])
def test_demo_and_real_records_never_share_a_root(root: Settings, first: str, second: str) -> None:
    land(root, post("1"), source=first)
    with pytest.raises(RootError, match="MARKET_INTEL_DATA"):
        land(root, post("2"), source=second)


def test_small_files_compact_into_one_and_nothing_changes(root: Settings) -> None:
    for n in range(5):
        land(root, post(str(n)), run_id=f"run{n}")
    with closing(open_state(root)) as state:
        assert landing.compact(root, state, "tweets", rows=1000) == (5, 1)
    assert landed_ids(root) == ["0", "1", "2", "3", "4"]
    assert len(list(root.payloads.rglob("*.parquet"))) == 1
    assert land(root, post("3"), run_id="again") == Landed(unchanged=1)


def test_a_compaction_that_was_cut_short_is_finished(root: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        land(root, post(str(n)), run_id=f"run{n}")
    with monkeypatch.context() as patched, closing(open_state(root)) as state:
        patched.setattr(Path, "unlink", _only_temporary(Path.unlink))
        landing.compact(root, state, "tweets", rows=1000)
    assert len(landed_ids(root)) == 6
    land(root, post("9"), run_id="next")
    assert landed_ids(root) == ["0", "1", "2", "9"]


def _only_temporary(unlink: object):  # type: ignore[no-untyped-def]
    def kept(path: Path, missing_ok: bool = False) -> None:
        if path.name.endswith(".tmp"):
            unlink(path, missing_ok=missing_ok)  # type: ignore[operator]

    return kept
