"""The aggregates: windows of time with both of their intervals, instruments, hashtags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from charts import style
from charts.bars import VOICES, reach
from charts.data import Columns, Published, estimate, fetch
from charts.words import count, day, plain, share, signed, with_interval

TITLE = "Signal aggregates"
TABLES = "marts.signal_summary, marts.signal_bars, marts.hashtag_stats"
AXES = ("Mean composite, score and sentiment, −1 to +1", "Windows, instruments, hashtags")

MAX_ROWS = 12
# A session is worth showing by instrument when this many have a score.
MIN_INSTRUMENTS = 3
LONGEST_TAG = 20
WINDOW_NAMES = {"24h": "24 hours", "7d": "7 days", "all": "all posts"}


@dataclass(frozen=True)
class Aggregates:
    """What the picture shows."""

    # `window_name`, `n_posts`, `n_authors`, `n_copies`, `n_promo`, `mean_composite`, `mean_ci_low`,
    # `mean_ci_high`, `spread_low`, `spread_high`; the longest first.
    windows: Columns
    # One session: `trading_date`, `instrument`, `n_posts`, `n_voices`, `score`, `ci_low`, `ci_high`;
    # MARKET first, then by posts.
    instruments: Columns
    # `hashtag`, `n_posts`, `n_authors`, `weighted_sentiment`, `mean_p_promo`; by posts.
    hashtags: Columns


def read(connection: duckdb.DuckDBPyConnection) -> Aggregates:
    """The summary, the newest session that scores several instruments, and the most used hashtags."""
    return Aggregates(
        windows=fetch(
            connection,
            """
            select
                window_name, n_posts, n_authors, n_copies, n_promo,
                mean_composite, mean_ci_low, mean_ci_high, spread_low, spread_high
            from marts.signal_summary
            order by list_position(['24h', '7d', 'all'], window_name) desc
            """,
        ),
        instruments=fetch(
            connection,
            f"""
            with bars as (
                select
                    *,
                    bar_end <= (select max(window_end) from marts.signal_summary) as is_finished,
                    count(score) over (partition by bar_end) > {MIN_INSTRUMENTS} as has_several
                from marts.signal_bars
                where channel = 'x' and bar_interval = '1d'
            ),

            session as (
                select bar_end from bars order by has_several desc, is_finished desc, bar_end desc limit 1
            )

            select trading_date, instrument, n_posts, n_voices, score, ci_low, ci_high
            from bars
            inner join session using (bar_end)
            where score is not null
            order by instrument = 'MARKET' desc, n_posts desc, instrument
            limit {MAX_ROWS}
            """,
        ),
        hashtags=fetch(
            connection,
            f"""
            select hashtag, n_posts, n_authors, weighted_sentiment, mean_p_promo
            from marts.hashtag_stats
            order by n_posts desc, hashtag
            limit {MAX_ROWS}
            """,
        ),
    )


@style.house()
def draw(facts: Published, aggregates: Aggregates) -> Figure:
    """Windows on top; instruments and hashtags below."""
    made = style.figure(_title(aggregates.windows), _subtitle(aggregates.windows), facts, TABLES, VOICES)
    _draw_windows(made.add_axes((0.105, 0.675, 0.53, 0.12)), aggregates.windows)
    instruments, hashtags = aggregates.instruments, aggregates.hashtags
    _draw_instruments(_panel(made, 0.105, 0.165, len(instruments["score"])), instruments)
    _draw_hashtags(_panel(made, 0.605, 0.17, len(hashtags["hashtag"])), hashtags)
    return made


def _panel(made: Figure, left: float, width: float, n_rows: int) -> Axes:
    """Axes with rows of one height, however many there are."""
    top, height = 0.515, 0.4 * max(n_rows, 2) / MAX_ROWS
    return made.add_axes((left, top - height, width, height))


def _title(windows: Columns) -> str:
    mean = estimate(windows, 0, ("mean_composite", "mean_ci_low", "mean_ci_high"))
    return f"Mean composite of {count(windows['n_posts'][0], 'post')}: {with_interval(mean, 3)}"


def _subtitle(windows: Columns) -> str:
    low, high = float(windows["spread_low"][0]), float(windows["spread_high"][0])
    words = "Composite: sentiment, engagement (never negative) and custom features, weighted."
    if np.isnan(low):
        return words
    return f"That interval is of the mean; single posts spread from {signed(low)} to {signed(high)}. {words}"


def _rows(panel: Axes, names: Sequence[str]) -> None:
    panel.set_yticks(range(len(names)), names)
    panel.tick_params(axis="y", labelcolor=style.INK, labelsize=9)
    panel.set_ylim(-0.6, len(names) - 0.4)
    panel.spines["left"].set_visible(False)
    panel.grid(axis="x")
    panel.axvline(0, color=style.MUTED, linewidth=0.9)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=4, symmetric=True))


def _draw_windows(panel: Axes, windows: Columns) -> None:
    rows = np.arange(len(windows["mean_composite"]))
    for kind, colour, width, words in (
        ("mean_ci", style.BAND, 9, "95 % interval of the mean, over authors"),
        ("spread", style.NO_VIEW, 1.4, "spread of single posts (mean ± 1.96 standard deviations)"),
    ):
        low, high = windows[f"{kind}_low"], windows[f"{kind}_high"]
        panel.hlines(
            rows, low, high, color=colour, linewidth=width, label=words if np.isfinite(low).any() else ""
        )
    for row in rows:
        is_told = np.isfinite(windows["mean_ci_low"][row])
        panel.plot(
            windows["mean_composite"][row],
            row,
            "D",
            color=style.INK,
            markersize=4.5,
            markerfacecolor=style.INK if is_told else "white",
        )
    _rows(panel, [WINDOW_NAMES[name] for name in windows["window_name"]])
    furthest = reach(windows["spread_low"], windows["spread_high"], windows["mean_composite"])
    panel.set_xlim(-furthest, furthest)
    if panel.get_legend_handles_labels()[0]:
        panel.legend(loc="lower left", bbox_to_anchor=(-0.003, 1.2), ncols=2, handletextpad=0.6)
    n_posts = windows["n_posts"]
    style.cells(
        panel,
        {
            "mean": (0.705, [signed(mean, 3) for mean in windows["mean_composite"]]),
            "posts": (0.765, [count(n) for n in n_posts]),
            "authors": (0.835, [count(n) for n in windows["n_authors"]]),
            "copies": (0.895, [share(part) for part in windows["n_copies"] / n_posts]),
            "promotion": (style.RIGHT, [share(part) for part in windows["n_promo"] / n_posts]),
        },
    )


def _draw_instruments(panel: Axes, instruments: Columns) -> None:
    bars = {name: values[::-1] for name, values in instruments.items()}
    if not len(bars["score"]):
        style.heading(panel, "No session has a score", "Score by instrument")
        panel.set(xticks=[], yticks=[])
        style.note(panel, "Too few posts")
        return
    trading_date: date = bars["trading_date"][0].astype("datetime64[D]").item()
    for row in range(len(bars["score"])):
        score = estimate(bars, row)
        colour = style.BULLISH if score.low > 0 else style.BEARISH if score.high < 0 else style.MUTED
        face = colour if np.isfinite(score.low) else "white"
        panel.hlines(row, score.low, score.high, color=colour, linewidth=7, alpha=0.4)
        panel.plot(score.value, row, "o", color=colour, markersize=4.5, markerfacecolor=face)
    _rows(panel, list(bars["instrument"]))
    furthest = reach(bars["score"], bars["ci_low"], bars["ci_high"])
    panel.set_xlim(-furthest, furthest)
    style.heading(
        panel,
        f"{day(trading_date)}: {_who_leans(instruments)}",
        "Score by instrument, 95 % interval over voices",
        rise=19,
    )
    style.cells(
        panel,
        {
            "score": (0.33, [signed(score) for score in bars["score"]]),
            "posts": (0.38, [count(n) for n in bars["n_posts"]]),
            "voices": (0.435, [count(n) for n in bars["n_voices"]]),
        },
    )


def _who_leans(instruments: Columns) -> str:
    words = []
    for name, chosen in (("bearish", instruments["ci_high"] < 0), ("bullish", instruments["ci_low"] > 0)):
        names = list(instruments["instrument"][chosen])
        if len(names) > 3:
            names = [*names[:2], f"{len(names) - 2} more"]
        if names:
            words.append(f"{' and '.join(filter(None, [', '.join(names[:-1]), names[-1]]))} {name}")
    return "; ".join(words) or "none clearly bullish or bearish"


def _draw_hashtags(panel: Axes, hashtags: Columns) -> None:
    tags = {name: values[::-1] for name, values in hashtags.items()}
    sentiment = tags["weighted_sentiment"]
    rows = np.arange(len(sentiment))
    if not len(rows):
        style.heading(panel, "No post has a hashtag", "Weighted sentiment by hashtag")
        panel.set(xticks=[], yticks=[])
        style.note(panel, "No hashtags")
        return
    panel.hlines(rows, 0, sentiment, color=style.BAND, linewidth=2)
    panel.plot(sentiment, rows, "o", color=style.MUTED, markersize=6, markerfacecolor="white")
    _rows(panel, [f"#{style.drawable(_short(tag))}" for tag in tags["hashtag"]])
    furthest = reach(sentiment)
    panel.set_xlim(-furthest, furthest)
    style.heading(panel, "Most used hashtags", "Weighted sentiment of their posts, without interval", rise=19)
    style.cells(
        panel,
        {
            "posts": (0.84, [count(n) for n in tags["n_posts"]]),
            "authors": (0.9, [count(n) for n in tags["n_authors"]]),
            "p(promo)": (style.RIGHT, [plain(p) for p in tags["mean_p_promo"]]),
        },
    )


def _short(tag: str) -> str:
    return tag if len(tag) <= LONGEST_TAG else f"{tag[: LONGEST_TAG - 1]}…"
