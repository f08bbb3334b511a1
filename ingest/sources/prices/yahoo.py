"""Bars from Yahoo Finance, through the package yfinance, which is an extra.

A bar lands once it has ended, with ``observed_at``. Yahoo's quotes of the NSE come late, so that a bar that
has only just ended is asked for again by the next run, and in the warehouse the later sighting wins. Prices
are adjusted for splits as of the day on which they are asked for, and not for dividends.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from ingest.entities import Captured, Excluded, Item, Origin, Quarantined
from ingest.runs import Checkpoint, Run, SourceError, count_requests, open_state
from ingest.search.plan import Interval, missing
from ingest.sources.prices.bars import ENTITY, IST, bar_start, interval_named, number_in

log = logging.getLogger(__name__)

# What Yahoo calls the indices; a stock of the NSE is its symbol with .NS behind it.
INDICES = {
    "NIFTY": "^NSEI",
    "BANKNIFTY": "^NSEBANK",
    "SENSEX": "^BSESN",
    "FINNIFTY": "NIFTY_FIN_SERVICE.NS",
    "INDIAVIX": "^INDIAVIX",
}
DEFAULT_INTERVAL = "5min"
DEFAULT_DAYS = 365

# A bar's prices may still change for this long after its end.
SETTLE = timedelta(minutes=30)
# Waits, in seconds, after Yahoo said that it was asked too often.
WAITS = (60, 300)

_PRICES = ("Open", "High", "Low", "Close")
_TABLE = """
create table if not exists yahoo_windows (
    symbol text not null, bar_interval text not null, since integer not null, until integer not null
)
"""

# (Yahoo's symbol, Yahoo's interval, start, end) → a pandas frame as yfinance's Ticker.history returns it:
# a row per bar, its start in the index; None where there is no bar. Raises NoAnswer or RateLimited.
Fetch = Callable[[str, str, datetime, datetime], Any]


class NoAnswer(Exception):
    """Yahoo gave nothing for a symbol; the message says why."""


class RateLimited(Exception):
    """Yahoo was asked too often."""


class YahooError(SourceError):
    """Some symbols could not be had; the others were."""

    is_usage = False


@dataclass(frozen=True, slots=True)
class Offer:
    """Bars of an interval as Yahoo has them: its name, their length, days kept, days in one answer."""

    name: str
    length: timedelta
    days_kept: int
    days_at_once: int


_EVER = 36_500
OFFERS = {
    "1min": Offer("1m", timedelta(minutes=1), 29, 7),
    "5min": Offer("5m", timedelta(minutes=5), 59, 59),
    "15min": Offer("15m", timedelta(minutes=15), 59, 59),
    "1d": Offer("1d", timedelta(days=1), _EVER, _EVER),
}


@dataclass(frozen=True, slots=True)
class Series:
    """Bars of one symbol and interval, each by our name and by Yahoo's."""

    symbol: str
    interval: str
    ticker: str

    @property
    def offer(self) -> Offer:
        """What Yahoo has of them."""
        return OFFERS[self.interval]


def wanted(words: Sequence[str], interval: str | None) -> list[Series]:
    """The series that a command names: by our symbols, NSE's or Yahoo's; the indices where it names none.

    Raises:
        SourceError: Yahoo has no bars of that length, or they are not read here.
    """
    named = interval_named(interval) if interval else DEFAULT_INTERVAL
    if named not in OFFERS:
        raise SourceError(f"--interval {interval}: of Yahoo's bars {', '.join(OFFERS)} are read.")
    return list(
        dict.fromkeys(Series(symbol, named, ticker) for symbol, ticker in map(_names, words or INDICES))
    )


def _names(word: str) -> tuple[str, str]:
    """The symbol that price files use, and Yahoo's."""
    name = word.strip().upper()
    name = {"NIFTY50": "NIFTY", **{theirs: ours for ours, theirs in INDICES.items()}}.get(name, name)
    if name in INDICES:
        return name, INDICES[name]
    if "." in name or "^" in name:
        return name.removesuffix(".NS"), name
    return name, f"{name}.NS"


def days_back(interval: str, days: int | None) -> int:
    """How many days to ask for: those stated, else all that Yahoo keeps, a year of daily bars.

    Raises:
        SourceError: Yahoo does not keep bars of that length for so long.
    """
    kept = OFFERS[interval].days_kept
    if days is None:
        return min(kept, DEFAULT_DAYS)
    if not 1 <= days <= kept:
        raise SourceError(f"--days {days}: Yahoo keeps {interval} bars for {kept} days.")
    return days


def by_yfinance(cache: Path) -> Fetch:
    """Ask through yfinance, which keeps time zones and cookies in ``cache``.

    Raises:
        SourceError: yfinance is not installed.
    """
    try:
        import yfinance
        from yfinance.exceptions import YFPricesMissingError, YFRateLimitError
    except ImportError as error:
        raise SourceError("--yahoo needs the package yfinance. Install it: make yahoo") from error
    cache.mkdir(parents=True, exist_ok=True)
    yfinance.set_tz_cache_location(str(cache))
    yfinance.config.debug.hide_exceptions = False  # or it logs them, and its answer is an empty frame

    def fetch(ticker: str, interval: str, start: datetime, end: datetime) -> Any:
        try:
            # prepost: what Yahoo takes for the hours of a session would cut off special ones.
            return yfinance.Ticker(ticker).history(
                interval=interval, start=start, end=end,
                auto_adjust=False, actions=False, prepost=True, keepna=True,
            )  # fmt: skip
        except YFRateLimitError as error:
            raise RateLimited from error
        except YFPricesMissingError as error:
            if error.yahoo_reason is None:
                return None
            raise NoAnswer(error.yahoo_reason) from error
        except Exception as error:  # of its HTTP library, of its cache, of its reading of an answer
            raise NoAnswer(f"{type(error).__name__}: {error}") from error

    return fetch


def read(
    series: Sequence[Series], days: int, run: Run, fetch: Fetch, *, refresh: bool = False
) -> Iterator[Item | Checkpoint]:
    """Every bar of the last days that did not land before, series by series, oldest first.

    Raises:
        YahooError: there was no answer for some symbols; all the others were asked, unless Yahoo refused.
    """
    state = run.at_end.enter_context(closing(open_state(run.settings)))
    state.execute(_TABLE)
    failed: dict[str, list[str]] = {}  # reason → Yahoo's symbols
    for done, one in enumerate(series):
        run.progress.position("symbols asked", done, len(series))
        try:
            yield from _bars(one, days, run, state, fetch, refresh)
        except NoAnswer as error:
            log.warning("%s: %s", one.ticker, error)
            failed.setdefault(str(error), []).append(one.ticker)
        except RateLimited:
            reason = "Yahoo was asked too often; the same command goes on, in an hour say"
            failed[reason] = [left.ticker for left in series[done:]]
            break
    run.progress.position("symbols asked", len(series), len(series))
    if failed:
        reasons = "; ".join(f"{', '.join(tickers)}: {reason}" for reason, tickers in failed.items())
        n_failed = sum(map(len, failed.values()))
        raise YahooError(f"{n_failed} of {len(series)} symbols could not be had. {reasons}")


def _bars(
    series: Series, days: int, run: Run, state: sqlite3.Connection, fetch: Fetch, refresh: bool
) -> Iterator[Item | Checkpoint]:
    length = series.offer.length
    covered = [] if refresh else _covered(state, series)
    n_bars = 0
    for since, until in _windows(series.offer, days, covered):
        asked_at = datetime.now(UTC)
        frame = _answer(series, since, until, run, state, fetch)
        if frame is None or frame.empty:
            continue
        n_bars += len(frame)
        yield from _items(frame, series, asked_at, datetime.now(UTC))
        settled = min(until, _floor(asked_at - SETTLE, length))
        yield Checkpoint(partial(_cover, state, series, since, settled))
    if not n_bars and not covered:
        raise NoAnswer("no bars; is it delisted or renamed, or no symbol of Yahoo's?")


def _answer(
    series: Series, since: datetime, until: datetime, run: Run, state: sqlite3.Connection, fetch: Fetch
) -> Any:
    """Ask for a window; where Yahoo was asked too often, wait and ask again."""
    waits = iter(WAITS)
    while True:
        try:
            frame = fetch(series.ticker, series.offer.name, since, until)
        except (NoAnswer, RateLimited) as error:
            count_requests(state, run.run_id, 1, 1)
            wait = next(waits, None)
            if isinstance(error, NoAnswer) or wait is None:
                raise
            log.warning("Yahoo was asked too often; asking again in %d seconds", wait)
            for left in range(wait, -1, -1):
                run.progress.countdown("Yahoo was asked too often", left)
                time.sleep(min(left, 1))
        else:
            count_requests(state, run.run_id, 1, 0)
            return frame


# ---- Windows --------------------------------------------------------------------------------------


def _windows(offer: Offer, days: int, covered: Sequence[Interval]) -> Iterator[tuple[datetime, datetime]]:
    """What to ask for, oldest first: the days back to midnight in India, less what is covered."""
    now = datetime.now(UTC)
    first = _floor(now - timedelta(days=days), timedelta(days=1))
    step = timedelta(days=offer.days_at_once)
    for gap in missing((int(first.timestamp()), int(now.timestamp())), covered):
        since, end = (datetime.fromtimestamp(second, UTC) for second in gap)
        while since < end:
            until = min(since + step, end)
            yield since, until
            since = until


def _floor(moment: datetime, length: timedelta) -> datetime:
    """The start of the bar that holds a moment; bars are counted from midnight in India."""
    midnight = moment.astimezone(IST).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (moment - midnight) // length * length


def _covered(state: sqlite3.Connection, series: Series) -> list[Interval]:
    return state.execute(
        "select since, until from yahoo_windows where symbol = ? and bar_interval = ?",
        (series.symbol, series.interval),
    ).fetchall()


def _cover(state: sqlite3.Connection, series: Series, since: datetime, until: datetime) -> None:
    if since < until:
        state.execute(
            "insert into yahoo_windows values (?, ?, ?, ?)",
            (series.symbol, series.interval, int(since.timestamp()), int(until.timestamp())),
        )


# ---- Bars -----------------------------------------------------------------------------------------


def _items(frame: Any, series: Series, asked_at: datetime, seen_at: datetime) -> Iterator[Item]:
    names = [str(name) for name in frame.columns]
    if lacking := [name for name in (*_PRICES, "Volume") if name not in names]:
        raise NoAnswer(f"its answer has no column {', '.join(lacking)}, but {', '.join(names)}")
    for when, *cells in frame.itertuples(name=None):
        # What is not a number is not equal to itself, and JSON has no word for it.
        row = {name: cell if cell == cell else None for name, cell in zip(names, cells, strict=True)}
        yield _item(when, row, series, asked_at, seen_at)


def _item(when: datetime, row: dict[str, Any], series: Series, asked_at: datetime, seen_at: datetime) -> Item:
    origin = Origin(f"Yahoo {series.ticker} {series.interval}", str(when))
    captured = {"ticker": series.ticker, "interval": series.interval, "time": str(when), **row}
    payload = json.dumps(captured, default=float, sort_keys=True, separators=(",", ":")).encode()
    if when.tzinfo is None:
        return Quarantined(ENTITY, f"a time without offset: {when}", payload, origin)
    basis = "date" if series.interval == "1d" else "offset"
    start = bar_start(when, basis)
    if start != _floor(start, series.offer.length):
        return Excluded(ENTITY, "live_quote", origin)
    if start + series.offer.length > asked_at:
        return Excluded(ENTITY, "still_forming", origin)
    if all(row[name] is None for name in _PRICES):
        return Excluded(ENTITY, "no_price", origin)
    prices = {name: number_in(row[name]) for name in _PRICES}
    if odd := [name for name, price in prices.items() if price is None]:
        return Quarantined(ENTITY, f"{odd[0].lower()} is no number: {row[odd[0]]!r}", payload, origin)
    volume = number_in(row["Volume"])
    fields = {
        "symbol": series.symbol,
        "bar_interval": series.interval,
        "bar_start": start,
        **{name.lower(): price for name, price in prices.items()},
        "volume": None if volume is None else round(volume),
        "observed_at": seen_at,
        "time_basis": basis,
    }
    return Captured(ENTITY, fields, payload, origin)
