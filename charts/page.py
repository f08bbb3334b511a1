"""HTML and SVG, built so that text is always escaped: what is not markup already becomes text."""

from __future__ import annotations

from html import escape

from charts import style
from charts.data import Estimate

DARK_BEARISH = "#A84300"

STYLE = f"""
:root {{ color-scheme: light }}
* {{ box-sizing: border-box }}
html {{ font-size: 15px }}
body {{ font: 1rem/1.5 "Noto Sans", system-ui, -apple-system, "Segoe UI", sans-serif; color: {style.INK};
  background: #fff; max-width: 62rem; margin: 0 auto; padding: 1rem 1.2rem 2rem }}
h1 {{ font-size: 1.6rem; line-height: 1.2; margin: .6rem 0 .3rem }}
h2 {{ font-size: 1.1rem; margin: 1.6rem 0 .4rem; padding-top: .7rem; border-top: 1px solid {style.FAINT} }}
h3 {{ font-size: 1rem; margin: 1rem 0 .3rem }}
main {{ display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); column-gap: 2.2rem }}
main > section {{ grid-column: 1 / -1 }}
p {{ margin: .3rem 0 .6rem; max-width: 46rem }}
header p {{ color: #555 }}
.demo {{ display: inline-block; background: {style.DEMO}; color: {style.INK}; font-weight: 700;
  padding: .2rem .7rem; border-radius: .3rem; margin: 0 }}
.headline {{ font-size: 1.9rem; font-weight: 700; line-height: 1.15; margin: .2rem 0 .4rem }}
.lead {{ font-size: 1.05rem }}
.note {{ color: #555 }}
.columns {{ display: grid; grid-template-columns: 1fr 1fr; gap: 1.5rem; align-items: start }}
figure {{ margin: 0 }}
figure svg {{ width: 100%; height: auto; display: block }}
svg text {{ font-size: 11px; fill: #555 }}
figcaption {{ font-size: .82rem; color: #555 }}
/* A shade at an edge says that a table goes on there. */
.table {{ overflow-x: auto; background-repeat: no-repeat; background-attachment: local, local, scroll, scroll;
  background-image: linear-gradient(90deg, #fff 40%, #fff0), linear-gradient(270deg, #fff 40%, #fff0),
    linear-gradient(90deg, #0003, #0000), linear-gradient(270deg, #0003, #0000);
  background-position: 0 0, 100% 0, 0 0, 100% 0;
  background-size: 2.5rem 100%, 2.5rem 100%, .7rem 100%, .7rem 100% }}
table {{ border-collapse: collapse; font-size: .9rem; min-width: 100%; margin-bottom: .4rem }}
caption {{ text-align: left; color: #555; font-size: .82rem; padding-bottom: .2rem }}
th, td {{ text-align: left; padding: .22rem .9rem .22rem 0; border-bottom: 1px solid {style.FAINT};
  vertical-align: top }}
thead th {{ color: #555; font-weight: 500; white-space: nowrap }}
tbody th {{ font-weight: 600 }}
.number {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }}
td svg {{ display: block }}
ul {{ padding-left: 1.1rem; margin: .3rem 0 }}
li {{ margin-bottom: .3rem; overflow-wrap: anywhere }}
.tag {{ background: {style.PROMOTION}; color: #fff; font-size: .78rem; font-weight: 600;
  padding: .05rem .4rem; border-radius: .25rem; margin-right: .4rem }}
dl {{ columns: 2; column-gap: 2rem; font-size: .88rem; margin: 0 }}
dt {{ font-weight: 600; break-after: avoid }}
dd {{ margin: 0 0 .45rem; break-inside: avoid }}
footer {{ margin-top: 1.6rem; border-top: 1px solid {style.FAINT}; font-size: .82rem; color: #555 }}
@media (max-width: 48rem) {{
  body {{ padding: .6rem .8rem 1.5rem }}
  main, .columns {{ grid-template-columns: minmax(0, 1fr) }}
  dl {{ columns: 1 }}
  table {{ font-size: .82rem }}
  th, td {{ padding-right: .6rem }}
  td svg {{ width: 4.6rem }}
  h1 {{ font-size: 1.35rem }}
}}
@media print {{
  @page {{ size: A4; margin: 11mm }}
  html {{ font-size: 9px }}
  body {{ line-height: 1.35; max-width: none; padding: 0; print-color-adjust: exact }}
  main, .columns {{ grid-template-columns: minmax(0, 1fr) minmax(0, 1fr) }}
  h2 {{ margin: .7rem 0 .2rem; padding-top: .4rem; break-after: avoid }}
  p {{ margin: .15rem 0 .3rem; max-width: none }}
  .table {{ overflow: visible; background: none }}
  th, td {{ padding: .1rem .6rem .1rem 0 }}
  figure svg {{ max-height: 32mm }}
  td svg {{ height: 1.2rem }}
  dl {{ columns: 3 }}
  dd {{ margin-bottom: .2rem }}
  table, figure, li {{ break-inside: avoid }}
}}
"""

# Elements that have no end tag.
_VOID = {"meta"}


class Html(str):
    """Markup. Any other string is text."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: str | float | None) -> Html:
    """An element with its children, text among them, and its attributes; one that is None is left out.

    `class_` stands for `class`, and an underscore within a name for a hyphen.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{together(*children)}</{name}>")


def together(*children: str) -> Html:
    """Children one after another. A per cent sign stays with its number."""
    return Html(
        "".join(
            child if isinstance(child, Html) else escape(child).replace(" %", "\N{NO-BREAK SPACE}%")
            for child in children
        )
    )


def _number(value: str | float) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


def table(
    caption: str,
    head: list[str],
    rows: list[list[str]],
    *,
    numeric_from: int = 1,
    numeric_to: int | None = None,
) -> Html:
    """A table whose first column names its rows; columns from `numeric_from` to before `numeric_to`, or to
    the last, are numbers.
    """
    numeric = range(len(head))[numeric_from:numeric_to]

    def look(column: int) -> str | None:
        return "number" if column in numeric else None

    return element(
        "div",
        element(
            "table",
            element("caption", caption),
            element(
                "thead",
                element(
                    "tr",
                    *(
                        element("th", words, scope="col", class_=look(column))
                        for column, words in enumerate(head)
                    ),
                ),
            ),
            element(
                "tbody",
                *(
                    element(
                        "tr",
                        element("th", cells[0], scope="row"),
                        *(
                            element("td", cell, class_=look(column))
                            for column, cell in enumerate(cells[1:], start=1)
                        ),
                    )
                    for cells in rows
                ),
            ),
        ),
        class_="table",
        tabindex="0",
        role="group",
        aria_label=caption,
    )


def colour(score: Estimate) -> str:
    """Of a score by what its interval says."""
    return style.BULLISH if score.low > 0 else style.BEARISH if score.high < 0 else style.MUTED


def text_colour(score: Estimate) -> str:
    """The same for words, which need more contrast than a mark does."""
    return DARK_BEARISH if score.high < 0 else colour(score)


def whisker(score: Estimate, reach: float, width: float, height: float) -> Html:
    """A score between −reach and +reach with its interval, as SVG; hollow where it has none."""

    def place(value: float) -> float:
        return width * (0.5 + 0.47 * max(-1.0, min(1.0, value / reach)))

    middle = height / 2
    parts = [
        element("line", x1=0.0, x2=width, y1=middle, y2=middle, stroke=style.FAINT),
        element("line", x1=width / 2, x2=width / 2, y1=1.0, y2=height - 1, stroke=style.MUTED),
    ]
    is_told = score.low == score.low
    if is_told:
        low, high = place(score.low), place(score.high)
        parts.append(
            element(
                "rect",
                x=low,
                y=height * 0.28,
                width=max(high - low, 1.0),
                height=height * 0.44,
                fill=colour(score),
                fill_opacity="0.35",
            )
        )
    if score.value == score.value:
        parts.append(
            element(
                "circle",
                cx=place(score.value),
                cy=middle,
                r=height * 0.22,
                fill=colour(score) if is_told else "white",
                stroke=colour(score),
                stroke_width="1.5",
            )
        )
    return element(
        "svg", *parts, viewBox=f"0 0 {width:g} {height:g}", width=width, height=height, aria_hidden="true"
    )
