"""SearchTimeline bodies in the shapes that X has used, from 2024 (`legacy`) to 2026 (`core`, `bare`)."""

import base64
import html
import json
import random
import re
import time
from collections.abc import Iterable, Sequence
from typing import Any

from tests.replica.corpus import Author, Post

Json = dict[str, Any]

GENERATIONS = ("legacy", "core", "bare")
MAX_SORT_INDEX = "9223372036854775807"

_ENTITY = {
    "hashtags": re.compile(r"(?<![\w&/])#([\w\u0900-\u097F]+)"),
    "symbols": re.compile(r"(?<!\w)\$([A-Za-z]{1,12})\b"),
    "user_mentions": re.compile(r"(?<!\w)@(\w{1,15})"),
}
_LIMITED = {
    "limitedActionResults": {
        "limited_actions": [
            {
                "action": "Reply",
                "prompt": {
                    "__typename": "CtaLimitedActionPrompt",
                    "cta_type": "SeeConversation",
                    "headline": {"text": "Replies are limited", "entities": []},
                    "subtext": {"text": "The author chose who can reply.", "entities": []},
                },
            }
        ]
    }
}
_BLURRED = {
    "mediaVisibilityResults": {
        "blurred_image_interstitial": {
            "opacity": 0.8,
            "title": {"text": "Content warning", "rtl": False, "entities": []},
            "text": {"text": "The author flagged this post.", "rtl": False, "entities": []},
        }
    }
}

_WRAPPERS: dict[str, Json] = {"limited": _LIMITED, "blurred": _BLURRED, "plain": {}}
_CONTROLLER = base64.b64encode(bytes(range(96))).decode()


def timestamp(epoch_s: float) -> str:
    """Return a time as the payloads write it, to the second and in UTC."""
    return time.strftime("%a %b %d %H:%M:%S +0000 %Y", time.gmtime(epoch_s))


def _dumps(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def user_result(author: Author, generation: str) -> Json:
    """Return a `User` object of one generation; `bare` has `legacy` null or absent."""
    head: Json = {
        "__typename": "User",
        "id": base64.b64encode(f"User:{author.id}".encode()).decode(),
        "rest_id": str(author.id),
        "affiliates_highlighted_label": {},
        "has_graduated_access": True,
        "is_blue_verified": author.is_verified,
        "profile_image_shape": "Circle",
    }
    if author.category:
        head["professional"] = {
            "rest_id": str(author.id + 7),
            "professional_type": "Creator",
            "category": [{"id": 713, "name": author.category, "icon_name": "IconBriefcaseStroke"}],
        }
    avatar = f"https://pbs.twimg.com/profile_images/{author.id}/replica_normal.jpg"
    site = {
        "display_url": f"{author.screen_name.lower()}.example",
        "expanded_url": f"https://{author.screen_name.lower()}.example",
        "url": f"https://t.co/{str(author.id)[-10:]}",
    }
    counts: Json = {
        "default_profile": True,
        "default_profile_image": False,
        "description": author.bio,
        "entities": {
            "description": {"urls": []},
            "url": {"urls": [site | {"indices": [0, 23]}]},
        },
        "fast_followers_count": 0,
        "favourites_count": author.favourites,
        "followers_count": author.followers,
        "friends_count": author.following,
        "has_custom_timelines": False,
        "is_translator": False,
        "listed_count": author.followers // 200,
        "media_count": author.statuses // 9,
        "normal_followers_count": author.followers,
        "pinned_tweet_ids_str": [],
        "possibly_sensitive": False,
        "profile_banner_url": f"https://pbs.twimg.com/profile_banners/{author.id}/{author.joined_s}",
        "profile_interstitial_type": "",
        "statuses_count": author.statuses,
        "translator_type": "none",
        "url": site["url"],
        "want_retweets": False,
    }
    if generation == "legacy":
        legacy = counts | {
            "following": False,
            "can_dm": False,
            "can_media_tag": True,
            "created_at": timestamp(author.joined_s),
            "location": author.location,
            "name": author.name,
            "profile_image_url_https": avatar,
            "screen_name": author.screen_name,
            "verified": False,
            "withheld_in_countries": [],
        }
        return head | {"legacy": legacy, "tipjar_settings": {}}
    modern: Json = head | {
        "avatar": {"image_url": avatar},
        "core": {
            "created_at": timestamp(author.joined_s),
            "name": author.name,
            "screen_name": author.screen_name,
        },
        "dm_permissions": {"can_dm": False},
        "follow_request_sent": False,
        "location": {"location": author.location},
        "media_permissions": {"can_media_tag": True},
        "privacy": {"protected": False},
        "profile_bio": {"description": author.bio},
        "profile_description_language": "en",
        "relationship_perspectives": {"following": False, "followed_by": False, "blocking": False},
        "super_follow_eligible": False,
        "super_followed_by": False,
        "super_following": False,
        "tipjar_settings": {},
        "verification": {"verified": False},
    }
    if generation == "core":
        return modern | {"legacy": counts}
    modern["relationship_counts"] = {"followers": author.followers, "following": author.following}
    modern["tweet_counts"] = {"tweets": author.statuses, "media_tweets": author.statuses // 9}
    return modern | ({"legacy": None} if author.bare_legacy == "null" else {})


def _entities(text: str, post: Post) -> Json:
    found: Json = {"hashtags": [], "symbols": [], "timestamps": [], "urls": [], "user_mentions": []}
    for name, pattern in _ENTITY.items():
        for match in pattern.finditer(text):
            entity: Json = {"indices": list(match.span())}
            if name == "user_mentions":
                entity |= {"id_str": "0", "name": match[1], "screen_name": match[1]}
            else:
                entity["text"] = match[1]
            found[name].append(entity)
    for link in post.links:
        start = text.find(link.url)
        if start >= 0:
            indices = [start, start + len(link.url)]
            found["urls"].append(
                {
                    "display_url": link.display,
                    "expanded_url": link.expanded,
                    "url": link.url,
                    "indices": indices,
                }
            )
    return found


def _photo(post: Post, start: int) -> Json:
    if post.photo is None:
        raise ValueError("the post has no photo")
    media_id = str(post.id - 4096)
    size = {"h": 766, "w": 1024, "resize": "fit"}
    return {
        "display_url": f"pic.x.com/{post.photo.url[-10:]}",
        "expanded_url": f"https://x.com/{post.author.screen_name}/status/{post.id}/photo/1",
        "id_str": media_id,
        "indices": [start, start + len(post.photo.url)],
        "media_key": f"3_{media_id}",
        "media_url_https": f"https://pbs.twimg.com/media/replica{media_id}.jpg",
        "type": "photo",
        "url": post.photo.url,
        "ext_media_availability": {"status": "Available"},
        "sizes": {
            "large": size,
            "medium": size,
            "small": {"h": 509, "w": 680, "resize": "fit"},
            "thumb": {"h": 150, "w": 150, "resize": "crop"},
        },
        "original_info": {
            "height": 766,
            "width": 1024,
            "focus_rects": [
                {"x": 0, "y": 193, "w": 1024, "h": 573},
                {"x": 0, "y": 0, "w": 766, "h": 766},
                {"x": 0, "y": 0, "w": 672, "h": 766},
            ],
        },
        "media_results": {"result": {"media_key": f"3_{media_id}"}},
    }


def _card(post: Post) -> Json:
    """Return the preview of a post's first link."""
    link = post.links[0]
    strings = {
        "vanity_url": link.display.split("/")[0],
        "domain": link.display.split("/")[0],
        "title": "What moved the market today",
        "description": "Index levels, sectors, flows and what traders watch for the next session.",
        "card_url": link.url,
    }
    values = [
        {"key": key, "value": {"string_value": value, "type": "STRING"}} for key, value in strings.items()
    ]
    image = {"height": 150, "width": 267, "url": f"https://pbs.twimg.com/card_img/{post.id}/replica"}
    values += [
        {"key": f"{name}_image", "value": {"image_value": image, "type": "IMAGE"}}
        for name in ("thumbnail", "summary_photo", "photo_image_full_size", "player")
    ]
    device = {"name": "Swift", "version": "12"}
    return {
        "rest_id": link.url,
        "legacy": {
            "binding_values": values,
            "card_platform": {"platform": {"audience": {"name": "production"}, "device": device}},
            "name": "summary_large_image",
            "url": link.url,
            "user_refs_results": [],
        },
    }


def _short_text(post: Post, text: str) -> str:
    """Return `legacy.full_text`'s start: the text, or its cut form for retweets and long posts."""
    if post.retweet_of is not None:
        text = f"RT @{post.retweet_of.author.screen_name}: {text}"
        return text if len(text) <= 140 else text[:139] + "…"
    if post.is_long:
        return f"{text[:272].rstrip()}… https://t.co/{str(post.id)[-10:]}"
    return text


def tweet_result(post: Post, generation: str, *, is_nested: bool = False) -> Json:
    """Return a post as `tweet_results.result`, with its wrapper if it has one."""
    escaped = html.escape(post.text, quote=False)
    mention = f"@{post.reply_to.screen_name} " if post.reply_to is not None else ""
    full_text = mention + _short_text(post, escaped)
    shown = len(full_text)
    entities = _entities(full_text, post)
    post_id = str(post.id)
    legacy: Json = {
        "bookmark_count": post.counts["bookmark_count"],
        "bookmarked": False,
        "created_at": timestamp(post.posted_ms / 1000),
        "conversation_id_str": post_id,
        "display_text_range": [len(mention), shown],
        "entities": entities,
        "favorite_count": post.counts["favorite_count"],
        "favorited": False,
        "full_text": full_text,
        "is_quote_status": post.quote_of is not None,
        "lang": post.lang,
        "quote_count": post.counts["quote_count"],
        "reply_count": post.counts["reply_count"],
        "retweet_count": post.counts["retweet_count"],
        "retweeted": False,
        "user_id_str": str(post.author.id),
        "id_str": post_id,
    }
    if post.reply_to is not None:
        legacy |= {
            "conversation_id_str": str(post.reply_to_id),
            "in_reply_to_screen_name": post.reply_to.screen_name,
            "in_reply_to_status_id_str": str(post.reply_to_id),
            "in_reply_to_user_id_str": str(post.reply_to.id),
        }
    if post.photo is not None and post.retweet_of is None:
        legacy["full_text"] = f"{full_text} {post.photo.url}"
        media = [_photo(post, shown + 1)]
        entities["media"] = media
        legacy |= {
            "extended_entities": {"media": media},
            "possibly_sensitive": False,
            "possibly_sensitive_editable": True,
        }
    editable = {
        "editable_until_msecs": str(post.posted_ms // 1000 * 1000 + 3_600_000),
        "is_edit_eligible": post.retweet_of is None,
        "edits_remaining": str(5 - max(0, len(post.edit_ids) - 1)),
    }
    edit_control: Json = {"edit_tweet_ids": [post_id]} | editable
    if post.edit_ids:
        ids = [str(edit_id) for edit_id in post.edit_ids]
        edit_control = {
            "initial_tweet_id": ids[0],
            "edit_control_initial": {"edit_tweet_ids": ids} | editable,
        }
    result: Json = {
        "__typename": "Tweet",
        "rest_id": post_id,
        "core": {"user_results": {"result": user_result(post.author, generation)}},
        "unmention_data": {},
        "edit_control": edit_control,
        "is_translatable": post.lang not in ("en", "und"),
        "source": f'<a href="http://twitter.com/download" rel="nofollow">{post.source}</a>',
        "legacy": legacy,
    }
    if generation != "legacy":
        result["grok_translated_post_with_availability"] = {"is_available": False}
    if post.views_shape == "count":
        result["views"] = {"count": str(post.counts["view_count"]), "state": "EnabledWithCount"}
    elif post.views_shape == "no_count":
        result["views"] = {"state": "Enabled"}
    if post.links and post.retweet_of is None:
        result["card"] = _card(post)
    if post.is_long and post.retweet_of is None:
        result["note_tweet"] = {
            "is_expandable": True,
            "note_tweet_results": {
                "result": {
                    "id": base64.b64encode(f"NoteTweet:{post.id}".encode()).decode(),
                    "text": escaped,
                    "entity_set": _entities(escaped, post),
                    "richtext": {"richtext_tags": []},
                }
            },
        }
    if post.retweet_of is not None:
        legacy["retweeted_status_result"] = {
            "result": tweet_result(post.retweet_of, generation, is_nested=True)
        }
    if post.quote_of is not None and not is_nested:
        quoted = tweet_result(post.quote_of, generation, is_nested=True)
        legacy["quoted_status_id_str"] = str(post.quote_of.id)
        link = f"https://x.com/{post.quote_of.author.screen_name}/status/{post.quote_of.id}"
        legacy["quoted_status_permalink"] = {
            "url": f"https://t.co/{str(post.quote_of.id)[-10:]}",
            "expanded": link,
            "display": link[8:28] + "…",
        }
        if post.quote_stub is not None:
            quoted["quotedRefResult"] = {"result": {"__typename": "Tweet", "rest_id": str(post.quote_stub)}}
            quoted["legacy"]["is_quote_status"] = True
            quoted["legacy"]["quoted_status_id_str"] = str(post.quote_stub)
        result["quoted_status_result"] = {"result": quoted}
    if not post.visibility:
        return result
    wrapper = _WRAPPERS[post.visibility]
    return {"__typename": "TweetWithVisibilityResults", "tweet": result} | wrapper


def _item(entry_id: str, sort_index: str, element: str, item_content: Json) -> Json:
    return {
        "entryId": entry_id,
        "sortIndex": sort_index,
        "content": {
            "entryType": "TimelineTimelineItem",
            "__typename": "TimelineTimelineItem",
            "itemContent": {"itemType": "TimelineTweet", "__typename": "TimelineTweet"} | item_content,
            "clientEventInfo": {
                "component": "result",
                "element": element,
                "details": {"timelinesDetails": {"controllerData": _CONTROLLER}},
            },
        },
    }


def _cursor(kind: str, value: str) -> Json:
    is_top = kind == "Top"
    return {
        "entryId": f"cursor-top-{MAX_SORT_INDEX}" if is_top else "cursor-bottom-0",
        "sortIndex": MAX_SORT_INDEX if is_top else "0",
        "content": {
            "entryType": "TimelineTimelineCursor",
            "__typename": "TimelineTimelineCursor",
            "value": value,
            "cursorType": kind,
        },
    }


def tombstone_entry(post_id: int, kind: int) -> bytes:
    """Return an entry whose post cannot be seen, in one of the four ways that X gives."""
    results: Json = (
        {"result": {"__typename": "TweetTombstone", "tombstone": {"text": {"text": "Post unavailable"}}}},
        {"result": {"__typename": "TweetUnavailable", "reason": "NsfwLoggedOut"}},
        {"result": {"__typename": "TweetPreviewDisplay", "tweet": {"rest_id": str(post_id)}}},
        {},
    )[kind % 4]
    content = {"tweet_results": results, "tweetDisplayType": "Tweet"}
    return _dumps(_item(f"tweet-{post_id}", str(post_id), "tweet", content))


def promoted_entry(post: Post, generation: str, rng: random.Random) -> bytes:
    """Return an advertisement's entry."""
    impression = f"{rng.getrandbits(64):016x}"
    content = {
        "tweet_results": {"result": tweet_result(post, generation)},
        "tweetDisplayType": "Tweet",
        "promotedMetadata": {
            "advertiser_results": {"result": user_result(post.author, generation)},
            "disclosureType": "NoDisclosure",
            "experimentValues": [],
            "impressionId": impression,
            "impressionString": impression,
            "clickTrackingInfo": {"urlParams": []},
        },
    }
    return _dumps(_item(f"promoted-tweet-{post.id}-{impression}", str(post.id), "tweet", content))


class Encoder:
    """Encodes posts once for each generation; `forget` drops them after their counts change."""

    def __init__(self) -> None:
        self._entries: dict[tuple[int, str], bytes] = {}

    def forget(self) -> None:
        """Drop every encoded entry."""
        self._entries.clear()

    def entry(self, post: Post, generation: str) -> bytes:
        """Return the entry of one result."""
        key = (post.id, generation)
        if key not in self._entries:
            post_id = str(post.id)
            content = {
                "tweet_results": {"result": tweet_result(post, generation)},
                "tweetDisplayType": "Tweet",
                "highlights": {"textHighlights": [{"startIndex": 0, "endIndex": 6}]},
            }
            self._entries[key] = _dumps(_item(f"tweet-{post_id}", post_id, "tweet", content))
        return self._entries[key]


def first_page(entries: Iterable[bytes], top: str, bottom: str) -> bytes:
    """Return the body of a query's first page: entries and both cursors in `TimelineAddEntries`."""
    cursors = (_dumps(_cursor("Top", top)), _dumps(_cursor("Bottom", bottom)))
    return _body([b'{"type":"TimelineAddEntries","entries":[' + b",".join([*entries, *cursors]) + b"]}"])


def later_page(entries: Sequence[bytes], top: str, bottom: str) -> bytes:
    """Return the body of a later page: the cursors replace those of the page before."""
    replaced = [
        _dumps(
            {
                "type": "TimelineReplaceEntry",
                "entry_id_to_replace": _cursor(kind, value)["entryId"],
                "entry": _cursor(kind, value),
            }
        )
        for kind, value in (("Top", top), ("Bottom", bottom))
    ]
    added = [b'{"type":"TimelineAddEntries","entries":[' + b",".join(entries) + b"]}"]
    return _body(added + replaced)


def _body(instructions: Iterable[bytes]) -> bytes:
    return (
        b'{"data":{"search_by_raw_query":{"search_timeline":{"timeline":{"instructions":['
        + b",".join(instructions)
        + b"]}}}}}"
    )


def error_body(code: int, message: str) -> bytes:
    """Return the body of a refusal."""
    return _dumps({"errors": [{"code": code, "message": message}]})


def daily_cap_body() -> bytes:
    """Return the body that answers, with status 200, once the account has seen its posts of the day."""
    message = "Rate limit exceeded. You have reached your limit for seeing posts today."
    return _dumps(
        {
            "errors": [
                {"code": 88, "message": message, "name": "RateLimitExceeded", "path": ["search_by_raw_query"]}
            ],
            "data": {"search_by_raw_query": {"search_timeline": None}},
        }
    )
