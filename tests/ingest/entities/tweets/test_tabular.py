"""Tables of posts: what their columns mean, and what one row says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.entities import Captured, Excluded, Item, Origin, Quarantined
from ingest.entities.tweets.capture import PARSE_WARNINGS
from ingest.entities.tweets.tabular import Table, flatten, map_columns, parse_row

ID = "1962159159849414952"
AT = datetime(2025, 8, 31, 14, 22, 53, 519_000, tzinfo=UTC)
STATED = "2025-08-31T14:22:53.000Z"
WHERE = Origin("f.csv", "row 1")


def item_of(row: dict[str, Any], *others: dict[str, Any], table: Table | None = None) -> Item:
    return parse_row(row, table or map_columns([row, *others]), origin=WHERE)


def fields_of(row: dict[str, Any], *others: dict[str, Any], table: Table | None = None) -> dict[str, Any]:
    item = item_of(row, *others, table=table)
    assert isinstance(item, Captured)
    return dict(item.fields)


def taken(*columns: str, **values: Any) -> dict[str, str]:
    """Return field by column, for columns of empty values but for those given."""
    table = map_columns([{**dict.fromkeys(columns, ""), **values}])
    return {column: field for field, column in table.columns.items()}


@pytest.mark.parametrize(
    "columns",
    [
        {"id": "tweet_id", "created_at": "posted_at", "text": "text", "screen_name": "author_handle"},
        {"text": "text", "user_name": "author_name", "screen_name": "author_handle", "user_id": "author_id"},
        {"Tweet Id": "tweet_id", "Datetime": "posted_at", "Text": "text", "Username": "author_handle"},
        {"id_str": "tweet_id", "full_text": "text", "user.screen_name": "author_handle"},
        {"user.followers_count": "author_followers", "tweet_text": "text", "tweet_url": "status_url"},
        {"content": "text", "likeCount": "like_count", "numRetweets": "retweet_count"},
        {"content": "text", "engagement_likes": "like_count", "engagement.replies": "reply_count"},
        {"TWEET": "text", "LIKES": "like_count", "Reposts": "retweet_count", "No. of views": "view_count"},
        {"text": "text", "comments": "reply_count", "quote_count": "quote_count"},
        {"text": "text", "public_metrics.like_count": "like_count", "bookmarkCount": "bookmark_count"},
        {
            "text": "text",
            "in_reply_to_status_id": "in_reply_to_tweet_id",
            "quoted_status_id": "quoted_tweet_id",
        },
        {
            "text": "text",
            "retweeted_status_id": "retweeted_tweet_id",
            "conversation_id_str": "conversation_id",
        },
        {"text": "text", "scraped_at": "observed_at", "source_hashtag": "search_query"},
        {"username": "author_handle", "name": "author_name", "tweet": "text", "language": "lang"},
    ],
)
def test_names_of_columns(columns: dict[str, str]) -> None:
    assert taken(*columns) == columns


@pytest.mark.parametrize(
    "column",
    [
        "is_retweet",
        "user_created_at",
        "user.favourites_count",
        "user.id",
        "content_length",
        "sentiment",
        "Unnamed: 0",
    ],
)
def test_names_that_only_look_alike(column: str) -> None:
    field = taken("text", column).get(column)
    assert field in (None, "author_id" if column == "user.id" else None)


def test_values_overrule_names() -> None:
    assert taken("text", username="Wealth Trading")["username"] == "author_name"
    assert taken("text", username="@trader_1")["username"] == "author_handle"
    assert taken("text", username="Some Name", handle="/trader_1") == {
        "text": "text",
        "username": "author_name",
        "handle": "author_handle",
    }
    assert "id" not in taken("text", id="12")
    assert "retweet" not in taken("text", retweet="False")
    assert "date" not in taken("text", date="2h")


def test_one_search_tag_per_row_is_the_search() -> None:
    table = map_columns([{"hashtag": "#nifty", "hashtags": "#a, #b", "content": "x"}])
    assert (table.columns["search_query"], table.columns["hashtags"]) == ("hashtag", "hashtags")
    assert map_columns([{"hashtag": "#a #b", "content": "x"}]).columns["hashtags"] == "hashtag"


def test_every_column_gets_a_reason_and_map_corrects_it() -> None:
    row = {"id": "3", "content": "Nifty", "Likes": "7", "when": STATED, "note": "n"}
    reasons = {use.column: use.reason for use in map_columns([row]).uses}
    assert reasons["id"] == "not tweet_id: its values are row numbers"
    assert reasons["note"] == "no field of this name"
    given_map = {"likes": "view_count", "when": "posted_at", "content": "-", "note": "text"}
    table = map_columns([row], column_map=given_map)
    assert table.columns == {"view_count": "Likes", "posted_at": "when", "text": "note"}
    assert {use.column: use.reason for use in table.uses}["Likes"] == "given by --map"


@pytest.mark.parametrize(
    ("columns", "is_posts"),
    [
        (["text", "label"], False),
        (["datetime", "open", "close"], False),
        (["text", "created_at"], True),
        (["content", "likes"], True),
        (["url", "likes"], True),
        (["id", "stance"], True),
    ],
)
def test_what_is_a_table_of_posts(columns: list[str], is_posts: bool) -> None:
    assert (map_columns([dict.fromkeys(columns, "")]).problem is None) is is_posts


def test_a_row_with_an_id() -> None:
    row = {
        "id": f"https://x.com/trader_1/status/{ID}",
        "username": "trader_1",
        "date": "2025-08-31 19:52:53",
        "content": "R&amp;D up",
        "likeCount": "1.2K",
        "replyCount": "",
        "lang": "en",
        "hashtags": "['Nifty', '#TCS']",
        "mentions": "@a, b",
        "symbols": "$INFY",
        "urls": "https://a.example/x,y https://b.example",
        "source_hashtag": "#nifty50",
        "retweeted_status_id": 4.0,
    }
    item = item_of(row)
    assert isinstance(item, Captured)
    assert item.fields == {
        "tweet_id": ID,
        "is_derived_id": False,
        "author_handle": "trader_1",
        "text": "R&D up",
        "posted_at": AT,
        "posted_at_basis": "id",
        "like_count": 1200,
        "lang": "en",
        "hashtags": ["Nifty", "TCS"],
        "mentions": ["a"],
        "cashtags": ["INFY"],
        "urls": ["https://a.example/x,y", "https://b.example"],
        "retweeted_tweet_id": "4",
        "search_query": "#nifty50",
        "source_format": "tabular",
        "parse_warnings": ["list_untidy", "stated_time_differs"],
    }
    assert json.loads(item.payload) == row


def test_the_original_of_a_nested_record_is_its_payload() -> None:
    record = {"id": ID, "text": "x", "engagement": {"likes": 3}}
    flat = flatten(record)
    item = parse_row(flat, map_columns([flat]), origin=WHERE, record=record)
    assert isinstance(item, Captured)
    assert (item.fields["like_count"], json.loads(item.payload)) == (3, record)


@pytest.mark.parametrize("null", ["", " ", "nan", "None", "unknown", None, float("nan")])
def test_every_way_to_say_nothing(null: object) -> None:
    row = {"id": ID, "text": null, "username": null, "likes": null, "date": null, "hashtags": null}
    fields = fields_of(row, {"id": ID, "text": "x"})
    assert not {"author_handle", "like_count", "hashtags"} & fields.keys()
    assert fields["parse_warnings"] == []
    assert fields.get("text") == ("unknown" if null == "unknown" else None)


@pytest.mark.parametrize(
    ("row", "warnings"),
    [
        ({"date": "2025-08-31 14:22"}, ["naive_time_assumed_utc"]),
        ({"date": "2025-08-31"}, ["naive_time_assumed_utc", "time_is_date_only"]),
        ({"date": "3/4/2025 10:00"}, ["naive_time_assumed_utc", "time_ambiguous_day_first"]),
        ({"date": STATED, "likes": "many"}, ["count_unreadable"]),
        ({"date": STATED, "id": "abc"}, ["id_unreadable"]),
        ({"date": STATED, "handle": "not a handle"}, ["handle_unreadable"]),
        ({"date": "soon"}, ["time_unreadable"]),
        ({"date": "1999-01-01T00:00:00Z"}, ["time_out_of_range"]),
    ],
)
def test_guesses_are_warnings(row: dict[str, str], warnings: list[str]) -> None:
    good = {"id": ID, "text": "x", "handle": "h", "date": STATED, "likes": "1"}
    table = map_columns([{**good, "date": row["date"] if "/" in row["date"] else STATED}] * 20)
    assert fields_of({"text": "Nifty", "handle": "h", **row}, table=table)["parse_warnings"] == warnings


def test_a_stated_zone_is_no_guess() -> None:
    row = {"text": "x", "date": "2025-08-31 19:52:53"}
    fields = fields_of(row, table=map_columns([row], zone=ZoneInfo("Asia/Kolkata")))
    assert (fields["posted_at"], fields["parse_warnings"]) == (AT.replace(microsecond=0), [])


def test_a_date_and_a_time_in_two_columns() -> None:
    fields = fields_of({"tweet": "x", "date": "2025-08-31", "time": "14:22:53"})
    assert fields["posted_at"] == AT.replace(microsecond=0)


def test_a_scrapers_clock_is_when_it_was_seen() -> None:
    rows = [{"content": f"post {n}", "timestamp": 1770441766.51681 + n / 7} for n in range(30)]
    fields = fields_of(rows[0], *rows[1:])
    assert fields["observed_at"] == datetime(2026, 2, 7, 5, 22, 46, 516_810, tzinfo=UTC)
    assert not {"posted_at", "posted_at_basis"} & fields.keys()


def test_an_observation_that_is_a_date_was_made_by_the_days_end() -> None:
    row = {"text": "Nifty", "handle": "h", "date": "2025-08-31T14:22:53Z", "scraped_at": "2025-08-31"}
    fields = fields_of(row)
    assert fields["observed_at"] == datetime(2025, 9, 1, tzinfo=UTC)
    assert "time_is_date_only" in fields["parse_warnings"]


def test_rounded_ids_give_their_time_but_not_their_name() -> None:
    rows = [{"id": str((int(ID) + n * 10**12) // 1000 * 1000), "text": f"post {n}"} for n in range(20)]
    fields = fields_of(rows[0], *rows[1:])
    assert fields["is_derived_id"]
    assert fields["posted_at"] == AT
    assert fields["parse_warnings"] == ["id_lost_precision"]
    assert fields_of({"id": float(ID), "text": "x"})["parse_warnings"] == ["id_lost_precision"]


def test_the_id_column_that_was_not_rounded_is_preferred() -> None:
    fields = fields_of({"id": float(ID), "id_str": ID, "text": "x"})
    assert (fields["tweet_id"], fields["parse_warnings"]) == (ID, [])


def test_the_link_names_post_and_author() -> None:
    fields = fields_of({"text": "x", "link": f"https://twitter.com/trader_1/status/{ID}"})
    assert (fields["tweet_id"], fields["author_handle"]) == (ID, "trader_1")


def test_the_same_card_seen_at_two_ages_is_one_post() -> None:
    young = {
        "username": "Some Name",
        "timestamp": STATED,
        "content": "Some Name @some_1 · 2h Nifty up #nifty 56",
        "likes": 0,
    }
    old = {**young, "content": "Some Name @some_1 · 3h  Nifty up  #nifty 1 2 115", "search": "#x"}
    first, second = fields_of(young), fields_of(old)
    assert first["is_derived_id"]
    assert first["tweet_id"] == second["tweet_id"]
    assert (first["author_handle"], first["author_name"], first["text"]) == (
        "some_1",
        "Some Name",
        "Nifty up #nifty",
    )
    # One number is the views, so zero likes may be true; with three, some likes were shown.
    assert (first["like_count"], first["parse_warnings"]) == (0, ["card_text"])
    assert "like_count" not in second
    assert second["parse_warnings"] == ["card_text", "count_untrusted"]


def test_four_counts_on_a_card_are_all_of_them() -> None:
    fields = fields_of({"content": "A B @a_b · 2h Nifty up 3 2 21 1.1K", "likes": "0", "date": STATED})
    counts = [fields[name] for name in ("reply_count", "retweet_count", "like_count", "view_count")]
    assert counts == [3, 2, 21, 1100]
    assert fields["parse_warnings"] == ["card_text", "counts_from_card"]


SHIFTED = {
    "Username": "A B",
    "Handle": "@a_b",
    "Timestamp": "17-11-2025 01:35",
    "Content": "· | 1h | Uptrend forming",
    "Replies": "Will it hold?",
    "Retweets": "#nifty",
    "Likes": "144",
}


def test_text_in_the_count_columns_goes_back_to_the_text() -> None:
    fields = fields_of(SHIFTED)
    assert fields["text"] == "Uptrend forming\nWill it hold?\n#nifty"
    assert not {"reply_count", "retweet_count", "like_count"} & fields.keys()
    expected = ["card_text", "count_untrusted", "naive_time_assumed_utc", "text_from_count_columns"]
    assert fields["parse_warnings"] == expected


def test_in_such_a_table_numbers_are_no_likes_either() -> None:
    numbers = {**SHIFTED, "Replies": "3", "Retweets": "2", "Likes": "443"}
    fields = fields_of(numbers, SHIFTED)
    assert "like_count" not in fields
    assert fields["text"] == "Uptrend forming"


def test_adverts_have_no_time() -> None:
    advert = {**SHIFTED, "Timestamp": "", "Content": "Ad | Buy this", "Replies": "2"}
    item = item_of(advert, SHIFTED)
    assert isinstance(item, Excluded)
    assert item.reason == "promoted_entry"
    assert fields_of({**SHIFTED, "Content": "Ad | Buy this"}, SHIFTED)["text"] == "Ad | Buy this"


def test_a_dump_of_a_cards_words_is_no_list_of_mentions() -> None:
    row = {
        "text": "x",
        "handle": "/a_b",
        "mentions": ", A B, @a_b, 13m, #nifty, @other, 1.7K",
        "date": STATED,
    }
    fields = fields_of(row)
    assert (fields["mentions"], fields["parse_warnings"]) == (["other"], ["list_untidy"])


@pytest.mark.parametrize(
    ("cell", "tags"),
    [
        (["#a", "b"], ["a", "b"]),
        ("#a, #b", ["a", "b"]),
        ('["a", "b"]', ["a", "b"]),
        ("['a' 'b']", ["a", "b"]),
        ([{"text": "a"}, {"tag": "b"}, {"x": 1}], ["a", "b"]),
        ("[broken", ["[broken"]),
        ([], []),
    ],
)
def test_lists(cell: object, tags: list[str]) -> None:
    assert fields_of({"id": ID, "text": "x", "hashtags": cell})["hashtags"] == tags


@pytest.mark.parametrize(
    "row", [{"text": "😀", "date": ""}, {"text": "", "date": STATED}, {"text": "", "date": ""}]
)
def test_a_row_that_cannot_be_told_apart_is_quarantined(row: dict[str, str]) -> None:
    table = map_columns([{"text": "x", "date": STATED}])
    item = item_of(row, table=table)
    assert isinstance(item, Quarantined)
    assert (item.reason, json.loads(item.payload)) == ("no_identity", row)


CELL = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30)),
    *(st.datetimes(), st.dates(), st.lists(st.text(max_size=5), max_size=3), st.binary(max_size=5)),
    *(
        st.sampled_from(
            [ID, STATED, "· | 2h | a", "A @b · 2h x 3 4", "1.2K", "[1", "['a']", "3/4/2025", timedelta(1)]
        ),
    ),
)
COLUMNS = (
    "id",
    "url",
    "text",
    "username",
    "name",
    "date",
    "time",
    "scraped_at",
    "likes",
    "replies",
    "hashtags",
    "mentions",
)


@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(COLUMNS, CELL)), min_size=1, max_size=5))
def test_any_table_is_mapped_and_read_without_error(rows: list[dict[str, Any]]) -> None:
    table = map_columns(rows)
    for row in rows:
        item = parse_row(row, table, origin=WHERE)
        if isinstance(item, Captured):
            assert set(item.fields["parse_warnings"]) <= PARSE_WARNINGS.keys()
            assert item.fields["tweet_id"]
        if not isinstance(item, Excluded):
            json.loads(item.payload)
