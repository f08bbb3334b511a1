"""One page to read before the open: what posts say, what changed, what they push, and how far to trust it.

published file ──SQL: some dozens of rows──> words, tables and SVG ──> one HTML file that needs nothing else
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import isnan
from typing import Any

import numpy as np

from charts import style
from charts.bars import reach
from charts.brief_facts import SIGNIFICANT, STRIP_HOURS, Brief, read
from charts.data import Columns, Estimate, Published, estimate
from charts.page import STYLE, Html, colour, element, table, text_colour, together, whisker
from charts.words import (
    count,
    day,
    excerpt,
    instant,
    interval_of_shares,
    lean,
    plain,
    share,
    signed,
    with_interval,
)

__all__ = ["TITLE", "page", "read"]

TITLE = "Market brief"
TABLES = (
    "marts.signal_bars, marts.signal_summary, validated.price_bars, signals.top_terms, "
    "processed.trade_calls, marts.campaigns, marts.data_quality, marts.ingest_runs"
)

EXCERPT = 110
NO_DATA = "–"
BARS = {"15min": "15-minute scores", "1h": "hourly scores", "1d": "session scores"}
HORIZON_WORDS = {
    "15min": "15 minutes",
    "30min": "30 minutes",
    "60min": "60 minutes",
    "close": "to the close",
    "next_day": "next session",
}

GLOSSARY = {
    "Score": "Mean direction of what voices write, −1 to +1; promotion and copies weigh little, no "
    "voice very much. Posts without a view count as 0, so that scores are small.",
    "Voice": "An author, or all authors of copies of one text in the same session or hour: they count once.",
    "95 % interval": "Made so that 95 of 100 such intervals hold what all such voices together would "
    "score; it needs at least ten voices, and enough that weigh.",
    "No clear lean": "The interval holds 0.",
    "Delta": "Score less that of the session just before, where that has one.",
    "Buzz": "Posts against the mean of up to 20 sessions before: × 1 is that mean.",
    "z": "A score with an interval against such scores of those sessions, in their standard deviations; "
    "beyond ±2 is unusual.",
    "Lift": "How much more often a term is used than in the 30 days before.",
    "Busiest author": "Share of the weight that one author holds.",
    "IC": "Information coefficient: rank correlation of scores with the returns after them; 0 is none, "
    "and 0.05 would be a lot.",
    "Campaign": "A text, or near copies of it, by several authors or in many posts.",
}
LIMITS = (
    "Posts are those that were captured, not all there are; who posts on X is not who trades.",
    "The text model errs, most of all on irony, Hinglish and levels given for both sides.",
    "A session that still runs is compared with whole ones: its score may yet move.",
    "With many instruments and hours, some intervals are clear of 0 by chance: about one in 20.",
)


def page(facts: Published | None, brief: Brief | None) -> str:
    """The page; without posts it says so."""
    if facts is None or brief is None:
        body = [
            element("h1", TITLE),
            element(
                "p", "There are no posts in the published file, so there is nothing to say.", class_="lead"
            ),
        ]
    else:
        body = [
            _header(facts, brief),
            element(
                "main",
                _now(brief),
                _by_instrument(brief),
                _change(brief),
                element("div", _talk(brief), _pushed(brief)),
                element("div", _trade_calls(brief), _quality(facts, brief)),
                _trust(brief),
                _glossary(),
            ),
            _footer(facts),
        ]
    return "<!doctype html>\n" + element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("title", TITLE if facts is None else f"{TITLE}, {instant(facts.as_of)} IST"),
            element("style", Html(STYLE)),
        ),
        element("body", *body),
        lang="en",
    )


def _section(title: str, *children: str) -> Html:
    return element("section", element("h2", title), *children)


def _rows(columns: Columns) -> list[dict[str, Any]]:
    return [
        dict(zip(columns, values, strict=True))
        for values in zip(*(column.tolist() for column in columns.values()), strict=True)
    ]


def _known(value: float, words: str) -> str:
    """A number's words, or a dash where there is none."""
    return NO_DATA if isnan(value) else words


def _session_name(session: dict[str, Any]) -> str:
    return f"session of {day(session['trading_date'])}"


def _score(session: dict[str, Any]) -> Estimate:
    return Estimate(session["score"], session["ci_low"], session["ci_high"])


def _header(facts: Published, brief: Brief) -> Html:
    demo = [element("p", "DEMO DATA: posts, authors and prices are invented", class_="demo")]
    sessions = _rows(brief.sessions)
    about = f" for the {_session_name(sessions[0])}" if sessions else ""
    return element(
        "header",
        *(demo if facts.is_demo else []),
        element("h1", TITLE + about),
        element(
            "p",
            element("strong", f"As of {instant(facts.as_of)} IST"),
            f", the newest post. {count(facts.n_posts, 'valid post')} by "
            f"{count(facts.n_authors, 'author')} on X (source {', '.join(facts.sources)}) since "
            f"{instant(facts.first_at)}.",
        ),
        element("p", "Not investment advice: this measures what people write, not what prices will do."),
    )


def _now(brief: Brief) -> Html:
    sessions = _rows(brief.sessions)
    if not sessions:
        return _section("What posts say now", element("p", "No post lies within the exchange calendar."))
    now = sessions[0]
    score = _score(now)
    since = "so far" if not now["is_finished"] else "to its close"
    views = _rows(brief.day)[0]
    n_views = views["n_bullish"] + views["n_bearish"]
    carry = (
        f"In the last 24 hours {share(n_views / views['n_posts'])} of {count(views['n_posts'], 'post')} "
        f"took a side: {count(views['n_bullish'])} bullish, {count(views['n_bearish'])} bearish. "
        f"{share(views['n_promo'] / views['n_posts'])} were likely promotion, "
        f"{share(views['n_copies'] / views['n_posts'])} copies of earlier posts."
    )
    return _section(
        "What posts say now",
        element(
            "div",
            element(
                "div",
                element("p", _headline(score), class_="headline", style=f"color: {text_colour(score)}"),
                element("p", *_reading(score), class_="lead"),
                element(
                    "p",
                    f"{count(now['n_posts'], 'post')} by {count(now['n_authors'], 'author')} since the close "
                    f"before, {instant(now['opened_at'])} IST ({since}). ",
                    carry,
                ),
            ),
            _strip(brief),
            class_="columns",
        ),
    )


def _headline(score: Estimate) -> str:
    if isnan(score.value):
        return "Too few posts for a score"
    if score.low > 0 or score.high < 0:
        return f"Posts lean {lean(score)}"
    return lean(score).capitalize()


def _reading(score: Estimate) -> list[str]:
    if isnan(score.value):
        return ["Nothing can be said of the mood."]
    shown = [
        element("strong", f"Market score {with_interval(score)}"),
        " on a scale from −1 (bearish) to +1 (bullish). ",
    ]
    if isnan(score.low):
        return [*shown, "So few voices allow no honest interval: read no direction into it."]
    if score.low <= 0 <= score.high:
        return [*shown, "The 95 % interval holds 0: bullish and bearish are both possible."]
    return [*shown, "The 95 % interval is clear of 0."]


def _change(brief: Brief) -> Html:
    sessions = _rows(brief.sessions)
    if len(sessions) < 2:
        return _section("What changed", element("p", "There is no earlier session to compare with."))
    now, before = sessions[:2]
    change = now["score"] - before["score"]
    said = f"Against the {_session_name(before)}"
    skipped = int(now["session_number"] - before["session_number"]) - 1
    if skipped:
        said += f" ({count(skipped, 'session')} without posts between)"
    if isnan(change):
        said += " no change can be told: one of the two has too few posts for a score."
    else:
        said += f" the score moved by {signed(change)}. {_is_clear(_score(now), _score(before))}"
    return _section(
        "What changed",
        element("p", said),
        table(
            "The market, session by session (each from one close to the next)",
            ["Session", "Score", "Reading", "Delta", "z", "Posts", "Voices", "Buzz"],
            [
                [
                    _unbroken(day(session["trading_date"]) + ("" if session["is_finished"] else ", so far")),
                    _known(session["score"], with_interval(_score(session))),
                    _known(session["score"], lean(_score(session))),
                    _known(session["delta"], signed(session["delta"])),
                    _known(session["z_score"], signed(session["z_score"], 1)),
                    count(session["n_posts"]),
                    count(session["n_voices"]),
                    # A session that still runs cannot be held against whole ones.
                    _known(session["buzz"], _times(session["buzz"]))
                    if session["is_finished"]
                    else "not over",
                ]
                for session in sessions
            ],
        ),
    )


def _unbroken(words: str) -> str:
    """Words that stay on one line."""
    return words.replace(" ", "\N{NO-BREAK SPACE}")


def _is_clear(now: Estimate, before: Estimate) -> str:
    if isnan(now.low) or isnan(before.low):
        return "Whether that is more than chance cannot be told without both intervals."
    if now.low > before.high or now.high < before.low:
        return "The two intervals do not overlap: more than chance between voices would give."
    return "The two intervals overlap: chance between voices may be all of it."


def _price(close: float) -> str:
    """A price with paise, or a level of thousands without."""
    return f"{close:,.0f}" if close >= 1000 else f"{close:,.2f}"


def _times(ratio: float) -> str:
    return f"× {plain(ratio, 1)}" if ratio < 9.95 else f"× {ratio:,.0f}"


def _by_instrument(brief: Brief) -> Html:
    rows = _rows(brief.instruments)
    title = "By instrument"
    if not rows:
        return _section(title, element("p", "No instrument has posts enough for a score."))
    furthest = reach(np.array([_score(row) for row in rows]))
    body = [
        [
            row["instrument"],
            whisker(_score(row), furthest, 120, 18),
            with_interval(_score(row)),
            count(row["n_posts"]),
            count(row["n_voices"]),
            share(row["top_author_share"]),
            _known(row["delta"], signed(row["delta"])),
            _known(row["close"], _price(row["close"])),
            _known(row["change"], f"{signed(row['change'])} %"),
        ]
        for row in rows
    ]
    priced = sorted({day(row["price_date"]) for row in rows if row["price_date"] is not None})
    prices = (
        f" Prices are the last known by then, with the change from that session's open ({', '.join(priced)})."
    )
    return _section(
        title,
        element(
            "p",
            f"The {_session_name(rows[0])}, MARKET being all posts. Bars show each 95 % interval between "
            f"{signed(-furthest)} and {signed(furthest)}; hollow points have none."
            + (prices if priced else ""),
        ),
        table(
            "Score by instrument",
            [
                "Instrument",
                "Interval",
                "Score",
                "Posts",
                "Voices",
                "Busiest author",
                "Delta",
                "Price",
                "Change",
            ],
            body,
            numeric_from=2,
        ),
    )


def _talk(brief: Brief) -> Html:
    rows = _rows(brief.terms)
    title = "What they talk about"
    if not rows:
        return _section(title, element("p", "No term is in several posts of the last 24 hours."))
    has_lift = not isnan(rows[0]["lift"])
    words = (
        "Terms of the last 24 hours that rose most against the 30 days before."
        if has_lift
        else "Terms with most weight in the last 24 hours. What is new cannot be told: "
        f"the 30 days before have {count(rows[0]['baseline_posts']) if rows[0]['baseline_posts'] else 'no'} "
        "posts here."
    )
    return _section(
        title,
        element("p", words),
        table(
            "Terms of the last 24 hours",
            ["Term", "Posts", "Authors", *(["Lift"] if has_lift else [])],
            [
                [
                    element("bdi", str(row["term"])),
                    count(row["n_posts"]),
                    count(row["n_authors"]),
                    *([_known(row["lift"], _times(row["lift"]))] if has_lift else []),
                ]
                for row in rows
            ],
        ),
    )


def _trade_calls(brief: Brief) -> Html:
    rows = _rows(brief.calls)
    parts: list[str] = []
    if rows:
        parts.append(
            table(
                "Trades called in posts since the close before",
                ["Instrument", "Calls", "Authors", "Bet on a rise", "on a fall"],
                [
                    [
                        str(row["instrument"]),
                        *(
                            count(n)
                            for n in (
                                row["n_calls"],
                                row["n_authors"],
                                row["n_up"],
                                row["n_calls"] - row["n_up"],
                            )
                        ),
                    ]
                    for row in rows
                ],
            )
        )
    else:
        parts.append(
            element("p", "No post since the close before calls a trade in words that could be parsed.")
        )
    parts.append(element("p", _track_record(brief)))
    return _section("Trade calls", *parts)


def _track_record(brief: Brief) -> str:
    if brief.outcomes is None or brief.hit_rate is None or brief.net_return is None:
        return "What became of earlier calls is not in this file."
    all_calls = _rows(brief.outcomes)[0]
    if not all_calls["n_judged"]:
        return f"None of {count(all_calls['n_calls'], 'call')} so far could be judged against prices."
    net = estimate(brief.net_return, 0, ("mean", "low", "high"))
    rated = "none of them with a target"
    if all_calls["n_rated"]:
        hits = estimate(brief.hit_rate, 0, ("mean", "low", "high"))
        interval = "" if isnan(hits.low) else f", 95 % interval over authors {interval_of_shares(hits)}"
        rated = (
            f"{count(all_calls['n_rated'])} of them with a target, which {count(all_calls['n_targets'])} "
            f"reached before their stop ({share(hits.value)}{interval})"
        )
    return (
        f"Of {count(all_calls['n_calls'], 'call')} in this file {count(all_calls['n_judged'])} were entered "
        f"and judged by prices, {rated}. Mean result after costs: {with_interval(net)} per cent a judged "
        f"call. What can be judged is a small and chosen part of what is called.{_authors(brief)}"
    )


def _authors(brief: Brief) -> str:
    """How many authors' records say anything; nobody is named."""
    if brief.authors is None:
        return ""
    authors = _rows(brief.authors)[0]
    if not authors["n_told"]:
        return f" None of {count(authors['n_authors'], 'author')} has calls enough for a verdict."
    return (
        f" Of {count(authors['n_authors'], 'author')} {count(authors['n_told'])} have calls enough for a "
        f"verdict; {count(authors['n_better']) if authors['n_better'] else 'none'} of them reached targets "
        "clearly more often than the crowd."
    )


def _pushed(brief: Brief) -> Html:
    rows = _rows(brief.campaigns)
    title = "Beware of campaigns"
    if not rows:
        return _section(title, element("p", "No campaign posted in the last 24 hours."))
    n_promotions = rows[0]["n_promotions"]
    return _section(
        title,
        element(
            "p",
            f"Texts that several authors or many posts repeat, seen in the last 24 hours: "
            f"{count(rows[0]['n'])}, of them promotion: {count(n_promotions)}. "
            "Copies count for little in the scores above. Handles, links and telephone numbers are left out.",
        ),
        element(
            "ul",
            *(
                element(
                    "li",
                    element("span", "promotion", class_="tag") if row["is_promotion"] else "",
                    f"{count(row['n_posts'], 'post')} by {count(row['n_authors'], 'author')}, "
                    f"last {instant(row['last_at'])}: ",
                    element("q", excerpt(str(row["example_text"]), EXCERPT) or "…", dir="auto"),
                )
                for row in rows
            ),
        ),
    )


def _trust(brief: Brief) -> Html:
    words = [
        "An interval says how far the score may be off because other voices could have been heard. "
        "It does not cover what the text model gets wrong, nor who is not on X.",
    ]
    title = "How far to trust it"
    rows = [] if brief.validation is None else _rows(brief.validation)
    if not rows:
        words.append("Scores were not tested against later prices here: take them as a mood, not a forecast.")
        return _section(title, *(element("p", text) for text in words))
    tested, clear = rows[0]["n_tested"], rows[0]["n_clear"]
    words.append(
        "There are too few days of scores and prices to test any link between them: take scores as a mood, "
        "not a forecast."
        if not tested
        else f"Of {count(tested, 'combination')} of instrument, bar and horizon tested against later prices, "
        f"{count(clear) if clear else 'none'} {'is' if clear < 2 else 'are'} hard to explain by chance "
        f"(p < {SIGNIFICANT}, corrected for the number tried)."
    )
    return _section(
        title,
        *(element("p", text) for text in words),
        table(
            f"Rank correlation (IC) of {BARS[rows[0]['bar_interval']]} with the returns after them",
            ["Instrument", "Horizon", "IC", "Hit rate", "Power"],
            [
                [
                    str(row["instrument"]),
                    _unbroken(HORIZON_WORDS.get(row["horizon"], str(row["horizon"]))),
                    with_interval(Estimate(row["ic"], row["ic_low"], row["ic_high"])),
                    _known(
                        row["hit_rate"],
                        f"{share(row['hit_rate'])} "
                        + interval_of_shares(
                            Estimate(row["hit_rate"], row["hit_rate_low"], row["hit_rate_high"])
                        )
                        if not isnan(row["hit_rate_low"])
                        else share(row["hit_rate"]),
                    ),
                    str(row["power_note"]),
                ]
                for row in rows
            ],
            numeric_from=2,
            numeric_to=4,
        ),
    )


def _quality(facts: Published, brief: Brief) -> Html:
    n_rejected = sum(row["n_posts"] for row in _rows(brief.rejected))
    reasons = ", ".join(
        f"{str(row['reason']).replace('_', ' ')} {count(row['n_posts'])}" for row in _rows(brief.rejected)
    )
    checks = _rows(brief.checks)
    failing = [check for check in checks if check["status"] != "pass"]
    runs = [
        f"{str(run['entity']).replace('_', ' ')} from {run['source']}, {instant(run['finished_at'])} IST, "
        f"{run['status']}, {count(run['records_landed'])} of {count(run['records_read'], 'record')} new"
        for run in _rows(brief.runs)
    ]
    parts = [
        element(
            "p",
            f"{count(facts.n_posts, 'valid post')}. "
            + (f"Reasons for rejecting others: {reasons}. " if n_rejected else "None was rejected. ")
            + (f"Newest runs: {'; '.join(runs)}." if runs else ""),
        ),
        element(
            "p", f"{count(len(checks) - len(failing))} of {count(len(checks), 'check')} of this build pass."
        ),
    ]
    if failing:
        parts.append(
            table(
                "Checks that do not",
                ["Check", "", "Found", "Expected"],
                [
                    [
                        str(check["check_name"]),
                        str(check["status"]),
                        _known(check["observed"], f"{check['observed']:,.4g}"),
                        _known(check["expected"], f"{check['expected']:,.4g}"),
                    ]
                    for check in failing
                ],
                numeric_from=2,
            )
        )
    return _section("Data quality", *parts)


def _strip(brief: Brief) -> Html:
    """The market by the hour as SVG: score with interval over posts, cash sessions shaded."""
    rows = _rows(brief.hours)
    scores = [_score(row) for row in rows]
    if not any(not isnan(score.value) for score in scores):
        return element("p", f"No hour of the last {STRIP_HOURS} has posts enough for a score.", class_="note")
    left, right, top, middle, posts_top, bottom = 42.0, 476.0, 12.0, 72.0, 146.0, 182.0
    start, end = rows[0]["bar_start"], rows[-1]["bar_end"]
    furthest = reach(np.array(scores))
    most = max(row["n_posts"] for row in rows)

    def across(moment: datetime) -> float:
        part: float = (moment - start) / (end - start)
        return left + (right - left) * part

    def up(value: float) -> float:
        return middle - (middle - top) * max(-1.0, min(1.0, value / furthest))

    parts: list[str] = []
    for row in rows:
        x, width = across(row["bar_start"]), across(row["bar_end"]) - across(row["bar_start"])
        height = (bottom - posts_top) * row["n_posts"] / most
        if row["is_cash"]:
            parts.append(_box(x, top, width, bottom - top, style.SESSION))
        parts.append(_box(x, bottom - height, width, height, style.NO_VIEW))
        if not isnan(row["ci_low"]):
            parts.append(
                _box(x, up(row["ci_high"]), width, up(row["ci_low"]) - up(row["ci_high"]), style.BAND)
            )
    parts += [
        element("line", x1=left, x2=right, y1=y, y2=y, stroke=style.MUTED, stroke_width="0.8")
        for y in (middle, bottom)
    ]
    for row, score in zip(rows, scores, strict=True):
        if not isnan(score.value):
            parts.append(
                element(
                    "circle",
                    cx=(across(row["bar_start"]) + across(row["bar_end"])) / 2,
                    cy=up(score.value),
                    r="3.5",
                    fill="white" if isnan(score.low) else colour(score),
                    stroke=colour(score),
                    stroke_width="1.2",
                )
            )
    for value in (furthest, 0.0, -furthest):
        parts.append(_word(left - 5, up(value) + 4, signed(value), "end"))
    parts += [_word(left - 5, posts_top + 8, count(most), "end"), _word(left - 5, bottom, "0", "end")]
    first_hour = start.replace(minute=0) + timedelta(hours=6 - start.hour % 6)
    for hour in range(0, STRIP_HOURS + 6, 6):
        moment = first_hour + timedelta(hours=hour)
        if across(moment) < right - 12:
            words = f"{moment.day} {moment:%b}" if moment.hour == 0 else f"{moment:%H:%M}"
            parts.append(_word(across(moment), bottom + 15, words, "middle"))
            parts.append(
                element(
                    "line", x1=across(moment), x2=across(moment), y1=bottom, y2=bottom + 3, stroke=style.MUTED
                )
            )
    told = [score for score in scores if not isnan(score.low)]
    summary = (
        f"Market score by the hour from {instant(start)} to {instant(end)} IST: of "
        f"{count(len(told), 'hour')} with an interval {count(sum(s.high < 0 for s in told))} clearly "
        f"bearish, {count(sum(s.low > 0 for s in told))} clearly bullish. At most {count(most, 'post')} an "
        "hour."
    )
    return element(
        "figure",
        element(
            "svg",
            *parts,
            viewBox="0 0 480 200",
            role="img",
            aria_label=summary,
            preserveAspectRatio="xMinYMin",
        ),
        element(
            "figcaption",
            "Market score by the hour with its 95 % interval, and posts below; cash session shaded, IST. "
            "Hollow: too few voices for an interval.",
        ),
    )


def _box(x: float, y: float, width: float, height: float, fill: str) -> Html:
    return element("rect", x=x, y=y, width=max(width, 0.0), height=max(height, 0.0), fill=fill)


def _word(x: float, y: float, words: str, anchor: str) -> Html:
    return element("text", words, x=x, y=y, text_anchor=anchor)


def _glossary() -> Html:
    return _section(
        "Words",
        element(
            "dl",
            *(together(element("dt", word), element("dd", meaning)) for word, meaning in GLOSSARY.items()),
        ),
        element("h3", "Limits"),
        element("ul", *(element("li", limit) for limit in LIMITS)),
    )


def _footer(facts: Published) -> Html:
    made = "Every post, author and price here is invented. " if facts.is_demo else ""
    return element(
        "footer",
        element("p", f"{made}Source: {TABLES}. Pictures: python -m charts. Times are in IST (UTC+05:30)."),
    )
