"""Bars of the score on axes that are the wall clock, or sessions side by side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from charts import style
from charts.data import Columns

Floats = NDArray[np.float64]
# Places and words of ticks.
Ticks = tuple[list[float], list[str]]

# A hole in the sessions is drawn no wider than this many of them.
WIDEST_HOLE = 3
# What points say, in the order of the legend.
BAND, BULLISH, BEARISH, UNCLEAR, UNTOLD = LEGEND = (
    "95 % interval",
    "bullish, interval above 0",
    "bearish, below 0",
    "no clear lean",
    "too few voices for an interval",
)
# What the intervals of scores are over, at the foot of pictures that show them.
VOICES = "A voice: an author, or all authors of copies of one text in the same bar."
# From this many bars on, single ones are drawn small.
MANY_BARS = 150


def days_since_1970(instants: NDArray[Any]) -> Floats:
    """Wall clocks as numbers on an axis."""
    return instants.astype("datetime64[us]").astype(np.int64) / 86_400e6


def holes(session_numbers: NDArray[Any]) -> NDArray[np.int64]:
    """Sessions from each one shown to the next: 1 where none is missing."""
    return np.diff(session_numbers)


def session_places(session_numbers: NDArray[Any]) -> tuple[Floats, Floats]:
    """Left and right of sessions on an axis of one unit each, with wide holes narrowed."""
    steps = np.minimum(holes(session_numbers), WIDEST_HOLE)
    left = np.concatenate([[0.0], np.cumsum(steps, dtype=float)])
    return left, left + 1


def broken(left: Floats, right: Floats, *columns: Floats) -> list[Floats]:
    """Columns with a NaN wherever a bar does not start where the one before it ends."""
    gaps = np.flatnonzero(left[1:] > right[:-1] + 1e-9) + 1
    return [np.insert(column.astype(float), gaps, np.nan) for column in columns]


def staircase(left: Floats, right: Floats, *columns: Floats) -> list[Floats]:
    """x and each column as steps over the bars."""
    left, right, *columns_ = broken(left, right, left, right, *columns)
    return [np.column_stack([left, right]).ravel(), *(np.repeat(column, 2) for column in columns_)]


def draw_score(
    panel: Axes, bars: Columns, left: Floats, right: Floats, *, size: float, line: float = 0.9
) -> None:
    """`score` of bars as points that show its lean, and `ci_low` to `ci_high` as a band behind them.

    `size` of the points and width of the `line` between them are in points.
    """
    score, low, high = (bars[name].astype(float) for name in ("score", "ci_low", "ci_high"))
    middle = (left + right) / 2
    panel.axhline(0, color=style.MUTED, linewidth=0.9)
    x, y_low, y_high = staircase(left, right, low, high)
    panel.fill_between(
        x,
        y_low,
        y_high,
        color=style.BAND,
        linewidth=0,
        label=BAND if np.isfinite(low).any() else None,
    )
    line_x, line_y = broken(left, right, middle, score)
    panel.plot(line_x, line_y, color=style.MUTED, linewidth=line, alpha=0.6)
    for chosen, colour, label in (
        (low > 0, style.BULLISH, BULLISH),
        (high < 0, style.BEARISH, BEARISH),
        ((low <= 0) & (high >= 0), style.MUTED, UNCLEAR),
        (np.isfinite(score) & ~np.isfinite(low), None, UNTOLD),
    ):
        if not chosen.any():
            continue
        panel.plot(
            middle[chosen],
            score[chosen],
            linestyle="none",
            marker="o",
            markersize=size,
            markerfacecolor=colour or "white",
            markeredgecolor=colour or style.MUTED,
            markeredgewidth=0.8,
            label=label,
        )


def draw_legend(
    made: Figure,
    panels: Sequence[Axes],
    place: tuple[float, float],
    corner: Literal["lower left", "lower right"],
) -> None:
    """One legend for panels of scores, with its `corner` at a place on the figure."""
    shown = {
        label: handle
        for panel in panels
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    labels = [label for label in LEGEND if label in shown]
    if labels:
        made.legend(
            [shown[label] for label in labels],
            labels,
            loc=corner,
            bbox_to_anchor=place,
            ncols=len(labels),
            handletextpad=0.4,
            columnspacing=1.3,
        )


def reach(*values: NDArray[Any]) -> float:
    """How far from 0 an axis must go to hold values with a little room: 0.1 to 1."""
    shown = np.abs(np.concatenate([np.ravel(some).astype(float) for some in values]))
    return min(1.0, max(0.1, 1.12 * float(np.nanmax(shown, initial=0.0))))


def reach_of_scores(*bars: Columns) -> float:
    """The same for the scores of bars and their intervals."""
    return reach(*(one[name] for one in bars for name in ("score", "ci_low", "ci_high")))


def few_intervals(bars: Columns) -> bool:
    """Whether so few of the scored bars have an interval that longer ones tell more."""
    return bool(4 * np.isfinite(bars["ci_low"]).sum() < np.isfinite(bars["score"]).sum())


def few_whole_numbers() -> MaxNLocator:
    """Ticks for a low panel."""
    return MaxNLocator(nbins=3, integer=True)


def clock_ticks(start: np.datetime64, end: np.datetime64, most: int = 15) -> Ticks:
    """Ticks on the wall clock in India: clock times with the day below its first; else days at their noon,
    weeks or more.
    """
    minutes = (end - start) / np.timedelta64(1, "m")
    steps = (5, 15, 30, 60, 120, 180, 360, 720, *(1440 * days for days in (1, 2, 7, 14, 28, 91, 182, 364)))
    step = next((step for step in steps if minutes / step <= most), steps[-1])
    offset = 720 if step == 1440 else 0
    minutes_on = np.arange(offset, minutes + 2 * 1440, step).astype("timedelta64[m]")
    instants = start.astype("datetime64[D]") + minutes_on
    # A day that has hardly begun gets no label.
    margin = (end - start) / 25 * (instants == instants.astype("datetime64[D]")) * (step < 1440)
    instants = instants[(instants >= start) & ((instants == end) | (instants <= end - margin))]
    labels: list[str] = []
    last: date | None = None
    for instant in instants:
        moment: datetime = instant.astype("datetime64[us]").item()
        if step < 1440:
            words = f"{moment:%H:%M}"
            if instant == end and words == "00:00":
                words = "24:00"
            elif moment.date() != last:
                words += f"\n{moment:%a} {moment.day} {moment:%b}"
        elif step == 1440:
            words = f"{moment:%a} {moment.day} {moment:%b}"
        else:
            words = f"{moment.day} {moment:%b}"
            if last is None or moment.year != last.year:
                words += f"\n{moment.year}"
        labels.append(words)
        last = moment.date()
    return days_since_1970(instants).tolist(), labels


def session_ticks(trading_dates: NDArray[Any], left: Floats, most: int = 14) -> Ticks:
    """Ticks on the first session of a week, month, quarter or year, so that `most` at most are there."""
    days: list[date] = trading_dates.astype("datetime64[D]").tolist()
    periods = (
        lambda d: d,
        lambda d: d.isocalendar()[:2],
        lambda d: (d.year, d.month),
        lambda d: (d.year, (d.month - 1) // 3),
        lambda d: d.year,
    )
    for period in periods:
        firsts = [i for i, d in enumerate(days) if i == 0 or period(d) != period(days[i - 1])]
        if len(firsts) <= most:
            break
    room = left[-1] / most
    kept: list[int] = []
    for i in firsts:
        if not kept or left[i] - left[kept[-1]] >= room:
            kept.append(i)
    labels = []
    for position, i in enumerate(kept):
        is_new_year = position == 0 or days[i].year != days[kept[position - 1]].year
        labels.append(f"{days[i].day} {days[i]:%b}" + (f"\n{days[i].year}" if is_new_year else ""))
    return [float(left[i]) + 0.5 for i in kept], labels
