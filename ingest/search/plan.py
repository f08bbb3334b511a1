"""What to search for: term groups × time slices, without what has been collected before. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from itertools import pairwise

# India's clock, which has no summer time.
_IST = timezone(timedelta(hours=5, minutes=30))
_SESSION_OPENS, _SESSION_CLOSES = 9 * 60, 15 * 60 + 30

Interval = tuple[int, int]  # epoch seconds, the end excluded


def term_groups(terms: str) -> list[str]:
    """The groups in a setting, parted by semicolons, each once."""
    return list(dict.fromkeys(group.strip() for group in terms.split(";") if group.strip()))


def missing(wanted: Interval, covered: Iterable[Interval]) -> list[Interval]:
    """The parts of ``wanted`` that no interval in ``covered`` holds, oldest first."""
    start, end = wanted
    gaps = []
    for since, until in sorted(covered):
        if since > start:
            gaps.append((start, min(since, end)))
        start = max(start, until)
    gaps.append((start, end))
    return [(since, until) for since, until in gaps if since < until]


def slices(gap: Interval, session_minutes: int, overnight_minutes: int) -> list[Interval]:
    """``gap`` cut at round times of India's clock, finer in the cash session; they tile it, oldest first."""
    edges = [gap[0]]
    while edges[-1] < gap[1]:
        edges.append(min(_next_edge(edges[-1], session_minutes, overnight_minutes), gap[1]))
    return list(pairwise(edges))


def _next_edge(at: int, session_minutes: int, overnight_minutes: int) -> int:
    """The first edge of the day's grid after ``at``."""
    moment = datetime.fromtimestamp(at, _IST)
    midnight = int(moment.replace(hour=0, minute=0, second=0, microsecond=0).timestamp())
    return next(
        edge
        for minute in _grid(moment.weekday() < 5, session_minutes, overnight_minutes)
        if (edge := midnight + 60 * minute) > at
    )


def _grid(is_weekday: bool, session_minutes: int, overnight_minutes: int) -> Iterator[int]:
    """Minutes of the day at which a slice ends; the last is midnight."""
    parts = [(0, 24 * 60, overnight_minutes)]
    if is_weekday:
        parts = [
            (0, _SESSION_OPENS, overnight_minutes),
            (_SESSION_OPENS, _SESSION_CLOSES, session_minutes),
            (_SESSION_CLOSES, 24 * 60, overnight_minutes),
        ]
    for start, end, step in parts:
        yield from range(start + step, end, step)
        yield end


def by_density(interval: Interval) -> tuple[int, int]:
    """Sort key that puts the slices first in which most is posted: the session, the evening, the night.

    Only an order: a run that is cut short has the densest hours. Within a class, newest first.
    """
    middle = datetime.fromtimestamp(sum(interval) // 2, _IST)
    minute = middle.hour * 60 + middle.minute
    if middle.weekday() < 5 and _SESSION_OPENS <= minute < _SESSION_CLOSES:
        rank = 0
    else:
        rank = 1 if 7 <= middle.hour < 23 else 2
    return rank, -interval[1]
