"""What a JSON value holds, and that no value, however odd, stops a run."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.entities import Captured, Excluded, Item, Origin, Quarantined
from ingest.entities.tweets.tabular import flatten, map_columns
from ingest.sources.archive.json_records import items_of, records_in
from ingest.sources.archive.json_text import load

ID = "1962159159849414952"
USER = {"id_str": "7", "screen_name": "writer", "username": "writer", "name": "W"}
RESULT = {
    "rest_id": ID,
    "core": {"user_results": {"result": {"core": USER}}},
    "legacy": {"full_text": "up", "entities": {"hashtags": [{"text": "a"}]}},
}
ENTRY = {"entryId": f"tweet-{ID}", "content": {"itemContent": {"tweet_results": {"result": RESULT}}}}
TIMELINE = {"timeline": {"instructions": [{"entries": [ENTRY]}]}}
RESPONSE = {"data": {"search_by_raw_query": {"search_timeline": TIMELINE}}}
USER_TIMELINE = {"data": {"user": {"result": {"timeline_v2": TIMELINE}}}}
V2 = {
    "data": [
        {"id": ID, "text": "up", "author_id": "7", "referenced_tweets": [{"type": "quoted", "id": "1"}]}
    ],
    "includes": {"users": [{"id": "7", "username": "writer"}], "tweets": [{"id": "1", "text": "x"}]},
    "meta": {"result_count": 1},
}
V1 = {
    "id_str": ID,
    "full_text": "up",
    "user": USER,
    "quoted_status": {"id_str": "1"},
    "entities": {"urls": []},
}
TWSCRAPE = {"id_str": ID, "rawContent": "up", "user": USER, "quotedTweet": {"id": 1}, "links": [{"url": "u"}]}
FLAT = {"tweet_id": ID, "content": "up", "user": {"name": "W"}, "media": [{"id": 1, "url": "u"}]}
SAMPLES = [
    RESPONSE,
    USER_TIMELINE,
    RESULT,
    V2,
    V1,
    {"statuses": [V1]},
    TWSCRAPE,
    FLAT,
    {"tweets": [FLAT, FLAT]},
]


def kinds(value: object) -> list[str | None]:
    return [record.kind for record in records_in(value)]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (RESPONSE, ["x_graphql"]),
        (USER_TIMELINE, ["x_graphql"]),
        (RESULT, ["x_result"]),
        (V2, ["x_api_v2"]),
        (V2["data"], ["x_api_v2"]),
        ({"data": {"id": ID, "text": "up", "author_id": "7"}}, ["x_api_v2"]),
        ({"meta": {"result_count": 0}}, ["x_api_v2"]),
        (V1, ["x_api_v1"]),
        ({"statuses": [V1]}, ["v1_page"]),
        (TWSCRAPE, ["twscrape"]),
        ({"content": "up", "date": "x", "user": USER, "id": 1}, ["snscrape"]),
        (FLAT, ["tabular"]),
        ({"id": 3, "tweets": [FLAT, FLAT]}, ["tabular", "tabular"]),
        ({"tweets": [FLAT, {"a": 1}], "meta": {"b": 2}}, ["tabular", None]),
        ({"id": 3, "body": RESPONSE}, ["x_graphql"]),
        ({"url": "u", "body": json.dumps(RESPONSE)}, ["x_graphql"]),
        ([[RESPONSE], V1], ["x_graphql", "x_api_v1"]),
        # A record of one's own format is one, even where it keeps another's object inside.
        ({**FLAT, "raw": V1}, ["tabular"]),
        # Likes and a user name stand beside id and text: not the official shape.
        ({"id": ID, "text": "up", "likes": 3, "username": "w"}, ["tabular"]),
        ({"data": [{"id": ID, "text": "up", "likes": 3}], "meta": {}}, ["tabular"]),
        ({"a": 1}, [None]),
        (7, [None]),
        ([], []),
    ],
)
def test_kinds(value: object, found: list[str | None]) -> None:
    assert kinds(value) == found


def read(value: object) -> list[Item]:
    found = list(records_in(value))
    rows = [flatten(record.value) for record in found if record.kind == "tabular"]
    table = map_columns(rows) if rows else None
    return [item for record in found for item in items_of(record, table, Origin("f"))]


@pytest.mark.parametrize("value", SAMPLES)
def test_every_sample_is_captured(value: object) -> None:
    assert any(isinstance(item, Captured) for item in read(value))


def paths(value: object, at: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, item in inner for path in paths(item, (*at, key)))]


PLACES = [(sample, path) for sample in SAMPLES for path in paths(sample) if path]
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "text", "data", "user", "type"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.sampled_from(PLACES), ODD)
@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
def test_a_record_with_anything_anywhere_is_read_without_error(place: tuple[Any, Any], odd: object) -> None:
    value, path = copy.deepcopy(place[0]), place[1]
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = odd
    for item in read(value):
        assert isinstance(item, Captured | Excluded | Quarantined)
        if not isinstance(item, Excluded):
            json.loads(item.payload)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ('{"id": "5", "text": "x", "a": ', "}"),
        ('{"data": {"instructions": [', "]}}"),
        ('{"a": [', "]}"),
        ('{"statuses": [{"id_str": "5", "text": "x", "user": {}, "quoted_status": ', "}]}"),
    ],
)
def test_records_nested_as_deep_as_json_can_be_loaded(start: str, end: str) -> None:
    depth = 800
    value = load(start + '{"quoted_status": ' * depth + "1" + "}" * depth + end)
    assert all(isinstance(item, Captured | Excluded | Quarantined) for item in read(value))
