"""Purges: what is cut out of JSON, what is left on disk, and what keeps a purged post out."""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from config import Settings
from ingest import landing, purging
from ingest.entities import Captured, Item, Origin, Quarantined
from ingest.entities.tweets.api_objects import parse_collector_tweet, parse_v1_status, parse_v2_page
from ingest.entities.tweets.capture import canonical_json
from ingest.entities.tweets.payload import parse_result, parse_search_response
from ingest.entities.tweets.tabular import map_columns, parse_row
from ingest.files import landed_files
from ingest.landing import LandingZone
from ingest.progress import Progress
from ingest.purging import Purged, scrub, scrub_payload
from ingest.runs import RunResult, SourceError, history, open_state, run
from ingest.sources import purge as purge_source

WHERE = Origin("capture.json", "item 1")
SEEN = datetime(2026, 1, 5, 6, tzinfo=UTC)
MARKER = "zqxmarkerzqx"
GONE, KEPT, OTHER = "2001000000000000001", "2001000000000000002", "2001000000000000003"
BY_ID = Purged(posts=frozenset({GONE}))
BY_HANDLE = Purged(handles=frozenset({"asha"}))
BY_AUTHOR_ID = Purged(author_ids=frozenset({"71"}))


# ---- The same post as each format writes it: its own, quoting another, reposting another ----------


def graphql(
    tweet_id: str, who: tuple[str, str], text: str, *, quotes: object = None, reposts: object = None
) -> dict[str, Any]:
    author_id, handle = who
    legacy: dict[str, Any] = {
        "id_str": tweet_id, "user_id_str": author_id, "full_text": text, "entities": {},
        "conversation_id_str": tweet_id,
    }  # fmt: skip
    post: dict[str, Any] = {
        "__typename": "Tweet",
        "rest_id": tweet_id,
        "core": {"user_results": {"result": {"rest_id": author_id, "legacy": {"screen_name": handle}}}},
        "legacy": legacy,
    }
    if quotes:
        legacy["quoted_status_id_str"] = GONE
        post["quoted_status_result"] = {
            "result": {"__typename": "TweetWithVisibilityResults", "tweet": quotes}
        }
    if reposts:
        legacy["retweeted_status_result"] = {"result": reposts}
    return post


def v1(
    tweet_id: str, who: tuple[str, str], text: str, *, quotes: object = None, reposts: object = None
) -> dict[str, Any]:
    author_id, handle = who
    post = {
        "id": int(tweet_id), "id_str": tweet_id, "full_text": text, "entities": {"user_mentions": []},
        "user": {"id_str": author_id, "screen_name": handle},
    }  # fmt: skip
    return (
        post
        | ({"quoted_status": quotes, "quoted_status_id_str": GONE} if quotes else {})
        | ({"retweeted_status": reposts} if reposts else {})
    )


def twscrape(
    tweet_id: str, who: tuple[str, str], text: str, *, quotes: object = None, reposts: object = None
) -> dict[str, Any]:
    author_id, handle = who
    return {
        "id": int(tweet_id), "id_str": tweet_id, "rawContent": text, "date": "2025-12-14 04:30:00+00:00",
        "user": {"id": int(author_id), "id_str": author_id, "username": handle},
        "quotedTweet": quotes, "retweetedTweet": reposts,
    }  # fmt: skip


FORMATS = {"graphql": graphql, "v1": v1, "twscrape": twscrape}
ASHA, RAVI = ("71", "Asha"), ("72", "ravi")


def read(kind: str, post: Any) -> list[Item]:
    known: dict[str, Any] = {"observed_at": SEEN, "search_query": None, "origin": WHERE}
    if kind == "graphql":
        return list(parse_result(post, **known, seen=set()))
    return list((parse_v1_status if kind == "v1" else parse_collector_tweet)(post, **known))


def captured(kind: str, post: Any) -> Captured:
    (item,) = (item for item in read(kind, post) if isinstance(item, Captured))
    return item


def row(tweet_id: str, who: tuple[str, str], text: str, **cells: str) -> Captured:
    record = {"tweet_id": tweet_id, "username": who[1], "text": text, **cells}
    item = parse_row(record, map_columns([record]), origin=WHERE)
    assert isinstance(item, Captured)
    return item


# ---- JSON -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("purged", [BY_ID, BY_HANDLE, BY_AUTHOR_ID], ids=["id", "handle", "author_id"])
def test_a_quoted_purged_post_is_cut_out_and_the_quoting_one_reads_as_before(
    kind: str, purged: Purged
) -> None:
    make = FORMATS[kind]
    post = make(KEPT, RAVI, "look at this", quotes=make(GONE, ASHA, MARKER))
    kept = scrub(post, purged)
    assert MARKER not in json.dumps(kept)
    assert dict(captured(kind, kept).fields) == dict(captured(kind, post).fields)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("purged", [BY_ID, BY_HANDLE, BY_AUTHOR_ID], ids=["id", "handle", "author_id"])
def test_a_purged_post_and_a_repost_of_it_go_whole(kind: str, purged: Purged) -> None:
    make = FORMATS[kind]
    post = make(GONE, ASHA, MARKER)
    assert scrub(post, purged) is None
    assert scrub(make(KEPT, RAVI, f"RT @Asha: {MARKER}", reposts=post), purged) is None
    assert scrub({"__typename": "TweetWithVisibilityResults", "tweet": post}, purged) is None


@pytest.mark.parametrize("kind", FORMATS)
def test_a_reply_and_a_mention_stay_as_they_are(kind: str) -> None:
    post = FORMATS[kind](KEPT, RAVI, "@Asha I do not agree") | {
        "in_reply_to_status_id_str": GONE,
        "in_reply_to_screen_name": "Asha",
        "mentions": [{"screen_name": "Asha", "id_str": "71"}],
    }
    for purged in (BY_ID, BY_HANDLE, BY_AUTHOR_ID):
        assert scrub(post, purged) is post


def test_another_version_of_an_edited_post_is_the_post() -> None:
    post = graphql(KEPT, RAVI, "second version")
    post["edit_control"] = {"edit_control_initial": {"edit_tweet_ids": [GONE, KEPT]}}
    assert scrub(post, BY_ID) is None


def test_a_users_id_is_no_posts_id() -> None:
    post = graphql(KEPT, ("71", "Asha"), "nifty")
    assert scrub(post, Purged(posts=frozenset({"71"}))) is post


def test_an_api_page_loses_the_post_from_its_data_and_its_includes() -> None:
    def item(tweet_id: str, author_id: str, text: str, **more: object) -> dict[str, Any]:
        return {"id": tweet_id, "author_id": author_id, "text": text, "public_metrics": {}, **more}

    quoted = [{"type": "quoted", "id": GONE}]
    reposted = [{"type": "retweeted", "id": GONE}]
    page = {
        "data": [
            item(KEPT, "72", "quotes", referenced_tweets=quoted),
            item(OTHER, "72", "RT @Asha: …", referenced_tweets=reposted),
        ],
        "includes": {
            "tweets": [item(GONE, "71", MARKER)],
            "users": [{"id": "71", "username": "Asha"}, {"id": "72", "username": "ravi"}],
        },
    }
    kept = scrub(page, BY_ID)
    assert MARKER not in json.dumps(kept)
    items = list(parse_v2_page(kept, observed_at=SEEN, search_query=None, origin=WHERE))
    assert [i.fields["tweet_id"] for i in items if isinstance(i, Captured)] == [KEPT]
    assert items[0].fields["quoted_tweet_id"] == GONE  # type: ignore[union-attr]


def test_a_search_response_inside_a_string_is_cut_and_still_reads() -> None:
    def entry(post: dict[str, Any]) -> dict[str, Any]:
        content = {"itemType": "TimelineTweet", "tweet_results": {"result": post}}
        return {"entryId": f"tweet-{post['rest_id']}", "content": {"itemContent": content}}

    entries = [entry(graphql(GONE, ASHA, MARKER)), entry(graphql(KEPT, RAVI, "nifty"))]
    body = {"data": {"search": {"timeline": {"instructions": [{"entries": entries}]}}}}
    kept = scrub({"response": json.dumps(body)}, BY_ID)
    assert MARKER not in kept["response"]
    read = list(
        parse_search_response(json.loads(kept["response"]), observed_at=SEEN, search_query=None, origin=WHERE)
    )
    assert [item.fields["tweet_id"] for item in read if isinstance(item, Captured)] == [KEPT]
    assert [getattr(item, "reason", "captured") for item in read] == ["tombstone", "captured"]


def test_a_row_that_names_a_purged_post_beside_its_own_loses_its_original_only() -> None:
    quoting = row(KEPT, RAVI, "look", quoted_status_id=GONE, quoted_text=MARKER)
    assert not BY_ID.covers_payload(quoting.payload)
    assert scrub_payload(quoting.payload, BY_ID) is None


@pytest.mark.parametrize(
    ("fragment", "is_kept"),
    [
        (f'{{"rest_id":"{GONE}","legacy":{{"full_text":"{MARKER}'.encode(), False),
        (f'{GONE};Asha;"{MARKER}'.encode("utf-16"), False),
        (f'{KEPT};asha;"{MARKER}'.encode(), False),
        (b"https://x.com/Asha/status/1 cut", False),
        (f"{KEPT};ravi;asha is hope in Hindi".encode(), True),
        (f"1{GONE};ravi;another id".encode(), True),
    ],
)
def test_a_fragment_goes_where_it_names_what_is_purged(fragment: bytes, is_kept: bool) -> None:
    purged = Purged(posts=frozenset({GONE}), handles=frozenset({"asha"}))
    assert (scrub_payload(fragment, purged) is fragment) == is_kept


# Records nested in each other and in lists and objects of other things, the purged ones marked.
@st.composite
def nested(draw: st.DrawFn, depth: int = 3) -> tuple[Any, list[str]]:
    """A post with others inside it, and the texts that must survive."""
    make = draw(st.sampled_from([graphql, v1, twscrape]))
    is_purged = draw(st.booleans())
    by_author = draw(st.booleans())
    number = draw(st.integers(10, 10**6))
    text = MARKER if is_purged else f"kept-{number}"
    tweet_id = GONE if is_purged and not by_author else str(2002000000000000000 + number)
    who = ASHA if is_purged and by_author else RAVI
    inner, survive = draw(nested(depth - 1)) if depth and draw(st.booleans()) else (None, [])
    is_repost = inner is not None and draw(st.booleans())
    post = make(tweet_id, who, text, reposts=inner) if is_repost else make(tweet_id, who, text, quotes=inner)
    if is_purged or (is_repost and not survive):
        return post, []
    return post, [text, *survive]


@given(st.lists(nested(), max_size=4), st.sampled_from(["list", "wrapped", "text"]))
def test_nothing_of_a_purged_post_survives_and_nothing_else_is_lost(
    drawn: list[tuple[Any, list[str]]], how: str
) -> None:
    purged = Purged(posts=frozenset({GONE}), author_ids=frozenset({"71"}))
    posts = [post for post, _ in drawn]
    value: Any = posts
    if how == "wrapped":
        value = {"note": {"by": "x"}, "found": [{"result": post} for post in posts]}
    elif how == "text":
        value = {"body": json.dumps(posts)}
    kept = json.dumps(scrub(value, purged))
    assert MARKER not in kept
    for text in (text for _, survive in drawn for text in survive):
        assert text in kept
    assert scrub(json.loads(kept), purged) == json.loads(kept)


# ---- A data root ----------------------------------------------------------------------------------


def land(root: Settings, *items: Captured | Quarantined, source: str = "archive") -> RunResult:
    return run(root, source, "test", lambda this: iter(items), Progress(Console(stderr=True)))


def purge(root: Settings, *words: str) -> RunResult:
    parser = argparse.ArgumentParser()
    purge_source.add_arguments(parser)
    parsed = parser.parse_args(words)
    return run(
        root,
        "purge",
        " ".join(words),
        lambda this: purge_source.items(parsed, this),
        Progress(Console(stderr=True)),
    )


def contents(root: Settings) -> Iterator[tuple[Path, bytes]]:
    """Every file under the root, as it is and as it reads when decompressed."""
    for path in sorted(path for path in root.data.rglob("*") if path.is_file()):
        yield path, path.read_bytes()
        if path.suffix == ".parquet" and pq.read_metadata(path).num_rows:
            for table_row in pq.read_table(path).to_pylist():
                for cell in table_row.values():
                    yield path, cell if isinstance(cell, bytes) else str(cell).encode()
        elif path.suffix == ".gz":
            for line in gzip.decompress(path.read_bytes()).splitlines():
                kept = json.loads(line)
                yield path, line
                yield path, base64.b64decode(kept.get("payload_base64", "")).replace(b"\0", b"")
    with closing(sqlite3.connect(root.ingest_db)) as state:
        for (name,) in state.execute("select name from sqlite_master where type = 'table'").fetchall():
            for cells in state.execute(f"select * from {name}"):
                yield root.ingest_db, "\x1f".join(map(str, cells)).encode()


def holders(root: Settings, marker: str = MARKER) -> set[str]:
    return {
        path.relative_to(root.data).as_posix() for path, held in contents(root) if marker.encode() in held
    }


def landed_ids(root: Settings) -> list[str]:
    return sorted(
        tweet_id
        for path in landed_files(root, "tweets")
        for tweet_id in pq.read_table(path)["tweet_id"].to_pylist()
    )


def fill(root: Settings) -> None:
    """The purged post by itself, reposted, quoted, in a table, broken and in a refused batch."""
    post = graphql(GONE, ASHA, f"{MARKER} post")
    land(
        root,
        captured("graphql", post),
        captured("graphql", graphql(OTHER, RAVI, "RT @Asha: …", reposts=post)),
        captured("graphql", graphql(KEPT, RAVI, "a quote", quotes=post)),
        captured("graphql", graphql("2001000000000000009", RAVI, "nothing to do with it")),
        row(GONE, ASHA, f"{MARKER} row"),
        row("2001000000000000008", RAVI, "a row that quotes", quoted_id=GONE, quoted_text=f"{MARKER} cell"),
        Quarantined("tweets", "no_text", canonical_json({"entry": post}), WHERE),
        Quarantined("tweets", "invalid_json", f'{{"rest_id": "{GONE}", "t": "{MARKER}'.encode(), WHERE),
        Quarantined("tweets", "broken_row", f'{GONE},"{MARKER}'.encode("utf-16"), WHERE),
        Quarantined("tweets", "invalid_json", b'{"another":', WHERE),
    )
    refused = [row(str(2003 * 10**15 + n), RAVI, "·") for n in range(199)]
    land(root, *refused, row(GONE, ASHA, f"{MARKER} refused"))


def test_a_purge_leaves_nothing_behind_and_takes_nothing_else(root: Settings) -> None:
    fill(root)
    assert {name.partition("/")[0] for name in holders(root)} == {"raw", "payloads", "quarantine"}
    files = landed_files(root, "tweets")
    result = purge(root, "--ids", GONE, "--reason", "requested")
    assert holders(root) == set()
    assert landed_ids(root) == [KEPT, "2001000000000000008", "2001000000000000009"]
    assert landed_files(root, "tweets") == files
    assert not list(root.data.rglob("*.tmp"))
    (kept,) = (line for path, line in contents(root) if path.suffix == ".gz" and b"another" in line)
    assert kept
    (batch,) = root.quarantine.glob("tweets/batches/*-payloads.parquet")
    assert pq.read_metadata(batch).num_rows == 199
    assert result.counts["purges"].line() == "1 read = 1 landed + 0 unchanged + 0 excluded + 0 quarantined"
    assert "removed 3 sightings" in result.notes[0]
    assert "make build" in result.notes[-1]
    (past, *_) = history(root, 1)
    assert (past.source, past.entity) == ("purge", "purges")
    (record,) = (row for path in landed_files(root, "purges") for row in pq.read_table(path).to_pylist())
    assert (record["scope"], record["tweet_id"], record["reason"]) == ("post", GONE, "requested")


def test_an_author_goes_by_every_name_that_landed_posts_know(root: Settings) -> None:
    """Asha is 71, and was once called asha_old: a table knows her by that name alone."""
    land(
        root,
        captured("graphql", graphql(GONE, ASHA, f"{MARKER} 1")),
        captured("graphql", graphql("2001000000000000004", ("71", "asha_old"), f"{MARKER} 2")),
        row("2001000000000000005", ("", "Asha_Old"), f"{MARKER} 3"),
        captured("twscrape", twscrape(OTHER, RAVI, f"RT @asha_old: {MARKER} 4")),
        captured("graphql", graphql(KEPT, RAVI, "@Asha is mentioned")),
    )
    purge(root, "--author", "@asha")
    assert holders(root) == set()
    assert landed_ids(root) == [KEPT]
    again = land(root, captured("v1", v1("2001000000000000006", ("71", "third_name"), MARKER)))
    assert again.counts["tweets"].excluded == {"purged": 1}


def test_a_purged_post_is_kept_out_and_counted(root: Settings) -> None:
    purge(root, "--ids", GONE)
    post = graphql(GONE, ASHA, MARKER)
    result = land(
        root,
        captured("graphql", post),
        captured("graphql", graphql(OTHER, RAVI, "RT @Asha: …", reposts=post)),
        captured("graphql", graphql(KEPT, RAVI, "a quote", quotes=post)),
        row(GONE, ASHA, MARKER),
        Quarantined("tweets", "no_text", canonical_json(post), WHERE),
        Quarantined("tweets", "no_text", b"{}", WHERE),
    )
    counts = result.counts["tweets"]
    assert counts.line() == "6 read = 1 landed + 0 unchanged + 4 excluded (purged 4) + 1 quarantined"
    assert counts.accounted == counts.read
    assert counts.quarantine_reasons.total() == 1
    assert holders(root) == set()
    assert (
        land(root, captured("graphql", graphql(KEPT, RAVI, "a quote", quotes=post)))
        .counts["tweets"]
        .unchanged
        == 1
    )


def test_a_batch_that_is_refused_keeps_a_purged_post_out_too(root: Settings) -> None:
    purge(root, "--ids", GONE)
    refused = [row(str(2003 * 10**15 + n), RAVI, "·") for n in range(199)]
    counts = land(root, *refused, row(GONE, ASHA, MARKER)).counts["tweets"]
    assert (counts.quarantined, counts.excluded) == (199, {"purged": 1})
    assert holders(root) == set()


def test_a_second_purge_of_the_same_changes_no_byte_of_a_post(root: Settings) -> None:
    fill(root)
    purge(root, "--ids", GONE)
    before = {
        path: (path.stat().st_mtime_ns, path.read_bytes())
        for folder in (root.raw / "tweets", root.payloads / "tweets", root.quarantine)
        for path in folder.rglob("*.*")
    }
    again = purge(root, "--ids", f"https://x.com/asha/status/{GONE}")
    assert again.counts["purges"].excluded == {"already_purged": 1}
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in before} == before


@pytest.mark.parametrize("step", ["_scrub_rows", "_scrub_payloads", "_scrub_lines", "_scrub_refused_batch"])
def test_a_purge_that_was_killed_is_finished_by_the_next_run(
    root: Settings, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    fill(root)
    land(root, row(GONE, ASHA, f"{MARKER} in another file"))
    with monkeypatch.context() as patched:
        original, calls = getattr(purging, step), iter(range(100))

        def killed(*arguments: Any, **options: Any) -> None:
            if next(calls) == (1 if step in ("_scrub_rows", "_scrub_payloads") else 0):
                raise MemoryError("as if killed")
            original(*arguments, **options)

        patched.setattr(purging, step, killed)
        with pytest.raises(MemoryError):
            purge(root, "--ids", GONE)
    assert holders(root), "the test must interrupt before the end"
    (past, *_) = history(root, 1)
    assert past.status == "failed"
    assert (past.counts.read, past.counts.landed) == (1, 1)
    land(root)
    assert holders(root) == set()
    assert landed_ids(root) == [KEPT, "2001000000000000008", "2001000000000000009"]


def test_a_restored_backup_and_a_lost_index_are_scrubbed_when_a_run_starts(root: Settings) -> None:
    fill(root)
    backup = root.data.with_name("backup")
    shutil.copytree(root.data, backup)
    purge(root, "--ids", GONE)
    for folder in ("raw", "payloads", "quarantine"):
        shutil.copytree(backup / folder, root.data / folder, dirs_exist_ok=True)
    assert holders(root)
    land(root)
    assert holders(root) == set()
    for folder in ("raw", "payloads", "quarantine"):
        shutil.copytree(backup / folder, root.data / folder, dirs_exist_ok=True)
    for path in root.data.glob("ingest.sqlite*"):
        path.unlink()
    land(root)
    assert holders(root) == set()


def test_a_file_dropped_in_by_hand_is_scrubbed_when_a_run_starts(root: Settings, tmp_path: Path) -> None:
    elsewhere = Settings(data=tmp_path / "elsewhere")
    land(elsewhere, row(GONE, ASHA, MARKER), row(KEPT, RAVI, "nifty"))
    purge(root, "--ids", GONE)
    for folder in ("raw", "payloads"):
        shutil.copytree(elsewhere.data / folder / "tweets", root.data / folder / "tweets")
    land(root)
    assert holders(root) == set()
    assert landed_ids(root) == [KEPT]


@pytest.mark.parametrize("is_cut_short", [False, True])
def test_compaction_and_purges_do_not_undo_each_other(
    root: Settings, monkeypatch: pytest.MonkeyPatch, is_cut_short: bool
) -> None:
    for n in range(3):
        land(root, row(GONE, ASHA, f"{MARKER} {n}"), row(f"200100000000000001{n}", RAVI, f"nifty {n}"))
    small = landed_files(root, "tweets")
    with closing(open_state(root)) as state, monkeypatch.context() as patched:
        if is_cut_short:
            unlink = Path.unlink
            patched.setattr(
                Path,
                "unlink",
                lambda path, missing_ok=False: (
                    unlink(path, missing_ok=missing_ok) if path.suffix == ".tmp" else None
                ),
            )
        landing.compact(root, state, "tweets", rows=1000)
    assert len(landed_files(root, "tweets")) == (len(small) + 1 if is_cut_short else 1)
    purge(root, "--ids", GONE)
    assert holders(root) == set()
    with closing(open_state(root)) as state:
        landing.compact(root, state, "tweets", rows=1000)
        landing.compact(root, state, "purges", rows=1000)
    assert landed_ids(root) == [f"200100000000000001{n}" for n in range(3)]
    assert land(root, row(GONE, ASHA, MARKER)).counts["tweets"].excluded == {"purged": 1}


def test_a_wrong_reading_is_withdrawn_and_the_right_one_of_the_same_record_stays(root: Settings) -> None:
    """Both come from one original, which stays for the sake of the right one."""
    wrong = row("no id", RAVI, "nifty up")
    wrong_id = str(wrong.fields["tweet_id"])
    assert wrong_id.startswith("h")
    right = Captured(
        "tweets", {**wrong.fields, "tweet_id": KEPT, "is_derived_id": False}, wrong.payload, WHERE
    )
    land(root, wrong, right)
    purge(root, "--ids", wrong_id)
    assert landed_ids(root) == [KEPT]
    assert holders(root, "nifty up")
    assert land(root, wrong).counts["tweets"].excluded == {"purged": 1}
    purge(root, "--ids", KEPT)
    assert holders(root, "nifty up") == set()


def test_pages_that_had_not_landed_are_scrubbed_and_leave_no_bytes(root: Settings) -> None:
    posts = [graphql(GONE, ASHA, MARKER), graphql(KEPT, RAVI, "nifty")]
    with closing(open_state(root)) as state:
        state.execute("create table search_pages (page_id integer primary key, body blob not null)")
        for body in (json.dumps(posts), json.dumps([posts[1]]), f'{{"rest_id": "{GONE}", "{MARKER}'):
            # Not compressed at all, so that bytes that are left behind can be found.
            state.execute("insert into search_pages (body) values (?)", (zlib.compress(body.encode(), 0),))
        assert holders(root)
    purge(root, "--ids", GONE)
    assert holders(root) == set()
    with closing(open_state(root)) as state:
        bodies = [zlib.decompress(body) for (body,) in state.execute("select body from search_pages")]
    assert [len(json.loads(body)) for body in bodies] == [1, 1]


def test_what_was_derived_from_a_purged_post_goes(root: Settings) -> None:
    land(root, row(GONE, ASHA, MARKER), row(KEPT, RAVI, "nifty"))
    derived = [
        root.build_db,
        root.build_db.with_name("warehouse.duckdb.wal"),
        root.reports / "data_docs" / "index.html",
        root.charts / "campaign_timeline.png",
        root.data / ".market_intel.duckdb.17.tmp",
        root.models / "topics" / "small" / "basis.parquet",
    ]
    firm = root.models / "topics" / "firm" / "basis.parquet"
    for path in (*derived, firm):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("words")
    (root.models / "topics" / "small" / "model.json").write_text('{"n_texts": 999}')
    (root.models / "topics" / "firm" / "model.json").write_text('{"n_texts": 1000}')
    purge(root, "--ids", OTHER)
    assert all(path.exists() for path in derived), "a purge that removes nothing spoils nothing"
    purge(root, "--ids", GONE)
    assert not any(path.exists() for path in derived)
    assert firm.exists()


@pytest.mark.parametrize("source", ["demo", "archive"])
def test_purges_fit_demo_and_real_roots(root: Settings, source: str) -> None:
    other = {"demo": "archive", "archive": "demo"}[source]
    purge(root, "--ids", GONE)
    land(root, row(GONE, ASHA, MARKER), row(KEPT, RAVI, "nifty"), source=source)
    purge(root, "--ids", KEPT)
    assert landed_ids(root) == []
    with pytest.raises(landing.RootError):
        land(root, row(OTHER, RAVI, "nifty"), source=other)


def test_a_root_without_purges_is_never_scanned(root: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def scanned(*arguments: object) -> None:
        raise AssertionError("a root without purges was scanned")

    monkeypatch.setattr(purging, "apply", scanned)
    monkeypatch.setattr(Purged, "covers_rows", scanned)
    monkeypatch.setattr(Purged, "may_be_in", scanned)
    assert land(root, row(KEPT, RAVI, "nifty")).counts["tweets"].landed == 1


def test_a_purge_that_lands_during_a_run_keeps_its_next_batch_out(root: Settings) -> None:
    with closing(open_state(root)) as state:
        zone = LandingZone(root, state, "archive", "run1")
        assert zone.land("tweets", [row(KEPT, RAVI, "nifty")]).landed == 1
        purge(root, "--ids", GONE)
        assert zone.land("tweets", [row(GONE, ASHA, MARKER)]) == landing.Landed(purged=1)


def test_what_is_logged_of_refused_records_quotes_no_post(
    root: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    odd = Captured("tweets", {**row(KEPT, RAVI, "x").fields, "like_count": MARKER}, b"{}", WHERE)
    land(root, odd)
    (line,) = (line for path, line in contents(root) if path.suffix == ".gz" and line.startswith(b"{"))
    assert json.loads(line)["reason"] == "does not fit the schema: like_count is no int64"
    silent = [row(str(2003 * 10**15 + n), RAVI, "·· ··") for n in range(150)]
    result = land(root, *silent)
    assert any("ToMatchRegex" in problem or "match_regex" in problem for problem in result.problems)
    assert "·· ··" not in caplog.text + "".join(result.problems)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--ids", "not-an-id"], "nothing was purged"),
        (["--ids", "2.001E+18"], "nothing was purged"),
        (["--ids", "@/nowhere/ids.txt"], "cannot be read"),
        (["--author", "two words"], "is no author"),
        ([], "Nothing to purge"),
    ],
)
def test_what_names_nothing_is_refused_before_anything_lands(
    root: Settings, words: list[str], complaint: str
) -> None:
    with pytest.raises(SourceError, match=complaint):
        purge(root, *words)
    assert landed_files(root, "purges") == []


def test_ids_come_from_a_file_in_any_layout(root: Settings, tmp_path: Path) -> None:
    listed = tmp_path / "ids.txt"
    listed.write_text(f"{GONE}\n\nhttps://x.com/a/status/{KEPT}, {GONE}\r\n")
    assert purge(root, "--ids", f"@{listed}", OTHER).counts["purges"].landed == 3


FORMS = st.sampled_from(["own", "repost", "quote", "row", "row that quotes", "quarantined", "broken"])


@given(
    st.lists(st.tuples(st.sampled_from(sorted(FORMATS)), FORMS), min_size=1, max_size=5),
    st.sampled_from(["--ids", "--author"]),
    st.booleans(),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_a_purge_no_file_holds_the_post(
    tmp_path_factory: pytest.TempPathFactory,
    forms: list[tuple[str, str]],
    how: str,
    is_first: bool,
) -> None:
    root = Settings(data=tmp_path_factory.mktemp("purge") / "data")

    def item(kind: str, form: str, n: int) -> Captured | Quarantined:
        make, number = FORMATS[kind], f"20010000000000001{n:02d}"
        post = make(GONE, ASHA, f"{MARKER} {n}")
        match form:
            case "own":
                return captured(kind, post)
            case "repost":
                return captured(kind, make(number, RAVI, "RT @Asha: …", reposts=post))
            case "quote":
                return captured(kind, make(number, RAVI, "quotes", quotes=post))
            case "row":
                return row(GONE, ASHA, f"{MARKER} {n}")
            case "row that quotes":
                return row(number, RAVI, "quotes", quoted_id=GONE, quoted_user="@Asha", quoted_text=MARKER)
            case "quarantined":
                return Quarantined("tweets", "no_id", canonical_json({"wrapped": [post]}), WHERE)
            case _:
                return Quarantined("tweets", "invalid_json", canonical_json(post)[:-1], WHERE)

    items = [item(kind, form, n) for n, (kind, form) in enumerate(forms)]
    name = GONE if how == "--ids" else "Asha"
    if is_first:
        purge(root, how, name)
    result = land(root, *items)
    assert result.counts["tweets"].accounted == len(items)
    if not is_first:
        assert holders(root)
        purge(root, how, name)
    assert holders(root) == set()
    quotes = sum(form in ("quote", "row that quotes") for _, form in forms)
    assert len(landed_ids(root)) == quotes
