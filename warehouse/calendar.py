"""``python -m warehouse.calendar``: the exchange calendar's generated seeds, written again.

    exchange_calendars XBOM ────────────┐
    ERRATA (below) ─────────────────────┼──> exchange_holidays.csv, exchange_calendar_coverage.csv
    exchange_special_sessions.csv ──────┘

The warehouse's trading dates are weekdays within coverage, less holidays, plus special sessions. Dates of
holidays are generated and their names are kept: a date that is new gets an empty name, to be filled in by
hand. Coverage ends where the library's list of holidays ends, never later.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path

from exchange_calendars.exchange_calendar_xbom import XBOMExchangeCalendar

SEEDS = Path(__file__).parent / "seeds"
FIRST_DATE = date(2006, 1, 1)

# Where XBOM 4.13.2 is wrong about a weekday: is it a holiday? Muharram 2013 was moved from Thursday to
# Friday; NIFTY 50 and SENSEX traded on the Thursday, and pandas_market_calendars 5.5.0 agrees.
ERRATA = {date(2013, 11, 14): False, date(2013, 11, 15): True}


def read_seed(name: str) -> list[dict[str, str]]:
    """Rows of a seed, each by column name, all values as text."""
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def last_date() -> date:
    """The last date whose holidays the library knows."""
    bound: date = XBOMExchangeCalendar.bound_max().date()
    return bound


def holiday_dates(special_sessions: Iterable[Mapping[str, str]]) -> list[date]:
    """Weekdays within coverage on which the exchanges held no normal session, in order.

    A Muhurat session is the only one of its day, so that its date is a holiday too: XBOM counts some of
    them as ordinary days and some as closed.
    """
    last = last_date()
    calendar = XBOMExchangeCalendar(start=FIRST_DATE.isoformat(), end=last.isoformat())
    ordinary = set(calendar.sessions.date)
    ordinary -= {day for day, is_holiday in ERRATA.items() if is_holiday}
    ordinary |= {day for day, is_holiday in ERRATA.items() if not is_holiday}
    ordinary -= {
        date.fromisoformat(row["session_date"])
        for row in special_sessions
        if row["session_kind"] == "muhurat"
    }
    days = (FIRST_DATE + timedelta(days=n) for n in range((last - FIRST_DATE).days + 1))
    return [day for day in days if day.weekday() < 5 and day not in ordinary]


def generate() -> dict[str, str]:
    """The generated seeds: text of each, by seed name."""
    names = {row["holiday_date"]: row["name"] for row in read_seed("exchange_holidays")}
    holidays = [day.isoformat() for day in holiday_dates(read_seed("exchange_special_sessions"))]
    return {
        "exchange_holidays": _to_csv(
            ["holiday_date", "name"], [[day, names.get(day, "")] for day in holidays]
        ),
        "exchange_calendar_coverage": _to_csv(
            ["first_date", "last_date", "source", "source_version"],
            [
                [
                    FIRST_DATE.isoformat(),
                    last_date().isoformat(),
                    "exchange_calendars XBOM",
                    version("exchange-calendars"),
                ]
            ],
        ),
    }


def _to_csv(header: list[str], rows: Iterable[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def main() -> None:
    """Write the generated seeds, and say which holidays want a name."""
    for name, text in generate().items():
        (SEEDS / f"{name}.csv").write_text(text, encoding="utf-8", newline="\n")
    nameless = [row["holiday_date"] for row in read_seed("exchange_holidays") if not row["name"]]
    if nameless:
        raise SystemExit(f"Name these dates in {SEEDS / 'exchange_holidays.csv'}: {', '.join(nameless)}")


if __name__ == "__main__":
    main()
