"""When people post: volume and buzz by clock time and session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize, PowerNorm
from matplotlib.figure import Figure

from charts import style
from charts.bars import Floats, few_whole_numbers
from charts.data import SESSIONS, Columns, Published, fetch, ist
from charts.words import count, share

TITLE = "Chatter by session time"
TABLES = "marts.signal_bars"
AXES = ("Clock time (IST), from close to close", "Session")

MAX_SESSIONS = 60
# Quarter hours from 15:30 on one day to 15:45 on the next: the session ends at 15:30, or with the closing
# auction at 15:35. Days without regular hours are one wide column at midnight.
SLOTS = 97
MIDNIGHT, PRE_OPEN, OPEN, CLOSE = 34, 70, 71, 96
CLOSED_WIDTH = 5
IRREGULAR = "'closed', 'special_session', 'unknown'"
TICKS = {
    2: "16:00",
    14: "19:00",
    26: "22:00",
    46: "03:00",
    58: "06:00",
    71: "09:15",
    82: "12:00",
    94: "15:00",
}

VOLUME = LinearSegmentedColormap.from_list("volume", ("#E9F3EF", "#9CCFBC", "#3F9B85", "#0A4A41", "#03211D"))
# Fewer posts than usual are brown, more are teal: not the colours of a direction.
BUZZ = LinearSegmentedColormap.from_list("buzz", ("#7A4B13", "#D9B98A", "#F5F5F3", "#8CC9BA", "#08564B"))
# The shades of buzz end at so many doublings.
DOUBLINGS = 3

# Shares of the figure: a row at most, between panels, the least for the top panel.
ROW, GAP, PROFILE = 0.05, 0.085, 0.12
LEFT, WIDTH = 0.085, 0.72
LABEL_PIXELS = 21  # that a line of small words takes


@dataclass(frozen=True)
class Chatter:
    """What the picture shows."""

    # `trading_date`, `session_number`, `n_posts` from the close before to its own, oldest first.
    sessions: Columns
    # `trading_date`, `slot` (0 is 15:30; NaN on days without regular hours), `n_posts`, `buzz`.
    slots: Columns
    n_left_out: int  # earlier sessions


def read(connection: duckdb.DuckDBPyConnection) -> Chatter:
    """The newest sessions' posts by quarter hour."""
    # Of a quarter hour that the close cuts in two the last posts are the next session's: daily bars know.
    sessions = fetch(
        connection,
        f"""
        select
            trading_date, session_number,
            cast(coalesce(sum(n_posts) filter (bar_interval = '1d'), 0) as bigint) as n_posts,
            count(*) over () as n
        from marts.signal_bars
        inner join ({SESSIONS}) using (trading_date)
        where channel = 'x' and instrument = 'MARKET'
        group by trading_date, session_number
        qualify row_number() over (order by trading_date desc) <= {MAX_SESSIONS}
        order by trading_date
        """,
    )
    n_sessions = int(sessions.pop("n")[0]) if len(sessions["n"]) else 0
    wall_clock = ist("bar_start")
    return Chatter(
        sessions=sessions,
        slots=fetch(
            connection,
            f"""
            select
                trading_date,
                case
                    when session_phase not in ({IRREGULAR})
                        then
                            hour({wall_clock}) * 4 + minute({wall_clock}) // 15 + {MIDNIGHT}
                            - if(cast({wall_clock} as date) < trading_date, 96, 0)
                end as slot,
                cast(sum(n_posts) as bigint) as n_posts,
                any_value(buzz) as buzz
            from marts.signal_bars
            where
                channel = 'x' and instrument = 'MARKET' and bar_interval = '15min'
                and trading_date in (select unnest(?))
            group by trading_date, slot
            order by trading_date, slot
            """,
            [sessions["trading_date"].tolist()],
        ),
        n_left_out=n_sessions - len(sessions["trading_date"]),
    )


@style.house()
def draw(facts: Published, chatter: Chatter) -> Figure:
    """Posts by clock time on top; below it a row per session, shaded by posts and then by buzz."""
    if not len(chatter.sessions["n_posts"]):
        made = style.figure("No post lies within the exchange calendar", "", facts, TABLES)
        panel = made.add_axes((LEFT, style.BOTTOM, WIDTH, style.TOP - style.BOTTOM))
        panel.set(xticks=[], yticks=[])
        style.note(panel, "Nothing to show")
        return made
    posts, buzz = (_grid(chatter, name) for name in ("n_posts", "buzz"))
    made = style.figure(_title(posts), _subtitle(chatter, posts), facts, TABLES)
    shades: list[tuple[str, Floats, Colormap, Normalize, dict[float, str]]] = [_volume(posts)]
    if np.isfinite(buzz).any():
        shades.append(_buzz(buzz))
    top = style.TOP - 0.01
    room = top - style.BOTTOM - PROFILE - GAP * len(shades)
    height = min(len(posts) * ROW, room / len(shades))
    bottom = style.BOTTOM + (len(shades) - 1) * (height + GAP)
    profile = made.add_axes((LEFT, bottom + height + GAP, WIDTH, top - bottom - height - GAP))
    _draw_profile(profile, posts)
    _draw_totals(made.add_axes((LEFT + WIDTH + 0.012, bottom, 0.09, height)), chatter.sessions)
    panels = [profile]
    for words, values, colours, norm, ticks in shades:
        panel = made.add_axes((LEFT, bottom, WIDTH, height))
        mesh = panel.pcolormesh(_edges(posts), np.arange(len(posts) + 1), values, cmap=colours, norm=norm)
        scale = made.add_axes((LEFT + WIDTH - 0.2, bottom + height + 0.014, 0.2, 0.011))
        made.colorbar(mesh, cax=scale, orientation="horizontal", ticks=list(ticks))
        scale.set_xticks(list(ticks), list(ticks.values()))
        scale.tick_params(axis="x", labeltop=True, labelbottom=False, length=0, pad=1, labelsize=7.5)
        scale.minorticks_off()
        scale.spines["outline"].set_visible(False)
        style.label(panel, words)
        _rows(panel, chatter.sessions)
        panels.append(panel)
        bottom -= height + GAP
    for panel in panels:
        _clock(panel, posts, has_labels=panel is panels[-1])
    return made


def _grid(chatter: Chatter, name: str) -> Floats:
    """A row per session, a column per quarter hour and, at midnight, one for days without regular hours."""
    grid = np.full((len(chatter.sessions["n_posts"]), SLOTS + 1), np.nan)
    row = np.searchsorted(chatter.sessions["trading_date"], chatter.slots["trading_date"])
    slot = chatter.slots["slot"].astype(float)
    column = np.where(np.isnan(slot), MIDNIGHT, slot + (slot >= MIDNIGHT)).astype(int)
    grid[row, column] = chatter.slots[name]
    return grid


def _has_closed(posts: Floats) -> bool:
    return bool(np.isfinite(posts[:, MIDNIGHT]).any())


def _end(posts: Floats) -> int:
    """Where the axis ends: with the closing auction, where there is one."""
    return SLOTS if np.isfinite(posts[:, -1]).any() else CLOSE


def _place(slot: Any, posts: Floats) -> Any:
    """Where a quarter hour starts on the axis."""
    return slot + np.where(np.asarray(slot) >= MIDNIGHT, CLOSED_WIDTH * _has_closed(posts), 0)


def _edges(posts: Floats) -> Floats:
    edges: Floats = np.concatenate([np.arange(MIDNIGHT + 1), _place(np.arange(MIDNIGHT, SLOTS + 1), posts)])
    return edges


def _title(posts: Floats) -> str:
    total = np.nansum(posts)
    by_slot = np.nansum(np.delete(posts, MIDNIGHT, axis=1), axis=0)
    busiest = int(by_slot.argmax())
    words = f"{share(by_slot[OPEN:CLOSE].sum() / total)} of posts come from 09:15 to 15:30"
    if len(posts) * by_slot[busiest] < 2:
        return words
    clock = f"{_clock_words(busiest)}–{_clock_words(busiest + 1)}"
    return f"{words}; busiest {clock}, {count(by_slot[busiest], 'post')}"


def _clock_words(slot: int) -> str:
    minutes = (slot - MIDNIGHT) * 15 % 1440
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _subtitle(chatter: Chatter, posts: Floats) -> str:
    words = "A row runs from one close to the next. Blank: no post, or nothing to compare with."
    if _has_closed(posts):
        words += " Closed days: one column, all their posts."
    if (np.diff(chatter.sessions["session_number"]) > 1).any():
        words += " Dotted: sessions without posts left out."
    if chatter.n_left_out:
        words += f" The latest {MAX_SESSIONS} sessions; {count(chatter.n_left_out, 'earlier one')} left out."
    return words


def _volume(posts: Floats) -> tuple[str, Floats, Colormap, Normalize, dict[float, str]]:
    # The wide column's posts are of a whole day or more: they would fade all others.
    most = float(np.nanmax(np.delete(posts, MIDNIGHT, axis=1), initial=1.0))
    norm = PowerNorm(0.5, 0, most, clip=True)
    ticks = sorted({0.0, float(round(most / 4)), float(round(most))})
    return "Posts per quarter hour", posts, VOLUME, norm, {tick: count(tick) for tick in ticks}


def _buzz(buzz: Floats) -> tuple[str, Floats, Colormap, Normalize, dict[float, str]]:
    doublings = np.log2(buzz, where=buzz > 0, out=np.full_like(buzz, np.nan))
    ticks = {-3.0: "÷ 8", -1.0: "÷ 2", 0.0: "mean", 1.0: "× 2", 3.0: "× 8"}
    words = "Buzz: posts against a mean bar of that phase of the day, up to 20 sessions back"
    return words, doublings, BUZZ, Normalize(-DOUBLINGS, DOUBLINGS, clip=True), ticks


def _most_labels(panel: Axes) -> int:
    """How many rows have room for words beside them."""
    return max(1, int(panel.get_window_extent().height / LABEL_PIXELS))


def _rows(panel: Axes, sessions: Columns) -> None:
    days: list[date] = sessions["trading_date"].astype("datetime64[D]").tolist()
    step = -(-len(days) // _most_labels(panel))
    # From the newest backwards, so that it always has its label.
    chosen = range(len(days) - 1, -1, -step)
    is_long = days[0].year != days[-1].year
    labels = [
        f"{days[row]:%a} {days[row].day} {days[row]:%b}" + f" {days[row]:%y}" * is_long for row in chosen
    ]
    panel.set_yticks([row + 0.5 for row in chosen], labels)
    panel.set_ylim(len(days), 0)
    panel.tick_params(axis="y", labelsize=7.5)
    for side in ("left", "bottom"):
        panel.spines[side].set_visible(False)
    for row in np.flatnonzero(np.diff(sessions["session_number"]) > 1) + 1:
        panel.axhline(float(row), color=style.MUTED, linewidth=0.8, linestyle=(0, (1, 2)))


def _clock(panel: Axes, posts: Floats, *, has_labels: bool) -> None:
    ticks = {float(_place(slot, posts)): words for slot, words in TICKS.items()}
    if _has_closed(posts):
        ticks[MIDNIGHT + CLOSED_WIDTH / 2] = "closed\ndays"
    else:
        ticks[MIDNIGHT] = "24:00"
    panel.set_xticks(list(ticks), list(ticks.values()) if has_labels else [""] * len(ticks))
    panel.set_xlim(0, _place(_end(posts), posts))
    for slot in (OPEN, PRE_OPEN):
        panel.axvline(_place(slot, posts), color=style.INK, linewidth=0.7)
    if _has_closed(posts):
        for edge in (MIDNIGHT, MIDNIGHT + CLOSED_WIDTH):
            panel.axvline(edge, color=style.INK, linewidth=0.7)


def _draw_profile(panel: Axes, posts: Floats) -> None:
    by_slot = np.nansum(posts, axis=0)
    by_slot[MIDNIGHT] = np.nan
    edges = _edges(posts)
    panel.bar(edges[:-1], by_slot, width=np.diff(edges), align="edge", color=style.NO_VIEW, linewidth=0)
    panel.axvspan(_place(PRE_OPEN, posts), _place(OPEN, posts), color=style.PRE_OPEN, linewidth=0, zorder=0)
    panel.axvspan(_place(OPEN, posts), _place(_end(posts), posts), color=style.SESSION, linewidth=0, zorder=0)
    panel.set_ylim(0, 1.4 * max(1.0, float(np.nanmax(by_slot))))
    panel.yaxis.set_major_locator(few_whole_numbers())
    panel.yaxis.set_major_formatter("{x:,.0f}")
    panel.grid(axis="y")
    style.label(panel, f"Posts by clock time, {count(len(posts), 'session')} together")
    for words, first, last in (
        ("after hours", 0, MIDNIGHT),
        ("before the open", _place(MIDNIGHT, posts), _place(PRE_OPEN, posts)),
        ("cash session", _place(OPEN, posts), _place(_end(posts), posts)),
    ):
        panel.text(
            (first + last) / 2,
            0.97,
            words,
            transform=panel.get_xaxis_transform(),
            ha="center",
            va="top",
            fontsize=8,
            color=style.MUTED,
        )


def _draw_totals(panel: Axes, sessions: Columns) -> None:
    n_posts = sessions["n_posts"].astype(float)
    rows = np.arange(len(n_posts)) + 0.5
    panel.barh(rows, n_posts, height=0.8, color=style.NO_VIEW, linewidth=0)
    panel.set(xlim=(0, max(1.0, n_posts.max())), ylim=(len(n_posts), 0), xticks=[], yticks=[])
    for side in ("left", "bottom"):
        panel.spines[side].set_visible(False)
    if len(n_posts) > _most_labels(panel):
        style.label(panel, f"Posts, up to {count(n_posts.max())}")
        return
    style.label(panel, "Posts per session")
    for row, number in zip(rows, n_posts, strict=True):
        panel.annotate(
            count(number), (number, row), (4, 0), textcoords="offset points", va="center", fontsize=7.5
        )
