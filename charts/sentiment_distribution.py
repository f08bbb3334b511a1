"""How many posts carry a view, which way, in what kind of post, and how strongly."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from charts import style
from charts.data import Columns, Estimate, Published, author_means, estimate, fetch
from charts.words import count, interval_of_shares, share, signed

TITLE = "Sentiment distribution"
TABLES = "signals.tweet_signals, validated.tweets"
AXES = ("Sentiment, −1 bearish to +1 bullish", "Posts that carry a view")

BIN_WIDTH = 0.05
LABELS = (-1, 0, 1)
MIN_CLASS_ROWS = 7


@dataclass(frozen=True)
class Distribution:
    """What the picture shows."""

    # `content_class`, `sentiment_label`, `n_posts`.
    classes: Columns
    # Posts that carry a view: `bin` (0 is [-1, -0.95)), `n_posts`.
    bins: Columns
    # Of posts that carry a view, the share that is bearish, with its interval; a row, or none.
    bearish: Columns
    # Mean sentiment of posts that carry a view; NaN where none does.
    mean_view: float


def read(connection: duckdb.DuckDBPyConnection) -> Distribution:
    """Counts by class, label and bin of sentiment."""
    return Distribution(
        classes=fetch(
            connection,
            """
            select content_class, sentiment_label, count(*) as n_posts
            from signals.tweet_signals
            group by content_class, sentiment_label
            order by content_class, sentiment_label
            """,
        ),
        bins=fetch(
            connection,
            f"""
            select
                cast(least(floor((sentiment + 1) / {BIN_WIDTH}), {2 / BIN_WIDTH - 1}) as integer) as bin,
                count(*) as n_posts
            from signals.tweet_signals
            where sentiment_label <> 0
            group by bin
            order by bin
            """,
        ),
        bearish=author_means(
            connection,
            """
            select 'view' as grp, author_key, case when sentiment_label = -1 then 1.0 else 0.0 end as value
            from signals.tweet_signals
            inner join validated.tweets using (tweet_id)
            where sentiment_label <> 0
            """,
        ),
        mean_view=float(
            fetch(
                connection,
                "select avg(sentiment) as mean from signals.tweet_signals where sentiment_label <> 0",
            )["mean"][0]
        ),
    )


@style.house()
def draw(facts: Published, distribution: Distribution) -> Figure:
    """Shares of the labels over content classes and the histogram of views."""
    classes = distribution.classes
    totals = {label: int(classes["n_posts"][classes["sentiment_label"] == label].sum()) for label in LABELS}
    made = style.figure(*_finding(distribution, totals), facts, TABLES)
    _draw_labels(made.add_axes((style.LEFT, 0.735, style.RIGHT - style.LEFT, 0.075)), totals)
    _draw_classes(made.add_axes((0.125, style.BOTTOM, 0.345, 0.475)), classes)
    _draw_histogram(made.add_axes((0.575, style.BOTTOM, style.RIGHT - 0.59, 0.475)), distribution)
    return made


def _finding(distribution: Distribution, totals: dict[int, int]) -> tuple[str, str]:
    """Title and subtitle."""
    n_views = totals[-1] + totals[1]
    if not n_views:
        return "No post carries a view on the market", ""
    without = share(totals[0] / (n_views + totals[0]))
    name, part = "bearish", estimate(distribution.bearish, 0, ("mean", "low", "high"))
    if part.value < 0.5:
        name, part = "bullish", Estimate(1 - part.value, 1 - part.high, 1 - part.low)
    if np.isnan(part.low):
        subtitle = f"The {name} share has no interval: too few authors carry a view, or all of them agree."
    else:
        subtitle = (
            f"{name.capitalize()} share of the posts that carry a view: {share(part.value)}, "
            f"95 % interval over authors {interval_of_shares(part)}."
        )
    if part.low <= 0.5:
        return (
            f"{without} of posts carry no view; those that do are split, {share(part.value)} {name}",
            subtitle,
        )
    return f"{without} of posts carry no view; of those that do, {share(part.value)} are {name}", subtitle


def _draw_labels(panel: Axes, totals: dict[int, int]) -> None:
    n_posts = sum(totals.values())
    start = 0.0
    places = {-1: (0.0, "left"), 0: (0.5, "center"), 1: (1.0, "right")}
    for label in LABELS:
        part = totals[label] / n_posts
        panel.barh(0, part, left=start, height=1, color=style.LABEL_COLOURS[label], edgecolor="white")
        start += part
        x, align = places[label]
        panel.annotate(
            f"{style.LABEL_NAMES[label]} {share(part, 1)}, {count(totals[label], 'post')}",
            (x, 1),
            (0, 5),
            xycoords="axes fraction",
            textcoords="offset points",
            ha=align,
            color=style.MUTED if label == 0 else style.LABEL_COLOURS[label],
            fontsize=10,
            **style.BOLD,
        )
    panel.set(xlim=(0, 1), ylim=(-0.5, 0.5))
    panel.axis("off")


def _draw_classes(panel: Axes, classes: Columns) -> None:
    names, place = np.unique(classes["content_class"].astype(str), return_inverse=True)
    counts = np.zeros((len(names), len(LABELS)))
    counts[place, classes["sentiment_label"].astype(int) + 1] = classes["n_posts"]
    totals = counts.sum(axis=1)
    order = np.argsort(totals)
    rows = np.arange(len(names))
    start = np.zeros(len(names))
    for column, label in enumerate(LABELS):
        panel.barh(rows, counts[order, column], left=start, height=0.62, color=style.LABEL_COLOURS[label])
        start += counts[order, column]
    for row, total in zip(rows, totals[order], strict=True):
        panel.annotate(
            f"{count(total)} ({share(total / totals.sum())})",
            (total, row),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    panel.set_yticks(rows, [names[index].replace("_", " ") for index in order])
    panel.set(
        xlim=(0, 1.25 * totals.max()),
        ylim=(len(names) - max(len(names), MIN_CLASS_ROWS) - 0.6, len(names) - 0.4),
    )
    panel.tick_params(axis="y", labelcolor=style.INK, labelsize=9)
    panel.xaxis.set_visible(False)
    panel.spines["bottom"].set_visible(False)
    style.heading(panel, "What the posts are", "Posts by content class, coloured by label")


def _draw_histogram(panel: Axes, distribution: Distribution) -> None:
    counts = np.zeros(round(2 / BIN_WIDTH))
    counts[distribution.bins["bin"].astype(int)] = distribution.bins["n_posts"]
    left = -1 + BIN_WIDTH * np.arange(len(counts))
    panel.bar(
        left,
        counts,
        width=0.92 * BIN_WIDTH,
        align="edge",
        color=np.where(left < -1e-9, style.BEARISH, style.BULLISH),
    )
    panel.set_xlim(-1, 1)
    panel.set_xticks([-1, -0.5, 0, 0.5, 1], ["−1\nbearish", "−0.5", "0", "+0.5", "+1\nbullish"])
    panel.grid(axis="y")
    panel.yaxis.set_major_formatter("{x:,.0f}")
    n_views = int(counts.sum())
    style.heading(
        panel,
        f"How strong the views are ({count(n_views, 'post')})",
        f"Posts that carry a view, per {BIN_WIDTH} of sentiment",
    )
    if not n_views:
        panel.set(ylim=(0, 1), yticks=[])
        style.note(panel, "No post carries a view")
        return
    panel.set_ylim(0, 1.12 * counts.max())
    panel.axvline(0, color=style.MUTED, linewidth=0.9)
    mean = distribution.mean_view
    panel.axvline(mean, color=style.INK, linewidth=1.2, linestyle=(0, (4, 2)))
    panel.annotate(
        f"mean {signed(mean)}",
        (mean, 1),
        (5 if mean >= 0 else -5, -4),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="left" if mean >= 0 else "right",
        va="top",
        fontsize=8.5,
    )
