"""The house style: colours, fonts, and the frame that every picture has."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text
from matplotlib.transforms import Transform, blended_transform_factory

from charts.data import Published
from charts.words import count, instant

# Okabe and Ito's colours, which colour-blind readers tell apart; direction is never red against green.
BULLISH = "#0072B2"
BEARISH = "#D55E00"
NO_VIEW = "#B8B8B8"
PRICE = "#8A5A83"
DEMO = "#F0E442"
PROMOTION = "#AA4499"
OTHER_COPIES = "#8FA3B0"
INK = "#222222"
MUTED = "#666666"
FAINT = "#DDDDDD"
BAND = "#C9D3DC"
SESSION = "#F3F1EA"
PRE_OPEN = "#E3DFD0"

LABEL_COLOURS = {-1: BEARISH, 0: NO_VIEW, 1: BULLISH}
LABEL_NAMES = {-1: "bearish", 0: "no view", 1: "bullish"}

# 1,600 × 1,000 px.
SIZE_INCHES = (10.0, 6.25)
DPI = 160

# Where a picture's own axes may lie, as shares of the figure.
LEFT, RIGHT, BOTTOM, TOP = 0.055, 0.975, 0.14, 0.845

FONTS = Path(__file__).parent / "fonts"
# A letter that the first lacks comes from the next; the last comes with matplotlib.
FAMILIES = ["Noto Sans", "Noto Sans Devanagari", "DejaVu Sans"]
# Only our own words are bold, and those are Latin.
BOLD: dict[str, Any] = {"weight": "bold", "family": ["Noto Sans", "DejaVu Sans"]}


@cache
def _register_fonts() -> None:
    for path in sorted(FONTS.glob("*.ttf")):
        font_manager.fontManager.addfont(path)


@contextmanager
def house() -> Iterator[None]:
    """The house style, for as long as a picture is made or drawn."""
    _register_fonts()
    settings: Any = {  # rc_context's own type names every key there is
        "font.family": FAMILIES,
        "font.size": 9,
        "text.color": INK,
        "text.parse_math": False,  # a cashtag is no formula
        "axes.edgecolor": MUTED,
        "axes.labelcolor": MUTED,
        "axes.labelsize": 9,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.color": "#ECECEC",
        "grid.linewidth": 0.8,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "xtick.major.size": 3,
        "ytick.major.size": 0,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "legend.handlelength": 1.4,
        "legend.columnspacing": 1.6,
        "legend.borderaxespad": 0.0,
        "lines.linewidth": 1.2,
    }
    with matplotlib.rc_context(settings):
        yield


def figure(title: str, subtitle: str, facts: Published | None, tables: str, meaning: str = "") -> Figure:
    """A figure with its finding on top and, at the foot, the tables it shows, what a word means, and whose
    posts they hold.
    """
    made = Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor="white")
    FigureCanvasAgg(made)
    right = RIGHT
    if facts and facts.is_demo:
        made.text(
            RIGHT - 0.006,
            0.95,
            "DEMO DATA: invented posts",
            ha="right",
            va="center",
            **BOLD,
            bbox={"boxstyle": "round,pad=0.4", "facecolor": DEMO, "edgecolor": "none"},
        )
        right -= 0.215
    fit(made.text(0.025, 0.95, title, fontsize=15, va="center", **BOLD), right - 0.025)
    fit(made.text(0.025, 0.902, subtitle, fontsize=9.5, color=MUTED, va="center"), RIGHT - 0.025)
    foot = [f"Source: {tables}, times in IST" + (f". {meaning}" if meaning else "")]
    if facts:
        foot.insert(
            0,
            f"{count(facts.n_posts, 'valid post')} by {count(facts.n_authors, 'author')} on X (source "
            f"{', '.join(facts.sources)}) since {instant(facts.first_at)}, as of {instant(facts.as_of)}",
        )
    made.text(0.025, 0.012, "\n".join(foot), fontsize=8, color=MUTED, va="bottom", linespacing=1.1)
    return made


def fit(text: Text, width: float) -> None:
    """Shrink a text to a share of the figure's width, where it is wider."""
    made = text.get_figure()
    assert made is not None
    room = width * made.bbox.width
    taken = text.get_window_extent().width
    if taken > room:
        text.set_fontsize(float(text.get_fontsize()) * room / taken)


def heading(axes: Axes, finding: str, detail: str, rise: int = 5) -> None:
    """Head axes with what they show, in bold, and with how to read it below that; `rise` in points."""
    label(axes, detail, rise)
    axes.annotate(
        finding,
        (0, 1),
        (0, rise + 15),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=10,
        **BOLD,
    )


def label(axes: Axes, words: str, rise: int = 5) -> None:
    """Say above the left end of axes, quietly, what their values are; `rise` in points."""
    axes.annotate(
        words,
        (0, 1),
        (0, rise),
        xycoords="axes fraction",
        textcoords="offset points",
        color=MUTED,
        fontsize=8.5,
    )


def note(axes: Axes, words: str) -> None:
    """Say in the middle of axes why they show nothing."""
    axes.text(
        0.5,
        0.5,
        words,
        transform=axes.transAxes,
        ha="center",
        va="center",
        color=MUTED,
        fontsize=11,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 6},
    )


def beside(axes: Axes) -> Transform:
    """Places beside the rows of axes: x as a share of the figure, y as the axes have it."""
    made = axes.get_figure()
    assert made is not None
    return blended_transform_factory(made.transFigure, axes.transData)


def cells(axes: Axes, columns: dict[str, tuple[float, Sequence[str]]]) -> None:
    """Cells beside the rows 0, 1, … of axes; by head, a column's right end, as a share of the figure."""
    top = axes.get_ylim()[1]
    for head, (right, words) in columns.items():
        axes.annotate(
            head,
            (right, top),
            (0, 2),
            xycoords=beside(axes),
            textcoords="offset points",
            ha="right",
            va="bottom",
            color=MUTED,
            fontsize=8,
        )
        for row, cell in enumerate(words):
            axes.text(
                right, row, cell, transform=beside(axes), ha="right", va="center_baseline", fontsize=8.5
            )


@house()
def empty(title: str, labels: tuple[str, str], tables: str) -> Figure:
    """The picture of a published file without posts: its axes, labelled x and y, and the words why."""
    made = figure(f"{title}: nothing to show yet", "", None, tables)
    axes = made.add_axes((LEFT, BOTTOM + 0.02, RIGHT - LEFT, TOP - BOTTOM))
    axes.set(xlabel=labels[0], ylabel=labels[1], xticks=[], yticks=[])
    note(axes, "No posts in the published file")
    return made


@cache
def _drawable_characters() -> frozenset[int]:
    plain = font_manager.findfont("DejaVu Sans")
    paths = [*sorted(FONTS.glob("*.ttf")), Path(plain)]
    return frozenset(code for path in paths for code in FT2Font(os.fspath(path)).get_charmap())


def drawable(text: str) -> str:
    """A text without what the fonts cannot draw, emoji for the most part; an ellipsis marks each loss."""
    return re.sub("\0+", "…", "".join(char if ord(char) in _drawable_characters() else "\0" for char in text))


def save(made: Figure, path: Path) -> None:
    """Write a figure as PNG."""
    with replaced(path) as partial, house():
        made.savefig(partial, format="png")


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Where to write a file: who reads the path meanwhile sees the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    yield partial
    partial.replace(path)
