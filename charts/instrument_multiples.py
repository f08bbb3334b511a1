"""The score of each much-named instrument, bar by bar, on axes that they share."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from charts import style
from charts.bars import (
    VOICES,
    WIDEST_HOLE,
    Floats,
    Ticks,
    clock_ticks,
    days_since_1970,
    draw_legend,
    draw_score,
    holes,
    reach,
    session_places,
    session_ticks,
)
from charts.data import SESSIONS, Columns, Published, fetch, ist
from charts.words import count

TITLE = "Instruments beside each other"
TABLES = "marts.signal_bars"
AXES = ("Time (IST)", "Score by instrument, −1 bearish to +1 bullish")

MAX_INSTRUMENTS = 12
MAX_SESSIONS = 120
# Up to so many days are told by the hour, more by the session.
HOURLY_DAYS = 3
UNITS = {"1h": "hour", "1d": "session (close to close)"}


@dataclass(frozen=True)
class Instruments:
    """What the picture shows. Instants are wall clock in India."""

    bar_interval: str
    # `instrument`, `n_posts`; MARKET first, then by posts.
    instruments: Columns
    # `instrument`, `score`, `ci_low`, `ci_high`, and `bar_start`, `bar_end`, or for days `trading_date`,
    # `session_number`; bars with a score, in order.
    bars: Columns
    n_left_out: int  # instruments that have a score and are not shown


def read(connection: duckdb.DuckDBPyConnection) -> Instruments:
    """The bars of the instruments that most posts name, of those that have a score."""
    span = fetch(
        connection,
        """
        select epoch(max(bar_end) - min(bar_start)) / 86400 as days
        from marts.signal_bars
        where channel = 'x' and instrument = 'MARKET' and bar_interval = '1h' and score is not null
        """,
    )["days"][0]
    bar_interval = "1d" if span > HOURLY_DAYS else "1h"
    shown = f"""
        select bars.*, session_number
        from marts.signal_bars as bars
        left join ({SESSIONS}) using (trading_date)
        where channel = 'x' and bar_interval = '{bar_interval}' and score is not null
        qualify dense_rank() over (order by trading_date desc) <= {MAX_SESSIONS}
    """
    instruments = fetch(
        connection,
        f"""
        select instrument, cast(sum(n_posts) as bigint) as n_posts, count(*) over () as n
        from ({shown})
        group by instrument
        order by instrument = 'MARKET' desc, n_posts desc, instrument
        limit {MAX_INSTRUMENTS}
        """,
    )
    n_instruments = int(instruments.pop("n")[0]) if len(instruments["n"]) else 0
    return Instruments(
        bar_interval,
        instruments,
        fetch(
            connection,
            f"""
            select
                instrument, score, ci_low, ci_high, trading_date, session_number,
                {ist("bar_start")} as bar_start, {ist("bar_end")} as bar_end
            from ({shown}) as bars
            where instrument in (select unnest(?))
            order by bars.bar_start
            """,
            [instruments["instrument"].tolist()],
        ),
        n_instruments - len(instruments["instrument"]),
    )


@style.house()
def draw(facts: Published, shown: Instruments) -> Figure:
    """A panel per instrument."""
    made = style.figure(_title(shown), _subtitle(shown), facts, TABLES, VOICES)
    n_panels = len(shown.instruments["instrument"])
    if not n_panels:
        panel = made.add_axes((style.LEFT, style.BOTTOM, style.RIGHT - style.LEFT, style.TOP - style.BOTTOM))
        panel.set(xticks=[], yticks=[])
        style.note(panel, "No bar has posts enough for a score")
        return made
    n_columns = next(n for n in (1, 2, 3, 4) if n == 4 or n * n >= n_panels)
    n_rows = -(-n_panels // n_columns)
    grid = made.add_gridspec(
        n_rows,
        n_columns,
        left=style.LEFT,
        right=style.RIGHT,
        top=style.TOP - 0.055,
        bottom=style.BOTTOM,
        wspace=0.07,
        hspace=0.34 + 0.1 * (n_rows > 2),
    )
    left, right, ticks = _places(shown, most=max(4, 14 // n_columns))
    breaks = _breaks(shown, left, right)
    furthest = _furthest(shown.bars)
    panels = []
    for number, (instrument, n_posts) in enumerate(
        zip(shown.instruments["instrument"], shown.instruments["n_posts"], strict=True)
    ):
        row, column = divmod(number, n_columns)
        panel = made.add_subplot(grid[row, column])
        chosen = shown.bars["instrument"] == instrument
        bars = {name: values[chosen] for name, values in shown.bars.items()}
        size = 4 if len(bars["score"]) <= 40 else 2.4
        draw_score(panel, bars, left[chosen], right[chosen], size=size, line=0.6)
        panel.set(xlim=(left.min(), right.max()), ylim=(-furthest, furthest))
        panel.yaxis.set_major_locator(MaxNLocator(nbins=4, symmetric=True))
        labels = ticks[1] if number + n_columns >= n_panels else [""] * len(ticks[0])
        if row < n_rows - 1:  # there the next row's heads take the room of a second line
            labels = [words.partition("\n")[0] for words in labels]
        panel.set_xticks(ticks[0], labels)
        panel.tick_params(labelleft=column == 0, labelsize=8)
        panel.grid(axis="y")
        for place in breaks:
            panel.axvline(place, color=style.MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
        name = "MARKET (all posts)" if instrument == "MARKET" else str(instrument)
        _head(panel, name, count(int(n_posts), "post"))
        panels.append(panel)
    draw_legend(made, panels, (style.LEFT, style.TOP), "lower left")
    return made


def _ends(bars: Columns) -> Floats:
    """How far from 0 the ends of the intervals are."""
    ends: Floats = np.abs(np.concatenate([bars["ci_low"].astype(float), bars["ci_high"].astype(float)]))
    return ends[np.isfinite(ends)]


def _furthest(bars: Columns) -> float:
    """How far the axes go from 0: to every score and nine in ten ends of intervals, up to 1."""
    ends = _ends(bars)
    return reach(bars["score"], np.quantile(ends, [0.9]) if len(ends) else ends)


def _title(shown: Instruments) -> str:
    names, low, high = (shown.bars[name] for name in ("instrument", "ci_low", "ci_high"))
    low, high = low.astype(float), high.astype(float)
    is_one = (names != "MARKET") & np.isfinite(low)
    if not is_one.any():
        return "No instrument has a bar with voices enough to tell"
    clear = int(((low > 0) | (high < 0))[is_one].sum())
    unit = "hourly bar" if shown.bar_interval == "1h" else "session bar"
    return (
        f"{count(clear) if clear else 'None'} of {count(int(is_one.sum()), unit)} of single "
        f"instruments {'is' if clear < 2 else 'are'} clearly bullish or bearish"
    )


def _subtitle(shown: Instruments) -> str:
    if not len(shown.bars["score"]):
        return ""
    unit = UNITS[shown.bar_interval]
    words = f"Score per {unit}, 95 % interval over voices; by chance one in 20 would be clear."
    if _has_holes(shown):
        words += " Dotted: sessions left out."
    if (_ends(shown.bars) > _furthest(shown.bars)).any():
        words += " The widest intervals run off."
    if shown.n_left_out:
        words += f" {count(shown.n_left_out, 'more instrument')} not shown."
    return words


def _has_holes(shown: Instruments) -> bool:
    if shown.bar_interval == "1h":
        return False
    return bool((holes(np.unique(shown.bars["session_number"])) > WIDEST_HOLE).any())


def _places(shown: Instruments, most: int) -> tuple[Floats, Floats, Ticks]:
    """Left and right of every bar, and the ticks that all panels share, about so many."""
    bars = shown.bars
    if shown.bar_interval == "1h":
        start, end = bars["bar_start"].min(), bars["bar_end"].max()
        # At the very end a label would run into the next panel's first.
        ticks = clock_ticks(start, end - (end - start) / 25, most)
        return days_since_1970(bars["bar_start"]), days_since_1970(bars["bar_end"]), ticks
    numbers, first, row = np.unique(bars["session_number"], return_index=True, return_inverse=True)
    left, right = session_places(numbers)
    return left[row], right[row], session_ticks(bars["trading_date"][first], left, most)


def _breaks(shown: Instruments, left: Floats, right: Floats) -> Floats:
    """Where sessions without a score are left out."""
    if not _has_holes(shown):
        return np.array([])
    numbers, first = np.unique(shown.bars["session_number"], return_index=True)
    wide = np.flatnonzero(holes(numbers) > WIDEST_HOLE)
    places: Floats = (right[first[wide]] + left[first[wide + 1]]) / 2
    return places


def _head(panel: Axes, name: str, detail: str) -> None:
    for words, place, align, look in (
        (name, 0, "left", style.BOLD),
        (detail, 1, "right", {"color": style.MUTED}),
    ):
        panel.annotate(
            words,
            (place, 1),
            (0, 4),
            xycoords="axes fraction",
            textcoords="offset points",
            ha=align,
            fontsize=8.5,
            **look,
        )
