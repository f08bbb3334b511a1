"""What the pictures show, on published files of invented posts."""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime
from types import ModuleType
from typing import Any

import duckdb
import numpy as np
import pytest
import yaml
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from charts import (
    campaign_timeline,
    chatter_heatmap,
    engagement_vs_sentiment,
    instrument_multiples,
    market_brief,
    sentiment_distribution,
    signal_aggregation,
    signal_over_price,
    signal_over_time,
    signal_validation,
    style,
)
from charts.__main__ import PICTURES
from charts.data import Columns, published
from config import ROOT, Settings
from tests.charts.conftest import OUTCOMES, RECORDS, VALIDATION

Publish = Callable[..., Settings]

# Days are long enough for daily bars, with a stretch of sessions that nobody posted in.
HOLES = (
    "delete from marts.signal_bars where trading_date between date '2025-03-10' and date '2025-04-20'",
    "delete from marts.signal_bars where trading_date = date '2025-05-14'",
)
LONG = {"n_posts": 8_000, "days": 1_200, "start": "2023-02-01 00:00:00Z", "has_prices": False}
MOOD = ("signal_over_time", "chatter_heatmap", "instrument_multiples")
VIEWS = ("sentiment_distribution", "engagement_vs_sentiment", "signal_over_time", "signal_over_price")
UNTESTED = """
    update marts.signal_validation
    set ic_low = null, ic_high = null, hit_rate_low = null, hit_rate_high = null, min_detectable_ic = null,
        p_adjusted = null, ic = if(bar_interval = '1d', null, ic)
"""
# Each with fewer posts than the one before.
MORE_INSTRUMENTS = tuple(
    "insert into marts.signal_bars select * replace "
    f"('S{number:02}' as instrument, n_posts - {number} as n_posts) "
    "from marts.signal_bars where instrument = 'TCS' and n_posts > 20"
    for number in range(20)
)
# Changes, posts, and the pictures that they make a difference to.
CASES: dict[str, tuple[tuple[str, ...], dict[str, Any], tuple[str, ...]]] = {
    "a day": ((VALIDATION,), {}, tuple(PICTURES)),
    "a dense day": ((), {"n_posts": 9_000}, ("engagement_vs_sentiment", "signal_over_price")),
    "ten days": ((), {"n_posts": 3_000, "days": 10}, (*MOOD, "signal_over_price", "campaign_timeline")),
    "a year": (
        (),
        {"n_posts": 9_000, "days": 400, "start": "2025-01-01 00:00:00Z", "source": "x"},
        (*MOOD, "signal_aggregation", "signal_over_price", "campaign_timeline"),
    ),
    "holes": (HOLES, {"n_posts": 3_000, "days": 200, "start": "2025-01-01 00:00:00Z"}, MOOD),
    "many sessions": ((), LONG, MOOD),
    "one post": ((), {"n_posts": 1}, tuple(PICTURES)),
    "twelve posts": ((), {"n_posts": 12, "days": 0.01}, tuple(PICTURES)),
    "no view": ((), {"bearish": 0, "bullish": 0}, VIEWS),
    "all bullish, none noticed": ((), {"bearish": 0, "bullish": 1, "loudest": 0}, VIEWS),
    "no counts, no hashtag": (
        (),
        {"measured": 0, "hashtags": ()},
        ("engagement_vs_sentiment", "signal_aggregation"),
    ),
    "no session, no weight": (
        (
            "delete from marts.signal_bars where bar_interval = '1d'",
            "update marts.hashtag_stats set weighted_sentiment = null",
        ),
        {},
        ("signal_over_time", "signal_aggregation"),
    ),
    "beyond the calendar": (
        (
            "delete from marts.signal_bars where bar_interval = '1d'",
            "update marts.signal_bars set trading_date = null",
            "delete from processed.calendar_days",
        ),
        {},
        (*MOOD, "signal_over_price"),
    ),
    "one instrument, one campaign": (
        ("delete from marts.signal_bars where instrument <> 'MARKET'",),
        {"n_campaigns": 1},
        ("instrument_multiples", "signal_over_price", "campaign_timeline"),
    ),
    # The last row of panels is not full.
    "ten instruments": (MORE_INSTRUMENTS[:6], {"n_posts": 3_000}, ("instrument_multiples",)),
    "no campaign": ((), {"n_campaigns": 0}, ("campaign_timeline",)),
    "a table for validation, and nothing in it": (
        (VALIDATION, "update marts.signal_validation set ic = null"),
        {},
        ("signal_validation",),
    ),
    "too few days to test": ((VALIDATION, UNTESTED), {}, ("signal_validation",)),
    "one instrument tested, by the day": (
        (
            VALIDATION,
            "delete from marts.signal_validation where instrument = 'NIFTY50' or bar_interval <> '1d'",
        ),
        {},
        ("signal_validation",),
    ),
}


def drawn(root: Settings, picture: ModuleType) -> Figure:
    """A picture, laid out; any warning is an error."""
    with (
        duckdb.connect(root.published_db, read_only=True) as connection,
        warnings.catch_warnings(),
        style.house(),
    ):
        warnings.simplefilter("error")
        facts = published(connection)
        made: Figure = picture.draw(facts, picture.read(connection))
        made.draw_without_rendering()
    return made


def query(root: Settings, statement: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(root.published_db, read_only=True) as connection:
        return connection.execute(statement).fetchall()


def words(made: Figure) -> str:
    return "\n".join(text.get_text() for text in made.findobj(Text) if isinstance(text, Text))


def title(made: Figure) -> str:
    return max(made.texts, key=lambda text: text.get_position()[1] + text.get_fontsize()).get_text()


def shown_texts(made: Figure) -> Iterator[tuple[str, Bbox]]:
    """Texts that are on the picture, with their boxes in pixels."""
    hidden: set[Text] = set()
    for axes in made.axes:
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            low, high = sorted(limits)
            for tick in axis.get_major_ticks():
                is_shown = axes.axison and axis.get_visible() and low <= tick.get_loc() <= high
                hidden |= {tick.label2} if is_shown else {tick.label1, tick.label2}
    for text in made.findobj(Text):
        assert isinstance(text, Text)
        if text.get_visible() and text.get_text().strip() and text not in hidden:
            yield text.get_text(), text.get_window_extent()


@pytest.mark.parametrize("case", CASES)
def test_texts_neither_overlap_nor_leave_the_picture(publish: Publish, case: str) -> None:
    changes, posts, names = CASES[case]
    root = publish(*changes, **posts)
    for name in names:
        made = drawn(root, PICTURES[name])
        texts, boxes = zip(*shown_texts(made), strict=True)
        x0, y0, x1, y1 = np.array([box.extents for box in boxes]).T
        leaves = (x0 < 0) | (y0 < 0) | (x1 > made.bbox.width) | (y1 > made.bbox.height)
        assert not leaves.any(), f"{name}: {np.array(texts)[leaves]} leave the picture"
        room = 3  # of the boxes, not of the letters
        for row, text in enumerate(texts):
            overlaps = (
                (np.minimum(x1, x1[row]) - np.maximum(x0, x0[row]) > room)
                & (np.minimum(y1, y1[row]) - np.maximum(y0, y0[row]) > room)
                & (np.arange(len(texts)) != row)
            )
            assert not overlaps.any(), f"{name}: {text!r} overlaps {np.array(texts)[overlaps]}"


def test_demo_data_is_marked_on_every_picture(publish: Publish) -> None:
    root = publish(source="demo")
    assert all("DEMO DATA" in words(drawn(root, picture)) for picture in PICTURES.values())


def test_real_data_is_not_marked_and_says_whence_and_when_it_is(publish: Publish) -> None:
    root = publish(source="archive")
    for picture in PICTURES.values():
        made = words(drawn(root, picture))
        assert "DEMO" not in made
        assert "source archive" in made
        assert "as of 21 Jan 2026, 23:59" in made


class Counted:
    """A connection that counts the rows that leave the database."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.rows = 0

    def execute(self, *arguments: Any) -> Counted:
        self.connection.execute(*arguments)
        return self

    def fetchnumpy(self) -> Columns:
        columns: Columns = self.connection.fetchnumpy()
        self.rows += len(next(iter(columns.values())))
        return columns

    def fetchall(self) -> list[Any]:
        rows = self.connection.fetchall()
        self.rows += len(rows)
        return rows


def test_few_rows_leave_the_database_however_many_posts_there_are(publish: Publish) -> None:
    root = publish(VALIDATION, OUTCOMES, RECORDS, n_posts=100_000, days=100)
    with duckdb.connect(root.published_db, read_only=True) as connection:
        counted = Counted(connection)
        facts = published(counted)  # type: ignore[arg-type]
        assert facts is not None
        assert facts.n_posts == 100_000
        for picture in PICTURES.values():
            picture.read(counted)  # type: ignore[arg-type]
        by_pictures = counted.rows
        market_brief.read(counted)  # type: ignore[arg-type]
    assert 5_000 < by_pictures <= 20_000
    assert counted.rows - by_pictures < 150


def test_the_published_columns_are_those_of_the_warehouse(publish: Publish) -> None:
    """Of the tables that it has: pictures may also read one that a later warehouse brings."""
    columns = query(
        publish(VALIDATION, OUTCOMES, RECORDS, n_posts=0),
        "select table_schema || '_' || table_name, column_name from information_schema.columns",
    )
    documented = set()
    for path in (ROOT / "warehouse" / "models").rglob("*.yml"):
        for model in yaml.safe_load(path.read_text()).get("models", []):
            documented |= {(model["name"], column["name"]) for column in model["columns"]}
    has = {model for model, _ in documented}
    published_here = {(model, column) for model, column in columns if model in has}
    assert len(published_here) > 80
    assert published_here <= documented


# ---- signal_over_time --------------------------------------------------------------------------------


def line_of_scores(axes: Axes) -> Line2D:
    return max(
        (line for line in axes.lines if line.get_marker() == "None"), key=lambda line: len(line.get_xdata())
    )


def days_since_1970(*clock: int) -> float:
    return (datetime(*clock) - datetime(1970, 1, 1)).total_seconds() / 86_400  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("days", "bar_interval"), [(0.3, "15min"), (2, "15min"), (2.2, "1h"), (13.9, "1h"), (14.5, "1d")]
)
def test_the_span_chooses_the_bars(publish: Publish, days: float, bar_interval: str) -> None:
    root = publish(n_posts=3_000, days=days)
    with duckdb.connect(root.published_db, read_only=True) as connection:
        signal = signal_over_time.read(connection)
    assert signal.bar_interval == bar_interval
    assert len(signal.bars["score"]) <= 350


def test_posts_far_off_do_not_stretch_the_axis(publish: Publish) -> None:
    root = publish(
        "insert into marts.signal_bars select * replace ("
        "bar_start - interval 90 days as bar_start, bar_end - interval 90 days as bar_end, "
        "null as score, null as ci_low, null as ci_high, 1 as n_posts) "
        "from marts.signal_bars where bar_interval <> '1d' and bar_start = '2026-01-21 04:30:00Z'"
    )
    made = drawn(root, signal_over_time)
    assert made.axes[0].get_xlim() == pytest.approx(
        (days_since_1970(2026, 1, 21), days_since_1970(2026, 1, 22))
    )
    assert "Left out before and after: 1 bar with too few posts." in words(made)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
def test_the_axis_is_the_wall_clock_in_india(
    publish: Publish, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        made = drawn(publish(), signal_over_time)
    finally:
        monkeypatch.undo()
        time.tzset()
    ticks = {tick.label1.get_text(): tick.get_loc() for tick in made.axes[-1].xaxis.get_major_ticks()}
    # 04:30 UTC is 10:00 in India.
    assert ticks["10:00"] == pytest.approx(days_since_1970(2026, 1, 21, 10))
    assert ticks["00:00\nWed 21 Jan"] == pytest.approx(days_since_1970(2026, 1, 21))
    assert ticks["24:00"] == pytest.approx(days_since_1970(2026, 1, 22))
    middles = line_of_scores(made.axes[0]).get_xdata()
    assert np.isclose(middles, days_since_1970(2026, 1, 21, 10, 7, 30)).any()
    # The session opens at 09:15, the pre-open quarter of an hour before.
    spans = {round(patch.get_x(), 6) for patch in made.axes[0].patches}  # type: ignore[attr-defined]
    assert spans == {round(days_since_1970(2026, 1, 21, 9, m), 6) for m in (0, 15)}


NO_SCORE = ("2026-01-21 04:30:00Z", "2026-01-21 04:45:00Z", "2026-01-21 07:00:00Z")
NO_BAR = ("2026-01-21 09:00:00Z",)
NO_INTERVAL = ("2026-01-21 06:00:00Z", "2026-01-21 11:30:00Z")


def middle(bar_start: str) -> float:
    at = datetime.fromisoformat(bar_start)
    return days_since_1970(at.year, at.month, at.day, at.hour, at.minute) + (330 + 7.5) / 1440


def sparse_day(publish: Publish) -> Settings:
    """A day of 15-minute bars, some without a score, some missing, some without an interval."""
    where = "bar_interval = '15min' and instrument = 'MARKET' and bar_start in"
    return publish(
        f"update marts.signal_bars set score = null, ci_low = null, ci_high = null where {where} {NO_SCORE}",
        f"delete from marts.signal_bars where {where} ('{NO_BAR[0]}')",
        f"update marts.signal_bars set ci_low = null, ci_high = null where {where} {NO_INTERVAL}",
    )


def test_bars_without_a_score_leave_gaps(publish: Publish) -> None:
    line = line_of_scores(drawn(sparse_day(publish), signal_over_time).axes[0])
    points = np.array(line.get_xydata())
    assert np.isfinite(points[:, 1]).sum() == 96 - len(NO_SCORE) - len(NO_BAR)
    for start, end in itertools.pairwise(points):
        for bar_start in NO_SCORE + NO_BAR:
            is_across = start[0] - 1e-6 <= middle(bar_start) <= end[0] + 1e-6
            assert not (is_across and np.isfinite([start, end]).all())


def test_bars_without_an_interval_have_no_band_and_a_hollow_point(publish: Publish) -> None:
    root = sparse_day(publish)
    axes = drawn(root, signal_over_time).axes[0]
    (band,) = axes.collections
    bars = query(
        root,
        "select cast(bar_start as varchar), score, ci_low, ci_high from marts.signal_bars "
        "where bar_interval = '15min' and instrument = 'MARKET' and score is not null",
    )
    hollow = []
    for bar_start, score, low, high in bars:
        x = middle(bar_start)
        is_banded = any(path.contains_point((x, score)) for path in band.get_paths())
        assert is_banded == (low is not None), bar_start
        if low is None:
            hollow.append(x)
        else:
            for path in band.get_paths():
                assert not path.contains_point((x, high + 1e-3))
                assert not path.contains_point((x, low - 1e-3))
    assert len(hollow) >= len(NO_INTERVAL)
    (points,) = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
    assert sorted(points.get_xdata()) == pytest.approx(sorted(hollow))


def test_the_title_tells_of_the_last_finished_session(publish: Publish) -> None:
    root = publish()
    ((n_posts,),) = query(
        root,
        "select n_posts from marts.signal_bars where instrument = 'MARKET' and bar_interval = '1d' "
        "and trading_date = date '2026-01-21'",
    )
    told = title(drawn(root, signal_over_time))
    assert told.startswith("Market mood, session of 21 Jan 2026: ")
    assert told.endswith(f" over {n_posts:,} posts")


def test_sessions_without_posts_take_little_room_and_are_marked(publish: Publish) -> None:
    root = publish(*HOLES, n_posts=3_000, days=200, start="2025-01-01 00:00:00Z")
    made = drawn(root, signal_over_time)
    dotted = [line for line in made.axes[0].lines if line.get_linestyle() not in ("-", "None")]
    # Six weeks are marked as left out; a single session is a plain gap of its own width.
    assert len(dotted) == 1
    assert "Dotted: " in words(made)
    ((n_sessions,),) = query(
        root, "select count(*) from marts.signal_bars where instrument = 'MARKET' and bar_interval = '1d'"
    )
    low, high = made.axes[0].get_xlim()
    assert high - low == n_sessions + (signal_over_time.WIDEST_HOLE - 1) + 1


def test_only_the_latest_sessions_are_drawn_and_the_rest_is_told(publish: Publish) -> None:
    root = publish(**LONG)
    with duckdb.connect(root.published_db, read_only=True) as connection:
        signal = signal_over_time.read(connection)
    assert len(signal.bars["score"]) == signal_over_time.MAX_SESSIONS
    assert signal.n_left_out > 0
    assert f"{signal.n_left_out} earlier ones left out" in words(drawn(root, signal_over_time))
    assert signal.bars["trading_date"][-1] == signal.bars["trading_date"].max()


def test_prices_have_a_panel_where_there_are_any(publish: Publish) -> None:
    root = publish()
    made = drawn(root, signal_over_time)
    assert "NIFTY 50, points" in words(made)
    (line,) = made.axes[2].lines
    assert len(line.get_xdata()) == 125  # 3-minute bars of one session
    assert min(line.get_xdata()) >= days_since_1970(2026, 1, 21, 9, 15)


def test_without_prices_there_is_no_panel_for_them(publish: Publish) -> None:
    made = drawn(publish(has_prices=False), signal_over_time)
    assert len(made.axes) == 2
    assert "price_bars" not in words(made)


# ---- sentiment_distribution --------------------------------------------------------------------------


def test_shares_and_classes_are_those_of_the_posts(publish: Publish) -> None:
    root = publish()
    made = drawn(root, sentiment_distribution)
    counts = dict(query(root, "select sentiment_label, count(*) from signals.tweet_signals group by all"))
    assert f"bearish {counts[-1] / 20:.1f} %, {counts[-1]:,} posts" in words(made)
    assert f"bullish {counts[1] / 20:.1f} %, {counts[1]:,} posts" in words(made)
    labels, classes, histogram = made.axes
    assert [patch.get_width() for patch in labels.patches] == pytest.approx(  # type: ignore[attr-defined]
        [counts[label] / 2_000 for label in (-1, 0, 1)]
    )
    assert sum(patch.get_width() for patch in classes.patches) == 2_000  # type: ignore[attr-defined]
    assert sum(patch.get_height() for patch in histogram.patches) == counts[-1] + counts[1]  # type: ignore[attr-defined]


def test_bins_hold_their_lower_end_and_the_last_both(publish: Publish) -> None:
    root = publish(
        "update signals.tweet_signals set sentiment_label = 0",
        "update signals.tweet_signals set sentiment_label = 1, sentiment = 1 where tweet_id = 'p0'",
        "update signals.tweet_signals set sentiment_label = 1, sentiment = 0.951 where tweet_id = 'p1'",
        "update signals.tweet_signals set sentiment_label = -1, sentiment = -1 where tweet_id = 'p2'",
        "update signals.tweet_signals set sentiment_label = -1, sentiment = -0.01 where tweet_id = 'p3'",
    )
    heights = [patch.get_height() for patch in drawn(root, sentiment_distribution).axes[2].patches]  # type: ignore[attr-defined]
    assert len(heights) == 40
    assert {index: height for index, height in enumerate(heights) if height} == {0: 1, 19: 1, 39: 2}


def test_a_lean_of_views_is_claimed_only_with_a_clear_interval(publish: Publish) -> None:
    assert "those that do are split" in title(
        drawn(publish(bearish=0.1, bullish=0.1), sentiment_distribution)
    )


def test_a_clear_lean_of_views_is_claimed(publish: Publish) -> None:
    assert title(drawn(publish(bearish=0.02, bullish=0.1), sentiment_distribution)).endswith(" are bullish")


# ---- engagement_vs_sentiment -------------------------------------------------------------------------


def sample(root: Settings) -> Columns:
    with duckdb.connect(root.published_db, read_only=True) as connection:
        return engagement_vs_sentiment.read(connection).points


def strata(points: Columns) -> set[tuple[int, int]]:
    tenths = np.minimum(np.floor(points["engagement"] * 10), 9).astype(int)
    return set(zip(points["sentiment_label"].tolist(), tenths.tolist(), strict=True))


def test_few_posts_are_all_drawn(publish: Publish) -> None:
    assert len(sample(publish(n_posts=4_000))["engagement"]) == 4_000


def test_a_sample_holds_every_stratum_and_nearly_fills_the_room(publish: Publish) -> None:
    root = publish(n_posts=40_000, bullish=0.002, days=3)
    points = sample(root)
    assert (
        engagement_vs_sentiment.MAX_POINTS - 30
        <= len(points["engagement"])
        <= engagement_vs_sentiment.MAX_POINTS
    )
    everyone = query(
        root,
        "select distinct sentiment_label, cast(least(floor(engagement * 10), 9) as integer) "
        "from signals.tweet_signals",
    )
    assert strata(points) == set(everyone)
    # A rare label is there whole, or nearly.
    ((n_bullish,),) = query(root, "select count(*) from signals.tweet_signals where sentiment_label = 1")
    assert (points["sentiment_label"] == 1).sum() > 0.9 * n_bullish


def test_a_sample_does_not_depend_on_the_order_of_rows(publish: Publish) -> None:
    root = publish(n_posts=20_000, days=3)
    before = sample(root)
    with duckdb.connect(root.published_db) as connection:
        for table in ("signals.tweet_signals", "validated.tweets"):
            connection.execute(
                f"create or replace temp table shuffled as from {table} order by hash(tweet_id, 9)"
            )
            connection.execute(f"create or replace table {table} as from shuffled")
    after = sample(root)
    assert before.keys() == after.keys()
    assert all((before[name] == after[name]).all() for name in before)


def test_posts_without_counts_are_not_taken_for_ignored_ones(publish: Publish) -> None:
    root = publish(measured=0.5)
    ((n_measured,),) = query(root, "select count(like_count) from validated.tweets")
    assert 900 < n_measured < 1_100
    assert len(sample(root)["engagement"]) == n_measured
    assert f"Left out: {2_000 - n_measured:,} posts" in words(drawn(root, engagement_vs_sentiment))


def test_a_difference_in_engagement_is_told(publish: Publish) -> None:
    root = publish("update signals.tweet_signals set engagement = engagement / 3 where sentiment_label = -1")
    told = title(drawn(root, engagement_vs_sentiment))
    assert told.startswith("Bullish posts draw more engagement than bearish ones: ")


def test_no_difference_in_engagement_is_told(publish: Publish) -> None:
    assert title(drawn(publish(), engagement_vs_sentiment)).startswith("No clear difference in engagement: ")


# ---- signal_aggregation ------------------------------------------------------------------------------


def test_the_two_intervals_are_drawn_under_their_own_names(publish: Publish) -> None:
    root = publish()
    panel = drawn(root, signal_aggregation).axes[0]
    for name, low, high in (
        ("95 % interval of the mean, over authors", "mean_ci_low", "mean_ci_high"),
        ("spread of single posts (mean ± 1.96 standard deviations)", "spread_low", "spread_high"),
    ):
        (lines,) = [lines for lines in panel.collections if lines.get_label() == name]
        expected = query(root, f"select {low}, {high} from marts.signal_summary where window_name = 'all'")
        first: Any = lines.get_segments()[0]  # type: ignore[attr-defined]
        assert tuple(first[:, 0]) == pytest.approx(expected[0])
    assert [label.get_text() for label in panel.get_yticklabels()] == ["all posts", "7 days", "24 hours"]


def test_the_newest_finished_session_with_several_scores_is_shown(publish: Publish) -> None:
    root = publish(
        # The newest finished one scores only the market.
        "update marts.signal_bars set score = null "
        "where trading_date = date '2026-01-23' and instrument <> 'MARKET'",
        n_posts=3_000,
        days=2.9,
    )
    with duckdb.connect(root.published_db, read_only=True) as connection:
        instruments = signal_aggregation.read(connection).instruments
    assert set(instruments["trading_date"].astype("datetime64[D]").astype(str)) == {"2026-01-22"}
    assert instruments["instrument"].tolist()[0] == "MARKET"
    assert sorted(instruments["instrument"]) == ["BANKNIFTY", "MARKET", "NIFTY50", "TCS"]


def test_hashtags_show_with_what_can_be_drawn_of_them(publish: Publish) -> None:
    made = words(drawn(publish(), signal_aggregation))
    for tag in ("#शेयरबाजार", "#निफ्टी", "#…moon…", "#$tcs$", "#stockmarketindiadai…"):
        assert tag in made


# ---- signal_over_price -------------------------------------------------------------------------------


def overlay(root: Settings) -> signal_over_price.Overlay:
    with duckdb.connect(root.published_db, read_only=True) as connection:
        return signal_over_price.read(connection)


def test_price_and_scores_share_the_minutes_of_a_session(publish: Publish) -> None:
    root = publish(n_posts=9_000)
    shown = overlay(root)
    assert shown.bar_interval == "15min"
    assert shown.sessions["minutes"].tolist() == [375]
    # A close is known at the end of its bar; the first bar ends three minutes after the open.
    assert shown.prices["minute"][[0, -1]].tolist() == [3, 375]
    market = shown.scores["MARKET"]
    assert market["start_minute"].tolist() == list(range(0, 375, 15))
    assert market["end_minute"].tolist() == list(range(15, 376, 15))
    scores = query(
        root,
        "select score from marts.signal_bars where instrument = 'MARKET' and bar_interval = '15min' "
        "and bar_start >= '2026-01-21 03:45:00Z' and bar_end <= '2026-01-21 10:00:00Z' order by bar_start",
    )
    assert market["score"].tolist() == pytest.approx([score for (score,) in scores])


def test_closed_time_is_a_gap_and_left_out_sessions_are_marked(publish: Publish) -> None:
    root = publish(
        "delete from marts.signal_bars where trading_date = date '2026-01-26'", n_posts=9_000, days=9
    )
    shown = overlay(root)
    assert shown.bar_interval == "1h"
    n_sessions = len(shown.sessions["minutes"])
    assert n_sessions == 6
    made = drawn(root, signal_over_price)
    for panel in made.axes:
        dotted = [line for line in panel.lines if line.get_linestyle() not in ("-", "None")]
        assert len(dotted) == 1
    price = max(made.axes[0].lines, key=lambda line: len(line.get_xdata()))
    assert np.isnan(price.get_ydata()).sum() == n_sessions - 1
    # The last hour runs on after the close: most of its posts are of no cash session.
    assert shown.scores["MARKET"]["end_minute"].max() == 360


def test_only_the_newest_sessions_that_can_tell_are_shown(publish: Publish) -> None:
    root = publish(
        # Of two sessions only scores without intervals are left.
        "update marts.signal_bars set ci_low = null, ci_high = null "
        "where trading_date in (date '2026-02-24', date '2026-02-25')",
        n_posts=20_000,
        days=40,
    )
    dates = overlay(root).sessions["trading_date"].astype("datetime64[D]").astype(str)
    assert len(dates) == signal_over_price.MAX_SESSIONS
    assert dates[-1] == "2026-02-27"
    assert not {"2026-02-24", "2026-02-25"} & set(dates)


def test_the_price_is_tinted_where_the_score_of_the_index_is_clear(publish: Publish) -> None:
    root = publish(
        "update marts.signal_bars set ci_low = -1, ci_high = 1 where instrument = 'NIFTY50'",
        "update marts.signal_bars set ci_high = -0.1 where instrument = 'NIFTY50' and bar_interval = '15min' "
        "and bar_start = '2026-01-21 04:45:00Z'",
    )
    made = drawn(root, signal_over_price)
    _, tinted = made.axes[0].patches
    assert (tinted.get_x(), tinted.get_width()) == (60, 15)  # type: ignore[attr-defined]
    assert tinted.get_facecolor()[:3] == to_rgba(style.BEARISH)[:3]
    assert title(made).endswith("; posts on it clearly bearish in 1 of 25 quarter hours")


def test_no_clear_score_of_the_index_is_told(publish: Publish) -> None:
    root = publish("update marts.signal_bars set ci_low = -1, ci_high = 1 where instrument = 'NIFTY50'")
    made = drawn(root, signal_over_price)
    assert len(made.axes[0].patches) == 1
    assert title(made).endswith("; posts on it clearly of one view in none of 25 quarter hours")


def test_few_intervals_make_the_bars_longer(publish: Publish) -> None:
    assert overlay(publish(n_posts=600)).bar_interval == "1h"


# ---- chatter_heatmap ---------------------------------------------------------------------------------


def chatter(root: Settings) -> chatter_heatmap.Chatter:
    with duckdb.connect(root.published_db, read_only=True) as connection:
        return chatter_heatmap.read(connection)


def test_every_post_of_the_calendar_has_its_cell(publish: Publish) -> None:
    root = publish(n_posts=3_000, days=10)
    shown = chatter(root)
    assert shown.slots["n_posts"].sum() == shown.sessions["n_posts"].sum() == 3_000
    # Friday's evening, the weekend as one cell, Monday until the close.
    monday = shown.slots["trading_date"] == np.datetime64("2026-01-26")
    slots = shown.slots["slot"][monday]
    assert np.isnan(slots).sum() == 1
    # 15:30 is the last one from the closing auction on, and the first before.
    assert set(slots[~np.isnan(slots)].astype(int)) == set(range(96))
    weekend = query(
        root,
        "select sum(n_posts) from marts.signal_bars where instrument = 'MARKET' and bar_interval = '15min' "
        "and session_phase = 'closed' and trading_date = date '2026-01-26'",
    )
    assert [(shown.slots["n_posts"][monday][np.isnan(slots)].item(),)] == weekend


def test_a_sessions_posts_end_with_its_close_where_that_cuts_a_quarter_hour(publish: Publish) -> None:
    shown = chatter(
        publish(
            # The auction's quarter hour is the session's, as a bar; five of its posts came after the close.
            "update marts.signal_bars set trading_date = date '2026-01-21' "
            "where bar_start = '2026-01-21 10:00:00Z' and bar_interval = '15min'",
            "update marts.signal_bars set n_posts = n_posts + if(trading_date = date '2026-01-21', 5, -5) "
            "where bar_interval = '1d'",
        )
    )
    by_slot = shown.slots["n_posts"][shown.slots["trading_date"] == np.datetime64("2026-01-21")].sum()
    daily = shown.sessions["n_posts"]
    assert daily.sum() == shown.slots["n_posts"].sum() == 2_000
    assert by_slot - daily[0] == shown.slots["n_posts"][shown.slots["slot"] == 96].item() - 5


@pytest.mark.parametrize(
    ("clock", "slot"),
    [("15:30", 0), ("23:45", 33), ("00:00", 34), ("09:00", 70), ("09:15", 71), ("15:15", 95)],
)
def test_a_row_runs_from_close_to_close(publish: Publish, clock: str, slot: int) -> None:
    root = publish(
        "delete from marts.signal_bars where strftime(bar_start + interval 330 minutes, '%H:%M') "
        f"<> '{clock}'",
        n_posts=500,
    )
    assert chatter(root).slots["slot"].tolist() == [slot]
    assert chatter_heatmap._clock_words(slot) == clock


def test_with_a_closing_auction_a_row_ends_at_1545(publish: Publish) -> None:
    root = publish(
        "update marts.signal_bars set trading_date = date '2026-01-21' "
        "where bar_start = '2026-01-21 10:00:00Z' and bar_interval = '15min'"
    )
    shown = chatter(root)
    of_day = shown.slots["slot"][shown.slots["trading_date"] == np.datetime64("2026-01-21")]
    assert of_day.max() == 96
    panel = drawn(root, chatter_heatmap).axes[2]
    assert panel.get_xlim()[1] == 97


def test_buzz_has_a_panel_where_there_is_any(publish: Publish) -> None:
    made = drawn(publish(n_posts=3_000, days=20), chatter_heatmap)
    assert "Buzz: posts against a mean bar" in words(made)
    assert "mean" in words(made).splitlines()


def test_without_earlier_sessions_there_is_no_buzz(publish: Publish) -> None:
    assert "Buzz" not in words(drawn(publish(), chatter_heatmap))


def test_the_shades_are_those_of_the_posts(publish: Publish) -> None:
    root = publish(n_posts=3_000, days=3)
    made = drawn(root, chatter_heatmap)
    (mesh,) = made.axes[2].collections
    shown: Any = mesh.get_array()
    assert np.nansum(shown.filled(0)) == 3_000


# ---- instrument_multiples ----------------------------------------------------------------------------


def test_the_most_named_instruments_share_their_axes(publish: Publish) -> None:
    root = publish(*MORE_INSTRUMENTS, n_posts=3_000)
    made = drawn(root, instrument_multiples)
    heads = [text.get_text() for panel in made.axes for text in panel.texts][::2]
    assert heads[0] == "MARKET (all posts)"
    assert sorted(heads[1:4]) == ["BANKNIFTY", "NIFTY50", "TCS"]
    assert heads[4:] == [f"S{number:02}" for number in range(8)]
    assert "12 more instruments not shown" in words(made)
    assert (
        len({panel.get_xlim() for panel in made.axes}) == len({panel.get_ylim() for panel in made.axes}) == 1
    )


def test_bars_of_single_instruments_are_counted_in_the_title(publish: Publish) -> None:
    root = publish(
        "update marts.signal_bars set ci_low = -0.5, ci_high = 0.5",
        "update marts.signal_bars set ci_low = 0.1 where instrument in ('TCS', 'MARKET') "
        "and bar_start in ('2026-01-21 04:45:00Z', '2026-01-21 05:45:00Z') and bar_interval = '1h'",
    )
    ((n_bars,),) = query(
        root,
        "select count(score) from marts.signal_bars where bar_interval = '1h' and instrument <> 'MARKET'",
    )
    told = title(drawn(root, instrument_multiples))
    assert told == f"2 of {n_bars} hourly bars of single instruments are clearly bullish or bearish"


# ---- campaign_timeline -------------------------------------------------------------------------------


def test_campaigns_name_nobody_and_lead_nowhere(publish: Publish) -> None:
    made = words(drawn(publish(), campaign_timeline))
    assert "Join our premium channel now @… or call … for calls" in made
    for left_out in ("someone_else", "t.example", "98765"):
        assert left_out not in made


def test_a_campaigns_bar_spans_its_posts_and_is_as_thick_as_it_is_large(publish: Publish) -> None:
    root = publish(days=10)
    panel = drawn(root, campaign_timeline).axes[0]
    largest = query(
        root,
        "select epoch(first_posted_at) / 86400 + 330 / 1440, span_hours / 24, n_posts, is_promotion from "
        "(select * from marts.campaigns order by n_posts desc, n_authors desc, cluster_id limit 14) "
        "order by first_posted_at, cluster_id",
    )
    bars: Any = panel.patches
    assert [bar.get_x() for bar in bars] == pytest.approx([first for first, *_ in largest])
    most = max(n_posts for _, _, n_posts, _ in largest)
    for bar, (_, days, n_posts, is_promotion) in zip(bars, largest, strict=True):
        assert bar.get_width() >= days - 1e-9
        assert bar.get_height() == pytest.approx(0.78 * max(0.2, (n_posts / most) ** 0.5))
        assert (bar.get_facecolor() == to_rgba(style.PROMOTION)) == is_promotion


def test_the_title_counts_all_campaigns(publish: Publish) -> None:
    root = publish(n_posts=3_000)
    ((n_posts, n_promotions),) = query(
        root, "select sum(n_posts), count(*) filter (is_promotion) from marts.campaigns"
    )
    told = title(drawn(root, campaign_timeline))
    assert told.startswith(
        f"20 campaigns hold {100 * n_posts / 3_000:.0f} % of posts; {n_promotions} of them"
    )


# ---- signal_validation -------------------------------------------------------------------------------


def test_what_was_tested_is_told_with_its_interval_and_power(publish: Publish) -> None:
    made = drawn(publish(VALIDATION), signal_validation)
    # SENSEX has no IC: two instruments, eleven combinations each.
    assert title(made) == "11 of 22 combinations tested are hard to explain by chance"
    told = words(made)
    assert "MARKET" in told
    assert "SENSEX" not in told
    assert "At best an IC of 0.28 would be found four times in five." in told
    assert "15 min\n25–30 days" in told
    panel = made.axes[0]
    (filled,) = [
        line for line in panel.lines if len(line.get_xdata()) == 5 and line.get_markerfacecolor() != "white"
    ]
    assert filled.get_ydata().tolist() == pytest.approx([0.4] * 5)
    heights = {round(patch.get_height(), 2) for patch in panel.patches}  # type: ignore[attr-defined]
    assert heights == {0.56, 0.84}  # twice the IC that is found four times in five


def test_chance_is_not_called_a_finding(publish: Publish) -> None:
    root = publish(VALIDATION, "update marts.signal_validation set p_adjusted = 0.06 where ic is not null")
    assert title(drawn(root, signal_validation)) == (
        "None of 22 combinations tested shows a link to later prices beyond chance"
    )


def test_what_could_not_be_tested_is_no_result(publish: Publish) -> None:
    made = drawn(publish(VALIDATION, UNTESTED), signal_validation)
    assert title(made) == "Too few days to tell whether scores and later prices are linked"
    told = words(made)
    assert "hollow: no p value" in told
    assert "95 % interval" not in told
    assert "sessions" not in told.lower()  # which have no IC


@pytest.mark.parametrize("changes", [(), (VALIDATION, "delete from marts.signal_validation")])
def test_without_a_validation_the_picture_says_so(publish: Publish, changes: tuple[str, ...]) -> None:
    made = drawn(publish(*changes), signal_validation)
    assert title(made) == "Not validated against prices yet"
    assert "Needs several sessions" in words(made)
