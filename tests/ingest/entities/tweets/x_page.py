"""Cards as X's page renders them, made up: what the tests of the card parser and the fuzz read."""

from __future__ import annotations

from html import escape
from typing import Any

ID = "1962159159849414952"


def span(text: str) -> str:
    return f'<span class="css-1jxf684">{escape(text)}</span>'


def emoji(character: str) -> str:
    return f'<img alt="{character}" draggable="false" src="https://abs-0.twimg.com/emoji/x.svg">'


def link(href: str, *words: str) -> str:
    """An anchor; every word stands in a span of its own, as X hides what does not fit."""
    return f'<a dir="ltr" href="{escape(href)}" role="link">{"".join(map(span, words))}</a>'


def header(handle: str, name: str, time: str = "") -> str:
    named = f'<div><a href="/{handle}" role="link"><span>{name}</span></a></div>'
    aside = f'<div><a href="/{handle}">{span("@" + handle)}</a>{time}</div>'
    return f'<div data-testid="User-Name">{named}{aside}</div>'


def time_link(handle: str, tweet_id: str, stated: str = "2025-08-31T14:22:53.000Z") -> str:
    return (
        f'<div aria-hidden="true">·</div><a href="/{handle}/status/{tweet_id}">'
        f'<time datetime="{stated}">3m</time></a>'
    )


def body(inner: str, lang: str = "en") -> str:
    return f'<div dir="auto" lang="{lang}" data-testid="tweetText">{inner}</div>'


def actions(
    label: str = "1 reply, 2 reposts, 3 likes, 4 bookmarks, 1500 views", *, buttons: str | None = None
) -> str:
    if buttons is None:
        buttons = (
            '<button aria-label="1 Replies. Reply" data-testid="reply"></button>'
            '<button aria-label="2 reposts. Repost" data-testid="retweet"></button>'
            '<button aria-label="3 Likes. Like" data-testid="like"></button>'
            f'<a href="/writer/status/{ID}/analytics" aria-label="1500 views. View post analytics">1.5K</a>'
            '<button aria-label="Bookmark" data-testid="bookmark"></button>'
        )
    return f'<div aria-label="{label}" role="group">{buttons}</div>'


def quote(inner: str = "Old news", handle: str = "other") -> str:
    """A quoted post: one link as a whole; its time is no link."""
    time = '<time datetime="2024-01-01T00:00:00.000Z">Jan 1</time>'
    named = f'<div data-testid="User-Name">{span("Other")}{span("@" + handle)}{time}</div>'
    return f'<div aria-labelledby="id1"><div role="link" tabindex="0">{named}{body(span(inner))}</div></div>'


def inside(
    tweet_id: str = ID,
    *,
    handle: str = "writer",
    name: str = "A Writer",
    text: str | None = "Nifty up",
    before: str = "",
    after: str = "",
    groups: str | None = None,
    time: str | None = None,
) -> str:
    """What stands inside a card's article. ``text`` is plain, or HTML if it begins with '<'."""
    written = "" if text is None else body(text if text.startswith("<") else span(text))
    shown_time = time_link(handle, tweet_id) if time is None else time
    return (
        f"<div><div>{before}{header(handle, name, shown_time)}{written}{after}"
        f"{actions() if groups is None else groups}</div></div>"
    )


def card(tweet_id: str = ID, **parts: Any) -> str:
    """A whole card; ``parts`` as of ``inside``."""
    return f'<article role="article" data-testid="tweet">{inside(tweet_id, **parts)}</article>'


def cell(card: str, *, is_advert: bool = False) -> str:
    inner = f'<div data-testid="placementTracking">{card}</div>' if is_advert else card
    return f'<div data-testid="cellInnerDiv"><div>{inner}</div></div>'


def page(*cells: str) -> str:
    """A saved page: head, script, the timeline, and what stands around it."""
    return (
        '<!DOCTYPE html><!-- saved from url=(0031)https://x.com/search?q=nifty --><html lang="en"><head>'
        '<meta charset="utf-8"><title>nifty - Search / X</title>'
        '<script>window.x = "<b>1 < 2</b>";</script></head>'
        f'<body><div id="react-root"><nav>Home</nav><section>{"".join(cells)}</section></div></body></html>'
    )
