"""The market's score bar by bar, with its interval, the posts behind it, and the price where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import duckdb
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from charts import style
from charts.bars import (
    MANY_BARS,
    VOICES,
    WIDEST_HOLE,
    Floats,
    clock_ticks,
    days_since_1970,
    draw_score,
    few_intervals,
    few_whole_numbers,
    holes,
    reach_of_scores,
    session_places,
    session_ticks,
    staircase,
)
from charts.data import SESSIONS, Columns, Published, estimate, fetch, intraday, ist
from charts.words import count, day, lean, with_interval

TITLE = "Signal over time"
TABLES = "marts.signal_bars"
AXES = ("Time (IST)", "Score, −1 bearish to +1 bullish")

MAX_SESSIONS = 600
MAX_PRICES = 1_200
TREND_SESSIONS = 20

UNITS = {"15min": "15 minutes", "1h": "hour", "1d": "session (close to close)"}

MARKET = "channel = 'x' and instrument = 'MARKET'"


@dataclass(frozen=True)
class Signal:
    """What the picture shows. Instants are wall clock in India."""

    bar_interval: str
    # `score`, `ci_low`, `ci_high`, `n_posts`, and `bar_start`, `bar_end`; or for days `trading_date`,
    # `session_number` and `trend`, the mean score of the last 20 sessions.
    bars: Columns
    # `trading_date`, `close`, and `bar_end`, which days lack.
    prices: Columns
    # `open_at`, `close_at`, `is_regular_hours` of the sessions within the bars; none for days.
    sessions: Columns
    # The newest finished session, else the running one: `trading_date`, `n_posts`, `score`, `ci_low`,
    # `ci_high`; one row, or none where no session is covered.
    latest: Columns
    # Bars left out: before the first or after the last with a score, or sessions before those shown.
    n_left_out: int


def read(connection: duckdb.DuckDBPyConnection) -> Signal:
    """The bars of the finest interval that a reader can still tell apart, and what goes with them."""
    latest = fetch(
        connection,
        f"""
        select trading_date, n_posts, score, ci_low, ci_high
        from marts.signal_bars
        where {MARKET} and bar_interval = '1d'
        order by bar_end <= (select max(window_end) from marts.signal_summary) desc, bar_end desc
        limit 1
        """,
    )
    bar_interval = _interval(connection)
    bars = _days(connection) if bar_interval == "1d" else _bars(connection, bar_interval)
    if bar_interval == "15min" and few_intervals(bars):
        bar_interval = "1h"
        bars = _bars(connection, bar_interval)
    n_bars = fetch(
        connection,
        f"select count(*) as n from marts.signal_bars where {MARKET} and bar_interval = ?",
        [bar_interval],
    )["n"][0]
    n_left_out = int(n_bars) - len(bars["score"])
    if bar_interval == "1d":
        return Signal(bar_interval, bars, _closes(connection, bars), {}, latest, n_left_out)
    within = [bars["bar_start"].min().item(), bars["bar_end"].max().item()]
    sessions = fetch(
        connection,
        f"""
        select {ist("open_at")} as open_at, {ist("close_at")} as close_at, is_regular_hours
        from ({SESSIONS})
        where {ist("close_at")} > ? and {ist("open_at")} < ?
        order by trading_date
        """,
        within,
    )
    return Signal(bar_interval, bars, _prices(connection, within), sessions, latest, n_left_out)


def _interval(connection: duckdb.DuckDBPyConnection) -> str:
    """15 minutes for two days, 1 hour for two weeks, else days: a few hundred bars at most."""
    span = fetch(
        connection,
        f"""
        select epoch(max(bar_end) - min(bar_start)) / 86400 as days
        from ({_scored("15min")})
        """,
    )["days"][0]
    return "15min" if span <= 2 else "1h" if span <= 14 else "1d"


def _scored(bar_interval: str) -> str:
    """SQL for the market's bars from the first that has a score to the last; for all where none has."""
    return f"""
        select *
        from marts.signal_bars
        where {MARKET} and bar_interval = '{bar_interval}'
        qualify
            count(score) over () = 0
            or (
                count(score) over (order by bar_start) > 0
                and count(score) over (order by bar_start desc) > 0
            )
    """


def _bars(connection: duckdb.DuckDBPyConnection, bar_interval: str) -> Columns:
    return fetch(
        connection,
        f"""
        select
            {ist("bar_start")} as bar_start, {ist("bar_end")} as bar_end, score, ci_low, ci_high, n_posts
        from ({_scored(bar_interval)}) as bars
        order by bars.bar_start
        """,
    )


def _days(connection: duckdb.DuckDBPyConnection) -> Columns:
    return fetch(
        connection,
        f"""
        with sessions as ({SESSIONS}),

        days as (
            select
                bars.trading_date, session_number, score, ci_low, ci_high, n_posts,
                avg(score) over last_sessions as mean_score,
                count(score) over last_sessions as n_scores
            from marts.signal_bars as bars
            inner join sessions using (trading_date)
            where {MARKET} and bar_interval = '1d'
            window last_sessions as (
                order by session_number range between {TREND_SESSIONS - 1} preceding and current row
            )
            order by trading_date desc
            limit {MAX_SESSIONS}
        )

        select *, case when n_scores >= {TREND_SESSIONS // 2} then mean_score end as trend
        from days
        order by trading_date
        """,
    )


def _closes(connection: duckdb.DuckDBPyConnection, bars: Columns) -> Columns:
    """NIFTY 50's daily closes on the dates of daily bars."""
    return fetch(
        connection,
        """
        select trading_date, arg_min(close, symbol) as close
        from validated.price_bars
        where instrument = 'NIFTY50' and bar_interval = '1d' and trading_date in (select unnest(?))
        group by trading_date
        order by trading_date
        """,
        [bars["trading_date"].tolist()],
    )


def _prices(connection: duckdb.DuckDBPyConnection, within: Sequence[datetime]) -> Columns:
    """NIFTY 50's intraday closes in a stretch of time, each at the end of its bar."""
    start, end = within
    bucket_seconds = max(60, (end - start).total_seconds() / MAX_PRICES)
    return fetch(
        connection,
        f"""
        select {ist("max(bar_end)")} as bar_end, trading_date, arg_max(close, bar_end) as close
        from ({intraday(f"instrument = 'NIFTY50' and {ist('bar_start')} >= ? and {ist('bar_start')} < ?")})
        group by trading_date, ceil(epoch(bar_end) / ?)
        order by max(bar_end)
        """,
        [start, end, bucket_seconds],
    )


@style.house()
def draw(facts: Published, signal: Signal) -> Figure:
    """Score with interval over posts per bar and price."""
    bars = signal.bars
    is_daily = signal.bar_interval == "1d"
    made = style.figure(_title(signal), _subtitle(signal), facts, _tables(signal), VOICES)
    has_price = len(signal.prices["close"]) > 1
    grid = made.add_gridspec(
        3 if has_price else 2,
        1,
        height_ratios=[3.4, 0.9, 0.9][: 3 if has_price else 2],
        left=style.LEFT,
        right=style.RIGHT,
        top=style.TOP - 0.055,
        bottom=style.BOTTOM,
        hspace=0.24,
    )
    panels = [made.add_subplot(grid[row]) for row in range(grid.nrows)]
    if not len(bars["score"]):
        style.note(panels[0], "No bar lies within the exchange calendar")
        return made
    if is_daily:
        left, right = session_places(bars["session_number"])
        ticks = session_ticks(bars["trading_date"], left)
    else:
        left, right = days_since_1970(bars["bar_start"]), days_since_1970(bars["bar_end"])
        ticks = clock_ticks(bars["bar_start"].min(), bars["bar_end"].max())
    for panel in panels:
        panel.set_xlim(left[0], right[-1])
        panel.set_xticks(ticks[0], ticks[1] if panel is panels[-1] else [""] * len(ticks[0]))
        panel.grid(axis="y")
    _draw_sessions(panels, signal, left, right)
    _draw_mood(panels[0], bars, left, right)
    _draw_posts(panels[1], bars, left, right, signal.bar_interval)
    if has_price:
        _draw_price(panels[2], signal, left, right)
    return made


def _title(signal: Signal) -> str:
    if signal.bar_interval == "1d":
        low, high = signal.bars["ci_low"], signal.bars["ci_high"]
        n_told = int(np.isfinite(low).sum())
        if not n_told:
            return "Market mood: no session has voices enough to tell"
        n_bullish, n_bearish = int((low > 0).sum()), int((high < 0).sum())
        return (
            f"Market mood in {count(n_told, 'session')}: bullish on {n_bullish or 'none'}, "
            f"bearish on {n_bearish or 'none'}, no clear lean on the rest"
        )
    if not len(signal.latest["score"]):
        return "Market mood: outside the exchange calendar"
    trading_date: date = signal.latest["trading_date"][0].astype("datetime64[D]").item()
    score = estimate(signal.latest, 0)
    posts = count(int(signal.latest["n_posts"][0]), "post")
    if np.isnan(score.value):
        return f"Market mood, session of {day(trading_date)}: too few posts for a score ({posts})"
    return f"Market mood, session of {day(trading_date)}: {lean(score)}, {with_interval(score)} over {posts}"


def _subtitle(signal: Signal) -> str:
    words = f"Score of all posts per {UNITS[signal.bar_interval]} with its 95 % interval over voices. "
    if signal.bar_interval == "1d" and (holes(signal.bars["session_number"]) > WIDEST_HOLE).any():
        words += f"Dotted: more than {WIDEST_HOLE - 1} sessions without posts left out. "
    words += "A gap: too few posts for a score."
    if not signal.n_left_out:
        return words
    if signal.bar_interval == "1d":
        return (
            f"{words} The latest {MAX_SESSIONS} sessions; {count(signal.n_left_out, 'earlier one')} left out."
        )
    return f"{words} Left out before and after: {count(signal.n_left_out, 'bar')} with too few posts."


def _tables(signal: Signal) -> str:
    return TABLES + (", validated.price_bars" if len(signal.prices["close"]) > 1 else "")


def _draw_sessions(panels: list[Axes], signal: Signal, left: Floats, right: Floats) -> None:
    if signal.bar_interval == "1d":
        wide = np.flatnonzero(holes(signal.bars["session_number"]) > WIDEST_HOLE)
        for panel in panels:
            for place in (right[wide] + left[wide + 1]) / 2:
                panel.axvline(place, color=style.MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
        return
    for open_at, close_at, is_regular in zip(
        days_since_1970(signal.sessions["open_at"]),
        days_since_1970(signal.sessions["close_at"]),
        signal.sessions["is_regular_hours"].tolist(),
        strict=True,
    ):
        quarter_hour = 1 / 96
        for panel in panels:
            panel.axvspan(open_at, close_at, color=style.SESSION, linewidth=0, zorder=0)
            if is_regular:
                panel.axvspan(open_at - quarter_hour, open_at, color=style.PRE_OPEN, linewidth=0, zorder=0)
        if signal.bar_interval != "15min":
            continue
        start, end = max(open_at, left[0]), min(close_at, right[-1])
        for words, place, align, room in (
            ("cash session", (start + end) / 2, "center", end - start),
            ("pre-open", open_at - 1.3 * quarter_hour, "right", is_regular * (open_at - left[0])),
        ):
            if room > 0.09 * (right[-1] - left[0]):  # what the words take
                panels[0].text(
                    place,
                    0.985,
                    words,
                    transform=panels[0].get_xaxis_transform(),
                    ha=align,
                    va="top",
                    fontsize=8,
                    color=style.MUTED,
                )


def _draw_mood(panel: Axes, bars: Columns, left: Floats, right: Floats) -> None:
    are_many = len(bars["score"]) > MANY_BARS
    draw_score(panel, bars, left, right, size=2.4 if are_many else 5, line=0.5 if are_many else 0.9)
    # Among many bars a trailing mean carries the eye.
    if are_many and "trend" in bars and np.isfinite(bars["trend"]).any():
        wide = np.flatnonzero(holes(bars["session_number"]) > WIDEST_HOLE) + 1
        panel.plot(
            np.insert((left + right) / 2, wide, np.nan),
            np.insert(bars["trend"], wide, np.nan),
            color=style.INK,
            linewidth=2,
            label=f"mean of {TREND_SESSIONS} sessions",
        )
    furthest = reach_of_scores(bars)
    panel.set_ylim(-furthest, furthest)
    style.label(panel, AXES[1])
    if not np.isfinite(bars["score"]).any():
        style.note(panel, "No bar has posts enough for a score")
        return
    panel.legend(loc="lower left", bbox_to_anchor=(0, 1.075), ncols=6, handletextpad=0.5)


def _draw_posts(panel: Axes, bars: Columns, left: Floats, right: Floats, bar_interval: str) -> None:
    n_posts = bars["n_posts"].astype(float)
    x, y = staircase(left, right, n_posts)
    panel.fill_between(x, 0, y, color=style.NO_VIEW, linewidth=0)
    panel.set_ylim(0, 1.1 * n_posts.max())
    style.label(panel, f"Posts per {UNITS[bar_interval]}")
    panel.yaxis.set_major_locator(few_whole_numbers())
    panel.yaxis.set_major_formatter("{x:,.0f}")


def _draw_price(panel: Axes, signal: Signal, left: Floats, right: Floats) -> None:
    prices = signal.prices
    close = prices["close"]
    if signal.bar_interval == "1d":
        chosen = np.searchsorted(signal.bars["trading_date"], prices["trading_date"])
        # Holes in the prices and in the sessions both break the line.
        x = (left[chosen] + right[chosen]) / 2
        gaps = np.flatnonzero((np.diff(chosen) > 1) | (np.diff(left[chosen]) > 1)) + 1
    else:
        x = days_since_1970(prices["bar_end"])
        gaps = np.flatnonzero(np.diff(prices["trading_date"]).astype(int) != 0) + 1
    panel.plot(
        np.insert(x, gaps, np.nan),
        np.insert(close.astype(float), gaps, np.nan),
        color=style.PRICE,
        marker="o" if signal.bar_interval == "1d" and len(close) <= MANY_BARS else None,
        markersize=2.5,
    )
    style.label(panel, "NIFTY 50, points")
    panel.yaxis.set_major_locator(few_whole_numbers())
    panel.yaxis.set_major_formatter("{x:,.0f}")
