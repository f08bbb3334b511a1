"""The largest campaigns: texts that several authors or many posts repeat, and when."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from charts import style
from charts.bars import clock_ticks, days_since_1970
from charts.data import Columns, Published, fetch, ist
from charts.words import count, excerpt, plain, share

TITLE = "Campaigns"
TABLES = "marts.campaigns"
AXES = ("Time (IST)", "Campaigns")

MAX_CAMPAIGNS = 14
EXCERPT = 76
# The thinnest bar, as a share of the thickest.
THINNEST = 0.2
# Where bars start, and the right ends of the columns beside them.
BARS, BARS_WIDTH = 0.47, 0.295
COLUMNS = {"posts": 0.81, "authors": 0.865, "lasted": 0.915, "p(promo)": style.RIGHT}


@dataclass(frozen=True)
class Campaigns:
    """What the picture shows. Instants are wall clock in India."""

    # `n_posts`, `n_authors`, `span_hours`, `first_at`, `last_at`, `is_promotion`, `mean_p_promo`,
    # `example_text`; the largest, oldest first.
    largest: Columns
    # One row: `n_campaigns`, `n_promotions`, `n_posts`, `n_promotion_posts`, of all of them.
    totals: Columns


def read(connection: duckdb.DuckDBPyConnection) -> Campaigns:
    """The campaigns of most posts, and how many there are."""
    return Campaigns(
        largest=fetch(
            connection,
            f"""
            with largest as (
                select * from marts.campaigns order by n_posts desc, n_authors desc, cluster_id
                limit {MAX_CAMPAIGNS}
            )

            select
                n_posts, n_authors, span_hours, is_promotion, mean_p_promo,
                {ist("first_posted_at")} as first_at,
                {ist("last_posted_at")} as last_at,
                left(example_text, {8 * EXCERPT}) as example_text
            from largest
            order by first_posted_at, cluster_id
            """,
        ),
        totals=fetch(
            connection,
            """
            select
                count(*) as n_campaigns,
                count(*) filter (is_promotion) as n_promotions,
                cast(coalesce(sum(n_posts), 0) as bigint) as n_posts,
                cast(coalesce(sum(n_posts) filter (is_promotion), 0) as bigint) as n_promotion_posts
            from marts.campaigns
            """,
        ),
    )


@style.house()
def draw(facts: Published, campaigns: Campaigns) -> Figure:
    """A bar per campaign from its first post to its last, as thick as it is large."""
    made = style.figure(_title(facts, campaigns), _subtitle(campaigns), facts, TABLES)
    largest = campaigns.largest
    n_rows = len(largest["n_posts"])
    top = style.TOP - 0.07
    height = (top - style.BOTTOM) * max(n_rows, 1) / MAX_CAMPAIGNS
    panel = made.add_axes((BARS, top - height, BARS_WIDTH, height))
    if not n_rows:
        panel.set_position((style.LEFT, style.BOTTOM, style.RIGHT - style.LEFT, top - style.BOTTOM))
        panel.set(xticks=[], yticks=[])
        style.note(panel, "No text is repeated by several authors or in many posts")
        return made
    _draw_bars(panel, largest)
    _draw_words(made, panel, largest)
    return made


def _title(facts: Published, campaigns: Campaigns) -> str:
    totals = {name: int(values[0]) for name, values in campaigns.totals.items()}
    if not totals["n_campaigns"]:
        return "No campaign among these posts"
    promotions = totals["n_promotions"]
    held = share(totals["n_posts"] / facts.n_posts)
    if totals["n_campaigns"] == 1:
        return f"One campaign holds {held} of posts; it is {'' if promotions else 'no '}promotion"
    return (
        f"{count(totals['n_campaigns'])} campaigns hold {held} of posts; "
        f"{count(promotions) if promotions else 'none'} of them {'is' if promotions < 2 else 'are'} promotion"
    )


def _subtitle(campaigns: Campaigns) -> str:
    n_campaigns, n_shown = int(campaigns.totals["n_campaigns"][0]), len(campaigns.largest["n_posts"])
    words = "A campaign: a text, or near copies of it, by several authors or in many posts. "
    if n_shown < n_campaigns:
        words += f"The {n_shown} largest are shown. "
    return f"{words}Handles, links and telephone numbers are left out."


def _draw_bars(panel: Axes, largest: Columns) -> None:
    rows = np.arange(len(largest["n_posts"]))
    first, last = (days_since_1970(largest[name]) for name in ("first_at", "last_at"))
    start, end = largest["first_at"].min(), largest["last_at"].max()
    if end - start < np.timedelta64(1, "h"):
        start, end = start - np.timedelta64(30, "m"), end + np.timedelta64(30, "m")
    low, high = days_since_1970(np.array([start, end]))
    shortest = 0.006 * (high - low)
    n_posts = largest["n_posts"].astype(float)
    thickness = 0.78 * np.maximum(THINNEST, np.sqrt(n_posts / n_posts.max()))
    colours = np.where(largest["is_promotion"].astype(bool), style.PROMOTION, style.OTHER_COPIES)
    panel.barh(rows, np.maximum(last - first, shortest), thickness, first, color=colours, linewidth=0)
    panel.set(xlim=(low - 0.01 * (high - low), high + 0.02 * (high - low)), ylim=(len(rows) - 0.5, -0.5))
    places, labels = clock_ticks(start, end, most=6)
    panel.set_xticks(places, labels)
    panel.set_yticks([])
    panel.spines["left"].set_visible(False)
    panel.grid(axis="x")
    panel.legend(
        handles=[
            Patch(color=style.PROMOTION, label="promotion"),
            Patch(color=style.OTHER_COPIES, label="other copies"),
        ],
        loc="lower left",
        bbox_to_anchor=(0, 1.01),
        ncols=2,
        handletextpad=0.5,
    )


def _draw_words(made: Figure, panel: Axes, largest: Columns) -> None:
    style.cells(
        panel,
        {
            name: (COLUMNS[name], [form(value) for value in largest[column]])
            for name, column, form in (
                ("posts", "n_posts", count),
                ("authors", "n_authors", count),
                ("lasted", "span_hours", _duration),
                ("p(promo)", "mean_p_promo", plain),
            )
        },
    )
    place = style.beside(panel)
    for row, text in enumerate(largest["example_text"]):
        words = panel.text(
            0.025,
            row,
            style.drawable(excerpt(str(text), EXCERPT)) or "…",
            transform=place,
            va="center_baseline",
            fontsize=8.5,
        )
        style.fit(words, BARS - 0.04)


def _duration(hours: float) -> str:
    if hours < 1:
        return f"{60 * hours:.0f} min"
    return f"{hours:.1f} h" if hours < 10 else f"{hours:.0f} h" if hours < 48 else f"{hours / 24:,.0f} d"
