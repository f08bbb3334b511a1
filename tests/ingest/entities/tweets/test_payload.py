"""X's GraphQL search responses: every schema generation, and whatever else may come."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.entities import Captured, Excluded, Item, Origin, Quarantined
from ingest.entities.tweets.capture import PARSE_WARNINGS, canonical_json
from ingest.entities.tweets.payload import parse_search_response

ID = "1962159159849414952"
AT = datetime(2025, 8, 31, 14, 22, 53, 519_000, tzinfo=UTC)
SEEN = datetime(2025, 9, 1, tzinfo=UTC)


def user(**changes: Any) -> dict[str, Any]:
    old = {"legacy": {"screen_name": "writer", "name": "A Writer", "followers_count": 12}}
    return {"__typename": "User", "rest_id": "77", **old, **changes}


def post(tweet_id: str = ID, **changes: Any) -> dict[str, Any]:
    legacy = {
        "id_str": tweet_id,
        "created_at": "Sun Aug 31 14:22:53 +0000 2025",
        "full_text": "R&amp;D up #Nifty50 $INFY @other https://t.co/x",
        "lang": "en",
        "conversation_id_str": "5",
        "in_reply_to_status_id_str": "6",
        "favorite_count": 3,
        "retweet_count": 2,
        "reply_count": 1,
        "quote_count": 0,
        "bookmark_count": 4,
        "entities": {
            "hashtags": [{"text": "Nifty50"}],
            "symbols": [{"text": "INFY"}],
            "user_mentions": [{"screen_name": "other"}],
            "urls": [{"url": "https://t.co/x", "expanded_url": "https://example.com/long"}],
        },
    }
    legacy |= changes.pop("legacy", {})
    return {
        "__typename": "Tweet",
        "rest_id": tweet_id,
        "core": {"user_results": {"result": user()}},
        "views": {"count": "1500", "state": "EnabledWithCount"},
        "edit_control": {"edit_tweet_ids": [tweet_id]},
        "legacy": legacy,
        **changes,
    }


def entry(result: object, entry_id: str | None = None, **content: Any) -> dict[str, Any]:
    item = {"itemType": "TimelineTweet", "tweet_results": {"result": result}, **content}
    return {"entryId": entry_id or f"tweet-{ID}", "content": {"itemContent": item}}


def response(*instructions: object) -> dict[str, Any]:
    timeline = {"timeline": {"instructions": list(instructions)}}
    return {"data": {"search_by_raw_query": {"search_timeline": timeline}}}


def added(*entries: object) -> dict[str, Any]:
    return response({"type": "TimelineAddEntries", "entries": list(entries)})


def parse(value: object) -> list[Item]:
    where = Origin("file.json", "line 1")
    return list(parse_search_response(value, observed_at=SEEN, search_query="#nifty", origin=where))


def only(value: object) -> dict[str, Any]:
    (item,) = parse(value)
    assert isinstance(item, Captured)
    return dict(item.fields)


def outcomes(value: object) -> list[str]:
    return ["captured" if isinstance(item, Captured) else item.reason for item in parse(value)]


def test_a_post_of_the_old_schema() -> None:
    (item,) = parse(added(entry(post())))
    assert isinstance(item, Captured)
    assert item.fields == {
        "tweet_id": ID,
        "is_derived_id": False,
        "author_id": "77",
        "author_handle": "writer",
        "author_name": "A Writer",
        "author_followers": 12,
        "text": "R&D up #Nifty50 $INFY @other https://t.co/x",
        "lang": "en",
        "posted_at": AT,
        "posted_at_basis": "id",
        "observed_at": SEEN,
        "like_count": 3,
        "retweet_count": 2,
        "reply_count": 1,
        "quote_count": 0,
        "view_count": 1500,
        "bookmark_count": 4,
        "hashtags": ["Nifty50"],
        "mentions": ["other"],
        "cashtags": ["INFY"],
        "urls": ["https://example.com/long"],
        "conversation_id": "5",
        "in_reply_to_tweet_id": "6",
        "search_query": "#nifty",
        "source_format": "x_graphql",
        "parse_warnings": [],
    }
    assert item.payload == canonical_json(post())
    assert item.origin == Origin("file.json", f"line 1 tweet-{ID}")


def test_an_author_of_the_2026_schema() -> None:
    new = user(
        legacy={"followers_count": 1},
        core={"screen_name": "newer", "name": "New"},
        relationship_counts={"followers": 0, "following": 3},
    )
    fields = only(added(entry(post(core={"user_results": {"result": new}}))))
    assert (fields["author_handle"], fields["author_name"]) == ("newer", "New")
    assert fields["author_followers"] == 0  # a modern zero is not overruled by the stale legacy count


@pytest.mark.parametrize("legacy", [None, {}])
def test_without_legacy_the_note_still_speaks(legacy: object) -> None:
    note = {
        "note_tweet_results": {
            "result": {"text": "All of it", "entity_set": {"hashtags": [{"text": "Nifty"}]}}
        }
    }
    bare = {
        "__typename": "Tweet",
        "rest_id": ID,
        "legacy": legacy,
        "core": {"user_results": {"result": None}},
    }
    fields = only(added(entry({**bare, "note_tweet": note})))
    assert (fields["text"], fields["hashtags"], fields["posted_at"]) == ("All of it", ["Nifty"], AT)
    assert outcomes(added(entry(bare))) == ["no_text"]


def test_the_note_is_the_full_text_with_its_own_entities() -> None:
    note = {"text": "The whole long text", "entity_set": {"hashtags": [{"text": "Long"}], "urls": []}}
    fields = only(added(entry(post(note_tweet={"note_tweet_results": {"result": note}}))))
    assert (fields["text"], fields["hashtags"], fields["urls"]) == ("The whole long text", ["Long"], [])


def test_a_repost_has_the_full_text_of_the_original() -> None:
    note = {"note_tweet_results": {"result": {"text": "Original, in full", "entity_set": {}}}}
    original = post("9", note_tweet=note)
    repost = post(legacy={"full_text": "RT @writer: Origi…", "retweeted_status_result": {"result": original}})
    captured, nested = parse(added(entry(repost)))
    assert isinstance(captured, Captured)
    assert captured.fields["text"] == "RT @writer: Original, in full"
    assert captured.fields["retweeted_tweet_id"] == "9"
    assert captured.fields["mentions"] == ["writer"]
    assert isinstance(nested, Excluded)
    assert nested.reason == "nested_retweet"


def test_a_repost_whose_original_is_gone_says_that_it_is_cut() -> None:
    fields = only(added(entry(post(legacy={"full_text": "RT @w: Cu…", "retweeted_status_result": {}}))))
    assert (fields["text"], fields["parse_warnings"]) == ("RT @w: Cu…", ["retweet_text_cut"])


def test_quotes_at_any_depth_are_excluded_and_a_bare_reference_is_no_record() -> None:
    stub = {"result": {"__typename": "Tweet", "rest_id": "3"}}
    inner = post("2", quotedRefResult=stub, quoted_status_result=stub)
    outer = post("1", quoted_status_result={"result": inner})
    visible = {
        "__typename": "TweetWithVisibilityResults",
        "tweet": post(quoted_status_result={"result": outer}),
    }
    items = parse(added(entry(visible)))
    assert [getattr(item, "reason", "captured") for item in items] == [
        "captured",
        "nested_quote",
        "nested_quote",
    ]
    assert items[0].fields["quoted_tweet_id"] == "1"  # type: ignore[union-attr]
    assert only(added(entry(post(quotedRefResult=stub))))["quoted_tweet_id"] == "3"


@pytest.mark.parametrize(
    ("edit_control", "versions"),
    [
        ({"edit_tweet_ids": [ID]}, None),
        ({"edit_tweet_ids": [ID, "1962159159849414000"]}, ["1962159159849414000", ID]),
        ({"edit_control_initial": {"edit_tweet_ids": ["9", ID]}, "initial_tweet_id": "9"}, ["9", ID]),
        (None, None),
    ],
)
def test_versions_of_an_edited_post(edit_control: object, versions: list[str] | None) -> None:
    assert only(added(entry(post(edit_control=edit_control)))).get("edit_tweet_ids") == versions


@pytest.mark.parametrize(
    ("bad", "outcome"),
    [
        (entry(post(), "promoted-tweet-5"), "promoted_entry"),
        (entry(post(), promotedMetadata={"advertiser": 1}), "promoted_entry"),
        (entry({"__typename": "TweetTombstone", "tombstone": {}}), "tombstone"),
        (entry({"__typename": "TweetUnavailable", "reason": "Suspended"}), "unavailable"),
        (entry({"__typename": "TweetPreviewDisplay", "tweet": post()}), "preview"),
        (entry(None), "unavailable"),
        (entry({}), "unavailable"),
        (
            {"entryId": "tweet-5", "content": {"itemContent": {"itemType": "TimelineTweet"}}},
            "malformed_entry",
        ),
        ({"entryId": "tweet-5"}, "malformed_entry"),
        ({"entryId": "tweet-5", "content": {"itemContent": 7}}, "malformed_entry"),
        ("text", "malformed_entry"),
        (entry(["list"]), "no_id"),
        (entry(post(rest_id="abc", legacy={"id_str": None})), "no_id"),
        (entry(post(legacy={"full_text": " "})), "no_text"),
    ],
)
def test_what_is_no_result(bad: object, outcome: str) -> None:
    assert outcomes(added(bad)) == [outcome]


def test_cursors_prompts_and_users_are_no_records() -> None:
    cursor = {"entryId": "cursor-bottom-0", "content": {"cursorType": "Bottom", "value": "x"}}
    prompt = {"entryId": "messageprompt-1", "content": {"itemContent": {"itemType": "TimelineMessagePrompt"}}}
    people = {
        "entryId": "toptabsrpusermodule-1",
        "content": {"items": [{"entryId": "user-1", "item": {"itemContent": {}}}]},
    }
    assert parse(added(cursor, prompt, people)) == []
    assert parse(response()) == []


def test_later_pages_and_modules() -> None:
    in_module = {"entryId": "grid-0-tweet-2", "item": entry(post("2"))["content"]}
    page = response(
        {"type": "TimelineReplaceEntry", "entry": {"entryId": "cursor-top-1", "content": {"value": "x"}}},
        {"type": "TimelineReplaceEntry", "entry": entry(post("1"))},
        {"type": "TimelineAddToModule", "moduleItems": [in_module]},
        {
            "type": "TimelineAddEntries",
            "entries": [
                {
                    "entryId": "grid-1",
                    "content": {"items": [{**in_module, "item": entry(post("3"))["content"]}]},
                }
            ],
        },
        {"type": "TimelineTerminateTimeline", "direction": "Bottom"},
    )
    assert [item.fields["tweet_id"] for item in parse(page) if isinstance(item, Captured)] == ["1", "2", "3"]


def test_the_same_post_twice_is_one() -> None:
    assert outcomes(added(entry(post()), entry(post()))) == ["captured", "duplicate_in_response"]


def test_counts_that_are_none() -> None:
    fields = only(
        added(entry(post(views={"count": "many"}, legacy={"favorite_count": -1, "reply_count": None})))
    )
    assert fields["parse_warnings"] == ["count_unreadable"]
    assert not {"view_count", "like_count", "reply_count"} & fields.keys()


def test_an_id_without_time_falls_back_on_the_stated_one() -> None:
    fields = only(added(entry(post("20"))))
    assert (fields["posted_at"], fields["posted_at_basis"]) == (AT.replace(microsecond=0), "stated")
    assert only(added(entry(post("20", legacy={"created_at": "soon"}))))["parse_warnings"] == [
        "time_unreadable"
    ]


@pytest.mark.parametrize(
    "value", [None, [], {}, 5, "x", {"data": {}}, {"data": None}, {"errors": [{"code": 88}]}]
)
def test_what_holds_no_timeline_is_kept(value: object) -> None:
    (item,) = parse(value)
    assert isinstance(item, Quarantined)
    assert (item.reason, item.payload) == ("no_timeline", canonical_json(value))


def test_a_chain_of_wrappers_or_quotes_of_any_length_is_read() -> None:
    wrapped: Any = post()
    quoted: Any = post("1")
    for number in range(150):  # json's own reader stops near 1,000 levels; a quote takes two
        wrapped = {"tweet": wrapped}
        quoted = post(str(number + 2), quoted_status_result={"result": quoted})
    assert outcomes(added(entry(wrapped))) == ["captured"]
    assert outcomes(added(entry(quoted))).count("nested_quote") == 150


def full() -> dict[str, Any]:
    """Return a response with everything in it, for mutations."""
    note = {"note_tweet_results": {"result": {"text": "Long", "entity_set": {"hashtags": [{"text": "L"}]}}}}
    repost = post("7", legacy={"retweeted_status_result": {"result": post("8", note_tweet=note)}})
    quote = post("9", quoted_status_result={"result": post("10")}, note_tweet=note)
    visible = {"__typename": "TweetWithVisibilityResults", "tweet": post("11")}
    return response(
        {
            "type": "TimelineAddEntries",
            "entries": [entry(post()), entry(repost), entry(quote), entry(visible)],
        },
        {"type": "TimelineReplaceEntry", "entry": entry(post("12"))},
        {
            "type": "TimelineAddToModule",
            "moduleItems": [{"entryId": "m-tweet-13", "item": entry(post("13"))["content"]}],
        },
    )


def paths(value: object, at: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, item in inner for path in paths(item, (*at, key)))]


PATHS = [path for path in paths(full()) if path]
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["result", "legacy", "rest_id", "tweet", "text", "x"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


def mutated(value: Any, path: tuple[Any, ...], replacement: object, is_removed: bool) -> None:
    for key in path[:-1]:
        try:
            value = value[key]
        except (TypeError, KeyError, IndexError):
            return  # an earlier mutation took this branch away
    try:
        if is_removed:
            del value[path[-1]]
        else:
            value[path[-1]] = replacement
    except (TypeError, KeyError, IndexError):
        return


@given(st.lists(st.tuples(st.sampled_from(PATHS), ODD, st.booleans()), min_size=1, max_size=4))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_mutation_of_a_response_is_accounted_for(
    changes: list[tuple[tuple[Any, ...], object, bool]],
) -> None:
    value = full()
    for path, replacement, is_removed in changes:
        mutated(value, path, copy.deepcopy(replacement), is_removed)
    items = parse(value)
    for item in items:
        if isinstance(item, Captured):
            assert item.fields["text"].strip()
            assert int(item.fields["tweet_id"]) > 0
            assert set(item.fields["parse_warnings"]) <= PARSE_WARNINGS.keys()
            for name in ("text", "author_handle", "author_name", "lang"):
                item.fields.get(name, "").encode()
        if not isinstance(item, Excluded):
            json.loads(item.payload)
    deepest = min(len(path) for path, _, _ in changes)
    if deepest > 9:  # below an entry: each of the six entries still gives at least one item
        assert len(items) >= 6


@given(ODD)
def test_any_json_value_is_read_without_error(value: object) -> None:
    for shape in (value, {"data": value}, response(value), added(value), added(entry(value))):
        assert all(isinstance(item, Captured | Excluded | Quarantined) for item in parse(shape))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "results", "nested"),
    [("2024-04-17", 17, 0), ("2024-10-06", 16, 1), ("2026-05-21", 20, 1), ("2026-07-21", 20, 6)],
)
def test_real_responses_give_exactly_their_results(
    shared: Path, name: str, results: int, nested: int
) -> None:
    (file,) = (shared / "x_payloads").glob(f"*{name}*")
    value = json.loads(file.read_text())
    items = parse(value)
    captured = [item for item in items if isinstance(item, Captured)]
    assert len(captured) == results
    assert [item.reason for item in items if not isinstance(item, Captured)] == ["nested_quote"] * nested
    for item in captured:
        record = json.loads(item.payload)
        record = record.get("tweet", record)
        note = record.get("note_tweet", {}).get("note_tweet_results", {}).get("result", {}).get("text")
        assert item.fields["author_handle"]
        assert item.fields["author_followers"] is not None
        assert item.fields["posted_at_basis"] == "id"
        assert item.fields["parse_warnings"] == []
        if note:
            assert item.fields["text"] == note
        else:
            assert len(item.fields["text"]) <= len(record["legacy"]["full_text"])
