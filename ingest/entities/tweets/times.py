"""Read a time as files state it: ISO 8601, X's own forms, epochs, day-first and month-first dates."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

_EARLIEST = datetime(2006, 3, 21, tzinfo=UTC)  # the first post
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"

_NUMBER = re.compile(r"\d{9,19}(?:\.\d+)?")
_X_TIME = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d) (\d\d):(\d\d):(\d\d) \+0000 (\d{4})")
_ZONE_NAME = re.compile(r"(?<=[\dm ])\s*(utc|gmt|z|ist|india standard time)$")
_CLOCK = re.compile(
    r"(?<!\d)(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:\s*([ap])\.?m\b\.?)?"
    r"(?:\s*(?:utc|gmt)?([+-])(\d\d):?(\d\d)\b)?"
)
_DATE_NUMBERS = re.compile(r"(?<!\d)(?P<a>\d{1,2})([-/.])(?P<b>\d{1,2})\2(?P<year>\d{4}|\d\d)(?!\d)")
_YEAR_FIRST = re.compile(r"(?P<year>\d{4})([-/.])(?P<mm>\d{1,2})\2(?P<dd>\d{1,2})")
_DATE_NAMED = re.compile(
    rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[\s-]+{_MONTH},?[\s-]+(?P<year>\d{{4}}|\d\d)"
    rf"|{_MONTH.replace('month', 'month2')}\s+(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year2>\d{{4}})"
)
_WEEKDAY = re.compile(r"^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+")
_BETWEEN = re.compile(r"[\s,·•|t-]*(?:at)?[\s,·•|]*")
_INDIA = timezone(timedelta(hours=5, minutes=30))


class OutOfRange(ValueError):
    """A time that was read but cannot be a post's: before 2006-03-21 or after 2099."""


@dataclass(frozen=True, slots=True)
class ReadTime:
    """A time in UTC, and what had to be assumed to know it."""

    at: datetime
    is_naive: bool = False
    is_date_only: bool = False
    is_ambiguous: bool = False


def parse_time(value: object, *, zone: tzinfo = UTC, day_first: bool | None = None) -> ReadTime:
    """Return the instant ``value`` states; ``zone`` is for times without one.

    Numbers are epochs in seconds, milli-, micro- or nanoseconds. ``day_first`` is what the
    rest of the column says about 3/4/2025; with None the day is taken first and
    ``is_ambiguous`` set. "IST" is India's. Raises ValueError for what is no time, and
    OutOfRange (a ValueError) for what cannot be a post's.
    """
    if isinstance(value, datetime):
        return _settled(value, zone)
    if isinstance(value, date):
        return _settled(datetime(value.year, value.month, value.day), zone, is_date_only=True)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _from_epoch(value)
    if not isinstance(value, str):
        raise ValueError(f"not a time: {type(value).__name__}")
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return _from_epoch(float(text) if "." in text else int(text))
    if text[4:5] == "-":
        try:
            return _settled(datetime.fromisoformat(text), zone, is_date_only=len(text) == 10)
        except (ValueError, OverflowError):
            pass  # "2025-9-1 7:05" and the like, below
    if match := _X_TIME.fullmatch(text):
        month, day, hour, minute, second, year = match.groups()
        numbers = (int(year), _month(month), int(day), int(hour), int(minute), int(second))
        return _settled(datetime(*numbers, tzinfo=UTC), zone)
    return _from_words(text, zone, day_first)


def day_first_evidence(values: Iterable[object]) -> bool | None:
    """Return whether a column writes the day before the month; None where no value can tell.

    A column that holds proof of both is decided value by value, so None too.
    """
    proofs = set()
    for value in values:
        match = _DATE_NUMBERS.search(value) if isinstance(value, str) else None
        if match:
            first, second = int(match["a"]), int(match["b"])
            if first > 12 >= second:
                proofs.add(True)
            elif second > 12 >= first:
                proofs.add(False)
    return proofs.pop() if len(proofs) == 1 else None


def is_finer_than_milliseconds(value: object) -> bool:
    """Return whether a time has microseconds: a program's clock, since X states seconds or milliseconds."""
    if isinstance(value, datetime):
        return value.microsecond % 1000 != 0
    if isinstance(value, float):
        return 1e9 < value < 1e11 and round(value * 1e6) % 1000 != 0
    if isinstance(value, str):
        fraction = re.search(r"\d\.\d{3}(\d{3})", value)
        return fraction is not None and fraction[1] != "000"
    return False


def _settled(
    at: datetime, zone: tzinfo, *, is_date_only: bool = False, is_ambiguous: bool = False
) -> ReadTime:
    is_naive = at.tzinfo is None
    try:
        at = (at.replace(tzinfo=zone) if is_naive else at).astimezone(UTC)
    except OverflowError as error:
        raise OutOfRange(f"no post's time: {at}") from error
    if not _EARLIEST <= at < _LATEST:
        raise OutOfRange(f"no post's time: {at}")
    return ReadTime(at, is_naive, is_date_only, is_ambiguous)


def _from_epoch(number: float) -> ReadTime:
    for scale in (1, 1_000, 1_000_000, 1_000_000_000):
        if number < 5e9 * scale:
            # Exact for whole numbers; a float of seconds keeps its microseconds.
            micros = number * (1_000_000 // scale) if scale <= 1_000_000 else number // 1_000
            return _settled(_EPOCH + timedelta(microseconds=max(micros, 0)), UTC)
    raise OutOfRange(f"no post's time: {number}")


def _from_words(value: str, zone: tzinfo, day_first: bool | None) -> ReadTime:
    text = _WEEKDAY.sub("", value.casefold())
    offset: tzinfo | None = None
    if match := _ZONE_NAME.search(text):
        offset = _INDIA if match[1].startswith("i") else UTC
        text = text[: match.start()]
    hour = minute = second = micro = 0
    clock = _CLOCK.search(text)
    if clock:
        hour, minute, second = int(clock[1]), int(clock[2]), int(clock[3] or 0)
        micro = int((clock[4] or "0")[:6].ljust(6, "0"))
        if clock[5]:
            if not 1 <= hour <= 12:
                raise ValueError(f"not a time: {value[:40]!r}")
            hour = hour % 12 + (12 if clock[5] == "p" else 0)
        if clock[6]:
            ahead = timedelta(hours=int(clock[7]), minutes=int(clock[8]))
            offset = timezone(ahead if clock[6] == "+" else -ahead)
        text = text[: clock.start()] + " " + text[clock.end() :]
    found = _YEAR_FIRST.search(text) or _DATE_NUMBERS.search(text) or _DATE_NAMED.search(text)
    if not found or not _BETWEEN.fullmatch(text[: found.start()] + text[found.end() :]):
        raise ValueError(f"not a time: {value[:40]!r}")
    year, month, day, is_ambiguous = _date_parts(found, day_first)
    at = datetime(year, month, day, hour, minute, second, micro, tzinfo=offset)
    return _settled(at, zone, is_date_only=clock is None, is_ambiguous=is_ambiguous)


def _date_parts(found: re.Match[str], day_first: bool | None) -> tuple[int, int, int, bool]:
    parts = {name.rstrip("2"): text for name, text in found.groupdict().items() if text}
    year = int(parts["year"]) + (2000 if len(parts["year"]) == 2 else 0)
    if "mm" in parts:
        return year, int(parts["mm"]), int(parts["dd"]), False
    if "month" in parts:
        return year, _month(parts["month"]), int(parts["day"]), False
    first, second = int(parts["a"]), int(parts["b"])
    is_ambiguous = day_first is None and first != second and first <= 12 and second <= 12
    day_leads = first > 12 or (second <= 12 and day_first is not False)
    return (year, second, first, is_ambiguous) if day_leads else (year, first, second, is_ambiguous)


def _month(name: str) -> int:
    return _MONTHS.index(name[:3].casefold()) + 1
