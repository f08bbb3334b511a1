"""Synthetic posts as the API writes them in full: long texts, edits, reposts, quotes, replies, withheld."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

TAGS = ("nifty50", "sensex", "intraday", "banknifty")
OTHER_TAG = "weather"

_EPOCH_MS = 1_288_834_974_657
_WORDS = (
    "breakout resistance support volume stoploss target rally profit booking gap opening range calls puts"
    " expiry hedge swing trend reversal results margin guidance बाजार तेजी मंदी"
)
_LANGUAGES = ("en", "en", "en", "hi", "qme")

Record = dict[str, Any]


@dataclass
class Corpus:
    """Posts by id, newest first; `others` are those that only come with one; `tags` is what finds a post."""

    posts: dict[int, Record] = field(default_factory=dict)
    others: dict[str, Record] = field(default_factory=dict)
    users: dict[str, Record] = field(default_factory=dict)
    tags: dict[int, frozenset[str]] = field(default_factory=dict)


def made(n: int, seed: int, newest: float, hours: float) -> Corpus:
    """Make `n` posts in the `hours` before `newest` (epoch s); a tenth is found by none of `TAGS`."""
    rng = random.Random(seed)
    corpus = Corpus()
    for number in range(max(n // 5, 3)):
        user_id = str(7_000_000 + 13 * number)
        corpus.users[user_id] = {
            "id": user_id,
            "name": f"Trader {number} 📈",
            "username": f"trader_{number}",
            "public_metrics": {"followers_count": rng.randrange(5, 90_000), "following_count": 10,
                               "tweet_count": 99, "listed_count": 0, "like_count": 3, "media_count": 0},
        }  # fmt: skip
    times = sorted((newest - rng.random() * hours * 3600 for _ in range(n)), reverse=True)
    for place in rng.sample(range(1, n), n // 20) if n > 20 else ():
        times[place] = times[place - 1]  # several in one second
    for moment in sorted(times, reverse=True):
        tweet_id = _new_id(rng, moment, corpus.posts)
        _add(corpus, rng, tweet_id)
    corpus.posts = dict(sorted(corpus.posts.items(), reverse=True))
    return corpus


def second_of(tweet_id: int) -> int:
    """The epoch second that an id tells."""
    return ((tweet_id >> 22) + _EPOCH_MS) // 1000


def _new_id(rng: random.Random, moment: float, taken: dict[int, Record]) -> int:
    while (tweet_id := (int(moment * 1000) - _EPOCH_MS << 22) + rng.randrange(1 << 22)) in taken:
        pass
    return tweet_id


def _add(corpus: Corpus, rng: random.Random, tweet_id: int) -> None:
    tags = {OTHER_TAG} if rng.random() < 0.1 else set(rng.sample(TAGS, rng.randint(1, 2)))
    kind = rng.choices(["plain", "long", "edited", "retweeted", "quoted", "replied_to", "withheld"],
                       [50, 12, 5, 15, 8, 8, 2])[0]  # fmt: skip
    post = _post(corpus, rng, tweet_id, tags, is_long=kind == "long")
    if kind == "edited":
        earlier = str(tweet_id - (rng.randrange(1, 900) << 22))
        post["edit_history_tweet_ids"] = [earlier, str(tweet_id)]
        post["edit_controls"]["edits_remaining"] = 4
    elif kind == "withheld":
        post["withheld"] = {"copyright": False, "country_codes": ["XY"]}
    elif kind in ("retweeted", "quoted", "replied_to"):
        _refer(corpus, rng, post, kind, tags)
    corpus.posts[tweet_id] = post
    corpus.tags[tweet_id] = frozenset(tags)


def _refer(corpus: Corpus, rng: random.Random, post: Record, kind: str, tags: set[str]) -> None:
    """Let a post repost, quote or answer another; one in ten of those is gone."""
    other = _post(corpus, rng, int(post["id"]) - (rng.randrange(1, 10**7) << 22), tags, is_long=True)
    post["referenced_tweets"] = [{"type": kind, "id": other["id"]}]
    is_there = rng.random() < 0.9
    if is_there:
        corpus.others[other["id"]] = other
    author = corpus.users[other["author_id"]]
    if kind == "retweeted":
        full = other["note_tweet"]["text"]
        post["text"] = f"RT @{author['username']}: {full[:100]}…"
        post["entities"]["mentions"] = [{"start": 3, "end": 9, **_named(author)}]
    elif kind == "replied_to":
        post["in_reply_to_user_id"] = author["id"]
        post["conversation_id"] = other["id"]
        post["text"] = f"@{author['username']} {post['text']}"


def _named(user: Record) -> Record:
    return {"username": user["username"], "id": user["id"]}


def _post(corpus: Corpus, rng: random.Random, tweet_id: int, tags: set[str], *, is_long: bool) -> Record:
    marks = [f"#{tag.upper() if rng.random() < 0.2 else tag}" for tag in sorted(tags)]
    body = " ".join(rng.choices(_WORDS.split(), k=90 if is_long else rng.randint(3, 12)))
    link = f"https://t.co/{tweet_id % 10**8:08d}"
    full = f"P&amp;L {tweet_id % 997}: {body} $RELIANCE {' '.join(marks)} {link}"
    entities = {
        "hashtags": [{"start": 0, "end": len(mark), "tag": mark[1:]} for mark in marks],
        "cashtags": [{"start": 0, "end": 9, "tag": "RELIANCE"}],
        "urls": [{"start": 0, "end": 23, "url": link, "expanded_url": f"https://example.com/{tweet_id}",
                  "display_url": "example.com/…"}],
    }  # fmt: skip
    created_at = datetime.fromtimestamp(((tweet_id >> 22) + _EPOCH_MS) / 1000, UTC)
    post = {
        "id": str(tweet_id),
        "text": f"{full[:270]}… {link}" if is_long else full,
        "author_id": rng.choice(list(corpus.users)),
        "created_at": f"{created_at:%Y-%m-%dT%H:%M:%S}.{created_at.microsecond // 1000:03d}Z",
        "conversation_id": str(tweet_id),
        "lang": rng.choice(_LANGUAGES),
        "display_text_range": [0, 270],
        "edit_history_tweet_ids": [str(tweet_id)],
        "edit_controls": {"edits_remaining": 5, "is_edit_eligible": True,
                          "editable_until": "2030-01-01T00:00:00.000Z"},
        "entities": entities,
        "possibly_sensitive": False,
        "reply_settings": "everyone",
        "public_metrics": {name: rng.randrange(0, 500) for name in (
            "retweet_count", "reply_count", "like_count", "quote_count", "bookmark_count", "impression_count"
        )},
    }  # fmt: skip
    if is_long:
        post["note_tweet"] = {"text": full, "entities": entities}
    return post
