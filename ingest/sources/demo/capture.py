"""What a browser would have captured: X search responses with the demo's posts.

Four searches run in rounds through the day. A post shows up in the first round after it was posted,
and may be seen again by another search or a later round, with counts that have grown. Responses
alternate between the 2024 and the 2026 shape of a user.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Iterator
from datetime import date, datetime
from random import Random
from typing import Any, NamedTuple

from ingest.sources.demo.market import day_start_ms, from_ms
from ingest.sources.demo.phrases import SEARCHES
from ingest.sources.demo.posts import DAY_MS, MINUTE_MS, Author, Post, compose

PAGE_SIZE = 20
LONG_TEXT = 280
TAG_LETTERS = r"[\w\u0900-\u0963]"  # \w leaves out vowel signs
# Minutes of the IST day at which a round starts: two-hourly overnight, then half-hourly.
_ROUNDS = (120, 240, 360, 480, *range(510, 1411, 30), 1432)


class Page(NamedTuple):
    """One captured response."""

    observed_at: datetime
    search_query: str
    response: dict[str, Any]


def pages(seed: int, trading_date: date, posts: int) -> Iterator[Page]:
    """The day's responses in the order in which they were captured."""
    rng = Random(f"{seed}/{trading_date}/capture")
    midnight = day_start_ms(trading_date)
    page_number = 0
    sightings = _sightings(rng, midnight, compose(seed, trading_date, posts))
    for (round_number, search), found in sorted(sightings.items()):
        found.sort(key=lambda post: (post.posted_ms, post.tweet_id), reverse=True)
        started = midnight + _ROUNDS[round_number] * MINUTE_MS + search * 95_000
        for first in range(0, len(found), PAGE_SIZE):
            at_ms = started + first // PAGE_SIZE * 6500 + rng.randrange(900)
            modern = round_number % 3 != 0
            entries = [_entry(post, at_ms, modern) for post in found[first : first + PAGE_SIZE]]
            if page_number % 17 == 3 and len(entries) < PAGE_SIZE:
                entries.append(entries[0])  # X repeats itself now and then
            yield Page(from_ms(at_ms), SEARCHES[search], _response(entries, page_number, is_first=first == 0))
            page_number += 1


def _sightings(rng: Random, midnight: int, day: list[Post]) -> dict[tuple[int, int], list[Post]]:
    starts = [midnight + minute * MINUTE_MS for minute in _ROUNDS]
    seen: dict[tuple[int, int], list[Post]] = {}
    for post in day:
        first_round = bisect_right(starts, post.posted_ms)
        searches = [SEARCHES.index(search) for search in post.searches()]
        first = (first_round, rng.choice(searches))
        again = [
            (number, search)
            for number in range(first_round, min(first_round + 6, len(_ROUNDS)))
            for search in searches
            if (number, search) != first
        ]
        is_superseded = bool(post.versions) and post.versions[-1][1] != post.tweet_id
        times = 0 if is_superseded else rng.choices((0, 1, 2, 3), (69, 19, 8, 4))[0]
        for key in (first, *rng.sample(again, min(times, len(again)))):
            seen.setdefault(key, []).append(post)
    return seen


def _response(entries: list[dict[str, Any]], number: int, *, is_first: bool) -> dict[str, Any]:
    cursors = [
        {
            "entryId": f"cursor-{kind.lower()}-{sort}",
            "sortIndex": sort,
            "content": {
                "entryType": "TimelineTimelineCursor",
                "__typename": "TimelineTimelineCursor",
                "value": f"demo-{kind.lower()}-{number}",
                "cursorType": kind,
            },
        }
        for kind, sort in (("Top", "9223372036854775807"), ("Bottom", "0"))
    ]
    if is_first:
        instructions: list[dict[str, Any]] = [{"type": "TimelineAddEntries", "entries": [*entries, *cursors]}]
    else:
        instructions = [{"type": "TimelineAddEntries", "entries": entries}]
        instructions += [
            {"type": "TimelineReplaceEntry", "entry_id_to_replace": cursor["entryId"], "entry": cursor}
            for cursor in cursors
        ]
    timeline = {"timeline": {"instructions": instructions}}
    return {"data": {"search_by_raw_query": {"search_timeline": timeline}}}


def _entry(post: Post, at_ms: int, modern: bool) -> dict[str, Any]:
    item: dict[str, Any] = {
        "itemType": "TimelineTweet",
        "__typename": "TimelineTweet",
        "tweet_results": {"result": _tweet(post, at_ms, modern)},
        "tweetDisplayType": "Tweet",
    }
    entry_id = f"tweet-{post.tweet_id}"
    match post.form:
        case "promoted":
            entry_id = f"promoted-{entry_id}-{int(post.tweet_id) & 0xFFFFFF:x}"
            item["promotedMetadata"] = {"disclosureType": "NoDisclosure", "impressionId": f"{at_ms:x}"}
        case "limited":
            prompt = {"__typename": "CtaLimitedActionPrompt", "cta_type": "SeeConversation"}
            item["tweet_results"]["result"] = {
                "__typename": "TweetWithVisibilityResults",
                "tweet": item["tweet_results"]["result"],
                "limitedActionResults": {"limited_actions": [{"action": "Reply", "prompt": prompt}]},
            }
        case "tombstone":
            words = {"text": "This Post is unavailable.", "entities": []}
            item["tweet_results"]["result"] = {"__typename": "TweetTombstone", "tombstone": {"text": words}}
        case "unavailable":
            item["tweet_results"]["result"] = {"__typename": "TweetUnavailable", "reason": "Protected"}
        case "preview":
            item["tweet_results"]["result"] = {"__typename": "TweetPreviewDisplay", "cta": {"title": "Join"}}
        case "no_result":
            item["tweet_results"] = {}
    kind = "TimelineTimelineItem"
    content = {"entryType": kind, "__typename": kind, "itemContent": item}
    return {"entryId": entry_id, "sortIndex": post.tweet_id, "content": content}


def _tweet(post: Post, at_ms: int, modern: bool, is_nested: bool = False) -> dict[str, Any]:
    likes, reposts, replies, quotes, views, bookmarks = post.counts(at_ms)
    is_long = len(post.text) > LONG_TEXT and not post.reposted
    shown = post.text[:LONG_TEXT].rsplit(" ", 1)[0] if is_long else post.text
    legacy: dict[str, Any] = {
        "bookmark_count": bookmarks,
        "conversation_id_str": post.reply_to.tweet_id if post.reply_to else post.tweet_id,
        "created_at": _stamp(post.posted_ms),
        "display_text_range": [0, len(shown)],
        "entities": _entities(post, shown),
        "favorite_count": likes,
        "full_text": html.escape(shown, quote=False),
        "id_str": post.tweet_id,
        "is_quote_status": post.quoted is not None,
        "lang": post.lang,
        "quote_count": quotes,
        "reply_count": replies,
        "retweet_count": reposts,
        "user_id_str": post.author.user_id,
    }
    tweet: dict[str, Any] = {
        "__typename": "Tweet",
        "rest_id": post.tweet_id,
        "core": {"user_results": {"result": _user(post.author, modern)}},
        "edit_control": _edit_control(post, at_ms, modern),
        "views": {"state": "EnabledWithCount", "count": str(views)} if views else {"state": "Enabled"},
        "legacy": legacy,
    }
    if is_long:
        note = {"id": f"note-{post.tweet_id}", "text": post.text, "entity_set": _entities(post, post.text)}
        tweet["note_tweet"] = {"is_expandable": True, "note_tweet_results": {"result": note}}
    if post.reply_to:
        legacy["in_reply_to_screen_name"] = post.reply_to.author.handle
        legacy["in_reply_to_status_id_str"] = post.reply_to.tweet_id
        legacy["in_reply_to_user_id_str"] = post.reply_to.author.user_id
    if post.quoted:
        legacy["quoted_status_id_str"] = post.quoted.tweet_id
        if is_nested:
            tweet["quotedRefResult"] = {"result": {"__typename": "Tweet", "rest_id": post.quoted.tweet_id}}
        else:
            tweet["quoted_status_result"] = {"result": _tweet(post.quoted, at_ms, modern, is_nested=True)}
    if post.reposted:
        legacy["retweeted_status_result"] = {"result": _tweet(post.reposted, at_ms, modern, is_nested=True)}
    if not is_nested:
        _damage(tweet, legacy, post)
    return tweet


def _damage(tweet: dict[str, Any], legacy: dict[str, Any], post: Post) -> None:
    """Break the record the way its form says; ids of untimed posts are already older than snowflakes."""
    if post.form.endswith("_text"):
        tweet.pop("note_tweet", None)
    match post.form:
        case "empty_text":
            legacy["full_text"] = ""
        case "no_text":
            del legacy["full_text"]
        case "invisible_text":
            legacy["full_text"] = "\u200b\u200d\ufeff"
        case "control_text":
            legacy["full_text"] = "\x00\x01\x02\x07\x1b\x7f\x9d"
        case "replacement_text":
            legacy["full_text"] = "\ufffd" * 24 + " \ufffd\ufffd"
        case "unknown_time":
            del legacy["created_at"]
        case "future":
            legacy["created_at"] = _stamp(post.posted_ms + 40 * DAY_MS)
        case "negative_count":
            legacy["favorite_count"] = -7
        case "absurd_count":
            legacy["favorite_count"] = 98_765_432_101
        case "wordy_count":
            legacy["favorite_count"], legacy["retweet_count"] = "many", "–"
        case "no_id":
            del tweet["rest_id"], legacy["id_str"]
        case "no_legacy":
            tweet["legacy"] = None


def _entities(post: Post, text: str) -> dict[str, Any]:
    def marks(sign: str, key: str) -> list[dict[str, Any]]:
        found = re.finditer(rf"(?<![\w/]){sign}({TAG_LETTERS}+)", text)
        return [{key: mark[1], "indices": list(mark.span())} for mark in found]

    urls = [
        {"url": short, "expanded_url": full, "display_url": full[8:32]}
        for short, full in post.links.items()
        if short in text
    ]
    return {
        "hashtags": marks("#", "text"),
        "symbols": marks(r"\$", "text"),
        "urls": urls,
        "user_mentions": marks("@", "screen_name"),
    }


def _edit_control(post: Post, at_ms: int, modern: bool) -> dict[str, Any]:
    known = [tweet_id for posted_ms, tweet_id in post.versions if posted_ms <= at_ms] or [post.tweet_id]
    control: dict[str, Any] = {
        "edit_tweet_ids": known,
        "editable_until_msecs": str(post.posted_ms + 60 * MINUTE_MS),
        "is_edit_eligible": False,
        "edits_remaining": str(6 - len(known)),
    }
    if modern and len(known) > 1:
        return {"initial_tweet_id": known[0], "edit_control_initial": control}
    return control


def _user(author: Author, modern: bool) -> dict[str, Any]:
    user: dict[str, Any] = {"__typename": "User", "id": f"demo-{author.user_id}", "rest_id": author.user_id}
    joined = _stamp(author.joined_ms)
    if modern:
        user["core"] = {"created_at": joined, "name": author.name, "screen_name": author.handle}
        user["relationship_counts"] = {"followers": author.followers, "following": author.followers % 900}
        user["verification"] = {"verified": False}
    else:
        user["legacy"] = {
            "created_at": joined,
            "followers_count": author.followers,
            "friends_count": author.followers % 900,
            "name": author.name,
            "screen_name": author.handle,
            "verified": False,
        }
    return user


def _stamp(epoch_ms: int) -> str:
    """X's ``created_at``: ``Thu Nov 19 03:45:12 +0000 2026``, whatever the locale."""
    text = from_ms(epoch_ms).ctime().replace("  ", " 0")
    return f"{text[:-4]}+0000 {text[-4:]}"
