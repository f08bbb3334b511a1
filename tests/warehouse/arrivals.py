"""Sightings of a bad fortnight: late, repeated, in parts, without a time, or read in another way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from ingest.entities import Captured, Origin
from ingest.entities.tweets.schema import ENTITY
from ingest.sources.demo import records

Fields = dict[str, Any]

_DAYS = 14
# The same weekdays of an earlier year: whatever this machine's clock says, the posts are past.
_EARLIER = timedelta(weeks=52)
# The demo's wild counts are no part of what befalls a post here.
_CREDIBLE_LIKES = 1_000_000
_MAY_COME_LATER = ("text", "author_handle", "posted_at")

# How a later sighting of a post contradicts an earlier one.
RESTATED: Mapping[str, Callable[[Fields, Random, Sequence[str]], Fields]] = {
    "text": lambda fields, rng, texts: {"text": rng.choice(texts)},
    "no text": lambda fields, rng, texts: {"text": ""},
    "author": lambda fields, rng, texts: {"author_handle": f"renamed{rng.randrange(50)}"},
    "time": lambda fields, rng, texts: {"posted_at": fields["posted_at"] + _minutes(rng, -90, 90)},
    "counts": lambda fields, rng, texts: {"like_count": -1},
}


def sightings(posts: int, restated: Sequence[str] = (), seed: int = 11) -> list[Captured]:
    """The demo's posts over a fortnight, each with what befell it, and one sighting in ten twice.

    Args:
        posts: how many.
        restated: keys of `RESTATED`; one of them befalls every seventh post.
        seed: of all that is random.
    """
    rng = Random(seed)
    day = [
        item.fields for item in records(posts=posts) if isinstance(item, Captured) and item.entity == ENTITY
    ]
    texts = sorted({fields["text"] for fields in day if fields.get("text")})
    found = [
        Captured(ENTITY, fields, json.dumps(fields, default=str).encode(), Origin("arrivals"))
        for first in day
        if first.get("posted_at") and 0 <= (first.get("like_count") or 0) <= _CREDIBLE_LIKES
        for fields in _history(_moved(first), rng, texts, restated)
    ]
    return found + rng.sample(found, len(found) // 10)


def _moved(fields: Mapping[str, Any]) -> Fields:
    earlier = _EARLIER + timedelta(days=sum(fields["tweet_id"].encode()) % _DAYS)
    return {name: value - earlier if isinstance(value, datetime) else value for name, value in fields.items()}


def _history(fields: Fields, rng: Random, texts: Sequence[str], restated: Sequence[str]) -> Iterator[Fields]:
    """A sighting, which may have come late or without a time, and later ones of its post."""
    fate = rng.random()
    if fate < 0.1:
        fields["observed_at"] = None
    elif fate < 0.3:
        fields["observed_at"] += _minutes(rng, 1, 4000)
    seen_at = fields["observed_at"] or fields["posted_at"]
    if fate > 0.9:
        yield fields | {rng.choice(_MAY_COME_LATER): None}
        seen_at += _minutes(rng, 1, 4000)
        fields |= {"observed_at": seen_at}
    yield fields
    if rng.random() < 0.3:
        seen_at += _minutes(rng, 1, 4000)
        counts = {"like_count": rng.randrange(5000), "retweet_count": rng.randrange(500)}
        yield fields | counts | {"observed_at": seen_at}
    if restated and rng.random() < 1 / 7:
        said = RESTATED[rng.choice(restated)](fields, rng, texts)
        yield fields | said | {"observed_at": seen_at + _minutes(rng, 1, 4000)}


def _minutes(rng: Random, least: float, most: float) -> timedelta:
    return timedelta(minutes=rng.uniform(least, most))
