"""Read the cards that X's page renders: a saved card, a saved page, or what a browser holds.

    HTML ─> cards ─> quoted cards cut out ─> one item each

The page is a poorer witness than the site's data: it shows neither the author's id nor which
post a reply answers, and cuts long text. What a card does not show is null. Pure; nothing raises.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from lxml import etree

from ingest.entities import Excluded, Item, Origin, Quarantined
from ingest.entities.tweets.capture import captured, digits, mended, posted_time, read_counts, string
from ingest.entities.tweets.identity import read_handle
from ingest.entities.tweets.schema import ENTITY

# Attributes of X's markup: class names change weekly, these have lasted for years.
_CARDS = etree.XPath("//*[@data-testid='tweet'][not(ancestor::*[@data-testid='tweet'])]")
_TIME_LINKS = etree.XPath("descendant-or-self::a[contains(@href, '/status')][.//time]")
_NAMES = etree.XPath(".//*[@data-testid='User-Name']")
_TEXT = etree.XPath(".//*[@data-testid='tweetText']")
_SHOW_MORE = etree.XPath(".//*[@data-testid='tweet-text-show-more-link']")
_SOCIAL_CONTEXT = etree.XPath(".//*[@data-testid='socialContext']")
_TRACKING = etree.XPath("ancestor::*[@data-testid='placementTracking']")
_INNER_TRACKING = etree.XPath(".//*[@data-testid='placementTracking']")
_REPLYING_TO = etree.XPath(
    ".//*[starts-with(normalize-space(text()), 'Replying to')]"
    "[not(ancestor-or-self::*[@data-testid='tweetText'])]//a"
)
_LABELS = etree.XPath(
    ".//*[@role='group']/descendant-or-self::*/@aria-label | .//a[contains(@href, '/analytics')]/@aria-label",
    smart_strings=False,
)
_PREVIEW_LINKS = etree.XPath(
    ".//*[starts-with(@data-testid, 'card.')]/descendant-or-self::a/@href", smart_strings=False
)
_MEDIA = etree.XPath(
    ".//*[@data-testid='tweetPhoto' or @data-testid='videoPlayer' or @data-testid='videoComponent'"
    " or @data-testid='cardPoll' or starts-with(@data-testid, 'card.')]"
)
_AD_LABELS = etree.XPath(
    ".//*[normalize-space(text()) = 'Ad' or normalize-space(text()) = 'Promoted']"
    "[not(ancestor-or-self::*[@data-testid='tweetText' or starts-with(@data-testid, 'card.')])]"
)
_IN_NAME = etree.XPath("ancestor-or-self::*[@data-testid='User-Name']")
# Emoji are images; their characters stand in ``alt``.
_SHOWN = etree.XPath("descendant::text() | descendant::img/@alt", smart_strings=False)
_SHOWN_AND_LINKS = etree.XPath(
    "descendant::text()[not(ancestor::a)] | descendant::img[not(ancestor::a)]/@alt"
    " | descendant::a[not(ancestor::a)]",
    smart_strings=False,
)

_STATUS = re.compile(
    r"(?:https?://(?:www\.|mobile\.|m\.)?(?:x|twitter)\.com)?/(\w{1,15})/(?:web/)?status(?:es)?/(\d{1,19})(?!\d)",
    re.ASCII | re.IGNORECASE,
)
_WHOLE_URL = re.compile(r"https?://[^\s…]+")
_COUNT = re.compile(
    r"(?<![\d.,])(\d[\d.,]*(?:\s?(?:[KMBL]|Cr|lakhs?|crores?))?)\s+"
    r"(repl|repost|retweet|quote|like|bookmark|view)(?:s|y|ies)?\b",
    re.ASCII | re.IGNORECASE,
)
_COLUMNS = {
    "repl": "reply_count",
    "repost": "retweet_count",
    "retweet": "retweet_count",
    "quote": "quote_count",
    "like": "like_count",
    "bookmark": "bookmark_count",
    "view": "view_count",
}


def parse_cards(
    html: str, *, observed_at: datetime | None, search_query: str | None, origin: Origin
) -> Iterator[Item]:
    """Yield one item per card in ``html``, in the page's order, each followed by the posts it quotes.

    Cards are ``article[data-testid=tweet]``; a page without any is looked through for cards saved
    without that element. HTML without cards gives nothing. ``observed_at`` (aware) and
    ``search_query`` are what the capture knows; ``origin.position`` gets the card's number appended.
    """
    text = mended(html)
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True)
    root = etree.fromstring(text.encode(), parser)
    cards = [] if root is None else _CARDS(root) or _bare_cards(root)
    known = {"observed_at": observed_at, "search_query": search_query, "source_format": "x_html"}
    seen: set[str] = set()
    for number, card in enumerate(cards, 1):
        where = Origin(origin.file, f"{origin.position} card {number}".strip())
        yield from _card_items(card, known, where, seen, is_mended=text != html)
    if parser.error_log.filter_from_fatals():  # 2,048 levels: what stands below was not read
        yield Quarantined(ENTITY, "nested_too_deeply", text.encode(), origin)


def _bare_cards(root: Any) -> list[Any]:
    """Return the cards of HTML that was saved without their article: each holds one link with a time."""
    links = [link for link in _TIME_LINKS(root) if _STATUS.match(link.get("href"))]
    held = Counter(above for link in links for above in link.iterancestors())
    cards = []
    for link in links:
        card = link
        for above in link.iterancestors():
            if held[above] > 1 or above.tag in ("body", "html"):
                break
            card = above
        cards.append(card)
    return [card for card in cards if _NAMES(card) or _TEXT(card)]


def _card_items(
    card: Any, known: Mapping[str, Any], origin: Origin, seen: set[str], *, is_mended: bool
) -> Iterator[Item]:
    payload: bytes = etree.tostring(card, method="html", encoding="utf-8", with_tail=False)
    own_name, quotes = _cut_quotes(card)
    link = next(iter(_TIME_LINKS(card)), None)
    if _is_promoted(card, link):
        yield Excluded(ENTITY, "promoted_entry", origin)
        return
    found = None if link is None else _STATUS.match(link.get("href"))
    tweet_id = digits(found[2]) if found else None
    if link is None or found is None or tweet_id is None:
        yield Quarantined(ENTITY, "no_id", payload, origin)
        return
    if tweet_id in seen:
        yield Excluded(ENTITY, "duplicate_in_response", origin)
        return
    warnings = ["read_from_html"]
    if is_mended and "\ufffd".encode() in payload:
        warnings.append("text_repaired")
    handle, name = _author(own_name, None if found[1].casefold() == "i" else found[1])
    fields = {**_text_fields(card, handle), **_counts(card, warnings)}
    if fields.get("text") is None and not quotes and not _MEDIA(card):
        yield Quarantined(ENTITY, "no_text", payload, origin)
        return
    seen.add(tweet_id)
    posted_at, basis = posted_time(tweet_id, link.find(".//time").get("datetime"), warnings)
    if _SHOW_MORE(card):
        warnings.append("text_truncated")
    context = " ".join(_shown(element) for element in _SOCIAL_CONTEXT(card)).casefold()
    if "reposted" in context or "retweeted" in context:
        warnings.append("repost_shown_as_original")
    fields |= {
        **known,
        "tweet_id": tweet_id,
        "is_derived_id": False,
        "author_handle": handle,
        "author_name": name,
        "posted_at": posted_at,
        "posted_at_basis": basis,
    }
    yield captured(fields, warnings=warnings, payload=payload, origin=origin)
    for _ in range(quotes):
        yield Excluded(ENTITY, "nested_quote", origin)


def _cut_quotes(card: Any) -> tuple[Any, int]:
    """Take the quoted posts out of a card; return its own header (None without one) and their number.

    A quote is a link as a whole. Where it is not marked so, it ends before what holds the card's
    own header.
    """
    names = _NAMES(card)
    boxes = [_box(name, card) for name in names]
    own = next((name for name, box in zip(names, boxes, strict=True) if box is None), None)
    kept = {card} if own is None else {own, *own.iterancestors()}
    for name, box in zip(names, boxes, strict=True):
        if name is own:
            continue
        if box is None:
            box = name
            while box.getparent() is not None and box.getparent() not in kept:
                box = box.getparent()
        parent = box.getparent()
        if parent is not None:  # else another quote's cut took it along
            parent.remove(box)
    return own, len(names) - (own is not None)


def _box(name: Any, card: Any) -> Any:
    """Return the outermost element around a header, within the card, that is a link or card as a whole."""
    found = None
    for above in name.iterancestors():
        if above is card:
            break
        if above.get("data-testid") == "tweet" or (above.get("role") == "link" and above.tag != "a"):
            found = above
    return found


def _is_promoted(card: Any, link: Any) -> bool:
    """Return whether a card is an advert. A post's films are tracked too, but it shows its time."""
    if _TRACKING(card):
        return True
    labels = _AD_LABELS(card)
    if link is None:
        return bool(labels or _INNER_TRACKING(card))
    return any(not _IN_NAME(label) for label in labels)


def _author(header: Any, handle: str | None) -> tuple[str | None, str | None]:
    """Return (handle, display name); the handle in the post's link, which goes with its id, is the better."""
    words = [] if header is None else _SHOWN(header)
    shown = {at: read_handle(word) for at, word in enumerate(words) if word.strip().startswith("@")}
    at = max((at for at, found in shown.items() if found), default=None)
    if at is None:
        return handle, None
    if handle and handle.casefold() != str(shown[at]).casefold():
        return handle, None
    return shown[at], string("".join(words[:at]).strip())


def _text_fields(card: Any, author: str | None) -> dict[str, Any]:
    """Return text, language, tags and links: links in the text as X's data has them, opened in ``urls``."""
    replied = [read_handle(_shown(link)) for link in _REPLYING_TO(card)]
    mentions = [name for name in replied if name and name.casefold() != (author or "").casefold()]
    urls = {href: href for href in _PREVIEW_LINKS(card) if _WHOLE_URL.fullmatch(href)}
    body = next(iter(_TEXT(card)), None)
    if body is None:
        return {"mentions": mentions or None, "urls": list(urls.values()) or None}
    text: list[str] = []
    tags: dict[str, list[str]] = {"#": [], "$": []}
    opened: dict[str, str] = {}
    for piece in _SHOWN_AND_LINKS(body):
        if isinstance(piece, str):
            text.append(piece)
            continue
        shown, href = _shown(piece), piece.get("href") or ""
        word = shown.strip().replace("＃", "#", 1)
        if word[:1] in tags and word[1:]:
            tags[word[:1]].append(word[1:])
        elif word.startswith("@") and (handle := read_handle(word)):
            mentions.append(handle)
        elif _WHOLE_URL.fullmatch(href):
            opened[href] = _opened(piece) or href
            shown = href
        text.append(shown)
    return {
        "text": string("".join(text).strip()),
        "lang": string(body.get("lang")),
        "hashtags": tags["#"],
        "cashtags": tags["$"],
        "mentions": mentions,
        "urls": list({**opened, **{href: url for href, url in urls.items() if href not in opened}}.values()),
    }


def _shown(element: Any) -> str:
    return "".join(_SHOWN(element))


def _opened(link: Any) -> str | None:
    """Return the whole address that a shortened link shows; None where the card shows only its beginning.

    X draws ``https://``, what fits, the hidden rest, and "…", each in an element of its own.
    """
    words = [word.strip() for word in _SHOWN(link) if word.strip()]
    if len(words) > 3 and words[-1] == "…":
        words.pop()
    return next(
        (url for url in (link.get("title") or "", "".join(words)) if _WHOLE_URL.fullmatch(url)),
        None,
    )


def _counts(card: Any, warnings: list[str]) -> dict[str, int | None]:
    """Return the counts that a card's labels state ("12 replies, 1.2K likes", "0 Likes. Like")."""
    labels = _LABELS(card)
    stated: dict[str, str] = {}
    for number, noun in _COUNT.findall("\n".join(labels)):
        stated.setdefault(_COLUMNS[noun.casefold()], number.rstrip(".,"))
    if not stated and any(character.isdigit() for label in labels for character in label):
        warnings.append("count_unreadable")
    return dict(read_counts(stated.items(), warnings))
