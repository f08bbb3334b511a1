"""What must hold of the seeds beyond what dbt's tests say of their columns."""

from __future__ import annotations

import gzip
import re
import shutil
import unicodedata
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from warehouse import calendar
from warehouse.calendar import SEEDS, generate, read_seed

# Seeds by their key.
KEYS = {
    "instruments": "instrument",
    "instrument_aliases": "alias",
    "exchange_holidays": "holiday_date",
    "exchange_special_sessions": "session_date",
    "exchange_hours": "first_date",
    "exchange_calendar_coverage": "first_date",
}
CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")

# Weekdays on which the exchanges traded (a public NIFTY 50 history has them) and both of the daily price
# files have no bar.
PRICE_FILE_GAPS = {
    date(2012, 1, 2),
    date(2012, 10, 26),
    date(2013, 1, 1),
    date(2015, 1, 1),
    date(2016, 1, 1),
    date(2019, 1, 1),
    date(2019, 2, 13),
    date(2019, 3, 29),
}


def aliases() -> dict[str, dict[str, str]]:
    return {row["alias"]: row for row in read_seed("instrument_aliases")}


def special_sessions() -> dict[date, dict[str, str]]:
    return {date.fromisoformat(row["session_date"]): row for row in read_seed("exchange_special_sessions")}


def holidays() -> dict[date, str]:
    return {date.fromisoformat(row["holiday_date"]): row["name"] for row in read_seed("exchange_holidays")}


def coverage() -> tuple[date, date]:
    (row,) = read_seed("exchange_calendar_coverage")
    return date.fromisoformat(row["first_date"]), date.fromisoformat(row["last_date"])


def trading_dates() -> set[date]:
    """As the warehouse makes them: weekdays in coverage, less holidays, plus special sessions."""
    first, last = coverage()
    days = {first + timedelta(days=n) for n in range((last - first).days + 1)}
    return {day for day in days if day.weekday() < 5} - holidays().keys() | special_sessions().keys()


@pytest.mark.parametrize("name", KEYS)
def test_seed_is_sorted_keyed_and_small(name: str) -> None:
    rows = read_seed(name)
    keys = [row[KEYS[name]] for row in rows]
    assert keys == sorted(set(keys))
    assert (SEEDS / f"{name}.csv").stat().st_size < 300_000
    untrimmed = [value for row in rows for value in row.values() if value != value.strip()]
    assert untrimmed == []


# Instruments and their aliases


def test_alias_is_one_to_three_words_as_a_matcher_reads_them() -> None:
    def is_word(word: str) -> bool:
        return bool(word) and all(unicodedata.category(c)[0] in "LMN" or c in "&_" for c in word)

    wrong = [
        alias
        for alias in aliases()
        if alias != unicodedata.normalize("NFKC", alias).lower()
        or len(words := alias.split(" ")) > 3
        or not all(map(is_word, words))
    ]
    assert wrong == []


def test_alias_names_a_known_instrument_and_every_instrument_is_named() -> None:
    instruments = {row["instrument"] for row in read_seed("instruments")}
    assert {row["instrument"] for row in aliases().values()} == instruments


def test_hashtag_names_one_instrument() -> None:
    """A hashtag matches an alias without its spaces, so that two aliases may become one."""
    named: dict[str, set[str]] = {}
    for alias, row in aliases().items():
        named.setdefault(alias.replace(" ", ""), set()).add(row["instrument"])
    assert {tag: instruments for tag, instruments in named.items() if len(instruments) > 1} == {}


@pytest.mark.parametrize(
    ("alias", "instrument"),
    [
        ("nifty", "NIFTY50"),
        ("nifty 50", "NIFTY50"),
        ("bank nifty", "BANKNIFTY"),
        ("bnf", "BANKNIFTY"),
        ("nifty bank", "BANKNIFTY"),
        ("fin nifty", "FINNIFTY"),
        ("midcap nifty", "MIDCPNIFTY"),
        ("sgx nifty", "GIFTNIFTY"),
        ("bse sensex", "SENSEX"),
        ("india vix", "INDIAVIX"),
        ("nifty next 50", "NIFTYNXT50"),
        ("nifty it", "NIFTYIT"),
        ("निफ्टी", "NIFTY50"),
        ("बैंक निफ्टी", "BANKNIFTY"),
        ("सेंसेक्स", "SENSEX"),
        ("ril", "RELIANCE"),
        ("reliance power", "RPOWER"),
        ("hdfc", "HDFCBANK"),
        ("hdfc amc", "HDFCAMC"),
        ("sbi", "SBIN"),
        ("sbi card", "SBICARD"),
        ("l&t", "LT"),
        ("l&t finance", "LTF"),
        ("m&m", "M&M"),
        ("tata motors", "TATAMOTORS"),
        ("tmpv", "TATAMOTORS"),
        ("zomato", "ETERNAL"),
        ("vodafone idea", "IDEA"),
    ],
)
def test_plain_words_name_an_instrument(alias: str, instrument: str) -> None:
    row = aliases()[alias]
    assert (row["instrument"], row["scope"]) == (instrument, "any")


@pytest.mark.parametrize("alias", ["idea", "sail", "lt", "rites", "naukri", "persistent", "campus", "acc"])
def test_ordinary_word_counts_as_a_tag_only(alias: str) -> None:
    assert aliases()[alias]["scope"] == "tag"


@pytest.mark.parametrize("word", ["bse", "nse", "mcx", "oil", "fact", "clean", "star", "india", "tata", "it"])
def test_word_that_names_no_instrument_is_no_alias(word: str) -> None:
    assert word not in aliases()


def test_indices_have_the_public_keys_and_price_symbols() -> None:
    rows = {row["instrument"]: row for row in read_seed("instruments")}
    indices = {key for key, row in rows.items() if row["kind"] == "index"}
    assert indices >= {"NIFTY50", "BANKNIFTY", "SENSEX", "FINNIFTY", "MIDCPNIFTY", "GIFTNIFTY", "INDIAVIX"}
    assert rows["NIFTY50"]["price_symbol"] == "NIFTY"
    assert sum(row["kind"] == "stock" for row in rows.values()) > 800
    # A symbol that is both would make one bar two instruments'.
    assert {row["price_symbol"] for row in rows.values()} & rows.keys() == set()


# The exchange calendar


@pytest.mark.parametrize("name", ["exchange_holidays", "exchange_calendar_coverage"])
def test_generated_seed_is_what_the_generator_writes(name: str) -> None:
    assert (SEEDS / f"{name}.csv").read_bytes() == generate()[name].encode()


def test_generator_asks_for_the_names_of_new_holidays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(SEEDS, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(calendar, "SEEDS", tmp_path)
    file = tmp_path / "exchange_holidays.csv"
    *others, newest = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(others), encoding="utf-8")
    with pytest.raises(SystemExit, match=newest[:10]):
        calendar.main()
    assert file.read_text(encoding="utf-8") == "".join(others) + newest[:10] + ",\n"


def test_holidays_are_named_weekdays_within_coverage() -> None:
    first, last = coverage()
    assert all(first <= day <= last and day.weekday() < 5 for day in holidays())
    assert all(holidays().values())


def test_special_sessions_are_on_closed_days_unless_only_their_hours_are_special() -> None:
    first, last = coverage()
    for day, row in special_sessions().items():
        assert first <= day <= last
        is_closed = day.weekday() >= 5 or day in holidays()
        assert is_closed == (row["session_kind"] != "extended"), day
        hours = [row["open_ist"], row["close_ist"]]
        assert hours == ["", ""] or (all(map(CLOCK.fullmatch, hours)) and hours[0] < hours[1]), day
        pause = [row["break_start_ist"], row["break_end_ist"]]
        assert pause == ["", ""] or hours[0] < pause[0] < pause[1] < hours[1], day
        assert row["source"], day


def test_diwali_has_one_muhurat_session_a_year() -> None:
    years = [day.year for day, row in special_sessions().items() if row["session_kind"] == "muhurat"]
    first, last = coverage()
    assert years == list(range(first.year, last.year + 1))


@pytest.mark.parametrize(
    "day",
    [
        date(2008, 11, 27),  # after the Mumbai attacks
        date(2013, 11, 15),  # Muharram, moved from the 14th
        date(2021, 11, 4),  # Diwali, Muhurat session only
        date(2024, 1, 22),  # announced three days before
        date(2024, 5, 20),  # elections
        date(2026, 1, 15),  # elections, announced three days before
        date(2026, 12, 25),
    ],
)
def test_known_holiday(day: date) -> None:
    assert day in holidays()


def test_hours_of_a_normal_day_are_known_for_every_date_covered() -> None:
    rows = read_seed("exchange_hours")
    assert date.fromisoformat(rows[0]["first_date"]) <= coverage()[0]
    for row in rows:
        hours = [row["open_ist"], *filter(None, [row["closing_auction_ist"]]), row["close_ist"]]
        assert all(map(CLOCK.fullmatch, hours)), row
        assert hours == sorted(set(hours)), row
        assert row["source"], row


@pytest.mark.parametrize(
    ("day", "kind", "open_ist", "close_ist"),
    [
        (date(2015, 2, 28), "budget", "09:15", "15:30"),
        (date(2020, 2, 1), "budget", "09:15", "15:30"),
        (date(2020, 11, 14), "muhurat", "18:15", "19:15"),
        (date(2021, 2, 24), "extended", "09:15", "17:00"),
        (date(2023, 11, 12), "muhurat", "18:15", "19:15"),
        (date(2024, 1, 20), "makeup", "09:15", "15:30"),
        (date(2024, 3, 2), "disaster_recovery", "09:15", "12:30"),
        (date(2025, 2, 1), "budget", "09:15", "15:30"),
        (date(2025, 10, 21), "muhurat", "13:45", "14:45"),
        (date(2026, 2, 1), "budget", "09:15", "15:30"),
    ],
)
def test_known_special_session(day: date, kind: str, open_ist: str, close_ist: str) -> None:
    row = special_sessions()[day]
    assert (row["session_kind"], row["open_ist"], row["close_ist"]) == (kind, open_ist, close_ist)


def test_number_of_sessions_is_that_of_a_public_price_history() -> None:
    """The rows of its NIFTY 50 file (docs/data-sources.md) are numbered, so that a page tells the count."""
    days = trading_dates()
    counts = [
        sum(day <= last for day in days) for last in (date(2006, 11, 10), date(2010, 2, 6), date(2019, 12, 2))
    ]
    assert counts == [216, 1013, 3446]


@pytest.mark.shared
def test_daily_prices_have_a_bar_on_trading_dates_only(shared: Path) -> None:
    files = sorted((shared / "prices").glob("*_daily_*.csv"))
    dates = [{date.fromisoformat(line[:10]) for line in file.read_text().splitlines()[1:]} for file in files]
    assert len(dates) == 2
    days = trading_dates()
    assert [bars - days for bars in dates] == [set(), set()]
    with_bars = set.union(*dates)
    missing = {day for day in days if min(with_bars) <= day <= max(with_bars)} - with_bars
    assert {day for day in missing if day not in special_sessions()} == PRICE_FILE_GAPS


@pytest.mark.shared
def test_intraday_prices_have_bars_on_all_trading_dates_and_within_their_hours(shared: Path) -> None:
    files = sorted((shared / "prices").glob("*_3min_*.csv.gz"))
    assert len(files) == 5
    days, special = trading_dates(), special_sessions()
    for file in files:
        with gzip.open(file, "rt") as lines:
            stamps = [line[:16] for line in lines][1:]
        dates = {date.fromisoformat(stamp[:10]) for stamp in stamps}
        assert dates == {day for day in days if min(dates) <= day <= max(dates)}, file.name
        regular = {stamp[11:] for stamp in stamps if date.fromisoformat(stamp[:10]) not in special}
        assert (min(regular), max(regular)) == ("09:15", "15:27"), file.name
        muhurat = [stamp[11:] for stamp in stamps if stamp.startswith("2025-10-21")]
        assert max(muhurat) <= special[date(2025, 10, 21)]["close_ist"], file.name


# Phases of a day


def test_phases_cover_a_day_once() -> None:
    phases = read_seed("session_phases")
    edges = [row["start_ist"] for row in phases] + ["24:00"]
    assert [(row["start_ist"], row["end_ist"]) for row in phases] == list(pairwise(edges))
    assert edges[0] == "00:00"
    assert {"09:15", "15:30"} <= set(edges)
