"""Read X's own GraphQL responses: search results of every schema generation since 2022.

    response ─> instructions ─> entries (and modules) ─> result ─> one item each

Pure: no files, no clock, no network, so that a browser that caught a response and an archive
that stored one read it alike. Nothing raises: whatever stands where a post should be becomes
Captured, Excluded or Quarantined.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

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
from ingest.entities.tweets.schema import ENTITY

_SEARCH = ("data", "search_by_raw_query", "search_timeline", "timeline", "instructions")
_DEPTH = 8  # of 'instructions' below 'data' in timelines other than the search's

# Results that stand for a post but are none.
_NOT_POSTS = {
    "TweetTombstone": "tombstone",
    "TweetUnavailable": "unavailable",
    "TweetPreviewDisplay": "preview",
}


def parse_search_response(
    response: object, *, observed_at: datetime | None, search_query: str | None, origin: Origin
) -> Iterator[Item]:
    """Yield one item per post in a response: results in their order, each followed by its nested posts.

    ``observed_at`` (aware) and ``search_query`` are what the capture knows and the response
    does not say; ``origin.position`` gets the entry's id appended. Cursors and prompts are no
    records. What holds no timeline is one Quarantined item, reason ``no_timeline``.
    """
    instructions = find_instructions(response)
    if instructions is None:
        yield Quarantined(ENTITY, "no_timeline", canonical_json(response), origin)
        return
    seen: set[str] = set()
    for entry_id, content, entry in _entries(instructions):
        where = Origin(origin.file, f"{origin.position} {entry_id}".strip())
        if not isinstance(content, dict):
            yield Quarantined(ENTITY, "malformed_entry", canonical_json(entry), where)
        elif "promoted" in entry_id or content.get("promotedMetadata"):
            yield Excluded(ENTITY, "promoted_entry", where)
        elif not isinstance(results := content.get("tweet_results"), dict):
            yield Quarantined(ENTITY, "malformed_entry", canonical_json(entry), where)
        else:
            yield from parse_result(
                results.get("result"),
                observed_at=observed_at,
                search_query=search_query,
                origin=where,
                seen=seen,
            )


def parse_result(
    result: object,
    *,
    observed_at: datetime | None,
    search_query: str | None,
    origin: Origin,
    seen: set[str],
) -> Iterator[Item]:
    """Yield the items of one result: the post, or why it is none, then the posts nested in it.

    ``seen`` holds the ids this response gave so far and gets this one added.
    """
    post, excuse = _unwrapped(result)
    if excuse:
        yield Excluded(ENTITY, excuse, origin)
        return
    tweet_id = digits(dig(post, "rest_id")) or digits(dig(post, "legacy", "id_str"))
    if tweet_id is None:
        yield Quarantined(ENTITY, "no_id", canonical_json(result), origin)
        return
    if tweet_id in seen:
        yield Excluded(ENTITY, "duplicate_in_response", origin)
        return
    warnings: list[str] = []
    fields = _fields(post, tweet_id, warnings)
    if fields["text"] is None:
        yield Quarantined(ENTITY, "no_text", canonical_json(result), origin)
        return
    seen.add(tweet_id)
    fields |= {"observed_at": observed_at, "search_query": search_query}
    yield captured(fields, warnings=warnings, payload=canonical_json(result), origin=origin)
    yield from _nested(post, origin)


def find_instructions(response: object) -> list[Any] | None:
    """Return the instructions of a response's timeline, the search's or another's; None without one."""
    found = dig(response, *_SEARCH)
    if found is None:
        found = _instructions_below(dig(response, "data"), _DEPTH)
    return found if isinstance(found, list) else None


def _instructions_below(value: object, depth: int) -> object:
    if not isinstance(value, dict) or not depth:
        return None
    if isinstance(value.get("instructions"), list):
        return value["instructions"]
    below = (_instructions_below(inner, depth - 1) for inner in value.values())
    return next((found for found in below if found is not None), None)


def _entries(instructions: list[Any]) -> Iterator[tuple[str, object, object]]:
    """Yield (entry id, item content or None if malformed, whole entry) for each entry that is a post's."""
    for instruction in instructions:
        if not isinstance(instruction, dict):
            yield "", None, instruction
            continue
        for name in ("entries", "moduleItems"):
            listed = instruction.get(name)
            if isinstance(listed, list):
                for entry in listed:
                    yield from _posts_of(entry)
            elif listed is not None:
                yield name, None, instruction
        if instruction.get("entry") is not None:  # TimelineReplaceEntry, TimelinePinEntry
            yield from _posts_of(instruction["entry"])


def _posts_of(entry: object) -> Iterator[tuple[str, object, object]]:
    entry_id = dig(entry, "entryId")
    entry_id = entry_id if isinstance(entry_id, str) else ""
    content = dig(entry, "content") or dig(entry, "item")
    if isinstance(items := dig(content, "items"), list):
        for item in items:
            yield from _posts_of(item)
        return
    inner = dig(content, "itemContent")
    is_post = isinstance(inner, dict) and (
        "tweet_results" in inner or "TimelineTweet" in (inner.get("itemType"), inner.get("__typename"))
    )
    if is_post or "tweet-" in entry_id:
        yield entry_id, inner, entry
    elif not isinstance(content, dict) and not entry_id.startswith("cursor-"):
        yield entry_id, None, entry


def _unwrapped(result: object) -> tuple[object, str | None]:
    """Return the post behind a result's wrappers, and why it is none if it is none."""
    while result is not None and result != {}:
        kind = dig(result, "__typename")
        if isinstance(kind, str) and kind in _NOT_POSTS:
            return None, _NOT_POSTS[kind]
        inner = dig(result, "tweet")
        if dig(result, "rest_id") is not None or not isinstance(inner, dict):
            return result, None
        result = inner
    return None, "unavailable"


def _fields(post: Any, tweet_id: str, warnings: list[str]) -> dict[str, Any]:
    legacy = dig(post, "legacy")
    user = dig(post, "core", "user_results", "result")
    posted_at, basis = posted_time(tweet_id, dig(legacy, "created_at"), warnings)
    text, entities = _text_and_entities(post)
    reposted, _ = _unwrapped(dig(legacy, "retweeted_status_result", "result"))
    is_repost = dig(legacy, "retweeted_status_result") is not None
    mentions = parts(dig(entities, "user_mentions"), "screen_name")
    if is_repost:
        inner_text, inner_entities = _text_and_entities(reposted)
        handle = _handle(dig(reposted, "core", "user_results", "result"))
        if inner_text and handle:
            text, entities = f"RT @{handle}: {inner_text}", inner_entities
            mentions = [handle, *(parts(dig(entities, "user_mentions"), "screen_name") or [])]
        else:
            warnings.append("retweet_text_cut")
    quoted, _ = _unwrapped(dig(post, "quoted_status_result", "result"))
    edits = dig(post, "edit_control", "edit_tweet_ids") or dig(
        post, "edit_control", "edit_control_initial", "edit_tweet_ids"
    )
    followers = dig(user, "relationship_counts", "followers")
    if followers is None:
        followers = dig(user, "legacy", "followers_count")
    counts = (
        ("author_followers", followers),
        ("like_count", dig(legacy, "favorite_count")),
        ("retweet_count", dig(legacy, "retweet_count")),
        ("reply_count", dig(legacy, "reply_count")),
        ("quote_count", dig(legacy, "quote_count")),
        ("view_count", dig(post, "views", "count")),
        ("bookmark_count", dig(legacy, "bookmark_count")),
    )
    return {
        "tweet_id": tweet_id,
        "is_derived_id": False,
        "author_id": digits(dig(user, "rest_id")) or digits(dig(legacy, "user_id_str")),
        "author_handle": _handle(user),
        "author_name": string(dig(user, "core", "name")) or string(dig(user, "legacy", "name")),
        "text": text,
        "lang": string(dig(legacy, "lang")),
        "posted_at": posted_at,
        "posted_at_basis": basis,
        **dict(read_counts(counts, warnings)),
        "hashtags": parts(dig(entities, "hashtags"), "text"),
        "mentions": mentions,
        "cashtags": parts(dig(entities, "symbols"), "text"),
        "urls": parts(dig(entities, "urls"), "expanded_url", "url"),
        "conversation_id": digits(dig(legacy, "conversation_id_str")),
        "in_reply_to_tweet_id": digits(dig(legacy, "in_reply_to_status_id_str")),
        "quoted_tweet_id": digits(dig(legacy, "quoted_status_id_str"))
        or digits(dig(quoted, "rest_id"))
        or digits(dig(post, "quotedRefResult", "result", "rest_id")),
        "retweeted_tweet_id": digits(dig(reposted, "rest_id")),
        "edit_tweet_ids": id_list(edits),
        "source_format": "x_graphql",
    }


def _text_and_entities(post: object) -> tuple[str | None, object]:
    """Return a post's full text with the entities that belong to it: the note's, else the legacy ones."""
    note = dig(post, "note_tweet", "note_tweet_results", "result")
    text, entities = string(dig(note, "text")), dig(note, "entity_set")
    if text is None:
        text, entities = string(dig(post, "legacy", "full_text")), dig(post, "legacy", "entities")
    return (unescaped(text) if text else None), entities


def _handle(user: object) -> str | None:
    return string(dig(user, "core", "screen_name")) or string(dig(user, "legacy", "screen_name"))


def _nested(post: object, origin: Origin) -> Iterator[Item]:
    """Yield one Excluded per post held inside another, at any depth; a bare reference is no record."""
    holders = [post]
    for holder in holders:  # grows: a quoted post may quote
        for place in (holder, dig(holder, "legacy")):
            for key, reason in (
                ("retweeted_status_result", "nested_retweet"),
                ("quoted_status_result", "nested_quote"),
            ):
                result = dig(place, key, "result")
                if not result:
                    continue
                inner, excuse = _unwrapped(result)
                if excuse or dig(inner, "legacy") or dig(inner, "note_tweet"):
                    yield Excluded(ENTITY, excuse or reason, origin)
                holders.append(inner)
