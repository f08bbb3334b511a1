"""The plan: what is missing, cut into slices, in which order."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.search.plan import Interval, by_density, missing, slices, term_groups

INDIA = timezone(timedelta(hours=5, minutes=30))
DAY = 86_400

moments = st.integers(1_600_000_000, 1_900_000_000)


@st.composite
def intervals(draw: st.DrawFn, longest: int = 5 * DAY) -> Interval:
    start = draw(moments)
    return start, start + draw(st.integers(1, longest))


def at(day: int, hour: int, minute: int = 0) -> int:
    """June 2026: the 1st is a Monday."""
    return int(datetime(2026, 6, day, hour, minute, tzinfo=INDIA).timestamp())


def clock(edge: int) -> str:
    return f"{datetime.fromtimestamp(edge, INDIA):%H:%M}"


@settings(deadline=None)
@given(intervals(longest=2 * DAY), st.integers(7, 400), st.integers(7, 1500))
def test_slices_tile_their_gap(gap: Interval, session: int, overnight: int) -> None:
    cut = slices(gap, session, overnight)
    assert (cut[0][0], cut[-1][1]) == gap
    assert all(since < until for since, until in cut)
    assert all(until == since for (_, until), (since, _) in pairwise(cut))
    assert all(until - since <= 60 * max(session, overnight) for since, until in cut)


@settings(deadline=None)
@given(intervals())
def test_wherever_a_gap_begins_its_inner_edges_are_the_same(gap: Interval) -> None:
    whole = {edge for piece in slices((gap[0] - DAY, gap[1] + DAY), 30, 120) for edge in piece}
    inner = {since for since, _ in slices(gap, 30, 120)} - {gap[0]}
    assert inner == {edge for edge in whole if gap[0] < edge < gap[1]}


def test_a_weekday_is_cut_finer_in_the_session() -> None:
    edges = [clock(since) for since, _ in slices((at(1, 0), at(2, 0)), 30, 120)]
    assert edges == [
        "00:00", "02:00", "04:00", "06:00", "08:00",
        "09:00", "09:30", "10:00", "10:30", "11:00", "11:30", "12:00", "12:30", "13:00", "13:30", "14:00",
        "14:30", "15:00", "15:30", "17:30", "19:30", "21:30", "23:30",
    ]  # fmt: skip


def test_a_weekend_day_has_no_session() -> None:
    for saturday_or_sunday in (6, 7):
        edges = [clock(since) for since, _ in slices((at(saturday_or_sunday, 0), at(8, 0)), 30, 120)][:12]
        assert edges == [f"{hour:02d}:00" for hour in range(0, 24, 2)]


def test_a_slice_may_be_longer_than_what_it_cuts() -> None:
    assert [clock(until) for _, until in slices((at(1, 0), at(2, 0)), 1000, 5000)] == [
        "09:00",
        "15:30",
        "00:00",
    ]


@settings(deadline=None)
@given(intervals(longest=60), st.lists(intervals(longest=60), max_size=6))
def test_what_is_missing_is_the_exact_difference(window: Interval, held: list[Interval]) -> None:
    held = [
        (window[0] - 30 + since % 90, window[0] - 30 + since % 90 + until - since) for since, until in held
    ]
    gaps = missing(window, held)
    wanted = set(range(*window)).difference(*(range(*interval) for interval in held))
    assert [second for gap in gaps for second in range(*gap)] == sorted(wanted)
    assert all(since < until for since, until in gaps)


def test_the_densest_come_first_and_of_those_the_newest() -> None:
    session = [(at(1, 15), at(1, 15, 30)), (at(1, 9), at(1, 9, 30))]
    evening = [(at(6, 10), at(6, 12)), (at(1, 19, 30), at(1, 21, 30)), (at(1, 15, 30), at(1, 17, 30))]
    night = [(at(7, 0), at(7, 2)), (at(1, 4), at(1, 6))]
    assert sorted([*night, *evening, *session], key=by_density) == [*session, *evening, *night]


def test_groups_are_parted_by_semicolons_each_once() -> None:
    assert term_groups(" #a OR #b ;#c;; #a OR #b;") == ["#a OR #b", "#c"]
    assert term_groups(" ; ") == []
