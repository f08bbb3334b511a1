"""Build one purge: of a post, or of an author's posts. It holds ids and names, never a post's text."""

from __future__ import annotations

import json
from datetime import datetime

from ingest.entities import Captured, Origin
from ingest.entities.purges.schema import ENTITY


def purge_of_post(tweet_id: str, *, reason: str | None, requested_at: datetime, origin: Origin) -> Captured:
    """A purge of a post and its reposts; ``tweet_id`` is X's id, or a derived one ('h…')."""
    return _purge({"scope": "post", "tweet_id": tweet_id}, reason, requested_at, origin)


def purge_of_author(
    author_id: str | None,
    author_handle: str | None,
    *,
    reason: str | None,
    requested_at: datetime,
    origin: Origin,
) -> Captured:
    """A purge of everything by an author, who is known by an id, a screen name, or both.

    Raises:
        ValueError: neither is given.
    """
    handle = (author_handle or "").removeprefix("@").lower() or None
    if author_id is None and handle is None:
        raise ValueError("a purged author has an id or a handle")
    named = {"scope": "author", "author_id": author_id, "author_handle": handle}
    return _purge(named, reason, requested_at, origin)


def _purge(
    named: dict[str, str | None], reason: str | None, requested_at: datetime, origin: Origin
) -> Captured:
    fields = {**named, "reason": reason, "requested_at": requested_at}
    stated = {name: value for name, value in fields.items() if value is not None}
    return Captured(ENTITY, fields, json.dumps(stated, default=str, sort_keys=True).encode(), origin)
