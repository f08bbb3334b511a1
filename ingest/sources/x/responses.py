"""A response of X's search as a page: its posts by the parser that archives use, its cursor. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ingest.entities import Captured, Item, Origin, Quarantined
from ingest.entities.tweets.capture import canonical_json, dig
from ingest.entities.tweets.html_cards import parse_cards
from ingest.entities.tweets.payload import find_instructions, parse_search_response
from ingest.search import Page

_UNRECOGNISED, _CARDS = "unrecognised_response", "visible_cards"
_ORIGIN = "x.com/search"


def read_page(body: bytes, observed_at: datetime, terms: str) -> Page:
    """The page in a response's body, or in what ``unrecognised`` made of one.

    Raises:
        ValueError: the body is not JSON.
    """
    response = json.loads(body)
    known: dict[str, Any] = {
        "observed_at": observed_at,
        "search_query": terms,
        "origin": Origin(_ORIGIN, observed_at.isoformat()),
    }
    if isinstance(response, dict) and _UNRECOGNISED in response:
        items = (
            *parse_search_response(response[_UNRECOGNISED], **known),
            *parse_cards(response[_CARDS], **known),
        )
        # What is visible proves nothing about what lies between: no ids, so that no walk counts on them.
        return Page(observed_at, body, items, (), None)
    items = tuple(parse_search_response(response, **known))
    return Page(observed_at, body, items, tuple(_ids(items)), bottom_cursor(response))


def unrecognised(response: object, cards: str) -> bytes:
    """A body that ``read_page`` takes for a response it cannot read, with the cards on the page."""
    return canonical_json({_UNRECOGNISED: response, _CARDS: cards})


def _ids(items: tuple[Item, ...]) -> Iterator[int]:
    for item in items:
        if isinstance(item, Captured) and item.fields["tweet_id"].isdigit():
            yield int(item.fields["tweet_id"])


def bottom_cursor(response: object) -> str | None:
    """The cursor of the next page: the last one named, since later pages replace the first's."""
    cursor = None
    for instruction in find_instructions(response) or []:
        listed = dig(instruction, "entries")
        for entry in [*(listed if isinstance(listed, list) else []), dig(instruction, "entry")]:
            content = dig(entry, "content")
            for holder in (content, dig(content, "itemContent")):
                if dig(holder, "cursorType") == "Bottom" and isinstance(value := dig(holder, "value"), str):
                    cursor = value
    return cursor


def is_timeline(response: object) -> bool:
    """Whether a response holds a timeline, be it empty."""
    return find_instructions(response) is not None


def is_unread(page: Page, response: object) -> bool:
    """Whether posts are in a response and none could be read: X has changed its shape."""
    if any(isinstance(item, Captured) for item in page.items):
        return False
    if is_timeline(response):
        return any(isinstance(item, Quarantined) for item in page.items)
    return '"tweet' in json.dumps(response)


def errors_in(response: object) -> list[dict[str, object]]:
    """The errors that an answer names."""
    listed = dig(response, "errors")
    return [error for error in listed if isinstance(error, dict)] if isinstance(listed, list) else []
