"""Read saved pages of X: every card that stands in an HTML file.

A page is held in memory, since what a card is depends on what stands around it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.entities import Item, Origin, Quarantined
from ingest.entities.tweets.html_cards import parse_cards
from ingest.entities.tweets.schema import ENTITY
from ingest.sources.archive.files import HEAD, TextFile

_LARGEST_PAGE = 1 << 26  # characters; a page that carries its own pictures has tens of millions
CUT_OFF = frozenset({"truncated_file", "record_too_large"})  # reasons of what follows the last whole card
_CARD_START, _CARD_END = "<article", "</article>"


def page_items(text: TextFile, file: str) -> Iterator[Item]:
    """Yield the items of a page's cards. A last card that was cut off is one Quarantined item."""
    chunks: list[str] = []
    reason = None
    for chunk in text:
        chunks.append(chunk)
        if text.characters > _LARGEST_PAGE:
            reason = "record_too_large"
            break
    page = "".join(chunks)
    whole, end, rest = page.rpartition(_CARD_END)
    if reason is None and (text.is_cut_short or _CARD_START in rest):
        reason = "truncated_file"
    if reason:
        page = whole + end
    yield from parse_cards(page, observed_at=None, search_query=None, origin=Origin(file))
    if reason:
        yield Quarantined(ENTITY, reason, text.raw(rest[:HEAD]), Origin(file))
