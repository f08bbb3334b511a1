"""Posts as the official interfaces and two collectors write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ingest.entities import Captured, Item, Origin
from ingest.entities.tweets.api_objects import parse_collector_tweet, parse_v1_status, parse_v2_page

ID = "1962159159849414952"
AT = datetime(2025, 8, 31, 14, 22, 53, 519_000, tzinfo=UTC)
KNOWN: dict[str, Any] = {"observed_at": None, "search_query": None, "origin": Origin("f")}


def outcomes(items: list[Item]) -> list[str]:
    return ["captured" if isinstance(item, Captured) else item.reason for item in items]


def first(items: list[Item]) -> dict[str, Any]:
    assert isinstance(items[0], Captured)
    return dict(items[0].fields)


V2 = {
    "id": ID,
    "text": "Cut long te…",
    "note_tweet": {
        "text": "The long &amp; whole text",
        "entities": {"hashtags": [{"tag": "Nifty"}], "cashtags": [{"tag": "INFY"}]},
    },
    "author_id": "77",
    "created_at": "2025-08-31T14:22:53.000Z",
    "lang": "hi",
    "conversation_id": "5",
    "edit_history_tweet_ids": ["9", ID],
    "referenced_tweets": [{"type": "quoted", "id": "11"}, {"type": "replied_to", "id": "12"}],
    "public_metrics": {
        "retweet_count": 1,
        "reply_count": 2,
        "like_count": 3,
        "quote_count": 4,
        "bookmark_count": 5,
        "impression_count": 6,
    },
    "entities": {"urls": [{"expanded_url": "https://example.com"}]},
}
USERS = [
    {"id": "77", "username": "writer", "name": "W", "public_metrics": {"followers_count": 8}},
    {"id": "78", "username": "other", "name": "O"},
]


def test_v2_page_with_joins() -> None:
    repost = {
        "id": "13",
        "text": "RT @other: Cut…",
        "author_id": "77",
        "referenced_tweets": [{"type": "retweeted", "id": "14"}],
    }
    included = [
        {"id": "11", "text": "quoted"},
        {"id": "12", "text": "replied"},
        {"id": "14", "text": "Cut no more", "author_id": "78"},
    ]
    page = {
        "data": [V2, repost, V2],
        "includes": {"users": USERS, "tweets": included},
        "meta": {"result_count": 3},
    }
    items = list(parse_v2_page(page, **KNOWN))
    assert outcomes(items) == [
        *("captured", "captured", "duplicate_in_response"),
        *("nested_quote", "referenced_tweet", "nested_retweet"),
    ]
    assert first(items) == {
        "tweet_id": ID,
        "is_derived_id": False,
        "author_id": "77",
        "author_handle": "writer",
        "author_name": "W",
        "author_followers": 8,
        "text": "The long & whole text",
        "lang": "hi",
        "posted_at": AT,
        "posted_at_basis": "id",
        "retweet_count": 1,
        "reply_count": 2,
        "like_count": 3,
        "quote_count": 4,
        "bookmark_count": 5,
        "view_count": 6,
        "hashtags": ["Nifty"],
        "cashtags": ["INFY"],
        "conversation_id": "5",
        "in_reply_to_tweet_id": "12",
        "quoted_tweet_id": "11",
        "edit_tweet_ids": ["9", ID],
        "source_format": "x_api_v2",
        "parse_warnings": [],
    }
    assert first(items[1:])["text"] == "RT @other: Cut no more"
    assert first(items[1:])["retweeted_tweet_id"] == "14"


def test_v2_object_and_what_twarc_notes() -> None:
    fields = first(list(parse_v2_page({"id": ID, "text": "x", "author_id": "77"}, **KNOWN)))
    assert (fields["text"], fields["author_id"]) == ("x", "77")
    note = {
        "retrieved_at": "2025-09-01T00:00:00+00:00",
        "url": "https://api.example/2/tweets?query=%23nifty50&max=1",
    }
    fields = first(list(parse_v2_page({"data": [V2], "__twarc": note}, **KNOWN)))
    assert (fields["observed_at"], fields["search_query"]) == (datetime(2025, 9, 1, tzinfo=UTC), "#nifty50")


def test_v2_posts_without_id_or_text_are_kept_apart() -> None:
    page = {"data": [{"id": "x", "text": "t"}, {"id": "5", "text": ""}, 7], "meta": {}}
    assert outcomes(list(parse_v2_page(page, **KNOWN))) == ["no_id", "no_text", "no_id"]
    assert list(parse_v2_page({"meta": {"result_count": 0}}, **KNOWN)) == []


V1 = {
    "id": 1962159159849415000,  # rounded, as JavaScript does
    "id_str": ID,
    "created_at": "Sun Aug 31 14:22:53 +0000 2025",
    "text": "Short…",
    "extended_tweet": {
        "full_text": "Extended &lt;text&gt;",
        "entities": {"hashtags": [{"text": "Nifty"}], "symbols": [{"text": "TCS"}]},
    },
    "user": {"id_str": "77", "screen_name": "writer", "name": "W", "followers_count": 8},
    "favorite_count": 3,
    "retweet_count": 1,
    "in_reply_to_status_id_str": "12",
    "lang": "en",
}


def test_v1_status() -> None:
    items = list(parse_v1_status({**V1, "quoted_status": {**V1, "id_str": "4"}}, **KNOWN))
    assert outcomes(items) == ["captured", "nested_quote"]
    fields = first(items)
    assert (fields["tweet_id"], fields["text"], fields["posted_at"]) == (ID, "Extended <text>", AT)
    assert (fields["hashtags"], fields["cashtags"], fields["quoted_tweet_id"]) == (["Nifty"], ["TCS"], "4")
    assert (fields["author_handle"], fields["author_followers"], fields["like_count"]) == ("writer", 8, 3)


def test_v1_repost_has_the_full_text() -> None:
    original = {**V1, "id_str": "4", "extended_tweet": None, "full_text": "In full"}
    items = list(
        parse_v1_status(
            {**V1, "extended_tweet": None, "full_text": "RT @writer: In…", "retweeted_status": original},
            **KNOWN,
        )
    )
    assert outcomes(items) == ["captured", "nested_retweet"]
    assert (first(items)["text"], first(items)["retweeted_tweet_id"]) == ("RT @writer: In full", "4")


COLLECTED = {
    "id": int(ID),
    "id_str": ID,
    "rawContent": "Nifty &amp; Sensex",
    "date": "2025-08-31 14:22:53+00:00",
    "user": {"id": 77, "username": "writer", "displayname": "W", "followersCount": 8},
    "likeCount": 3,
    "retweetCount": 1,
    "replyCount": 2,
    "quoteCount": 0,
    "viewCount": None,
    "bookmarkedCount": 5,
    "hashtags": ["Nifty"],
    "cashtags": ["TCS"],
    "mentionedUsers": [{"username": "other"}],
    "links": [{"url": "https://example.com"}],
    "conversationIdStr": "5",
    "inReplyToTweetIdStr": "6",
    "lang": "en",
}


def test_twscrape() -> None:
    quoted = {**COLLECTED, "id": 4, "quotedTweet": {**COLLECTED, "id": 3}}
    items = list(parse_collector_tweet({**COLLECTED, "quotedTweet": quoted}, **KNOWN))
    assert outcomes(items) == ["captured", "nested_quote", "nested_quote"]
    fields = first(items)
    assert (fields["source_format"], fields["text"], fields["posted_at"]) == (
        "twscrape",
        "Nifty & Sensex",
        AT,
    )
    assert (fields["author_id"], fields["bookmark_count"], fields["quoted_tweet_id"]) == ("77", 5, "4")
    assert (fields["mentions"], fields["urls"], fields["in_reply_to_tweet_id"]) == (
        ["other"],
        ["https://example.com"],
        "6",
    )
    repost = {**COLLECTED, "rawContent": "RT @writer: Nif…", "retweetedTweet": {**COLLECTED, "id": 4}}
    assert first(list(parse_collector_tweet(repost, **KNOWN)))["text"] == "RT @writer: Nifty & Sensex"


def test_snscrape_of_both_ages() -> None:
    tweet = {key: value for key, value in COLLECTED.items() if key not in ("id_str", "rawContent", "links")}
    for name in ("content", "rawContent"):
        fields = first(list(parse_collector_tweet({**tweet, name: "Nifty up", "outlinks": None}, **KNOWN)))
        assert (fields["source_format"], fields["tweet_id"], fields["text"]) == ("snscrape", ID, "Nifty up")
    by_link = {**tweet, "id": None, "content": "x", "url": f"https://twitter.com/writer/status/{ID}"}
    assert first(list(parse_collector_tweet(by_link, **KNOWN)))["tweet_id"] == ID
