"""Take apart a whole card that a scraper stored as text.

X's page shows a post as lines: name, @handle, ·, age, "Replying to", body, a quoted card, and
the counts that are not zero (replies, reposts, likes, views), in that order. Scrapers store
the lines joined by a new line, by " | ", or by blanks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_AGE = rf"(?:\d{{1,2}}[smhd]|{_MONTH} \d{{1,2}}(?:, \d{{4}})?)"
_AGE_LINE = re.compile(rf"{_AGE}|now")
_HANDLE_LINE = re.compile(r"@(\w{1,15})", re.ASCII)
_COUNT = re.compile(r"[1-9]\d{0,2}(?:\.\d)?[KMB]|[1-9]\d{0,2}|[1-9],\d{3}")
_VOTES = re.compile(r"\d[\d,.]*[KM]? votes?|Final results|.* left")

# "Name @handle · 2h body": the age may touch the body ("Aug 211.15%" is Aug 2, then 11.15%).
_HEADER = re.compile(
    rf"(?P<name>[^\n]{{0,100}}?)\s*@(?P<handle>[A-Za-z0-9_]{{1,15}})\s*·\s*(?:[A-Z][a-z]{{1,11}}\s*·\s*)?"
    rf"(?:\d{{1,2}}[smhd]|(?P<month>{_MONTH}) (?P<days>\d{{1,2}})(?P<more>\d?)(?P<year>, \d{{4}})?)\s*"
)
_REPLYING = re.compile(r"Replying to\s+(?:@\w+(?:\s+and\s+(?=@)|\s+and\s+\d+ others?\s+|\s+|$))+")
_QUOTE = re.compile(rf"\sQuote\s(?:(?!\sQuote\s).){{0,100}}?@\w{{1,15}}\s*·\s*{_AGE}\b", re.DOTALL)
_SHOW_MORE = re.compile(r"\s*Show more")
_POLL = re.compile(r"\s*\d[\d,.]*[KM]? votes? ·(?: Final results|[^·]* left)$")
_NO_MEDIA = "The media could not be played. Reload"


@dataclass(frozen=True, slots=True)
class Card:
    """What a card says.

    ``counts`` are its last numbers, left to right; with four, all are known. None where the
    lines were glued together, so that no number can be told from the text.
    """

    handle: str | None
    name: str | None
    text: str
    counts: tuple[str, ...] | None
    is_promoted: bool
    is_truncated: bool
    has_quote: bool
    took_cells: bool


def read_card(text: str, cells: Sequence[str], posted_at: datetime | None) -> Card | None:
    """Return the card ``text`` is, or None if it is a plain post.

    ``cells`` are the values of the row's count columns in the file's order: a scraper that
    cut the lines by position put the card's last lines there. ``posted_at`` (aware) settles
    where an age that touches the body ends.
    """
    lines = _lines(text)
    if lines is not None:
        return _from_lines(lines, cells)
    match = _HEADER.match(text) if "·" in text[:160] else None
    return _from_words(text, match, posted_at) if match else None


def _lines(text: str) -> list[str] | None:
    head = text.lstrip()
    if head.startswith(("· | ", "Ad | ")) or head.rstrip() in ("·", "Ad"):
        lines = f"{head} ".split(" | ")  # the last line may be empty, and its blank stripped
    elif "\n" in head:
        lines = head.split("\n")
        if not (
            len(lines) > 2 and _HANDLE_LINE.fullmatch(lines[1].strip()) and lines[2].strip() in ("·", "Ad")
        ):
            return None
    else:
        return None
    return [line.strip(" |") for line in lines]


def _from_lines(lines: list[str], cells: Sequence[str]) -> Card:
    handle = name = None
    if len(lines) > 1 and (match := _HANDLE_LINE.fullmatch(lines[1])):
        handle, name, lines = match[1], lines[0] or None, lines[2:]
    lines = lines + [cell.strip() for cell in cells]
    is_promoted = lines[:1] == ["Ad"]
    lines = lines[1:]  # the dot, or "Ad"
    if lines and _AGE_LINE.fullmatch(lines[0]):
        lines = lines[1:]
    body, counts = _split_counts(lines)
    quote = next((at for at in range(2, len(body) - 1) if _is_header(body, at)), None)
    if quote is not None:
        body = body[: quote - 2]
    is_truncated = "Show more" in body
    if is_truncated:
        body = body[: body.index("Show more")]
    while body and (not body[-1] or body[-1] in ("·", "Show this poll") or _VOTES.fullmatch(body[-1])):
        body.pop()
    return Card(
        handle,
        name,
        _without_reply("\n".join(body)),
        counts,
        is_promoted,
        is_truncated,
        quote is not None,
        any(cell.strip() and not _COUNT.fullmatch(cell.strip()) for cell in cells),
    )


def _is_header(lines: list[str], at: int) -> bool:
    return (
        lines[at] == "·"
        and bool(_HANDLE_LINE.fullmatch(lines[at - 1]))
        and bool(_AGE_LINE.fullmatch(lines[at + 1]))
    )


def _split_counts(words: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return the words and, apart, up to four counts at their end.

    X shows no zero, shortens from 1,000, and puts views last, which no other count exceeds.
    """
    start = len(words)
    while start and len(words) - start < 4 and _COUNT.fullmatch(words[start - 1]):
        if start < len(words) and _size(words[start - 1]) > _size(words[-1]):
            break
        start -= 1
    return words[:start], tuple(words[start:])


def _size(count: str) -> float:
    scale = {"K": 1e3, "M": 1e6, "B": 1e9}.get(count[-1])
    return float(count[:-1]) * scale if scale else float(count.replace(",", ""))


def _without_reply(text: str) -> str:
    text = text.strip()
    match = _REPLYING.match(text)
    return text[match.end() :].strip() if match else text


def _from_words(text: str, header: re.Match[str], posted_at: datetime | None) -> Card:
    start = header.end()
    if header["month"] and (header["more"] or _is_day_too_long(header, posted_at)):
        start = header.start("days") + (1 if _is_day_too_long(header, posted_at) else 2)
    is_glued = header.start("handle") > 1 and not text[header.start("handle") - 2].isspace()
    body = text[start:].strip()
    words = body.rsplit(None, 4)
    kept, counts = _split_counts(words)
    if counts:
        body = body.rsplit(None, len(counts))[0] if kept else ""
    quote = _QUOTE.search(" " + body)
    if quote:
        body = body[: max(quote.start() - 1, 0)]
    body = _POLL.sub("", body)
    more = _SHOW_MORE.search(body)
    if more:
        body = body[: more.start()]
    return Card(
        header["handle"],
        header["name"].strip() or None,
        _without_reply(body.strip().removesuffix(_NO_MEDIA)),
        None if is_glued else counts,
        is_promoted=False,
        is_truncated=more is not None,
        has_quote=quote is not None,
        took_cells=False,
    )


def _is_day_too_long(header: re.Match[str], posted_at: datetime | None) -> bool:
    """Return whether only the first digit after the month is the day: the text begins with the second."""
    days = header["days"]
    if len(days) == 1:
        return False
    if posted_at:
        # The card shows the viewer's date, which may be a day off the UTC one.
        near = {(posted_at + timedelta(days=shift)).day for shift in (-1, 0, 1)}
        if int(days) in near or int(days[0]) in near:
            return int(days) not in near
    return int(days) > 31 or bool(header["more"])
