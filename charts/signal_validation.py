"""Whether scores ranked what prices did after them: rank IC and hit rate by horizon, as sure as they are."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from charts import style
from charts.bars import Floats, reach
from charts.data import Columns, Published, fetch, has_table
from charts.words import count, plain

TITLE = "Signal validation"
TABLES = "marts.signal_validation"
AXES = ("Horizon", "Rank IC and hit rate")

MAX_INSTRUMENTS = 4
INTERVALS = {"15min": "15-minute bars", "1h": "1-hour bars", "1d": "sessions"}
HORIZONS = {
    "15min": "15 min",
    "30min": "30 min",
    "60min": "60 min",
    "close": "to close",
    "next_day": "next day",
}
# Corrected for the number of combinations tried.
SIGNIFICANT = 0.05
# Instruments are no directions: other colours than those, and a shape each.
LOOKS = (("#332288", "o"), ("#117733", "s"), ("#882255", "^"), ("#7A6A00", "D"))


@dataclass(frozen=True)
class Validation:
    """What the picture shows: a row per instrument, bar interval and horizon of those most tested.

    `instrument`, `bar_interval`, `horizon`, `n_bars`, `n_days`, `ic`, `ic_low`, `ic_high`, `hit_rate`,
    `hit_rate_low`, `hit_rate_high`, `hit_rate_by_chance`, `min_detectable_ic`, `p_adjusted`.
    """

    rows: Columns
    # Combinations in the whole table: with an IC, and with days enough for a p value.
    n_combinations: int
    n_tested: int
    n_clear: int


def read(connection: duckdb.DuckDBPyConnection) -> Validation | None:
    """The validation of the instruments with most bars; None where there is no such table."""
    if not has_table(connection, "marts.signal_validation"):
        return None
    rows = fetch(
        connection,
        f"""
        with instruments as (
            select instrument, row_number() over (order by max(n_bars) desc, instrument) as instrument_rank
            from marts.signal_validation
            where channel = 'x' and ic is not null
            group by instrument
            qualify instrument_rank <= {MAX_INSTRUMENTS}
        )

        select
            instrument, bar_interval, horizon, n_bars, n_days, ic, ic_low, ic_high,
            hit_rate, hit_rate_low, hit_rate_high, hit_rate_by_chance, min_detectable_ic, p_adjusted
        from marts.signal_validation
        inner join instruments using (instrument)
        where channel = 'x'
        order by instrument_rank, bar_interval, horizon
        """,
    )
    totals = fetch(
        connection,
        f"""
        select
            count(ic) as n_combinations, count(p_adjusted) as n_tested,
            count(*) filter (p_adjusted < {SIGNIFICANT}) as n_clear
        from marts.signal_validation
        where channel = 'x'
        """,
    )
    return Validation(rows, **{name: int(values[0]) for name, values in totals.items()})


@style.house()
def draw(facts: Published, validation: Validation | None) -> Figure:
    """A column per bar interval: ICs on top, hit rates below."""
    made = style.figure(_title(validation), _subtitle(validation), facts, TABLES)
    if validation is None or not validation.n_combinations:
        panel = made.add_axes((style.LEFT, style.BOTTOM, style.RIGHT - style.LEFT, style.TOP - style.BOTTOM))
        panel.set(xticks=[], yticks=[])
        style.note(panel, "Needs several sessions that have both scores and prices after them")
        return made
    rows = validation.rows
    has_ic = np.isfinite(rows["ic"].astype(float))
    intervals = [name for name in INTERVALS if ((rows["bar_interval"] == name) & has_ic).any()]
    asked = {
        name: [h for h in HORIZONS if ((rows["bar_interval"] == name) & (rows["horizon"] == h)).any()]
        for name in intervals
    }
    grid = made.add_gridspec(
        2,
        len(intervals),
        width_ratios=[max(2, len(asked[name])) for name in intervals],
        height_ratios=[1.6, 1],
        left=style.LEFT,
        right=style.RIGHT,
        top=style.TOP - 0.075,
        bottom=style.BOTTOM,
        wspace=0.08,
        hspace=0.24,
    )
    furthest = reach(*(rows[name] for name in ("ic", "ic_low", "ic_high")))
    for column, name in enumerate(intervals):
        of_interval = {key: values[rows["bar_interval"] == name] for key, values in rows.items()}
        above, below = made.add_subplot(grid[0, column]), made.add_subplot(grid[1, column])
        _draw_ics(above, of_interval, asked[name], rows)
        _draw_hits(below, of_interval, asked[name], rows)
        above.set_ylim(-furthest, furthest)
        for panel in (above, below):
            panel.set_xlim(-0.5, len(asked[name]) - 0.5)
            panel.grid(axis="y")
            panel.tick_params(labelleft=column == 0)
        above.set_xticks(range(len(asked[name])), [""] * len(asked[name]))
        below.set_xticks(range(len(asked[name])), [_tick(of_interval, horizon) for horizon in asked[name]])
        style.label(above, f"Rank IC, {INTERVALS[name]}")
        style.label(below, "Hit rate" if column else "Hit rate, beside what chance gives (thin line)")
    _draw_legend(made, rows)
    return made


def _title(validation: Validation | None) -> str:
    if validation is None or not validation.n_combinations:
        return "Not validated against prices yet"
    if not validation.n_tested:
        return "Too few days to tell whether scores and later prices are linked"
    tested, n_clear = count(validation.n_tested, "combination"), validation.n_clear
    if not n_clear:
        return f"None of {tested} tested shows a link to later prices beyond chance"
    return f"{n_clear} of {tested} tested {'is' if n_clear == 1 else 'are'} hard to explain by chance"


def _subtitle(validation: Validation | None) -> str:
    if validation is None or not validation.n_combinations:
        return ""
    least = validation.rows["min_detectable_ic"].astype(float)
    words = "Rank correlation (IC) of scores with later returns, and share of signs that were right. "
    if np.isfinite(least).any():
        words += f"At best an IC of {plain(float(np.nanmin(least)))} would be found four times in five."
    elif not validation.n_tested:
        words += "No interval: it takes more days than these."
    return words


def _tick(rows: Columns, horizon: str) -> str:
    days = rows["n_days"][rows["horizon"] == horizon]
    fewest = f"{count(days.min())}–" if days.min() < days.max() else ""
    return f"{HORIZONS[horizon]}\n{fewest}{count(days.max(), 'day')}"


def _instruments(rows: Columns) -> list[str]:
    """In the order of their rank."""
    return list(dict.fromkeys(rows["instrument"].tolist()))


def _places(rows: Columns, horizons: list[str], everything: Columns) -> Floats:
    """A horizon's instruments stand side by side, each always in its own place."""
    names = _instruments(everything)
    width = 0.7 / len(names)
    places: Floats = np.array(
        [
            horizons.index(horizon) + width * (names.index(name) - (len(names) - 1) / 2)
            for horizon, name in zip(rows["horizon"], rows["instrument"], strict=True)
        ]
    )
    return places


def _draw_ics(panel: Axes, rows: Columns, horizons: list[str], everything: Columns) -> None:
    x = _places(rows, horizons, everything)
    least = rows["min_detectable_ic"].astype(float)
    width = 0.7 / len(_instruments(everything))
    panel.bar(x, 2 * least, width, -least, color=style.PRE_OPEN, linewidth=0, zorder=0)
    panel.axhline(0, color=style.MUTED, linewidth=0.9)
    _draw_points(panel, rows, x, ("ic", "ic_low", "ic_high"), everything)
    panel.yaxis.set_major_locator(MaxNLocator(nbins=6, symmetric=True))


def _draw_hits(panel: Axes, rows: Columns, horizons: list[str], everything: Columns) -> None:
    x = _places(rows, horizons, everything)
    by_chance = rows["hit_rate_by_chance"].astype(float)
    half_width = 0.35 / len(_instruments(everything))
    panel.hlines(by_chance, x - half_width, x + half_width, color=style.MUTED, linewidth=0.9)
    _draw_points(panel, rows, x, ("hit_rate", "hit_rate_low", "hit_rate_high"), everything)
    panel.set_ylim(0, 1)
    panel.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "50 %", "", "100 %"])


def _draw_points(
    panel: Axes, rows: Columns, x: Floats, names: tuple[str, str, str], everything: Columns
) -> None:
    value, low, high = (rows[name].astype(float) for name in names)
    is_clear = rows["p_adjusted"].astype(float) < SIGNIFICANT
    for instrument, (colour, marker) in zip(_instruments(everything), LOOKS, strict=False):
        chosen = rows["instrument"] == instrument
        panel.vlines(x[chosen], low[chosen], high[chosen], color=colour, linewidth=1.6)
        for is_filled in (True, False):
            points = chosen & (is_clear == is_filled)
            panel.plot(
                x[points],
                value[points],
                linestyle="none",
                marker=marker,
                markersize=5.5,
                markeredgecolor=colour,
                markerfacecolor=colour if is_filled else "white",
            )


def _draw_legend(made: Figure, rows: Columns) -> None:
    handles: list[Line2D | Patch] = [
        Line2D([], [], linestyle="none", marker=marker, markersize=5.5, color=colour, label=instrument)
        for instrument, (colour, marker) in zip(_instruments(rows), LOOKS, strict=False)
    ]
    is_tested = np.isfinite(rows["p_adjusted"].astype(float)).any()
    handles.append(
        Line2D(
            [],
            [],
            linestyle="none",
            marker="o",
            markersize=5.5,
            markeredgecolor=style.MUTED,
            markerfacecolor="white",
            label=f"hollow: corrected p ≥ {SIGNIFICANT}, or none" if is_tested else "hollow: no p value",
        )
    )
    if np.isfinite(rows["ic_low"].astype(float)).any():
        handles.append(Line2D([], [], color=style.MUTED, linewidth=1.6, label="95 % interval"))
    if np.isfinite(rows["min_detectable_ic"].astype(float)).any():
        handles.append(Patch(color=style.PRE_OPEN, label="power below 80 %"))
    made.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(style.LEFT, style.TOP - 0.025),
        ncols=len(handles),
        handletextpad=0.4,
        columnspacing=1.2,
    )
