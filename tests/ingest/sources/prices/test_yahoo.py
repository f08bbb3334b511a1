"""Yahoo's bars from frames of the shape that yfinance 1.7 returns, and from an answer of Yahoo through it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from config import Settings
from ingest.__main__ import main
from ingest.entities import Captured, Excluded, Item, Quarantined
from ingest.files import landed_files
from ingest.progress import Progress
from ingest.runs import RunResult, run
from ingest.sources import source
from ingest.sources.prices import yahoo
from warehouse.calendar import read_seed

# A Monday, 11:07 in India.
NOW = datetime(2026, 11, 16, 5, 37, tzinfo=UTC)
Asked = tuple[str, str, datetime, datetime]


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the time; it starts at NOW."""
    clock = SimpleNamespace(now=lambda zone: moment[0], fromtimestamp=datetime.fromtimestamp)
    moment = [NOW]
    monkeypatch.setattr(yahoo, "datetime", clock)
    return lambda later: moment.__setitem__(0, later)


def frame(
    *bars: tuple[str, float | None], freq: str = "5min", zone: str = "Asia/Kolkata", volume: int = 0
) -> pd.DataFrame:
    """As ``Ticker.history`` has it: a row per bar with its start in the index; a price of None is NaN."""
    index = pd.DatetimeIndex([pd.Timestamp(start, tz="Asia/Kolkata") for start, _ in bars], name="Datetime")
    close = pd.Series([price for _, price in bars], index=index, dtype="float64")
    columns = {"Open": close - 1, "High": close + 2, "Low": close - 2, "Close": close, "Adj Close": close}
    made = pd.DataFrame({**columns, "Volume": volume}, index=index)
    return made.tz_convert(zone)


class Yahoo:
    """Answers with the bars of a frame that lie in the window; remembers what it was asked."""

    def __init__(self, **frames: Any) -> None:
        self.frames, self.asked = frames, list[Asked]()

    def __call__(self, ticker: str, interval: str, start: datetime, end: datetime) -> Any:
        self.asked.append((ticker, interval, start, end))
        answer = self.frames[re.sub(r"\W", "", ticker)]
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if answer is None else answer[(answer.index >= start) & (answer.index < end)]


def collect(
    root: Settings, fetch: Yahoo, *symbols: str, interval: str = "5min", days: int = 1, refresh: bool = False
) -> RunResult:
    series = yahoo.wanted(symbols, interval)
    with Progress(Console(quiet=True)) as progress:
        return run(
            root, "prices", "", lambda this: yahoo.read(series, days, this, fetch, refresh=refresh), progress
        )


def landed(root: Settings) -> list[dict[str, Any]]:
    rows = [row for path in landed_files(root, "price_bars") for row in pq.read_table(path).to_pylist()]
    return sorted(rows, key=lambda row: (row["symbol"], row["bar_start"], row["observed_at"]))


def items(frame: pd.DataFrame, interval: str = "5min") -> list[Item]:
    series = yahoo.Series("NIFTY", interval, "^NSEI")
    return list(yahoo._items(frame, series, NOW, NOW + timedelta(seconds=2)))


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "UTC"])
def test_a_bar_is_read_whatever_zone_it_comes_in(zone: str) -> None:
    (bar,) = items(frame(("2026-11-16 09:15", 25000.5), zone=zone, volume=7))
    assert isinstance(bar, Captured)
    assert bar.fields == {
        "symbol": "NIFTY", "bar_interval": "5min", "bar_start": datetime(2026, 11, 16, 3, 45, tzinfo=UTC),
        "open": 24999.5, "high": 25002.5, "low": 24998.5, "close": 25000.5, "volume": 7,
        "observed_at": NOW + timedelta(seconds=2), "time_basis": "offset",
    }  # fmt: skip
    assert json.loads(bar.payload)["Adj Close"] == 25000.5


def test_a_daily_bar_is_its_date_in_india_and_comes_when_the_day_is_over() -> None:
    for zone in ("Asia/Kolkata", "UTC"):
        past, today = items(frame(("2026-11-13", 1), ("2026-11-16", 2), zone=zone), "1d")
        assert isinstance(past, Captured)
        assert past.fields["bar_start"] == datetime(2026, 11, 12, 18, 30, tzinfo=UTC)
        assert past.fields["time_basis"] == "date"
        assert isinstance(today, Excluded)
        assert today.reason == "still_forming"


@pytest.mark.parametrize(
    ("start", "price", "reason"),
    [
        ("2026-11-16 11:05", 1.0, "still_forming"),  # ends at 11:10, three minutes from now
        ("2026-11-16 11:03:41", 1.0, "live_quote"),
        ("2026-11-16 10:55", None, "no_price"),
    ],
)
def test_what_is_no_bar_is_excluded_with_its_reason(start: str, price: float | None, reason: str) -> None:
    (item,) = items(frame((start, price)))
    assert isinstance(item, Excluded)
    assert item.reason == reason


def test_the_bar_that_ended_last_is_in() -> None:
    (item,) = items(frame(("2026-11-16 11:00", 1.0)))
    assert isinstance(item, Captured)


def test_a_row_with_half_its_prices_is_quarantined_whole() -> None:
    broken = frame(("2026-11-16 09:15", 1.0))
    broken["High"] = float("nan")
    (item,) = items(broken)
    assert isinstance(item, Quarantined)
    assert item.reason.startswith("high is no number")
    assert json.loads(item.payload)["High"] is None


def test_a_time_without_a_zone_is_quarantined() -> None:
    (item,) = items(frame(("2026-11-16 09:15", 1.0)).tz_localize(None))
    assert isinstance(item, Quarantined)


def test_an_answer_of_another_shape_is_refused_loudly() -> None:
    with pytest.raises(yahoo.NoAnswer, match="no column Volume, but Open"):
        items(frame(("2026-11-16 09:15", 1.0)).drop(columns="Volume"))


@pytest.mark.parametrize(
    ("word", "symbol", "ticker"),
    [
        ("NIFTY", "NIFTY", "^NSEI"),
        ("nifty50", "NIFTY", "^NSEI"),
        ("^nsebank", "BANKNIFTY", "^NSEBANK"),
        ("NIFTY_FIN_SERVICE.NS", "FINNIFTY", "NIFTY_FIN_SERVICE.NS"),
        ("RELIANCE", "RELIANCE", "RELIANCE.NS"),
        ("M&M.NS", "M&M", "M&M.NS"),
        ("500325.BO", "500325.BO", "500325.BO"),
        ("^CNXIT", "^CNXIT", "^CNXIT"),
    ],
)
def test_symbols_are_asked_for_by_yahoos_names_and_land_by_ours(word: str, symbol: str, ticker: str) -> None:
    assert yahoo.wanted([word], "5m") == [yahoo.Series(symbol, "5min", ticker)]


def test_the_default_symbols_are_those_of_the_seeds_instruments() -> None:
    rows = read_seed("instruments")
    known = {row["price_symbol"] or row["instrument"] for row in rows if row["kind"] == "index"}
    assert {series.symbol for series in yahoo.wanted([], None)} <= known


def test_a_second_run_asks_for_what_is_missing_and_the_settled_sighting_is_the_later_one(
    root: Settings, now: Callable[[datetime], None]
) -> None:
    bars = [
        ("2026-11-16 10:30", 1.0),
        ("2026-11-16 10:35", 2.0),
        ("2026-11-16 11:00", 3.0),
        ("2026-11-16 11:05", 4.0),
    ]
    fetch = Yahoo(NSEI=frame(*bars))
    first = collect(root, fetch, "NIFTY")
    assert first.counts["price_bars"].line() == (
        "4 read = 3 landed + 0 unchanged + 1 excluded (still_forming 1) + 0 quarantined"
    )
    assert [asked[2:] for asked in fetch.asked] == [(datetime(2026, 11, 14, 18, 30, tzinfo=UTC), NOW)]

    now(NOW + timedelta(minutes=10))
    fetch.frames["NSEI"] = frame(*bars[:2], ("2026-11-16 11:00", 3.5), ("2026-11-16 11:05", 4.5))
    second = collect(root, fetch, "NIFTY")
    # 10:35 is the first bar that had not ended half an hour before the first run.
    assert fetch.asked[1][2] == datetime(2026, 11, 16, 5, 5, tzinfo=UTC)
    assert second.counts["price_bars"].landed == 3
    newest = {row["bar_start"]: row["close"] for row in landed(root)}
    assert list(newest.values()) == [1.0, 2.0, 3.5, 4.5]

    now(NOW + timedelta(hours=20))
    assert collect(root, fetch, "NIFTY").counts["price_bars"].landed == 2
    assert collect(root, fetch, "NIFTY", refresh=True).counts["price_bars"].read == 4


def test_an_empty_answer_is_asked_for_again(root: Settings, now: Callable[[datetime], None]) -> None:
    fetch = Yahoo(NSEI=[frame(("2026-11-16 09:15", 1.0)), None, frame(("2026-11-16 12:00", 2.0))])
    collect(root, fetch, "NIFTY")
    now(NOW + timedelta(hours=3))
    assert not collect(root, fetch, "NIFTY").counts
    assert collect(root, fetch, "NIFTY").counts["price_bars"].landed == 1
    assert fetch.asked[1] == fetch.asked[2]


def test_more_days_are_asked_for_in_windows_without_those_that_are_held(root: Settings) -> None:
    fetch = Yahoo(
        NSEI=frame(*((f"2026-11-{day:02d} 09:15", 1.0) for day in range(1, 17)), ("2026-10-30 09:15", 1.0))
    )
    collect(root, fetch, "NIFTY", interval="1m", days=5)
    collect(root, fetch, "NIFTY", interval="1m", days=15)
    days = [(asked[2].date().day, asked[3].date().day) for asked in fetch.asked]
    assert days == [(10, 16), (31, 7), (7, 10), (16, 16)]
    assert {asked[1] for asked in fetch.asked} == {"1m"}


@given(
    moment=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    interval=st.sampled_from(sorted(yahoo.OFFERS)),
)
def test_every_moment_is_in_the_bar_that_is_its_floor(moment: datetime, interval: str) -> None:
    length = yahoo.OFFERS[interval].length
    start = yahoo._floor(moment, length)
    assert start <= moment < start + length
    midnight = start.astimezone(yahoo.IST).replace(hour=0, minute=0, second=0, microsecond=0)
    assert (start - midnight) % length == timedelta(0)


def test_a_symbol_that_fails_does_not_stop_the_others(root: Settings) -> None:
    fetch = Yahoo(
        OLDNS=yahoo.NoAnswer("No data found, symbol may be delisted"),
        NONENS=None,
        NSEI=frame(("2026-11-16 09:15", 1.0)),
    )
    with pytest.raises(
        yahoo.YahooError, match=r"2 of 3 symbols .*OLD\.NS: No data found.*NONE\.NS: no bars"
    ) as failure:
        collect(root, fetch, "OLD", "NONE", "NIFTY")
    assert [row["symbol"] for row in landed(root)] == ["NIFTY"]
    assert any("1 landed" in note for note in failure.value.__notes__)


def test_a_limited_rate_is_waited_out(root: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    bar = frame(("2026-11-16 09:15", 1.0))
    fetch = Yahoo(NSEI=[yahoo.RateLimited(), yahoo.RateLimited(), bar], NSEBANK=bar)
    assert collect(root, fetch, "NIFTY", "BANKNIFTY").counts["price_bars"].landed == 2
    assert sum(slept) == sum(yahoo.WAITS)


def test_a_rate_that_stays_limited_ends_the_run_and_the_next_one_goes_on(
    root: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yahoo, "WAITS", (0, 0))
    bar = frame(("2026-11-16 09:15", 1.0))
    fetch = Yahoo(NSEI=bar, NSEBANK=yahoo.RateLimited(), BSESN=bar)
    with pytest.raises(yahoo.YahooError, match=r"2 of 3 .*\^NSEBANK, \^BSESN: .*asked too often"):
        collect(root, fetch, "NIFTY", "BANKNIFTY", "SENSEX")
    assert [asked[0] for asked in fetch.asked] == ["^NSEI"] + 3 * ["^NSEBANK"]
    fetch.frames["NSEBANK"] = bar
    collect(root, fetch, "NIFTY", "BANKNIFTY", "SENSEX")
    assert [row["symbol"] for row in landed(root)] == ["BANKNIFTY", "NIFTY", "SENSEX"]
    starts = {asked[0]: asked[2] for asked in fetch.asked}
    assert starts["^NSEI"] > starts["^NSEBANK"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("prices", "Give files"),
        ("prices x.csv --days 3", "are for --yahoo"),
        ("prices x.csv --yahoo NIFTY", "reads no files"),
        ("prices --yahoo NIFTY --symbol NIFTY", "reads no files"),
        ("prices --yahoo NIFTY --interval 3min", "1min, 5min, 15min, 1d are read"),
        ("prices --yahoo NIFTY --interval 1m --days 30", "keeps 1min bars for 29 days"),
        ("prices --yahoo NIFTY --days 0", "keeps 5min bars for 59 days"),
        ("prices --yahoo NIFTY", "make yahoo"),
    ],
)
def test_arguments_that_cannot_be_met_say_what_to_do(
    words: str,
    message: str,
    root: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("ingest.__main__.settings", lambda: root)
    monkeypatch.setitem(sys.modules, "yfinance", None)
    assert main(words.split()) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert source("prices").ONCE == ("--refresh",)


# ---- Through yfinance, where the extra is installed ----------------------------------------------


def chart(stamps: list[int], closes: list[float | None], **meta: object) -> dict[str, Any]:
    """An answer of Yahoo's chart service."""
    quote: dict[str, list[float | None]] = dict.fromkeys(("open", "high", "low", "close", "volume"), closes)
    named = {
        "currency": "INR", "symbol": "^NSEI", "exchangeName": "NSI", "instrumentType": "INDEX",
        "exchangeTimezoneName": "Asia/Kolkata", "timezone": "IST", "gmtoffset": 19800, "priceHint": 2,
        "dataGranularity": "5m", "validRanges": ["1d", "5d", "1mo", "max"],
    }  # fmt: skip
    result = {"meta": named | meta, "timestamp": stamps, "indicators": {"quote": [quote]}}
    return {"chart": {"result": [result], "error": None}}


@pytest.fixture
def through_yfinance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[object], Any]:
    """What our fetch makes of an answer; skips where the extra is not installed."""
    pytest.importorskip("yfinance", reason="the extra is not installed (make yahoo)")
    fetch = yahoo.by_yfinance(tmp_path / "cache")

    def asked(answer: object) -> Any:
        def get(*_: object, **__: object) -> object:
            if isinstance(answer, Exception):
                raise answer
            return SimpleNamespace(text=json.dumps(answer), json=lambda: answer)

        for name in ("get", "cache_get"):
            monkeypatch.setattr(f"yfinance.data.YfData.{name}", get)
        return fetch("^NSEI", "5m", NOW - timedelta(hours=3), NOW)

    return asked


def test_yfinance_gives_the_frame_that_is_read(through_yfinance: Callable[[object], Any]) -> None:
    first = int(datetime(2026, 11, 16, 3, 45, tzinfo=UTC).timestamp())
    stamps = [first, first + 300, first + 600, int(NOW.timestamp()) - 139]
    found = through_yfinance(chart(stamps, [25000.0, None, 25010.0, 25011.0]))
    assert [type(item).__name__ for item in items(found)] == ["Captured", "Excluded", "Captured", "Excluded"]
    assert [item.reason for item in items(found) if isinstance(item, Excluded)] == ["no_price", "live_quote"]


def test_yfinances_errors_are_ours(through_yfinance: Callable[[object], Any]) -> None:
    from yfinance.exceptions import YFRateLimitError

    with pytest.raises(yahoo.RateLimited):
        through_yfinance(YFRateLimitError())
    with pytest.raises(yahoo.NoAnswer, match="no route"):
        through_yfinance(OSError("no route to host"))
    refusal = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
    with pytest.raises(yahoo.NoAnswer, match="may be delisted"):
        through_yfinance({"chart": {"result": None, "error": refusal}})
    nothing = chart([], [])
    nothing["chart"]["result"][0]["indicators"]["quote"] = [{}]
    assert through_yfinance(nothing) is None
