"""The archive source: every format on small files, faults, memory, and the real captures."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from config import Settings
from ingest.entities import PROVENANCE, Captured, Item, Quarantined
from ingest.entities.tweets.schema import SCHEMA
from ingest.progress import Progress
from ingest.runs import Run
from ingest.sources.archive import ArchiveError, add_arguments, explain, items, pages, plan, records
from tests.ingest.entities.tweets.x_page import card, cell, page, quote

IDS = ["1962159159849414952", "1962158002632618039", "1962157929341256184"]
USER = {"screen_name": "writer", "username": "writer"}
LEGACY = {"full_text": "Nifty up", "entities": {}, "favorite_count": 5}
AUTHOR = {"user_results": {"result": {"rest_id": "7", "core": {"screen_name": "writer"}}}}


def result(tweet_id: str) -> dict[str, Any]:
    return {"__typename": "Tweet", "rest_id": tweet_id, "core": AUTHOR, "legacy": LEGACY}


def response(*tweet_ids: str) -> dict[str, Any]:
    contents = ((i, {"itemContent": {"tweet_results": {"result": result(i)}}}) for i in tweet_ids)
    entries = [{"entryId": f"tweet-{i}", "content": content} for i, content in contents]
    timeline = {"timeline": {"instructions": [{"type": "TimelineAddEntries", "entries": entries}]}}
    return {"data": {"search_by_raw_query": {"search_timeline": timeline}}}


def v1(tweet_id: str) -> dict[str, Any]:
    return {
        "id_str": tweet_id,
        "full_text": "Nifty up",
        "user": USER,
        "favorite_count": 5,
    }


def v2(tweet_id: str) -> dict[str, Any]:
    return {"id": tweet_id, "text": "Nifty up", "author_id": "7", "public_metrics": {"like_count": 5}}


def collected(tweet_id: str) -> dict[str, Any]:
    return {"id_str": tweet_id, "rawContent": "Nifty up", "user": USER, "likeCount": 5}


def snscraped(tweet_id: str) -> dict[str, Any]:
    return {
        "id": int(tweet_id),
        "content": "Nifty up",
        "date": "x",
        "user": USER,
        "likeCount": 5,
    }


def flat(tweet_id: str) -> dict[str, Any]:
    return {"tweet_id": tweet_id, "content": "Nifty up", "username": "writer", "engagement": {"likes": 5}}


def csv_text(delimiter: str = ",") -> str:
    rows = [["id", "text", "username", "likes"], *([i, "Nifty up", "writer", "5"] for i in IDS)]
    return "".join(delimiter.join(row) + "\n" for row in rows)


def parquet_bytes() -> bytes:
    out = io.BytesIO()
    pq.write_table(
        pa.table({"id": IDS, "text": ["Nifty up"] * 3, "username": ["writer"] * 3, "likes": [5] * 3}), out
    )
    return out.getvalue()


def dumped(value: object, **options: Any) -> bytes:
    return json.dumps(value, **options).encode()


def json_lines(make: Callable[[str], dict[str, Any]]) -> bytes:
    return b"".join(dumped(make(i)) + b"\n" for i in IDS)


def cards() -> list[str]:
    label = '<div role="group" aria-label="5 likes"></div>'
    return [card(i, text="Nifty up", groups=label) for i in IDS]


USERS = {"users": [{"id": "7", "username": "writer"}]}
FORMATS: dict[str, tuple[str, bytes]] = {
    "one response": ("x_graphql", dumped(response(*IDS))),
    "one response, indented": ("x_graphql", dumped(response(*IDS), indent=2)),
    "array of responses": ("x_graphql", dumped([response(IDS[0]), response(*IDS[1:])])),
    "lines of responses": ("x_graphql", json_lines(response)),
    "wrapped responses": (
        "x_graphql",
        dumped({"id": 1, "log": [{"url": "u", "body": response(*IDS)}, {"x": 1}]}),
    ),
    "responses stored as text": ("x_graphql", dumped([{"url": "u", "body": json.dumps(response(*IDS))}])),
    "bare results": ("x_graphql", json_lines(result)),
    "v2 page": ("x_api_v2", dumped({"data": [v2(i) for i in IDS], "includes": USERS, "meta": {}})),
    "v2 lines of pages": ("x_api_v2", json_lines(lambda i: {"data": [v2(i)], "includes": USERS})),
    "v1 array": ("x_api_v1", dumped([v1(i) for i in IDS])),
    "v1 lines": ("x_api_v1", json_lines(v1)),
    "v1 statuses": ("x_api_v1", dumped({"statuses": [v1(i) for i in IDS], "search_metadata": {}})),
    "saved page": ("x_html", page(*map(cell, cards())).encode()),
    "saved page with a mark": ("x_html", ("\n" + page(*cards())).encode("utf-8-sig")),
    "saved page in UTF-16": ("x_html", page(*cards()).encode("utf-16")),
    "saved cards": ("x_html", "\n".join(cards()).encode()),
    "twscrape": ("twscrape", json_lines(collected)),
    "snscrape": ("snscrape", json_lines(snscraped)),
    "flat lines": ("tabular", json_lines(flat)),
    "flat array": ("tabular", dumped([flat(i) for i in IDS], indent=1)),
    "flat under a key": ("tabular", dumped({"count": 3, "tweets": [flat(i) for i in IDS]})),
    "CSV": ("tabular", csv_text().encode()),
    "CSV with a mark": ("tabular", csv_text().encode("utf-8-sig")),
    "CSV with semicolons in UTF-16": ("tabular", csv_text(";").encode("utf-16")),
    "TSV with Windows line ends": ("tabular", csv_text("\t").replace("\n", "\r\n").encode()),
    "Parquet": ("tabular", parquet_bytes()),
}


def read(path: Path, **options: Any) -> list[Item]:
    return list(records([path], **options))


def outcomes(found: list[Item]) -> Counter[str]:
    return Counter("captured" if isinstance(item, Captured) else item.reason for item in found)


@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_by_its_content(tmp_path: Path, name: str, is_packed: bool) -> None:
    kind, data = FORMATS[name]
    path = tmp_path / "no_hint"
    path.write_bytes(gzip.compress(data) if is_packed else data)
    captured = [item for item in read(path) if isinstance(item, Captured)]
    assert [item.fields["tweet_id"] for item in captured] == IDS
    assert {item.fields["source_format"] for item in captured} == {kind}
    assert {item.fields["text"] for item in captured} == {"Nifty up"}
    assert {item.fields["like_count"] for item in captured} == {5}
    assert {item.fields["author_handle"] for item in captured} <= {"writer"}
    assert len({item.origin for item in captured}) == 3
    (shown,) = plan([path])
    assert shown.problem is None
    assert shown.is_gzip is is_packed


def test_what_a_wrapper_knows_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    path.write_bytes(
        dumped({"query": "#nifty", "captured_at": "2025-09-01T00:00:00Z", "response": response(IDS[0])})
    )
    (item,) = read(path)
    assert isinstance(item, Captured)
    assert (item.fields["search_query"], item.fields["observed_at"]) == (
        "#nifty",
        datetime(2025, 9, 1, tzinfo=UTC),
    )


def test_formats_may_be_mixed_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(
        dumped(v1(IDS[0])) + b"\n" + dumped(flat(IDS[1])) + b"\n" + dumped(response(IDS[2])) + b"\n{}\n7"
    )
    assert outcomes(read(path)) == {"captured": 3, "unrecognised_record": 2}


@pytest.mark.parametrize("name", ["flat lines", "CSV", "Parquet", "v1 array", "v1 statuses"])
def test_half_a_gzip_file_gives_its_beginning_and_one_fault(tmp_path: Path, name: str) -> None:
    many = {
        "flat lines": json_lines(flat) * 5_000,
        "CSV": (csv_text() + csv_text().partition("\n")[2] * 5_000).encode(),
        "Parquet": parquet_bytes(),
        "v1 array": dumped([v1(i) for i in IDS * 5_000]),
        "v1 statuses": dumped({"statuses": [v1(i) for i in IDS * 5_000]}),
    }
    packed = gzip.compress(many[name])
    (tmp_path / "f").write_bytes(packed[: len(packed) // 2])
    found = outcomes(read(tmp_path / "f"))
    if name == "Parquet":  # its index stands at the end
        assert found == {"unrecognised_file": 1}
    else:
        assert found.pop("truncated_file") == 1
        assert found.keys() == {"captured"}
        assert found["captured"] > 1_000


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_last_line_that_is_whole_counts_even_if_the_file_is_not(tmp_path: Path, end: bytes) -> None:
    packed = gzip.compress(json_lines(flat).rstrip() + end)
    (tmp_path / "f").write_bytes(packed[:-8])  # without its checksum
    assert outcomes(read(tmp_path / "f")) == {"captured": 3, "truncated_file": 1}


def test_a_truncated_array_gives_its_beginning_and_one_fault(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(dumped([flat(i) for i in IDS])[:-20])
    *captured, broken = read(tmp_path / "f")
    assert outcomes(captured) == {"captured": 2}
    assert isinstance(broken, Quarantined)
    assert (broken.reason, broken.payload[:12]) == ("invalid_json", b'{"tweet_id":')


def test_a_page_is_planned_and_read_as_one(tmp_path: Path) -> None:
    html = page(
        cell(card(IDS[0], after=quote())), cell(card("", time=""), is_advert=True), cell(card(IDS[0]))
    )
    (tmp_path / "f.htm").write_text(html)
    (shown,) = plan([tmp_path])
    assert (shown.container, shown.formats, shown.problem) == ("html", {"x_html": 4}, None)
    assert "html, utf-8" in explain(parsed(str(tmp_path)))
    assert outcomes(read(tmp_path)) == {
        "captured": 1,
        "nested_quote": 1,
        "promoted_entry": 1,
        "duplicate_in_response": 1,
    }
    assert read(tmp_path)[0].origin.position == "card 1"


def test_a_page_that_ends_within_a_card_gives_the_others_and_one_fault(tmp_path: Path) -> None:
    whole = page(*map(cell, cards()))
    cut = whole[: whole.index("Nifty up", whole.index(IDS[2])) + 5]
    (tmp_path / "f").write_text(cut)
    *captured, broken = read(tmp_path / "f")
    assert outcomes(captured) == {"captured": 2}
    assert isinstance(broken, Quarantined)
    assert broken.reason == "truncated_file"
    assert broken.payload.decode().endswith("Nifty")
    assert plan([tmp_path])[0].formats == {"x_html": 2, "broken": 1}
    packed = gzip.compress(whole.encode())
    (tmp_path / "f").write_bytes(packed[:-8])  # without its checksum
    assert outcomes(read(tmp_path / "f")) == {"captured": 3, "truncated_file": 1}


def test_a_page_too_large_for_memory_gives_its_beginning_and_one_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_LARGEST_PAGE", 3_000_000)
    picture = f'<img src="data:image/png;base64,{"A" * 2_000_000}">'
    (tmp_path / "f").write_text(page(*(cell(shown + picture) for shown in cards())))
    assert outcomes(read(tmp_path / "f")) == {"captured": 2, "record_too_large": 1}


def test_broken_lines_are_kept_whole_and_the_rest_goes_on(tmp_path: Path) -> None:
    data = json_lines(flat).replace(b"\n", b'\n{"id": 1, "text": "caf\xe9\n')
    (tmp_path / "f").write_bytes(data)
    found = read(tmp_path / "f")
    assert outcomes(found) == {"captured": 3, "invalid_json": 3}
    broken = [item for item in found if isinstance(item, Quarantined)]
    assert broken[0].payload == b'{"id": 1, "text": "caf\xe9'
    assert broken[0].origin.position == "line 2"


def test_broken_rows_are_kept_whole_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(
        csv_text().encode() + b"1,2\n" + f"{IDS[0]},caf\xe9,w,1\n".encode("latin-1")
    )
    found = read(tmp_path / "f.csv")
    assert outcomes(found) == {"captured": 4, "broken_row": 1}
    assert [item.payload for item in found if isinstance(item, Quarantined)] == [b"1,2"]
    assert found[-1].fields["text"] == "café"  # type: ignore[union-attr]
    assert found[-1].fields["parse_warnings"] == ["encoding_guessed"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "data",
    [
        *(
            b"# Read me\n\nSome, words; here.\n",
            b"",
            b"\x00\x01binary",
            b"PAR1 but no Parquet",
            b"\x1f\x8bnot gzip",
        ),
        *(
            b"date,open,close\n2025-01-01,1,2\n",
            b'{"name": "package", "version": 1}',
            b"]" + dumped(result(IDS[0])),
            dumped(response(IDS[0]))[:-1] + b",}",
            page(*cards())[1:].encode(),
            b"<!DOCTYPE html><html><body><article>Nifty up</article></body></html>",
            page().encode(),
            cards()[0][:-20].encode(),
            b"{broken",
            b"[1, 2, 3]",
        ),
        *(b'{"a": 1}\n{"a": 2}\n', b"x" * 200_000),
    ],
)
def test_other_files_are_one_fault_each_and_stop_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a_other").write_bytes(data)
    (tmp_path / "b.csv").write_text(csv_text())
    fault, *rest = read(tmp_path)
    assert outcomes(rest) == {"captured": 3}
    assert isinstance(fault, Quarantined)
    assert (fault.reason, fault.payload) == ("unrecognised_file", data[:65_536])
    assert fault.origin.position == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert plan([tmp_path])[0].problem


def test_a_file_that_cannot_be_opened_is_one_fault(tmp_path: Path) -> None:
    (tmp_path / "a_link").symlink_to(tmp_path / "gone")
    (tmp_path / "b.csv").write_text(csv_text())
    assert outcomes(read(tmp_path)) == {"unreadable_file": 1, "captured": 3}


@pytest.mark.parametrize(
    "data", [b"id,text,username,likes\n", b"[]", b"{}\n"[:0] + b'{"meta": {"result_count": 0}}']
)
def test_an_empty_capture_is_no_fault(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "f").write_bytes(data)
    assert read(tmp_path / "f") == []


def test_map_and_time_zone_are_obeyed(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("said;who;Likes;when\nNifty up;a_b;7;2025-11-17 07:05\n")
    given = {"said": "text", "Likes": "view_count", "who": "author_handle", "when": "posted_at"}
    (item,) = read(tmp_path / "f.csv", column_map=given, naive_timezone="Asia/Kolkata")
    assert isinstance(item, Captured)
    assert (item.fields["view_count"], item.fields["author_handle"]) == (7, "a_b")
    assert item.fields["posted_at"] == datetime(2025, 11, 17, 1, 35, tzinfo=UTC)
    assert item.fields["parse_warnings"] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"column_map": {"likes": "hearts"}}, "There is no field hearts"),
        ({"column_map": {"Hearts": "like_count"}}, "No file has a column hearts"),
        ({"column_map": {"likes": "view_count", "text": "view_count"}}, "more than one column"),
        ({"naive_timezone": "India"}, "no time zone 'India'"),
    ],
)
def test_wrong_options_are_errors_before_anything_is_read(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    (tmp_path / "f.csv").write_text(csv_text())
    with pytest.raises(ArchiveError, match=message):
        records([tmp_path], **options)
    with pytest.raises(ArchiveError, match=message):
        plan([tmp_path], **options)


def test_a_missing_path_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no file or folder"):
        records([tmp_path / "nothing"])


@pytest.mark.parametrize("name", ["lines", "array", "csv", "gzip", "parquet"])
def test_files_are_read_as_they_are_consumed(tmp_path: Path, name: str) -> None:
    count = 15_000
    row = {"id": 0, "text": "Nifty up " * 40, "username": "writer"}
    path = tmp_path / name
    if name == "parquet":
        columns = {key: [value] * count for key, value in row.items()}
        pq.write_table(
            pa.table(columns | {"id": [10**18 + n for n in range(count)]}), path, use_dictionary=False
        )
    else:
        lines = [json.dumps({**row, "id": 10**18 + n}) for n in range(count)]
        if name == "csv":
            lines = ["id,text,username", *(f"{10**18 + n},{row['text']},writer" for n in range(count))]
        data = (f"[{','.join(lines)}]" if name == "array" else "\n".join(lines)).encode()
        path.write_bytes(gzip.compress(data, 0) if name == "gzip" else data)
    size, done = path.stat().st_size, [0]
    ahead = 0.0
    for number, item in enumerate(records([path], on_progress=lambda _, read, __: done.append(read))):
        assert isinstance(item, Captured)
        ahead = max(ahead, done[-1] / size - number / count)
    assert number == count - 1
    assert (done[-1], max(done)) == (size, size)
    assert size > 5_000_000 or name == "parquet"
    assert ahead < 0.25  # of the file: a mebibyte, or a batch of rows


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_the_command_line(tmp_path: Path, root: Settings) -> None:
    run = Run("run1", root, Progress(Console(file=io.StringIO())))
    (tmp_path / "a.csv").write_text(csv_text())
    (tmp_path / "b.txt").write_text("words")
    shown = explain(parsed(str(tmp_path), "--map", "likes=view_count"))
    assert "likes     view_count     given by --map" in shown
    assert "would be quarantined: it is neither JSON, nor a page of X's with posts, nor a table" in shown
    found = items(parsed(str(tmp_path / "a.csv"), "--map", "likes=-"), run)
    assert ["like_count" in item.fields for item in found if isinstance(item, Captured)] == [False] * 3
    with pytest.raises(ArchiveError, match="COLUMN=FIELD"):
        items(parsed(str(tmp_path), "--map", "likes"), run)


SHARED_COUNTS = {
    "NaMaN-27__tweets_scrapper__data_raw_tweets.parquet": ({"captured": 381}, 380),
    "NaMaN-27__tweets_scrapper__data_raw_tweets_20250804_0931.csv": ({"captured": 910}, 864),
    "Nakshatra007": ({"captured": 419}, 419),
    "SuryaPrakash4477": ({"captured": 291}, 291),
    "guptaomkar": ({"captured": 129, "promoted_entry": 2}, 129),
    "kunalsamnani9": ({"captured": 2232}, 973),
    "manjur2904": ({"captured": 140}, 140),
    "tdhanu74": ({"captured": 355}, 355),
    "vyomthakkar": ({"captured": 2030}, 2030),
    "xd932": ({"captured": 217}, 214),
}


def capture(shared: Path, name: str) -> Path:
    (path,) = (shared / "india_tweets").glob(f"{name}*")
    return path


@pytest.mark.shared
@pytest.mark.parametrize("name", SHARED_COUNTS)
def test_real_captures_are_read_in_full(shared: Path, name: str) -> None:
    counts, ids = SHARED_COUNTS[name]
    found = read(capture(shared, name))
    captured = [dict(item.fields) for item in found if isinstance(item, Captured)]
    assert outcomes(found) == counts
    assert len({fields["tweet_id"] for fields in captured}) == ids
    columns = [field for field in SCHEMA if field.name not in {own.name for own in PROVENANCE}]
    pa.Table.from_pylist(captured, pa.schema(columns)).validate(full=True)
    assert not [fields for fields in captured if not fields.get("text")]
    if name != "manjur2904":
        assert all(fields["posted_at"].year == 2025 for fields in captured)


@pytest.mark.shared
def test_two_real_captures_of_one_search_share_their_ids(shared: Path) -> None:
    def ids(name: str) -> dict[tuple[str, datetime], set[str]]:
        found: dict[tuple[str, datetime], set[str]] = {}
        for item in read(capture(shared, name)):
            assert isinstance(item, Captured)
            key = (item.fields["author_handle"], item.fields["posted_at"])
            found.setdefault(key, set()).add(item.fields["tweet_id"])
        return found

    first = ids("NaMaN-27__tweets_scrapper__data_raw_tweets.parquet")
    second = ids("NaMaN-27__tweets_scrapper__data_raw_tweets_2025")
    assert len(first) == 380
    assert first.items() <= second.items()


@pytest.mark.shared
def test_real_rows_whose_text_fell_into_the_count_columns(shared: Path) -> None:
    found = [item for item in read(capture(shared, "guptaomkar")) if isinstance(item, Captured)]
    by_handle = {item.fields["author_handle"]: item.fields for item in found}
    alvar = by_handle["Alvar363"]
    assert alvar["text"].startswith("Just for fun")
    assert not [name for name in alvar if name.endswith("_count")]
    assert all("card_text" in item.fields["parse_warnings"] for item in found)
    assert not [
        item for item in found if item.fields["text"].startswith("·") or " | " in item.fields["text"][:9]
    ]
    assert not [item for item in found if "like_count" in item.fields and "view_count" not in item.fields]


@pytest.mark.shared
def test_a_real_scrape_clock(shared: Path) -> None:
    for item in read(capture(shared, "manjur2904")):
        assert isinstance(item, Captured)
        assert item.fields["observed_at"].date().isoformat() == "2026-02-07"
        assert not {"posted_at", "author_handle", "author_name"} & item.fields.keys()


@pytest.mark.shared
def test_real_api_bodies(shared: Path) -> None:
    found = list(records([shared / "x_api_v2"]))
    assert outcomes(found) == {"captured": 20}
    assert {item.fields["source_format"] for item in found if isinstance(item, Captured)} == {"x_api_v2"}


@pytest.mark.shared
def test_real_cards(shared: Path) -> None:
    found = list(records([shared / "x_html"]))
    assert outcomes(found) == {"captured": 2}
    assert {item.fields["source_format"] for item in found if isinstance(item, Captured)} == {"x_html"}


@pytest.mark.shared
@pytest.mark.slow
def test_the_scale_set(shared: Path) -> None:
    captured = reposts = 0
    for item in records([shared / "scale" / "stocknet_tweets.parquet"]):
        assert isinstance(item, Captured)
        assert item.fields["posted_at_basis"] == "id"
        assert item.fields["parse_warnings"] == []
        captured += 1
        reposts += "retweeted_tweet_id" in item.fields
    assert (captured, reposts) == (119_844, 32_982)
