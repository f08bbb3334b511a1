"""What posts said of NIFTY 50 and of the market, over what the index did, session by session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from charts import style
from charts.bars import VOICES, Floats, Ticks, draw_legend, draw_score, few_intervals, reach_of_scores
from charts.data import SESSIONS, Columns, Published, fetch, intraday, ist
from charts.words import count, day, signed

TITLE = "Signal over price"
TABLES = "marts.signal_bars, validated.price_bars"
AXES = ("Cash sessions (IST)", "NIFTY 50, and the score of posts")

MAX_SESSIONS = 10
MAX_PRICES = 1_250
# Up to so many sessions are told by the quarter hour where that has voices enough, more by the hour.
FINE_SESSIONS = 2
UNITS = {"15min": ("quarter hour", "quarter hours"), "1h": ("hour", "hours")}
# Between two sessions, in minutes on the axis.
GAP = 24.0
SCORES = {"NIFTY50": "Posts that name NIFTY 50: score", "MARKET": "All posts: score"}


@dataclass(frozen=True)
class Overlay:
    """What the picture shows. Minutes count from the open of the session."""

    # `trading_date`, `session_number`, `open_minute` (of the day), `minutes` (its length), `change` (of the
    # index from open to last close, in per cent), oldest first.
    sessions: Columns
    bar_interval: str
    # `trading_date`, `minute`, `close`.
    prices: Columns
    # By instrument: `trading_date`, `start_minute`, `end_minute`, `score`, `ci_low`, `ci_high`.
    scores: dict[str, Columns]


def read(connection: duckdb.DuckDBPyConnection) -> Overlay:
    """The newest sessions that have intraday prices of NIFTY 50 and scores with intervals."""
    sessions = fetch(
        connection,
        f"""
        with sessions as (
            select * from ({SESSIONS}) where open_at is not null
        ),

        priced as (
            select
                trading_date,
                100 * (arg_max(close, bar_start) / arg_min(open, bar_start) - 1) as change
            from ({intraday("instrument = 'NIFTY50'")})
            group by trading_date
        ),

        scored as (
            select sessions.trading_date, count(ci_low) > 0 as has_interval
            from marts.signal_bars as bars
            inner join sessions using (trading_date)
            where
                channel = 'x' and bar_interval = '1h' and score is not null
                and instrument in ('{"', '".join(SCORES)}')
                and bar_start >= open_at and bar_end <= close_at
            group by sessions.trading_date
        )

        select
            trading_date, session_number, change,
            epoch({ist("open_at")} - cast(trading_date as timestamp)) / 60 as open_minute,
            epoch(close_at - open_at) / 60 as minutes
        from sessions
        inner join priced using (trading_date)
        inner join scored using (trading_date)
        -- Scores without an interval say little: such sessions are told where there are no others.
        qualify
            has_interval = max(has_interval) over ()
            and row_number() over (order by has_interval desc, trading_date desc) <= {MAX_SESSIONS}
        order by trading_date
        """,
    )
    bar_interval = "15min" if len(sessions["trading_date"]) <= FINE_SESSIONS else "1h"
    scores = _scores(connection, sessions, bar_interval)
    if bar_interval == "15min" and few_intervals(scores["MARKET"]):
        bar_interval = "1h"
        scores = _scores(connection, sessions, bar_interval)
    return Overlay(sessions, bar_interval, _prices(connection, sessions), scores)


def _prices(connection: duckdb.DuckDBPyConnection, sessions: Columns) -> Columns:
    """Closes, thinned where they are many."""
    return fetch(
        connection,
        f"""
        with bars as (
            select
                trading_date, close,
                -- A close is known when its bar ends.
                epoch(bar_end - open_at) / 60 as minute
            from ({intraday("instrument = 'NIFTY50' and trading_date in (select unnest(?))")})
            inner join ({SESSIONS}) using (trading_date)
        )

        select trading_date, max(minute) as minute, arg_max(close, minute) as close
        from bars
        group by trading_date, ceil(minute / ?)
        order by trading_date, max(minute)
        """,
        [sessions["trading_date"].tolist(), max(1.0, sessions["minutes"].sum() / MAX_PRICES)],
    )


def _scores(
    connection: duckdb.DuckDBPyConnection, sessions: Columns, bar_interval: str
) -> dict[str, Columns]:
    return {
        instrument: fetch(
            connection,
            f"""
            select
                trading_date,
                epoch(bar_start - open_at) / 60 as start_minute,
                epoch(bar_end - open_at) / 60 as end_minute,
                score, ci_low, ci_high
            from marts.signal_bars as bars
            inner join ({SESSIONS}) using (trading_date)
            where
                channel = 'x' and instrument = ? and bar_interval = ?
                -- Most posts of a bar that runs on after the close are of after it.
                and bar_start >= open_at and bar_end <= close_at
                and trading_date in (select unnest(?))
            order by bars.bar_start
            """,
            [instrument, bar_interval, sessions["trading_date"].tolist()],
        )
        for instrument in SCORES
    }


@style.house()
def draw(facts: Published, overlay: Overlay) -> Figure:
    """The index on top; below it the score of posts that name it, and that of all posts."""
    made = style.figure(_title(overlay), _subtitle(overlay), facts, TABLES, VOICES)
    grid = made.add_gridspec(
        3,
        1,
        height_ratios=[1.5, 1.3, 1.3],
        left=style.LEFT,
        right=style.RIGHT,
        top=style.TOP - 0.01,
        bottom=style.BOTTOM,
        hspace=0.26,
    )
    panels = [made.add_subplot(grid[row]) for row in range(3)]
    if not len(overlay.sessions["minutes"]):
        for panel in panels:
            panel.set(xticks=[], yticks=[])
        style.note(panels[1], "No session has intraday prices of NIFTY 50 and posts enough for a score")
        return made
    lengths = overlay.sessions["minutes"].astype(float)
    starts = np.concatenate([[0.0], np.cumsum(lengths[:-1] + GAP)])
    places, labels = _ticks(overlay, starts)
    for panel in panels:
        panel.set_xlim(-GAP / 2, starts[-1] + lengths[-1] + GAP / 2)
        panel.set_xticks(places, labels if panel is panels[-1] else [""] * len(labels))
        panel.grid(axis="y")
        for start, length in zip(starts, lengths, strict=True):
            panel.axvspan(start, start + length, color=style.SESSION, linewidth=0, zorder=0)
        for left_out in np.flatnonzero(np.diff(overlay.sessions["session_number"]) > 1):
            panel.axvline(
                starts[left_out + 1] - GAP / 2, color=style.MUTED, linewidth=0.8, linestyle=(0, (1, 2))
            )
    _draw_price(panels[0], overlay, starts)
    furthest = reach_of_scores(*overlay.scores.values())
    for panel, (instrument, words) in zip(panels[1:], SCORES.items(), strict=True):
        bars = overlay.scores[instrument]
        left, right = _places(overlay, bars, starts)
        draw_score(panel, bars, left, right, size=5 if overlay.bar_interval == "15min" else 4)
        panel.set_ylim(-furthest, furthest)
        panel.yaxis.set_major_locator(MaxNLocator(nbins=4, symmetric=True))
        style.label(panel, words)
        if not np.isfinite(bars["score"].astype(float)).any():
            style.note(panel, "No bar has posts enough for a score")
    draw_legend(made, panels[1:], (style.RIGHT, panels[1].get_position().y1 + 0.006), "lower right")
    return made


def _title(overlay: Overlay) -> str:
    n_sessions = len(overlay.sessions["minutes"])
    if not n_sessions:
        return "Signal over price: no session has both"
    if n_sessions == 1:
        moved = f"{_day(overlay, 0)}: NIFTY 50 {signed(float(overlay.sessions['change'][0]))} % from its open"
    else:
        moved = f"NIFTY 50 in {n_sessions} sessions"
    low, high = (overlay.scores["NIFTY50"][name].astype(float) for name in ("ci_low", "ci_high"))
    n_told = int(np.isfinite(low).sum())
    one, many = UNITS[overlay.bar_interval]
    if not n_told:
        return f"{moved}; too few voices on it in any {one} to tell their lean"
    leans = [
        f"{words} in {n_bars}"
        for words, n_bars in (("bearish", int((high < 0).sum())), ("bullish", int((low > 0).sum())))
        if n_bars
    ]
    clear = f"clearly {' and '.join(leans)}" if leans else "clearly of one view in none"
    return f"{moved}; posts on it {clear} of {count(n_told, one, many)}"


def _subtitle(overlay: Overlay) -> str:
    if not len(overlay.sessions["minutes"]):
        return ""
    words = (
        "Tinted: the interval of NIFTY 50's score is clear of 0. "
        f"A score is of one {UNITS[overlay.bar_interval][0]} of the session, known at its end or later."
    )
    if (np.diff(overlay.sessions["session_number"]) > 1).any():
        words += " Dotted: sessions with few posts or no prices left out."
    return words


def _day(overlay: Overlay, row: int) -> str:
    trading_date: date = overlay.sessions["trading_date"][row].astype("datetime64[D]").item()
    return day(trading_date)


def _ticks(overlay: Overlay, starts: Floats) -> Ticks:
    """Clock times of one or two sessions; else each session's date, and how the index changed."""
    places, labels = [], []
    n_sessions = len(starts)
    for row, start in enumerate(starts):
        length = float(overlay.sessions["minutes"][row])
        date_words = _day(overlay, row).rsplit(" ", 1)[0]
        change = f"{signed(float(overlay.sessions['change'][row]))} %"
        if n_sessions > FINE_SESSIONS:
            places.append(start + length / 2)
            labels.append(f"{date_words}\n{change}")
            continue
        open_minute = int(overlay.sessions["open_minute"][row])
        for minute in range(0, int(length) - 14 * n_sessions, 60 * n_sessions):
            clock = open_minute + minute
            places.append(start + minute)
            words = f"{clock // 60:02}:{clock % 60:02}"
            labels.append(words if minute else f"{words}\n{date_words}, {change}")
    return places, labels


def _places(overlay: Overlay, bars: Columns, starts: Floats) -> tuple[Floats, Floats]:
    of_session = starts[np.searchsorted(overlay.sessions["trading_date"], bars["trading_date"])]
    return of_session + bars["start_minute"], of_session + bars["end_minute"]


def _draw_price(panel: Axes, overlay: Overlay, starts: Floats) -> None:
    bars = overlay.scores["NIFTY50"]
    for left, right, low, high in zip(
        *_places(overlay, bars, starts), bars["ci_low"], bars["ci_high"], strict=True
    ):
        if low > 0 or high < 0:
            colour = style.BULLISH if low > 0 else style.BEARISH
            panel.axvspan(left, right, color=colour, alpha=0.22, linewidth=0, zorder=0.5)
    prices = overlay.prices
    row = np.searchsorted(overlay.sessions["trading_date"], prices["trading_date"])
    breaks = np.flatnonzero(np.diff(row)) + 1
    panel.plot(
        np.insert(starts[row] + prices["minute"], breaks, np.nan),
        np.insert(prices["close"].astype(float), breaks, np.nan),
        color=style.PRICE,
        linewidth=1.4,
    )
    style.label(panel, "NIFTY 50, points")
    panel.yaxis.set_major_locator(MaxNLocator(nbins=4))
    panel.yaxis.set_major_formatter("{x:,.0f}")
