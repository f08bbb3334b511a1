"""Read posts as X's official interfaces and two public collectors write them.

X API v2 pages and objects, X API v1.1 statuses, and the JSON lines of twscrape and snscrape.
All pure; each function yields the post first, then one Excluded per post nested in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from ingest.entities import Excluded, Item, Origin, Quarantined
from ingest.entities.tweets.capture import (
    canonical_json,
    captured,
    dig,
    digits,
    id_list,
    parts,
    posted_time,
    read_counts,
    string,
    unescaped,
)
from ingest.entities.tweets.identity import read_tweet_id
from ingest.entities.tweets.schema import ENTITY
from ingest.entities.tweets.times import parse_time

_REFERENCES = {"quoted": "nested_quote", "retweeted": "nested_retweet"}


def parse_v2_page(
    page: object, *, observed_at: datetime | None, search_query: str | None, origin: Origin
) -> Iterator[Item]:
    """Yield the posts of an X API v2 page (``data``, ``includes``, ``meta``), or of one v2 object.

    Authors are joined from ``includes.users``, reposted texts from ``includes.tweets``; those
    posts are Excluded. twarc's ``__twarc`` note gives the time and query where the caller knows none.
    """
    is_page = isinstance(page, dict) and ("data" in page or "meta" in page)
    data = dig(page, "data") if is_page else page
    posts = data if isinstance(data, list) else [data] if data is not None else []
    users = _by_id(dig(page, "includes", "users"))
    included = _by_id(dig(page, "includes", "tweets"))
    note = dig(page, "__twarc")
    observed_at = observed_at or _time(dig(note, "retrieved_at"))
    search_query = search_query or _query_of(dig(note, "url"))
    seen: set[str] = set()
    reasons: dict[str, str] = {}
    for number, post in enumerate(posts, 1):
        where = Origin(origin.file, f"{origin.position} item {number}".strip()) if is_page else origin
        references = _references(post)
        for kind, tweet_id in references.items():
            reasons.setdefault(tweet_id, _REFERENCES.get(kind, "referenced_tweet"))
        author = dig(post, "author") or users.get(digits(dig(post, "author_id")) or "")
        reposted = included.get(references.get("retweeted", ""))
        fields, warnings = _v2_fields(post, author, references, reposted, users)
        fields |= {"observed_at": observed_at, "search_query": search_query}
        yield _settled(fields, warnings, post, where, seen)
    for tweet_id in included:
        yield Excluded(ENTITY, reasons.get(tweet_id, "referenced_tweet"), origin)


def _v2_fields(
    post: Any, author: Any, references: Mapping[str, str], reposted: Any, users: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    warnings: list[str] = []
    text, entities = _v2_text(post)
    if "retweeted" in references:
        inner, inner_entities = _v2_text(reposted)
        handle = string(dig(users.get(digits(dig(reposted, "author_id")) or ""), "username"))
        if inner and handle:
            text, entities = f"RT @{handle}: {inner}", inner_entities
        else:
            warnings.append("retweet_text_cut")
    metrics = dig(post, "public_metrics")
    counts = (
        ("author_followers", dig(author, "public_metrics", "followers_count")),
        ("like_count", dig(metrics, "like_count")),
        ("retweet_count", dig(metrics, "retweet_count")),
        ("reply_count", dig(metrics, "reply_count")),
        ("quote_count", dig(metrics, "quote_count")),
        ("view_count", dig(metrics, "impression_count")),
        ("bookmark_count", dig(metrics, "bookmark_count")),
    )
    fields = {
        "tweet_id": digits(dig(post, "id")),
        "author_id": digits(dig(post, "author_id")) or digits(dig(author, "id")),
        "author_handle": string(dig(author, "username")),
        "author_name": string(dig(author, "name")),
        "text": unescaped(text) if text else None,
        "lang": string(dig(post, "lang")),
        "posted_at": dig(post, "created_at"),
        **dict(read_counts(counts, warnings)),
        "hashtags": parts(dig(entities, "hashtags"), "tag"),
        "mentions": parts(dig(entities, "mentions"), "username"),
        "cashtags": parts(dig(entities, "cashtags"), "tag"),
        "urls": parts(dig(entities, "urls"), "unwound_url", "expanded_url", "url"),
        "conversation_id": digits(dig(post, "conversation_id")),
        "in_reply_to_tweet_id": references.get("replied_to"),
        "quoted_tweet_id": references.get("quoted"),
        "retweeted_tweet_id": references.get("retweeted"),
        "edit_tweet_ids": id_list(dig(post, "edit_history_tweet_ids")),
        "source_format": "x_api_v2",
    }
    return fields, warnings


def _v2_text(post: object) -> tuple[str | None, object]:
    note = dig(post, "note_tweet")
    if text := string(dig(note, "text")):
        return text, dig(note, "entities")
    return string(dig(post, "text")), dig(post, "entities")


def _references(post: object) -> dict[str, str]:
    listed = dig(post, "referenced_tweets")
    pairs = (
        ((dig(item, "type"), digits(dig(item, "id"))) for item in listed) if isinstance(listed, list) else ()
    )
    return {kind: tweet_id for kind, tweet_id in pairs if isinstance(kind, str) and tweet_id}


def _by_id(listed: object) -> dict[str, Any]:
    items = listed if isinstance(listed, list) else []
    return {found: item for item in items if (found := digits(dig(item, "id")))}


def _query_of(url: object) -> str | None:
    _, _, query = url.partition("?") if isinstance(url, str) else ("", "", "")
    return parse_qs(query).get("query", [None])[0]


def parse_v1_status(
    status: object,
    *,
    observed_at: datetime | None,
    search_query: str | None,
    origin: Origin,
    seen: set[str] | None = None,
) -> Iterator[Item]:
    """Yield one X API v1.1 status. ``seen`` holds the ids its response gave so far."""
    warnings: list[str] = []
    text, entities = _v1_text(status)
    user = dig(status, "user")
    reposted = dig(status, "retweeted_status")
    mentions = parts(dig(entities, "user_mentions"), "screen_name")
    if reposted is not None:
        inner, inner_entities = _v1_text(reposted)
        handle = string(dig(reposted, "user", "screen_name"))
        if inner and handle:
            text, entities = f"RT @{handle}: {inner}", inner_entities
            mentions = [handle, *(parts(dig(entities, "user_mentions"), "screen_name") or [])]
        else:
            warnings.append("retweet_text_cut")
    counts = (
        ("author_followers", dig(user, "followers_count")),
        ("like_count", dig(status, "favorite_count")),
        ("retweet_count", dig(status, "retweet_count")),
        ("reply_count", dig(status, "reply_count")),
        ("quote_count", dig(status, "quote_count")),
    )
    fields = {
        "tweet_id": _v1_id(status, "id"),
        "author_id": _v1_id(user, "id"),
        "author_handle": string(dig(user, "screen_name")),
        "author_name": string(dig(user, "name")),
        "text": unescaped(text) if text else None,
        "lang": string(dig(status, "lang")),
        "posted_at": dig(status, "created_at"),
        **dict(read_counts(counts, warnings)),
        "hashtags": parts(dig(entities, "hashtags"), "text"),
        "mentions": mentions,
        "cashtags": parts(dig(entities, "symbols"), "text"),
        "urls": parts(dig(entities, "urls"), "expanded_url", "url"),
        "in_reply_to_tweet_id": _v1_id(status, "in_reply_to_status_id"),
        "quoted_tweet_id": _v1_id(status, "quoted_status_id") or _v1_id(dig(status, "quoted_status"), "id"),
        "retweeted_tweet_id": _v1_id(reposted, "id"),
        "source_format": "x_api_v1",
        "observed_at": observed_at,
        "search_query": search_query,
    }
    yield _settled(fields, warnings, status, origin, seen if seen is not None else set())
    yield from _nested(status, "retweeted_status", "quoted_status", origin)


def _v1_text(status: object) -> tuple[str | None, object]:
    """Return the full text with its entities; streams put both into ``extended_tweet``."""
    extended = dig(status, "extended_tweet")
    if text := string(dig(extended, "full_text")):
        return text, dig(extended, "entities")
    return string(dig(status, "full_text")) or string(dig(status, "text")), dig(status, "entities")


def _v1_id(holder: object, name: str) -> str | None:
    # The number may have been rounded by a reader in JavaScript; the string was not.
    return digits(dig(holder, f"{name}_str")) or digits(dig(holder, name))


def parse_collector_tweet(
    tweet: object, *, observed_at: datetime | None, search_query: str | None, origin: Origin
) -> Iterator[Item]:
    """Yield one post as twscrape or snscrape writes it (the first has ``id_str``, the second has not)."""
    warnings: list[str] = []
    text = string(dig(tweet, "rawContent")) or string(dig(tweet, "content"))
    user = dig(tweet, "user")
    reposted = dig(tweet, "retweetedTweet")
    if reposted is not None:
        inner = string(dig(reposted, "rawContent")) or string(dig(reposted, "content"))
        handle = string(dig(reposted, "user", "username"))
        if inner and handle:
            text = f"RT @{handle}: {inner}"
        else:
            warnings.append("retweet_text_cut")
    bookmarks = dig(tweet, "bookmarkedCount")
    counts = (
        ("author_followers", dig(user, "followersCount")),
        ("like_count", dig(tweet, "likeCount")),
        ("retweet_count", dig(tweet, "retweetCount")),
        ("reply_count", dig(tweet, "replyCount")),
        ("quote_count", dig(tweet, "quoteCount")),
        ("view_count", dig(tweet, "viewCount")),
        ("bookmark_count", dig(tweet, "bookmarkCount") if bookmarks is None else bookmarks),
    )
    found = read_tweet_id(dig(tweet, "id_str") or dig(tweet, "id") or dig(tweet, "url"))
    fields = {
        "tweet_id": found[0] if found and not found[1] else None,
        "author_id": digits(dig(user, "id_str")) or digits(dig(user, "id")),
        "author_handle": string(dig(user, "username")),
        "author_name": string(dig(user, "displayname")),
        "text": unescaped(text) if text else None,
        "lang": string(dig(tweet, "lang")),
        "posted_at": dig(tweet, "date"),
        **dict(read_counts(counts, warnings)),
        "hashtags": parts(dig(tweet, "hashtags")),
        "mentions": parts(dig(tweet, "mentionedUsers"), "username"),
        "cashtags": parts(dig(tweet, "cashtags")),
        "urls": parts(dig(tweet, "links"), "url") or parts(dig(tweet, "outlinks"), "url"),
        "conversation_id": digits(dig(tweet, "conversationIdStr")) or digits(dig(tweet, "conversationId")),
        "in_reply_to_tweet_id": digits(dig(tweet, "inReplyToTweetIdStr"))
        or digits(dig(tweet, "inReplyToTweetId")),
        "quoted_tweet_id": digits(dig(tweet, "quotedTweet", "id")),
        "retweeted_tweet_id": digits(dig(reposted, "id")),
        "source_format": "twscrape" if dig(tweet, "id_str") else "snscrape",
        "observed_at": observed_at,
        "search_query": search_query,
    }
    yield _settled(fields, warnings, tweet, origin, set())
    yield from _nested(tweet, "retweetedTweet", "quotedTweet", origin)


def _settled(
    fields: dict[str, Any], warnings: list[str], record: object, origin: Origin, seen: set[str]
) -> Item:
    """Return the item for a read post: its time from the id, else as stated; each id once."""
    tweet_id = fields["tweet_id"]
    if tweet_id is None or fields["text"] is None:
        reason = "no_id" if tweet_id is None else "no_text"
        return Quarantined(ENTITY, reason, canonical_json(record), origin)
    if tweet_id in seen:
        return Excluded(ENTITY, "duplicate_in_response", origin)
    seen.add(tweet_id)
    at, basis = posted_time(tweet_id, fields["posted_at"], warnings)
    fields |= {"posted_at": at, "posted_at_basis": basis}
    fields["is_derived_id"] = False
    return captured(fields, warnings=warnings, payload=canonical_json(record), origin=origin)


def _nested(post: object, reposted: str, quoted: str, origin: Origin) -> Iterator[Item]:
    holders = [post]
    for holder in holders:  # grows: a quoted post may quote
        for key, reason in ((reposted, "nested_retweet"), (quoted, "nested_quote")):
            if isinstance(inner := dig(holder, key), dict):
                yield Excluded(ENTITY, reason, origin)
                holders.append(inner)


def _time(value: object) -> datetime | None:
    try:
        return parse_time(value, zone=UTC).at
    except ValueError:
        return None
