"""Times as files state them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.entities.tweets.times import (
    OutOfRange,
    ReadTime,
    day_first_evidence,
    is_finer_than_milliseconds,
    parse_time,
)

IST = ZoneInfo("Asia/Kolkata")
MORNING = datetime(2025, 11, 17, 1, 35, tzinfo=UTC)


@pytest.mark.parametrize(
    "stated",
    [
        *("2025-11-17T01:35:00Z", "2025-11-17 07:05:00+05:30", "2025-11-17 07:05:00 +0530"),
        *("Mon Nov 17 01:35:00 +0000 2025", "Mon, 17 Nov 2025 01:35:00 GMT", "2025-11-17 07:05 IST"),
        *("Nov 17, 2025 · 1:35 AM UTC", "17 Nov 2025 01:35 UTC", "2025-11-17 07:05:00 India Standard Time"),
        *(1763343300, 1763343300.0, "1763343300", 1763343300000, "1763343300000", 1763343300000000),
        *(1763343300000000000, MORNING, MORNING.astimezone(IST)),
    ],
)
def test_times_that_state_their_zone(stated: object) -> None:
    assert parse_time(stated) == ReadTime(MORNING)


@pytest.mark.parametrize(
    "stated",
    ["2025-11-17T01:35:00", "17-11-2025 01:35", "17/11/2025 1:35 AM", "11/17/2025 01:35", "2025/11/17 01:35"],
)
def test_times_without_a_zone_take_the_given_one(stated: str) -> None:
    assert parse_time(stated) == ReadTime(MORNING, is_naive=True)
    assert parse_time(stated, zone=IST).at == datetime(2025, 11, 16, 20, 5, tzinfo=UTC)


def test_a_day_that_could_be_a_month() -> None:
    april, march = datetime(2025, 4, 3, 17, 6, tzinfo=UTC), datetime(2025, 3, 4, 17, 6, tzinfo=UTC)
    assert parse_time("3/4/2025 5:06 PM") == ReadTime(april, is_naive=True, is_ambiguous=True)
    assert parse_time("3/4/2025 5:06 PM", day_first=True) == ReadTime(april, is_naive=True)
    assert parse_time("3/4/2025 5:06 PM", day_first=False) == ReadTime(march, is_naive=True)


@pytest.mark.parametrize(
    ("column", "evidence"),
    [
        (["1/2/2025", "13/2/2025"], True),
        (["1/2/2025", "1/13/2025"], False),
        (["1/2/2025", "3/4/2025"], None),
        (["13/2/2025", "2/13/2025"], None),
        (["2025-02-13", None, 5], None),
    ],
)
def test_a_column_says_which_comes_first(column: list[object], evidence: bool | None) -> None:
    assert day_first_evidence(column) is evidence


@pytest.mark.parametrize("stated", ["17-11-2025", "Nov 17, 2025", date(2025, 11, 17), "2025-11-17"])
def test_dates_are_midnight_and_say_so(stated: object) -> None:
    assert parse_time(stated) == ReadTime(
        datetime(2025, 11, 17, tzinfo=UTC), is_naive=True, is_date_only=True
    )


@pytest.mark.parametrize(
    "stated", ["2h", "now", "Nov 17", "12:00", "2025-13-45", "25:00 17-11-2025", "", True, None]
)
def test_what_is_no_time(stated: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_time(stated)


@pytest.mark.parametrize("stated", [0, 999_999_999, "1999-01-01T00:00:00Z", datetime(2101, 1, 1, tzinfo=UTC)])
def test_what_cannot_be_a_posts_time(stated: object) -> None:
    with pytest.raises(OutOfRange):
        parse_time(stated)


@pytest.mark.parametrize(
    ("stated", "is_finer"),
    [
        (1770441766.51681, True),
        (1770441766.0, False),
        (1770441766.125, False),
        ("2025-10-05T09:27:36.038097", True),
        ("2025-10-05T09:27:36.038000", False),
        ("2025-10-05T09:27:36.038Z", False),
        (MORNING.replace(microsecond=38_097), True),
        (MORNING.replace(microsecond=38_000), False),
        (1770441766, False),
    ],
)
def test_a_program_clock_has_microseconds(stated: object, is_finer: bool) -> None:
    assert is_finer_than_milliseconds(stated) is is_finer


@given(st.datetimes(datetime(2006, 4, 1), datetime(2099, 12, 1), timezones=st.just(UTC)))
def test_every_form_gives_the_instant_back(at: datetime) -> None:
    second = at.replace(microsecond=0)
    assert parse_time(at.isoformat()).at == at
    assert parse_time(int(second.timestamp())).at == second
    assert parse_time(second.strftime("%a %b %d %H:%M:%S +0000 %Y")).at == second
    assert parse_time(second.strftime("%d-%m-%Y %H:%M:%S UTC"), day_first=True).at == second
    assert parse_time(second.strftime("%m/%d/%Y %I:%M:%S %p UTC"), day_first=False).at == second
    assert parse_time(second.strftime("%b %d, %Y · %I:%M:%S %p UTC")).at == second


@given(st.one_of(st.text(), st.integers(), st.floats(), st.text(alphabet="0123456789-/:. TZ+apmNov")))
def test_the_answer_is_in_range_or_a_value_error(value: object) -> None:
    try:
        read = parse_time(value)
    except ValueError:
        return
    assert datetime(2006, 3, 21, tzinfo=UTC) <= read.at < datetime(2100, 1, 1, tzinfo=UTC)
