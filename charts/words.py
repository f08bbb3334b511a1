"""Numbers, times and findings as the pictures say them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from math import isnan

from charts.data import Estimate

MINUS = "\N{MINUS SIGN}"

# What a picture has no business to repeat: who is named, and where an advert leads.
_HANDLE = re.compile(r"@\w+")
_LINK = re.compile(
    r"(?:https?://\s?|www\.)\S+|\b[\w-]+(?:\.[\w-]+)*\.(?:com|in|me|ly|io|org|net)/\S*", re.IGNORECASE
)
_NUMBER = re.compile(r"(?:\+?91[ -]?)?\b[6-9]\d{4}[ -]?\d{5}\b|\+?\d{10,}")


def signed(value: float, digits: int = 2) -> str:
    """A number with its sign, +0.04 or −0.04; one that rounds to nought has none."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", MINUS)


def plain(value: float, digits: int = 2) -> str:
    """A number that has no direction, 0.04."""
    return f"{value:.{digits}f}"


def with_interval(estimate: Estimate, digits: int = 2, form: Callable[[float, int], str] = signed) -> str:
    """−0.02 [−0.05, +0.01], or a number and the words that it has no interval."""
    if isnan(estimate.low):
        return f"{form(estimate.value, digits)} (no interval)"
    return f"{form(estimate.value, digits)} [{form(estimate.low, digits)}, {form(estimate.high, digits)}]"


def share(part: float, digits: int = 0) -> str:
    """A share of 1 in per cent; what is neither none nor all is not rounded to it."""
    for edge, text in ((0.0, "<"), (1.0, ">")):
        if part != edge and round(part, digits + 2) == edge:
            step = 10.0**-digits
            return f"{text}{(step if edge == 0 else 100 - step):.{digits}f} %"
    return f"{100 * part:.{digits}f} %"


def count(number: float, noun: str = "", plural: str = "") -> str:
    """3,482, or with a noun 3,482 posts and 1 post."""
    form = noun if number == 1 else plural or f"{noun}s"
    return f"{number:,.0f} {form}" if noun else f"{number:,.0f}"


def lean(score: Estimate) -> str:
    """What a score and its 95 % interval allow one to say."""
    if isnan(score.low):
        return "too few voices to tell"
    if score.low <= 0 <= score.high:
        return "no clear lean"
    return ("slightly " if abs(score.value) < 0.1 else "") + ("bullish" if score.value > 0 else "bearish")


def day(moment: date) -> str:
    """19 Nov 2026."""
    return f"{moment.day} {moment:%b %Y}"


def instant(moment: datetime) -> str:
    """19 Nov 2026, 23:50."""
    return f"{day(moment)}, {moment:%H:%M}"


def interval_of_shares(part: Estimate) -> str:
    """[61, 70] %, within 0 and 100."""
    return f"[{100 * max(part.low, 0):.0f}, {100 * min(part.high, 1):.0f}] %"


def excerpt(text: str, length: int) -> str:
    """The start of a post's text on one line, without handles, links, telephone numbers and closing tags."""
    text = text[: 8 * length]  # links are long, and texts may be
    for pattern, left in ((_LINK, " "), (_HANDLE, "@…"), (_NUMBER, "…")):
        text = pattern.sub(left, text)
    text = re.sub(r"(?: [#$]\w+)+$", "", " ".join(text.split()))
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    start = cut.rpartition(" ")[0]
    return f"{(start if len(start) > length / 2 else cut).rstrip(' .,:;!?-')}…"
