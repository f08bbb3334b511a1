"""X's rendered cards: everything a card shows, nothing that it does not, and whatever else may come."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from ingest.entities import Captured, Excluded, Item, Origin, Quarantined
from ingest.entities.tweets.capture import PARSE_WARNINGS
from ingest.entities.tweets.html_cards import parse_cards
from tests.ingest.entities.tweets.x_page import (
    ID,
    actions,
    body,
    card,
    cell,
    emoji,
    header,
    inside,
    link,
    page,
    quote,
    span,
    time_link,
)

AT = datetime(2025, 8, 31, 14, 22, 53, 519_000, tzinfo=UTC)
SEEN = datetime(2025, 9, 1, tzinfo=UTC)


def parse(html: str) -> list[Item]:
    where = Origin("page.html", "scroll 1")
    return list(parse_cards(html, observed_at=SEEN, search_query="#nifty", origin=where))


def only(html: str) -> dict[str, Any]:
    (item,) = parse(html)
    assert isinstance(item, Captured)
    return dict(item.fields)


def outcomes(html: str) -> list[str]:
    return ["captured" if isinstance(item, Captured) else item.reason for item in parse(html)]


def test_everything_that_a_card_shows() -> None:
    (item,) = parse(card())
    assert isinstance(item, Captured)
    assert item.fields == {
        "tweet_id": ID,
        "is_derived_id": False,
        "author_handle": "writer",
        "author_name": "A Writer",
        "text": "Nifty up",
        "lang": "en",
        "posted_at": AT,
        "posted_at_basis": "id",
        "observed_at": SEEN,
        "like_count": 3,
        "retweet_count": 2,
        "reply_count": 1,
        "view_count": 1500,
        "bookmark_count": 4,
        "hashtags": [],
        "mentions": [],
        "cashtags": [],
        "urls": [],
        "search_query": "#nifty",
        "source_format": "x_html",
        "parse_warnings": ["read_from_html"],
    }
    assert item.origin == Origin("page.html", "scroll 1 card 1")
    assert item.payload.decode() == card()


def test_a_page_holds_its_cards_in_order() -> None:
    items = parse(page(cell(card("11")), cell("<div>Show 5 posts</div>"), cell(card("12")), cell(card("13"))))
    assert [item.fields["tweet_id"] for item in items if isinstance(item, Captured)] == ["11", "12", "13"]
    assert len({item.origin for item in items}) == 3


def test_cards_saved_without_their_article_are_found_by_their_time() -> None:
    both = inside("11") + "<hr>" + inside("12", after=quote())
    items = parse(both)
    assert [item.fields["tweet_id"] for item in items if isinstance(item, Captured)] == ["11", "12"]
    assert outcomes(both) == ["captured", "captured", "nested_quote"]
    assert outcomes(f"<main>{both}</main>") == ["captured", "captured", "nested_quote"]


@pytest.mark.parametrize(
    "html",
    [
        "",
        " ",
        "words",
        "<html></html>",
        "<p>Nifty",
        page(),
        "<article>news</article>",
        '<a href="https://twitter.com/writer/status/5"><time datetime="2025-08-31">then</time></a>',
    ],
)
def test_html_without_cards_gives_nothing(html: str) -> None:
    assert parse(html) == []


def test_text_is_what_the_author_wrote() -> None:
    text = (
        emoji("🚨")
        + span(" R&D <up>\n\nअब तेजी ")
        + emoji("⬆️")
        + '<span class="r-18u37iz">'
        + link("/hashtag/Nifty50?src=hashtag_click", "#Nifty50")
        + "</span>"
        + span(" ")
        + link("https://x.com/search?q=%24INFY&src=cashtag_click", "$INFY")
        + span(" ")
        + link("/other", "@other")
        + span("\n")
    )
    fields = only(card(text=text))
    assert fields["text"] == "🚨 R&D <up>\n\nअब तेजी ⬆️#Nifty50 $INFY @other"
    assert (fields["hashtags"], fields["cashtags"], fields["mentions"]) == (["Nifty50"], ["INFY"], ["other"])


@pytest.mark.parametrize(
    ("words", "opened"),
    [
        (("https://", "example.com/lo", "ng/path?a=1", "…"), "https://example.com/long/path?a=1"),
        (("https://", "example.com"), "https://example.com"),
        (("https://", "example.com/lo", "…"), "https://t.co/x"),
        (("https://", "example.com/lo…"), "https://t.co/x"),
        (("example.com/short",), "https://t.co/x"),
        ((), "https://t.co/x"),
    ],
)
def test_a_link_is_short_in_the_text_and_opened_beside_it(words: tuple[str, ...], opened: str) -> None:
    fields = only(card(text=span("see ") + link("https://t.co/x", *words) + span(" now")))
    assert fields["text"] == "see https://t.co/x now"
    assert fields["urls"] == [opened]


def test_a_links_title_says_where_it_leads() -> None:
    anchor = link("https://t.co/x", "example.com/lo…").replace("<a ", '<a title="https://example.com/long" ')
    assert only(card(text=span("see ") + anchor))["urls"] == ["https://example.com/long"]


def test_a_link_that_is_none_is_left_as_shown() -> None:
    fields = only(card(text=span("see ") + link("javascript:alert(1)", "this")))
    assert (fields["text"], fields["urls"]) == ("see this", [])


def test_a_preview_is_a_link_once() -> None:
    preview = (
        f'<div data-testid="card.wrapper">{link("https://t.co/y", "t.me")}{link("https://t.co/y")}</div>'
    )
    assert only(card(after=preview))["urls"] == ["https://t.co/y"]
    text = span("see ") + link("https://t.co/y", "https://", "example.com/a")
    assert only(card(text=text, after=preview))["urls"] == ["https://example.com/a"]


@pytest.mark.parametrize(
    ("label", "buttons", "counts"),
    [
        ("18 views", None, {"reply": 1, "retweet": 2, "like": 3, "view": 18}),
        ("", "", {}),
        ("1 reply, 1 retweet, 1 like, 1 view", "", {"reply": 1, "retweet": 1, "like": 1, "view": 1}),
        ("12 Replies, 3 Reposts", "", {"reply": 12, "retweet": 3}),
        ("1.2K likes, 12.3L views", "", {"like": 1200, "view": 1_230_000}),
        ("1,234 replies, 2 quotes, 7 bookmarks", "", {"reply": 1234, "quote": 2, "bookmark": 7}),
        ("", '<b aria-label="0 Replies. Reply"></b><b aria-label="Like"></b>', {"reply": 0}),
    ],
)
def test_counts_are_what_the_labels_state(label: str, buttons: str | None, counts: dict[str, int]) -> None:
    fields = only(card(groups=actions(label, buttons=buttons)))
    assert {name: value for name, value in fields.items() if name.endswith("_count")} == {
        f"{name}_count": value for name, value in counts.items()
    }
    assert fields["parse_warnings"] == ["read_from_html"]


@pytest.mark.parametrize("label", ["18 Aufrufe", "1.2.3 likes", "५ likes"])
def test_counts_in_words_that_are_not_known_are_null_and_said(label: str) -> None:
    fields = only(card(groups=actions(label, buttons="")))
    assert not [name for name in fields if name.endswith("_count")]
    assert fields["parse_warnings"] == ["count_unreadable", "read_from_html"]


def test_a_quoted_post_is_no_record_and_lends_nothing() -> None:
    tracked = quote("Quoted #words") + '<div data-testid="tweet-text-show-more-link">Show more</div>'
    for around in (quote("Quoted"), quote("Quoted").replace('role="link"', "")):
        items = parse(card(after=around))
        assert [getattr(item, "reason", "captured") for item in items] == ["captured", "nested_quote"]
        assert items[0].fields["text"] == "Nifty up"  # type: ignore[union-attr]
        assert items[0].fields["author_handle"] == "writer"  # type: ignore[union-attr]
        assert b"Quoted" in items[0].payload  # type: ignore[union-attr]
    assert parse(card(after=tracked))[0].fields["text"] == "Nifty up"  # type: ignore[union-attr]


def test_a_card_inside_a_card_is_a_quote() -> None:
    assert outcomes(card("11", after=card("12"))) == ["captured", "nested_quote"]


def test_show_more_in_the_quote_does_not_cut_the_post() -> None:
    more = '<button data-testid="tweet-text-show-more-link">Show more</button>'
    cut = quote().replace("</div></div></div>", f"</div>{more}</div></div>")
    assert more in cut
    assert parse(card(after=cut))[0].fields["parse_warnings"] == ["read_from_html"]  # type: ignore[union-attr]
    assert only(card(after=more))["parse_warnings"] == ["read_from_html", "text_truncated"]


def test_only_a_quote_is_left_of_a_post_without_words() -> None:
    items = parse(card(text=None, after=quote("Quoted")))
    assert "text" not in items[0].fields  # type: ignore[union-attr]
    assert outcomes(card(text=None, after=quote("Quoted"))) == ["captured", "nested_quote"]


@pytest.mark.parametrize("shown", ["tweetPhoto", "videoPlayer", "card.wrapper", "cardPoll"])
def test_a_picture_without_words_is_a_post_whose_text_is_null(shown: str) -> None:
    fields = only(card(text=None, after=f'<div data-testid="{shown}"></div>'))
    assert not {"text", "lang", "hashtags"} & fields.keys()


def test_replies_mention_whom_they_answer() -> None:
    context = f"<div>Replying to <div>{link('/other', '@other')}</div> and {link('/Writer', '@Writer')}</div>"
    fields = only(card(before=context, text=link("/third", "@third") + span(" yes")))
    assert fields["mentions"] == ["other", "third"]
    assert "in_reply_to_tweet_id" not in fields
    assert only(card(text="Replying to @nobody"))["mentions"] == []


def test_a_repost_shows_the_original() -> None:
    context = f'<a href="/fan"><span data-testid="socialContext">{emoji("😀")} reposted</span></a>'
    fields = only(card(before=context))
    assert fields["author_handle"] == "writer"
    assert "retweeted_tweet_id" not in fields
    assert fields["parse_warnings"] == ["read_from_html", "repost_shown_as_original"]
    pinned = '<span data-testid="socialContext">Pinned</span>'
    assert only(card(before=pinned))["parse_warnings"] == ["read_from_html"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (f"{emoji('📈')} Nifty {emoji('🚀')}", "📈 Nifty 🚀"),
        ("@other", "@other"),
        ("Ad", "Ad"),
        ("", None),
        (" ", None),
    ],
)
def test_names_may_be_anything(name: str, shown: str | None) -> None:
    fields = only(card(name=name))
    assert (fields["author_handle"], fields.get("author_name")) == ("writer", shown)


def test_the_link_with_the_id_names_the_author() -> None:
    fields = only(card(time=time_link("someone", "11")))
    assert fields["author_handle"] == "someone"
    assert "author_name" not in fields
    for anonymous in ("i", "i/web"):
        assert only(card(time=time_link(anonymous, "11")))["author_handle"] == "writer"
    assert only(card(time=time_link("WRITER", "11")))["author_name"] == "A Writer"


@pytest.mark.parametrize(
    ("href", "tweet_id"),
    [
        ("/writer/status/11", "11"),
        ("https://x.com/writer/status/11?s=20", "11"),
        ("https://mobile.twitter.com/writer/statuses/11", "11"),
        ("/writer/status/11/photo/1", "11"),
        ("https://example.com/writer/status/11", None),
        ("/writer/status/", None),
        ("/writer/status/0", None),
        ("/writer/status/12345678901234567890", None),
        ("http://[/status/11", None),
    ],
)
def test_ids_stand_in_the_link_of_the_time(href: str, tweet_id: str | None) -> None:
    html = card(time=f'<a href="{href}"><time datetime="2025-08-31T14:22:53.000Z">3m</time></a>')
    if tweet_id:
        assert only(html)["tweet_id"] == tweet_id
    else:
        (item,) = parse(html)
        assert isinstance(item, Quarantined)
        assert (item.reason, item.payload.decode()) == ("no_id", html)


@pytest.mark.parametrize(
    ("stated", "posted_at", "basis", "warnings"),
    [
        ('datetime="2006-07-15T09:30:00.000Z"', datetime(2006, 7, 15, 9, 30, tzinfo=UTC), "stated", []),
        ('datetime="soon"', None, None, ["time_unreadable"]),
        ("", None, None, []),
    ],
)
def test_an_id_without_time_leaves_the_stated_one(
    stated: str, posted_at: datetime | None, basis: str | None, warnings: list[str]
) -> None:
    fields = only(card(time=f'<a href="/writer/status/20"><time {stated}>2006</time></a>'))
    assert (fields.get("posted_at"), fields.get("posted_at_basis")) == (posted_at, basis)
    assert fields["parse_warnings"] == ["read_from_html", *warnings]


ADVERT = '<div class="r-1kkk96v"><span>Ad</span></div>'


@pytest.mark.parametrize(
    "html",
    [
        page(cell(card(time=""), is_advert=True)),
        page(cell(card(), is_advert=True)),
        card(time="", before=ADVERT),
        card(before=ADVERT),
        card(time="<span>Ad</span>"),
        card(time="", after='<div data-testid="placementTracking"></div>'),
    ],
)
def test_adverts_are_no_results(html: str) -> None:
    assert outcomes(html) == ["promoted_entry"]


def test_what_only_looks_like_an_advert_is_a_post() -> None:
    film = '<div data-testid="placementTracking"><div data-testid="videoPlayer"></div></div>'
    titled = '<div data-testid="card.wrapper"><span>Ad</span></div>'
    for html in (card(after=film), card(after=titled), card(text="Ad"), card(name="Promoted")):
        assert outcomes(html) == ["captured"]


def test_the_same_post_twice_is_one() -> None:
    assert outcomes(page(cell(card()), cell(card(after=quote())))) == ["captured", "duplicate_in_response"]


def test_a_card_that_is_broken_is_kept_whole() -> None:
    for html, reason in ((card(time=""), "no_id"), (card(text=None), "no_text"), (card(text=" "), "no_text")):
        (item,) = parse(html)
        assert isinstance(item, Quarantined)
        assert (item.reason, item.payload.decode()) == (reason, html)


def test_broken_characters_are_mended_and_said() -> None:
    items = parse(card("11", text="up \ud83d") + card("12", text="\ud83d\ude00"))
    assert [item.fields["text"] for item in items if isinstance(item, Captured)] == ["up �", "😀"]
    assert items[0].fields["parse_warnings"] == ["read_from_html", "text_repaired"]  # type: ignore[union-attr]
    assert items[1].fields["parse_warnings"] == ["read_from_html"]  # type: ignore[union-attr]


def test_what_stands_too_deep_is_kept_and_said() -> None:
    html = card("11") + "<div>" * 5_000 + card("12")
    assert outcomes(html) == ["captured", "nested_too_deeply"]
    assert parse(html)[1].payload.decode() == html  # type: ignore[union-attr]


WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30).filter(str.strip)


@given(WORDS, st.lists(st.sampled_from("🚀📈⬆️🇮🇳"), max_size=3), st.lists(WORDS, max_size=3))
def test_any_words_come_back_as_written(words: str, pictures: list[str], more: list[str]) -> None:
    text = "<b></b>" + span(words) + "".join(map(emoji, pictures)) + "".join(map(span, more))
    fields = only(card(text=text))
    assert fields["text"] == (words + "".join(pictures) + "".join(more)).strip()


@given(
    st.from_regex(r"[A-Za-z0-9_]{1,15}", fullmatch=True).filter(lambda name: name.casefold() != "i"),
    st.integers(1, 10**18),
    WORDS,
    st.lists(st.integers(0, 10**12), min_size=5, max_size=5),
    st.booleans(),
)
def test_any_card_gives_back_its_parts(
    handle: str, number: int, name: str, counts: list[int], is_grouped: bool
) -> None:
    shown = [f"{count:,}" if is_grouped else str(count) for count in counts]
    nouns = ("replies", "reposts", "likes", "bookmarks", "views")
    label = ", ".join(f"{count} {noun}" for count, noun in zip(shown, nouns, strict=True))
    html = card(str(number), handle=handle, name=escape(name), groups=actions(label, buttons=""))
    fields = only(html)
    columns = ("reply_count", "retweet_count", "like_count", "bookmark_count", "view_count")
    assert [fields[column] for column in columns] == counts
    assert (fields["tweet_id"], fields["author_handle"]) == (str(number), handle)
    assert fields["author_name"] == name.strip()


PARTS = (
    *(card(), quote(), header("writer", "x"), time_link("writer", "11"), body(span("Nifty")), actions()),
    *("<article data-testid=tweet>", "</article>", "<div role=link>", "</div>", "<a href='/a/status/1'>"),
    *("<time datetime=x>", "<div data-testid=placementTracking>", "<div data-testid=User-Name>@a", "</a>"),
    *(
        "<script>",
        "</script>",
        "<![CDATA[",
        "&#xD800;",
        "\x00",
        "\ud800",
        "Ad",
        "<svg><title>",
        "<table><td>",
    ),
    *("<template>", "<plaintext>", "<body>", "</html>", "<img alt='", "Replying to @a", "<!--", "-->"),
)


@given(st.lists(st.sampled_from(PARTS) | st.text(max_size=5), max_size=25).map("".join))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_html_is_read_without_error(html: str) -> None:
    for item in parse(html):
        assert isinstance(item, Captured | Excluded | Quarantined)
        if not isinstance(item, Excluded):
            item.payload.decode()
        if isinstance(item, Captured):
            assert int(item.fields["tweet_id"]) > 0
            assert set(item.fields["parse_warnings"]) <= PARSE_WARNINGS.keys()


@given(st.sampled_from(("User-Name", "tweetText", "tweet")), st.integers(0, 3), st.integers(0, 3))
def test_a_damaged_card_harms_no_other(name: str, place: int, copies: int) -> None:
    damaged = card("99").replace(f'data-testid="{name}"', f'data-testid="{"x" * copies}"')
    cards = [card(str(number)) for number in range(1, 4)]
    cards.insert(place, damaged)
    read = {item.fields["tweet_id"] for item in parse(page(*map(cell, cards))) if isinstance(item, Captured)}
    assert {"1", "2", "3"} <= read


@pytest.mark.shared
def test_real_cards(shared: Path) -> None:
    read = {}
    for file in sorted((shared / "x_html").glob("*.html")):
        html = file.read_text()
        fields = only(html)
        read[fields["tweet_id"]] = fields
        text = etree.HTML(html).xpath("string(//*[@data-testid='tweetText'])")
        without_emoji = "".join(c for c in fields["text"] if ord(c) < 0x1F000 and c not in "✅⬆️")
        assert without_emoji.split() == text.split()
        assert fields["posted_at_basis"] == "id"
        stated = etree.HTML(html).xpath("string(//time/@datetime)")
        assert fields["posted_at"].isoformat()[:19] == stated[:19]
        assert f"UserAvatar-Container-{fields['author_handle']}" in html
        assert (fields["like_count"], fields["retweet_count"], fields["reply_count"]) == (0, 0, 0)
        assert fields["view_count"] > 0
        assert "#nifty50" in fields["text"].casefold()
        assert "text_truncated" in fields["parse_warnings"] or "Show more" not in html
    assert len(read) == 2
    assert sum("🚨" in fields["text"] for fields in read.values()) == 1
    assert sum("text_truncated" in fields["parse_warnings"] for fields in read.values()) == 1
