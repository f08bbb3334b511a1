"""A response as a page: its posts' ids, its cursor, and what is made of one that cannot be read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.entities import Captured, Excluded, Quarantined
from ingest.sources.x.responses import (
    bottom_cursor,
    errors_in,
    is_timeline,
    is_unread,
    read_page,
    unrecognised,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def user(is_new: bool) -> dict[str, Any]:
    core = {"screen_name": "a", "name": "A", "created_at": "Mon Jun 01 04:00:00 +0000 2020"}
    return {"rest_id": "7", "__typename": "User", **({"core": core} if is_new else {"legacy": core})}


def tweet(tweet_id: int, *, is_new: bool = False, **legacy: Any) -> dict[str, Any]:
    held = {
        "id_str": str(tweet_id), "full_text": f"post {tweet_id} #nifty50",
        "created_at": "Mon Jun 01 04:00:00 +0000 2026", **legacy,
    }  # fmt: skip
    return {
        "__typename": "Tweet", "rest_id": str(tweet_id), "legacy": held,
        "core": {"user_results": {"result": user(is_new)}},
    }  # fmt: skip


def entry(result: dict[str, Any], prefix: str = "tweet") -> dict[str, Any]:
    content = {"__typename": "TimelineTweet", "tweet_results": {"result": result}}
    if prefix == "promoted-tweet":
        content["promotedMetadata"] = {"advertiser": {}}
    name = f"{prefix}-{result.get('rest_id', 0)}"
    return {"entryId": name, "content": {"entryType": "TimelineTimelineItem", "itemContent": content}}


def cursor(value: str, kind: str = "Bottom", *, is_nested: bool = False) -> dict[str, Any]:
    named = {"cursorType": kind, "value": value}
    content = {"itemContent": named} if is_nested else {"entryType": "TimelineTimelineCursor", **named}
    return {"entryId": f"cursor-{kind.lower()}-0", "content": content}


def response(*instructions: dict[str, Any]) -> dict[str, Any]:
    timeline = {"timeline": {"instructions": list(instructions)}}
    return {"data": {"search_by_raw_query": {"search_timeline": timeline}}}


def first(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"type": "TimelineAddEntries", "entries": list(entries)}


def replaced(held: dict[str, Any]) -> dict[str, Any]:
    return {"type": "TimelineReplaceEntry", "entry_id_to_replace": held["entryId"], "entry": held}


def body(of: object) -> bytes:
    return json.dumps(of).encode()


@pytest.mark.parametrize("is_new", [False, True])
def test_a_first_page_of_either_generation(is_new: bool) -> None:
    quoting = tweet(9, is_new=is_new) | {"quoted_status_result": {"result": tweet(3)}}
    whole = response(
        first(
            entry(quoting), entry(tweet(5), "promoted-tweet"), entry({"__typename": "TweetTombstone"}),
            entry({"__typename": "TweetWithVisibilityResults", "tweet": tweet(8, is_new=is_new)}),
            cursor("up", "Top"), cursor("down", is_nested=is_new),
        )
    )  # fmt: skip
    page = read_page(body(whole), NOW, "#nifty50")
    assert page.ids == (9, 8), "results alone: neither what they nest nor what is promoted"
    assert page.next_cursor == "down"
    assert (page.observed_at, page.body) == (NOW, body(whole))
    assert sorted(item.reason for item in page.items if isinstance(item, Excluded)) == [
        "nested_quote", "promoted_entry", "tombstone",
    ]  # fmt: skip
    posts = [item.fields for item in page.items if isinstance(item, Captured)]
    assert [post["search_query"] for post in posts] == ["#nifty50"] * 2
    assert [post["observed_at"] for post in posts] == [NOW] * 2


@pytest.mark.parametrize("is_new", [False, True])
def test_a_later_page_replaces_the_cursors(is_new: bool) -> None:
    whole = response(
        first(entry(tweet(9))),
        replaced(cursor("up again", "Top", is_nested=is_new)),
        replaced(cursor("further down", is_nested=is_new)),
    )
    assert read_page(body(whole), NOW, "#a").next_cursor == "further down"
    both = response(first(cursor("down")), replaced(cursor("further down", is_nested=is_new)))
    assert bottom_cursor(both) == "further down"


@pytest.mark.parametrize(
    "of",
    [
        None,
        [],
        {},
        {"data": None},
        response(),
        response(first(cursor("up", "Top"))),
        response({"entries": 5}),
    ],
)
def test_without_a_bottom_cursor_there_is_none(of: object) -> None:
    assert bottom_cursor(of) is None


def test_an_empty_timeline_is_one() -> None:
    empty = response(first(cursor("down")))
    page = read_page(body(empty), NOW, "#a")
    assert (page.ids, page.items, page.next_cursor) == ((), (), "down")
    assert is_timeline(empty)
    assert not is_unread(page, empty)


@pytest.mark.parametrize("of", [{}, {"data": {}}, {"errors": [{"code": 88}]}, [], 5, None])
def test_an_answer_without_a_timeline_and_without_posts_is_none_that_was_missed(of: object) -> None:
    assert not is_timeline(of)
    assert not is_unread(read_page(body(of), NOW, "#a"), of)


def test_posts_that_cannot_be_read_are_noticed() -> None:
    moved = {"data": {"search2": {"tweets": [{"tweet_results": {"result": tweet(9)}}]}}}
    assert is_unread(read_page(body(moved), NOW, "#a"), moved)
    changed = response(first({"entryId": "tweet-9", "content": {"itemContent": {"post": tweet(9)}}}))
    page = read_page(body(changed), NOW, "#a")
    assert is_unread(page, changed)
    mixed = response(first(entry(tweet(8)), {"entryId": "tweet-9", "content": {"itemContent": {"post": 1}}}))
    assert not is_unread(read_page(body(mixed), NOW, "#a"), mixed), (
        "one that is broken is quarantined, no more"
    )


CARD = """
<article data-testid="tweet">
<div data-testid="User-Name"><a href="/trader" role="link"><span>Trader</span></a>
<a href="/trader"><span>@trader</span></a><a href="/trader/status/1962159159849414952">
<time datetime="2025-08-31T14:22:53.000Z">3m</time></a></div>
<div dir="auto" lang="en" data-testid="tweetText"><span>buy above 24500</span></div></article>
"""


def test_visible_cards_stand_in_for_a_response_that_cannot_be_read_and_prove_nothing() -> None:
    moved = {"data": {"search2": [tweet(9)]}}
    made = unrecognised(moved, CARD)
    page = read_page(made, NOW, "#a")
    assert (page.ids, page.next_cursor, page.body) == ((), None, made)
    (post,) = [item for item in page.items if isinstance(item, Captured)]
    assert (post.fields["tweet_id"], post.fields["source_format"]) == ("1962159159849414952", "x_html")
    assert post.fields["search_query"] == "#a"
    (kept,) = [item for item in page.items if isinstance(item, Quarantined)]
    assert json.loads(kept.payload) == moved, "and the response is kept whole"
    # From the journal it reads alike.
    assert read_page(made, NOW, "#a") == page


def test_what_is_not_json_is_an_error() -> None:
    for broken in (b"", b'{"data": {', b"<html>", b"\xff"):
        with pytest.raises(ValueError, match=r".+"):
            read_page(broken, NOW, "#a")


def test_errors_are_those_that_are_objects() -> None:
    assert errors_in({"errors": [{"code": 1}, "x", None, {"code": 2}]}) == [{"code": 1}, {"code": 2}]
    for of in (None, [], {}, {"errors": None}, {"errors": {"code": 1}}):
        assert errors_in(of) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["data", "instructions", "entries", "entry", "content", "itemContent", "cursorType", "value"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@settings(deadline=None)
@given(json_values)
def test_any_json_is_a_page(of: object) -> None:
    page = read_page(body(of), NOW, "#a")
    assert page.next_cursor is None or isinstance(page.next_cursor, str)
    is_unread(page, of)
    errors_in(of)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("year", "n"), [("2024-04-17", 17), ("2024-10-06", 16), ("2026-05-21", 20), ("2026-07-21", 20)]
)
def test_recorded_responses(shared: Path, year: str, n: int) -> None:
    (path,) = (shared / "x_payloads").glob(f"*{year}*.json")
    whole = json.loads(path.read_bytes())
    page = read_page(path.read_bytes(), NOW, "#a")
    assert len(page.ids) == len(set(page.ids)) == n
    assert len(page.ids) == sum(isinstance(item, Captured) for item in page.items)
    assert page.next_cursor
    assert len(page.next_cursor) > 20
    # The value stands in the file beside its kind.
    assert '"Bottom"' in path.read_text(encoding="utf-8")
    assert not is_unread(page, whole)
