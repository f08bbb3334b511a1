"""The page, on published files of invented posts."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import duckdb
import pytest
from matplotlib.colors import to_rgb

from charts import market_brief, page, style
from charts.data import Estimate, published
from config import Settings
from tests.charts.conftest import OUTCOMES, RECORDS, VALIDATION

Publish = Callable[..., Settings]

VOID = {"meta"}


class Read(HTMLParser):
    """A page as a browser reads it: tags with attributes, and text by the section that it is in."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.sections: dict[str, str] = {"": ""}
        self._heading = ""
        self.feed(markup)
        self.close()
        assert not self.open, f"{self.open} are not closed"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "h2":
            self._heading = ""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or "style" in self.open:  # nothing is open before the root
            return
        if "h2" in self.open:
            self._heading += data
            self.sections[self._heading] = ""
        # Cells and paragraphs are apart.
        self.sections[self._heading] += data.replace("\N{NO-BREAK SPACE}", " ") + (
            " | " if self.open[-1] in ("td", "th", "p") else ""
        )

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def markup(root: Settings) -> str:
    with duckdb.connect(root.published_db, read_only=True) as connection:
        facts = published(connection)
        return market_brief.page(facts, market_brief.read(connection))


def read(root: Settings) -> Read:
    return Read(markup(root))


def query(root: Settings, statement: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(root.published_db, read_only=True) as connection:
        return connection.execute(statement).fetchall()


CASES: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "a day": ((VALIDATION, OUTCOMES), {}),
    "a year": ((), {"n_posts": 9_000, "days": 400, "start": "2025-01-01 00:00:00Z", "source": "x"}),
    "one post": ((), {"n_posts": 1}),
    "twelve posts": ((), {"n_posts": 12, "days": 0.01}),
    "no prices, hashtags, campaigns": ((), {"has_prices": False, "hashtags": (), "n_campaigns": 0}),
    "beyond the calendar": (
        (
            "delete from marts.signal_bars where bar_interval = '1d'",
            "update marts.signal_bars set trading_date = null",
            "update validated.tweets set trading_date = null",
            "delete from processed.calendar_days",
        ),
        {},
    ),
    "nothing tested, nothing judged": (
        (
            VALIDATION,
            OUTCOMES,
            "update marts.signal_validation set ic = null",
            "update marts.call_outcomes set outcome = 'not_judged'",
        ),
        {},
    ),
    "judged, but without a target": ((OUTCOMES, "update marts.call_outcomes set target = null"), {}),
    "a perfect record of few": (
        (OUTCOMES, "delete from marts.call_outcomes where outcome <> 'target_first' or author_key > '@a2'"),
        {},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_page_is_whole_says_no_nonsense_and_needs_nothing_else(publish: Publish, case: str) -> None:
    changes, posts = CASES[case]
    html = markup(publish(*changes, **posts))
    assert len(html.encode()) < 150_000
    seen = Read(html)
    assert not re.search(r"\b(nan|NaN|NaT|None(?! of| was)|inf)\b", "".join(seen.sections.values()))
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in seen.tags}
    assert not re.search(r"@import|url\(|\bsrc=|\bhref=", html)


def test_the_page_can_be_read_aloud(publish: Publish) -> None:
    seen = read(publish(VALIDATION, OUTCOMES))
    assert seen.all("html") == [{"lang": "en"}]
    assert len(seen.all("h1")) == len(seen.all("main")) == len(seen.all("title")) == 1
    levels = [int(tag[1]) for tag, _ in seen.tags if re.fullmatch("h[1-6]", tag)]
    assert all(below - above <= 1 for above, below in itertools.pairwise(levels))
    assert len(seen.all("caption")) == len(seen.all("table")) > 3
    assert all(attributes["scope"] in ("row", "col") for attributes in seen.all("th"))
    for attributes in seen.all("svg"):
        is_told = attributes.get("role") == "img" and attributes.get("aria-label")
        assert is_told or attributes.get("aria-hidden") == "true"


def luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return sum(share * c for share, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize(
    ("text", "ground"),
    [
        *((page.text_colour(score), "white") for score in map(Estimate, (1, -1, 0), (1, -2, -1), (2, -1, 1))),
        ("#555", "white"),
        ("white", style.PROMOTION),
        (style.INK, style.DEMO),
    ],
)
def test_words_have_contrast_enough(text: str, ground: str) -> None:
    light, dark = sorted((luminance(text), luminance(ground)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_what_posts_say_never_becomes_markup_or_an_address(publish: Publish) -> None:
    root = publish(
        "update marts.campaigns set last_posted_at = (select max(window_end) from marts.signal_summary)"
    )
    html = markup(root)
    seen = Read(html)
    assert "<script>alert('x')</script> & \"quoted\" <b>gains</b>" in seen.sections["Beware of campaigns"]
    assert "few posts are <b>rejected</b>" in seen.sections["Data quality"]
    assert not seen.all("script") + seen.all("b")
    assert "t.example" not in html
    assert "someone_else" not in html


def test_demo_data_is_marked(publish: Publish) -> None:
    assert "DEMO DATA" in markup(publish(source="demo"))


def test_real_data_is_not_and_the_page_says_whence_and_when_it_is(publish: Publish) -> None:
    html = markup(publish(source="archive"))
    assert "DEMO" not in html
    assert "invented" not in html
    assert "source archive" in html
    assert "As of 21 Jan 2026, 23:59 IST" in html


def test_the_page_tells_of_the_session_that_runs(publish: Publish) -> None:
    root = publish(
        "update marts.signal_bars set score = -0.2, ci_low = -0.3, ci_high = -0.1 "
        "where instrument = 'MARKET' and bar_interval = '1d' and trading_date = date '2026-01-22'"
    )
    seen = read(root)
    assert "Market brief for the session of 22 Jan 2026" in seen.sections[""]
    now = seen.sections["What posts say now"]
    assert "Posts lean bearish" in now
    assert "Market score −0.20 [−0.30, −0.10]" in now
    ((n_posts, n_authors),) = query(
        root,
        "select n_posts, n_authors from marts.signal_bars "
        "where instrument = 'MARKET' and bar_interval = '1d' and trading_date = date '2026-01-22'",
    )
    assert f"{n_posts:,} posts by {n_authors:,} authors since the close before, 21 Jan 2026, 15:30 IST" in now
    changed = seen.sections["What changed"]
    assert "22 Jan 2026, so far |" in changed
    assert "not over |" in changed


@pytest.mark.parametrize(
    ("ci", "headline", "reading"),
    [
        ("ci_low = 0.01, ci_high = 0.09", "Posts lean slightly bullish", "is clear of 0"),
        ("ci_low = -0.01, ci_high = 0.11", "No clear lean", "bullish and bearish are both possible"),
        ("ci_low = null, ci_high = null", "Too few voices to tell", "no honest interval"),
        ("score = null, ci_low = null, ci_high = null", "Too few posts for a score", "Nothing can be said"),
    ],
)
def test_the_headline_says_no_more_than_the_interval(
    publish: Publish, ci: str, headline: str, reading: str
) -> None:
    root = publish("update marts.signal_bars set score = 0.05", f"update marts.signal_bars set {ci}")
    now = read(root).sections["What posts say now"]
    assert headline in now
    assert reading in now


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("score = 0.5, ci_low = 0.4, ci_high = 0.6", "moved by −0.45. The two intervals do not overlap"),
        ("score = 0.2, ci_low = 0.0, ci_high = 0.4", "moved by −0.15. The two intervals overlap"),
        ("score = 0.2, ci_low = null, ci_high = null", "cannot be told without both intervals"),
        ("score = null, ci_low = null, ci_high = null", "no change can be told"),
    ],
)
def test_a_change_is_more_than_chance_only_with_intervals_apart(
    publish: Publish, before: str, said: str
) -> None:
    root = publish(
        "update marts.signal_bars set score = 0.05, ci_low = 0.01, ci_high = 0.09",
        f"update marts.signal_bars set {before} where trading_date = date '2026-01-21'",
    )
    changed = read(root).sections["What changed"]
    assert "Against the session of 21 Jan 2026" in changed
    assert said in changed


def test_sessions_that_nobody_posted_in_are_told(publish: Publish) -> None:
    root = publish(
        "delete from marts.signal_bars where trading_date in (date '2026-01-27', date '2026-01-28')",
        n_posts=3_000,
        days=7.9,
    )
    assert "Against the session of 26 Jan 2026 (2 sessions without posts between)" in markup(root)


def test_a_price_after_the_newest_post_is_not_known_yet(publish: Publish) -> None:
    root = publish(
        "insert into validated.price_bars select * replace ("
        "bar_start + interval 1 day as bar_start, trading_date + 1 as trading_date, 30000 as close) "
        "from validated.price_bars where bar_interval <> '1d'"
    )
    ((close,),) = query(
        root,
        "select arg_max(close, bar_start) from validated.price_bars "
        "where bar_interval <> '1d' and trading_date = date '2026-01-21'",
    )
    told = read(root).sections["By instrument"]
    assert f"{close:,.0f} |" in told
    assert "30,000" not in told
    assert "from that session's open (21 Jan 2026)" in told


def test_a_bar_that_the_newest_post_lies_in_has_not_closed_yet(publish: Publish) -> None:
    root = publish("update marts.signal_summary set window_end = '2026-01-21 05:01:00Z'")
    ((close, later),) = query(
        root,
        "select any_value(close) filter (bar_start = '2026-01-21 04:57:00Z'), "
        "any_value(close) filter (bar_start = '2026-01-21 05:00:00Z') "
        "from validated.price_bars where bar_interval = '3min'",
    )
    told = read(root).sections["By instrument"]
    assert f"{close:,.0f} |" in told
    assert f"{later:,.0f} |" not in told


def test_instruments_are_those_of_the_newest_session_that_scores_several(publish: Publish) -> None:
    root = publish(
        "update marts.signal_bars set score = null where trading_date = date '2026-01-22' "
        "and instrument <> 'MARKET'"
    )
    told = read(root).sections["By instrument"]
    assert "The session of 21 Jan 2026, MARKET being all posts" in told
    assert all(f"{name} |" in told for name in ("MARKET", "NIFTY50", "BANKNIFTY", "TCS"))


def test_terms_say_their_lift_or_why_there_is_none(publish: Publish) -> None:
    told = read(publish(n_posts=3_000, days=40)).sections["What they talk about"]
    assert "rose most against the 30 days before" in told
    assert told.index("still_more") < told.index("sensex") < told.index("intraday")
    assert "× 7.5 |" in told


def test_without_days_before_no_term_is_called_new(publish: Publish) -> None:
    told = read(publish()).sections["What they talk about"]
    assert "What is new cannot be told" in told
    assert "×" not in told


def test_calls_are_counted_by_what_they_bet_on(publish: Publish) -> None:
    root = publish(
        "delete from processed.trade_calls",
        "update validated.tweets set trading_date = date '2026-01-22' "
        "where tweet_id in ('p0', 'p1', 'p2', 'p3')",
        "insert into processed.trade_calls values "
        "('p0', 1, 'NIFTY50', 'buy', 'CE'), ('p1', 1, 'NIFTY50', 'sell', 'PE'), "
        "('p2', 1, 'NIFTY50', 'buy', null), ('p3', 1, 'NIFTY50', 'buy', 'PE'), "
        "('p3', 2, 'NIFTY50', 'sell', 'CE'), ('p4', 1, 'TCS', 'buy', null)",
    )
    authors = len(
        set(query(root, "select author_key from validated.tweets where tweet_id in ('p0','p1','p2','p3')"))
    )
    told = read(root).sections["Trade calls"]
    assert f"NIFTY50 | 5 | {authors} | 3 | 2 |" in told
    assert "TCS" not in told  # of another session
    assert "What became of earlier calls is not in this file." in told


def test_the_record_of_calls_has_its_interval(publish: Publish) -> None:
    told = read(publish(OUTCOMES, RECORDS)).sections["Trade calls"]
    assert "Of 450 calls in this file 400 were entered and judged by prices, 300 of them with a t" in told
    assert "which 100 reached before their stop (33 %, 95 % interval over authors [" in told
    assert "Of 40 authors 10 have calls enough for a verdict; 10 of them reached" in told


def test_few_calls_give_no_verdict(publish: Publish) -> None:
    root = publish(OUTCOMES, RECORDS, "delete from marts.author_track_record where verdict not like 'none%'")
    assert "None of 30 authors has calls enough for a verdict." in read(root).sections["Trade calls"]


def test_the_validation_says_its_power(publish: Publish) -> None:
    told = read(publish(VALIDATION)).sections["How far to trust it"]
    assert (
        "Of 22 combinations of instrument, bar and horizon tested against later prices, 11 are hard" in told
    )
    assert (
        "NIFTY50 | next session | +0.40 [+0.20, +0.60] | 70 % [60, 80] % "
        "| Too few <days> to see an IC below 0.3. |" in told
    )


def test_too_few_days_are_no_test(publish: Publish) -> None:
    root = publish(VALIDATION, "update marts.signal_validation set p_adjusted = null")
    told = read(root).sections["How far to trust it"]
    assert "too few days of scores and prices to test" in told
    assert "hard to explain" not in told


def test_without_a_validation_scores_are_no_forecast(publish: Publish) -> None:
    assert "take them as a mood, not a forecast" in read(publish()).sections["How far to trust it"]


def test_failing_checks_and_rejected_posts_are_told(publish: Publish) -> None:
    told = read(publish()).sections["Data quality"]
    assert "2,000 valid posts. Reasons for rejecting others: text empty 40, count absurd 20." in told
    assert "1 of 2 checks of this build pass." in told
    assert "few posts are <b>rejected</b> | warn | 0.06 | 0.05 |" in told
