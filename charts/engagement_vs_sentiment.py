"""Whether posts with a view, and which, draw more engagement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm, to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from charts import style
from charts.data import Columns, Published, author_means, estimate, fetch
from charts.words import count, plain, share, with_interval

TITLE = "Engagement against sentiment"
TABLES = "signals.tweet_signals, validated.tweets"
AXES = ("Sentiment, −1 bearish to +1 bullish", "Engagement, 0 to 1")

# Points drawn at most, and those that every stratum may have before shares of its size are dealt out.
MAX_POINTS = 5_000
POINTS_PER_STRATUM = 50
TENTHS = 10
# Cells of the density: sentiment to the nearest 1/30, the root of engagement in 1/40.
SENTIMENT_CELLS = 30
ENGAGEMENT_CELLS = 40
# Bins of the means: sentiment to the nearest 1/5.
BINS = 5

SHADES = ("#F4F4F4", "#7D7D7D")
MEAN = ("mean", "low", "high")

MEASURED = """
    select tweet_id, author_key, sentiment, sentiment_label, engagement
    from signals.tweet_signals
    inner join validated.tweets using (tweet_id)
    where coalesce(like_count, retweet_count, reply_count) is not null
"""


@dataclass(frozen=True)
class Engagement:
    """What the picture shows of the posts that came with counts of likes, retweets or replies."""

    # `sentiment`, `engagement`, `sentiment_label` of a sample, in an order that has no meaning.
    points: Columns
    # `sentiment_cell`, `engagement_cell`, `n_posts` over all posts.
    cells: Columns
    # Mean engagement: `grp` (bin of sentiment, else label), `n_posts`, `n_authors`, `mean`, `low`, `high`.
    bins: Columns
    labels: Columns
    # Share of posts without any like, retweet or reply, by label in the order of `labels`.
    idle: NDArray[np.float64]


def read(connection: duckdb.DuckDBPyConnection) -> Engagement:
    """A sample of the posts, and aggregates of all of them."""
    return Engagement(
        points=_sample(connection),
        cells=fetch(
            connection,
            f"""
            select
                cast(round(sentiment * {SENTIMENT_CELLS}) as integer) as sentiment_cell,
                cast(least(floor(sqrt(engagement) * {ENGAGEMENT_CELLS}), {ENGAGEMENT_CELLS - 1}) as integer)
                    as engagement_cell,
                count(*) as n_posts
            from ({MEASURED})
            group by sentiment_cell, engagement_cell
            order by sentiment_cell, engagement_cell
            """,
        ),
        bins=_means(connection, f"cast(round(sentiment * {BINS}) as integer)"),
        labels=_means(connection, "sentiment_label"),
        idle=fetch(
            connection,
            f"""
            select avg(case when engagement = 0 then 1.0 else 0.0 end) as idle
            from ({MEASURED})
            group by sentiment_label
            order by sentiment_label
            """,
        )["idle"],
    )


def _means(connection: duckdb.DuckDBPyConnection, group: str) -> Columns:
    means = author_means(
        connection, f"select {group} as grp, author_key, engagement as value from ({MEASURED})"
    )
    return means | {"low": np.maximum(means["low"], 0)}


def _sample(connection: duckdb.DuckDBPyConnection) -> Columns:
    """Every post, or a sample by label and tenth of the engagement scale that is the same every time.

    Each stratum gives a few posts, so that rare loud ones show, and then its share of what room is left.
    """
    return fetch(
        connection,
        f"""
        with posts as (
            select *, cast(least(floor(engagement * {TENTHS}), {TENTHS - 1}) as integer) as tenth
            from ({MEASURED})
        ),

        strata as (
            select
                sentiment_label,
                tenth,
                least(count(*), {POINTS_PER_STRATUM}) as n_first,
                count(*) - n_first as n_more
            from posts
            group by sentiment_label, tenth
        ),

        quotas as (
            select
                sentiment_label,
                tenth,
                n_first + floor(
                    n_more * least(1, ({MAX_POINTS} - sum(n_first) over ()) / nullif(sum(n_more) over (), 0))
                ) as quota
            from strata
        )

        select sentiment, engagement, sentiment_label
        from posts
        inner join quotas using (sentiment_label, tenth)
        qualify row_number() over (partition by sentiment_label, tenth order by md5(tweet_id)) <= quota
        order by md5(tweet_id)
        """,
    )


@style.house()
def draw(facts: Published, engagement: Engagement) -> Figure:
    """Points over their density, means by bin of sentiment, and means by label beside them."""
    made = style.figure(_title(engagement), _subtitle(facts, engagement), facts, TABLES)
    height = style.TOP - 0.075 - style.BOTTOM
    main = made.add_axes((style.LEFT, style.BOTTOM, 0.635, height))
    side = made.add_axes((0.76, style.BOTTOM, style.RIGHT - 0.76, height))
    _draw_axes(main)
    _draw_labels(side, engagement)
    if not len(engagement.points["engagement"]):
        style.note(main, "No post came with counts of likes, retweets or replies")
        return made
    if not engagement.points["engagement"].any():
        style.note(main, "No post has a like, a retweet or a reply")
        return made
    if engagement.labels["n_posts"].sum() > len(engagement.points["engagement"]):
        _draw_density(main, engagement.cells)
    _draw_points(main, engagement.points)
    _draw_means(main, engagement.bins)
    main.legend(loc="lower left", bbox_to_anchor=(0, 1.09), ncols=5, handletextpad=0.5)
    return made


def _title(engagement: Engagement) -> str:
    """Two intervals that do not overlap are called a difference, which asks for more than 95 %."""
    labels = engagement.labels
    if not len(labels["grp"]):
        return "Engagement is unknown: no post came with its counts"
    if not engagement.points["engagement"].any():
        return "Engagement says nothing here: every post was captured with counts of 0"
    told = {int(label): estimate(labels, row, MEAN) for row, label in enumerate(labels["grp"])}
    if -1 not in told or 1 not in told:
        return "Engagement: there are not both bullish and bearish posts to compare"
    less, more = sorted((-1, 1), key=lambda label: told[label].value)
    names = style.LABEL_NAMES
    more_words, less_words = (with_interval(told[label], form=plain) for label in (more, less))
    if told[more].low > told[less].high:
        return (
            f"{names[more].capitalize()} posts draw more engagement than {names[less]} ones: "
            f"{more_words} against {less_words}"
        )
    return f"No clear difference in engagement: {names[more]} {more_words}, {names[less]} {less_words}"


def _subtitle(facts: Published, engagement: Engagement) -> str:
    n_measured = int(engagement.labels["n_posts"].sum())
    n_points = len(engagement.points["engagement"])
    words = "Engagement: likes + 2 × retweets + 1.5 × replies, on a log scale with a fixed cap. "
    if n_points < n_measured and engagement.points["engagement"].any():
        words += f"Points: {count(n_points)} of {count(n_measured)} posts, sampled by label and engagement. "
    if n_measured < facts.n_posts:
        words += f"Left out: {count(facts.n_posts - n_measured, 'post')} captured without counts."
    return words


def _draw_axes(panel: Axes) -> None:
    # Most posts have little engagement: the root spreads them out, and unlike a logarithm it has a nought.
    panel.set_yscale("function", functions=(lambda y: np.sqrt(np.maximum(y, 0)), np.square))
    panel.set(xlim=(-1.03, 1.03), ylim=(0, 1))
    panel.set_xticks([-1, -0.5, 0, 0.5, 1], ["−1\nbearish", "−0.5", "0", "+0.5", "+1\nbullish"])
    ticks = [0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1]
    panel.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    panel.grid(axis="y")
    panel.axvline(0, color=style.FAINT, linewidth=0.9, zorder=0)
    style.label(
        panel, f"{AXES[1]}, root scale; in the row below: posts per {1 / BINS:g} of sentiment", rise=17
    )


def _draw_density(panel: Axes, cells: Columns) -> None:
    counts = np.full((ENGAGEMENT_CELLS, 2 * SENTIMENT_CELLS + 1), np.nan)
    counts[cells["engagement_cell"], cells["sentiment_cell"] + SENTIMENT_CELLS] = cells["n_posts"]
    x = (np.arange(2 * SENTIMENT_CELLS + 2) - SENTIMENT_CELLS - 0.5) / SENTIMENT_CELLS
    y = (np.arange(ENGAGEMENT_CELLS + 1) / ENGAGEMENT_CELLS) ** 2
    shades = LinearSegmentedColormap.from_list("density", SHADES)
    panel.pcolormesh(
        x, y, counts, cmap=shades, norm=LogNorm(1, max(10.0, float(cells["n_posts"].max()))), zorder=0.5
    )
    panel.fill_between([], [], color=SHADES[1], alpha=0.6, label="all posts, log shade")


def _draw_points(panel: Axes, points: Columns) -> None:
    n_points = len(points["sentiment"])
    labels = points["sentiment_label"].astype(int)
    alpha = float(np.clip(25 / np.sqrt(n_points), 0.25, 0.9))
    colours = np.array([to_rgba(style.LABEL_COLOURS[label], alpha) for label in (-1, 0, 1)])
    panel.scatter(
        points["sentiment"],
        points["engagement"],
        s=14,
        c=colours[labels + 1],
        linewidths=0,
        clip_on=False,
        zorder=2,
    )
    for label, name in style.LABEL_NAMES.items():
        panel.plot([], [], "o", color=style.LABEL_COLOURS[label], markersize=5, label=name)


def _draw_means(panel: Axes, bins: Columns) -> None:
    x = bins["grp"] / BINS
    mean, low, high = bins["mean"], bins["low"], bins["high"]
    told = np.isfinite(low)
    panel.vlines(x, low, high, color="white", linewidth=4, zorder=3)
    panel.vlines(x, low, high, color=style.INK, linewidth=1.6, zorder=3.1)
    for chosen, face, label in (
        (told, style.INK, "mean with 95 % interval over authors"),
        (~told, "white", "mean, too few authors"),
    ):
        if chosen.any():
            panel.plot(
                x[chosen],
                mean[chosen],
                linestyle="none",
                marker="D",
                markersize=6,
                markerfacecolor=face,
                markeredgecolor="white" if face == style.INK else style.INK,
                zorder=3.2,
                label=label,
            )
    for place, n_posts in zip(x, bins["n_posts"], strict=True):
        panel.annotate(
            count(n_posts),
            (place, 1),
            (0, 4),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=style.MUTED,
        )


def _draw_labels(panel: Axes, engagement: Engagement) -> None:
    labels = engagement.labels
    style.label(panel, "Mean engagement, 95 % interval")
    panel.set_ylim(-1.3, 1.75)
    panel.set_yticks([])
    panel.spines["left"].set_visible(False)
    panel.grid(axis="x")
    if not len(labels["grp"]):
        panel.set_xticks([])
        style.note(panel, "Nothing to compare")
        return
    for row in range(len(labels["grp"])):
        label = int(labels["grp"][row])
        mean = estimate(labels, row, MEAN)
        is_told = np.isfinite(mean.low)
        colour = style.LABEL_COLOURS[label]
        panel.hlines(label, mean.low, mean.high, color=colour, linewidth=5, alpha=0.5)
        panel.plot(
            mean.value,
            label,
            "o",
            color=colour,
            markersize=8,
            markerfacecolor=colour if is_told else "white",
            clip_on=False,
        )
        place: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
        panel.annotate(
            style.LABEL_NAMES[label],
            (0.02, label),
            (0, 42),
            fontsize=10,
            color=colour if label else style.MUTED,
            **style.BOLD,
            **place,
        )
        panel.annotate(
            f"{with_interval(mean, 3, plain)}\n"
            f"{count(labels['n_posts'][row], 'post')}, {share(engagement.idle[row])} with no reaction",
            (0.02, label),
            (0, 38),
            va="top",
            fontsize=8.5,
            **place,
        )
    reach = np.nanmax(np.concatenate([labels["high"], labels["mean"]]))
    panel.set_xlim(0, 1.15 * reach if reach > 0 else 1)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=4))
