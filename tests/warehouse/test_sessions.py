"""Every minute of a day of each kind, through the warehouse's macros and the exchange's real calendar."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import duckdb
import pytest

from config import Settings
from tests.warehouse.conftest import dbt

# Each minute's first and last second, and whether the minute is in the session.
SQL = """
with

moments as (
    select
        cast(day as date) + minute * interval '1 minute' as minute_ist,
        minute_ist + to_seconds(second) as wall,
        timezone('Asia/Kolkata', minute_ist) as minute_at,
        timezone('Asia/Kolkata', wall) as at
    from unnest($days) as days (day), range(1440) as minutes (minute), (values (0), (59)) as seconds (second)
)

select
    cast(cast(minute_ist as date) as varchar) as day,
    strftime(minute_ist, '%H:%M') as clock,
    {{ session_phase('moments.at', 'days', 'phases') }} as phase,
    {{ is_in_session('minute_at', "minute_at + interval '1 minute'", 'days') }} as is_open,
    {{ traded_minutes("minute_at + interval '1 minute'", 'days') }}
    - {{ traded_minutes('minute_at', 'days') }} as traded
from moments
left join {{ ref('processed_calendar_days') }} as days on cast(wall as date) = days.calendar_date
left join {{ session_phase_minutes() }} as phases
    on
        {{ minute_of_day('wall') }} >= phases.start_minute_ist
        and {{ minute_of_day('wall') }} < phases.end_minute_ist
order by moments.at
"""

MORNING = [
    ("00:00", "pre_market"),
    ("09:00", "pre_open"),
    ("09:15", "opening"),
    ("09:45", "morning"),
    ("12:00", "midday"),
    ("13:30", "afternoon"),
    ("15:00", "closing"),
]
REGULAR = [*MORNING, ("15:30", "post_close"), ("16:00", "evening")]
WITH_AUCTION = [*MORNING, ("15:15", "closing_auction"), ("15:35", "post_close"), ("16:00", "evening")]
CLOSED = [("00:00", "closed")]
MUHURAT = [("00:00", "closed"), ("13:30", "special_session"), ("14:45", "closed")]
TWO_PARTS = [
    ("00:00", "closed"),
    ("09:00", "special_session"),
    ("10:00", "closed"),
    ("11:30", "special_session"),
    ("12:30", "closed"),
]
# Day → phases from their first minute on, sessions, and minutes of continuous trading.
DAYS: dict[str, tuple[list[tuple[str, Any]], list[tuple[str, str]], int]] = {
    "2024-03-02": (TWO_PARTS, [("09:15", "10:00"), ("11:30", "12:30")], 105),  # Saturday, second site
    "2025-02-01": (REGULAR, [("09:15", "15:30")], 375),  # Saturday, budget
    "2025-10-20": (REGULAR, [("09:15", "15:30")], 375),
    "2025-10-21": (MUHURAT, [("13:45", "14:45")], 60),
    "2025-10-22": (CLOSED, [], 0),  # Balipratipada
    "2025-10-25": (CLOSED, [], 0),  # Saturday
    "2026-02-01": (REGULAR, [("09:15", "15:30")], 375),  # Sunday, budget
    "2026-07-31": (REGULAR, [("09:15", "15:30")], 375),  # the last day without a closing auction
    "2026-08-01": (CLOSED, [], 0),
    "2026-08-03": (WITH_AUCTION, [("09:15", "15:35")], 360),  # the first with one
    "2026-11-08": ([("00:00", "unknown")], [], 0),  # Muhurat on a Sunday; its hours are in no source
    "2026-12-25": (CLOSED, [], 0),
    "2026-12-31": (WITH_AUCTION, [("09:15", "15:35")], 360),
    "2027-01-01": ([("00:00", None)], [], 0),  # beyond the calendar
}


@pytest.fixture(scope="module")
def minutes(demo: Settings) -> dict[str, list[tuple[str, str | None, bool | None, float | None]]]:
    """Clock, phase, is it in the session, minutes traded: two rows a minute, by day."""
    done = dbt(demo, "--quiet", "compile", "--no-introspect", "--no-populate-cache", "--inline", SQL)
    assert done.returncode == 0, done.stdout + done.stderr
    with duckdb.connect() as connection:
        connection.execute(f"attach '{demo.published_db}' as warehouse (read_only)")
        found = connection.execute(done.stdout, {"days": list(DAYS)}).fetchall()
    return {
        day: [(clock, phase, is_open, traded) for _, clock, phase, is_open, traded in rows]
        for day, rows in groupby(found, key=lambda row: row[0])
    }


@pytest.mark.parametrize("day", DAYS)
def test_every_minute_is_in_the_right_session(
    minutes: dict[str, list[tuple[str, str | None, bool | None, float | None]]], day: str
) -> None:
    phases, sessions, traded = DAYS[day]
    rows = minutes[day]
    assert len(rows) == 2 * 1440
    assert [(next(group)[0], phase) for phase, group in groupby(rows, key=lambda row: row[1])] == phases
    opened = [clock for clock, _, is_open, _ in rows if is_open]
    inside = [clock for clock, *_ in rows if any(start <= clock < end for start, end in sessions)]
    assert opened == inside
    assert sum(minutes for *_, minutes in rows if minutes) / 2 == traded
