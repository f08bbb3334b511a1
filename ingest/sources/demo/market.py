"""The demo's market: one session of five indices with a story, in integer arithmetic.

The story is a gap up, a morning fade, a 13:30 sell-off and late short covering. What the closing auction
adds to the session prints the price of 15:30. Prices are integer hundredths of a rupee until they leave
this module, so every machine makes the same bars.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import accumulate, pairwise
from random import Random
from typing import Any, NamedTuple

IST = timezone(timedelta(hours=5, minutes=30))
STEP_MS = 30_000
STEPS_PER_BAR = 6
STEPS = 750
HALF_HOUR = 1_800_000 // STEP_MS
OPEN_MS = (9 * 60 + 15) * 60_000
CLOSE_MS = OPEN_MS + STEPS * STEP_MS
# Since then a session ends with a closing auction, five minutes later.
_AUCTION_SINCE = date(2026, 8, 3)
_AUCTION_STEPS = 300_000 // STEP_MS

# (minutes after the open, move from the previous close in parts per million) of the NIFTY 50.
_STORY = (
    (0, 5500), (30, 7200), (105, 1800), (200, 2600), (255, 900), (315, -7800), (345, -6100), (375, 1200),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Instrument:
    """How an index follows the story; prices in hundredths of a rupee, factors in thousandths."""

    symbol: str
    previous_close: int
    beta: int
    noise: int
    tick: int
    strike_step: int
    share: int


INSTRUMENTS = (
    Instrument("NIFTY50", 24_612_35, 1000, 60, 5, 50, 50),
    Instrument("BANKNIFTY", 56_838_20, 1250, 110, 5, 100, 26),
    Instrument("SENSEX", 80_244_16, 980, 60, 1, 100, 19),
    Instrument("FINNIFTY", 26_482_70, 1150, 110, 5, 50, 5),
    Instrument("INDIAVIX", 12_94, -6500, 900, 1, 0, 0),
)


class Quote(NamedTuple):
    """An index at a moment of the session, in rupees; ``trend`` is the sign of its last half hour."""

    spot: float
    high: float
    low: float
    trend: int


def day_start_ms(trading_date: date) -> int:
    """00:00 IST of the date in epoch milliseconds."""
    return int(datetime.combine(trading_date, time(), IST).timestamp()) * 1000


def from_ms(epoch_ms: int) -> datetime:
    """Epoch milliseconds as an aware UTC datetime, without rounding."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=epoch_ms)


def prices(seed: int, trading_date: date) -> dict[str, list[int]]:
    """Per symbol, the price of each 30-second step until 15:30 (750 steps)."""
    rng = Random(f"{seed}/{trading_date}/market")
    points = [(minute * 2, ppm + rng.randint(-500, 500)) for minute, ppm in _STORY]
    story: list[int] = []
    for (start, first), (end, last) in pairwise(points):
        story += [first + (last - first) * step // (end - start) for step in range(end - start)]
    walks = {instrument.symbol: 0 for instrument in INSTRUMENTS}
    series: dict[str, list[int]] = {symbol: [] for symbol in walks}
    shared = 0
    for ppm in story:
        shared = shared * 97 // 100 + rng.randint(-220, 220)
        for instrument in INSTRUMENTS:
            own = walks[instrument.symbol] * 98 // 100 + rng.randint(-instrument.noise, instrument.noise)
            walks[instrument.symbol] = own
            move = (ppm + shared) * instrument.beta // 1000 + own
            price = instrument.previous_close * (1_000_000 + move) // 1_000_000
            series[instrument.symbol].append(price - price % instrument.tick)
    return series


def quotes(seed: int, trading_date: date) -> dict[str, list[Quote]]:
    """Per symbol, what a screen shows at each of these steps."""
    screen = {}
    for symbol, series in prices(seed, trading_date).items():
        earlier = [series[0]] * HALF_HOUR + series
        ranges = zip(series, accumulate(series, max), accumulate(series, min), earlier, strict=False)
        screen[symbol] = [
            Quote(price / 100, high / 100, low / 100, (price > before) - (price < before))
            for price, high, low, before in ranges
        ]
    return screen


def step_at(session_ms: int) -> int:
    """The step of a moment in milliseconds since 00:00 IST; the first before the open, the last after."""
    return min(max((session_ms - OPEN_MS) // STEP_MS, 0), STEPS - 1)


def bars(seed: int, trading_date: date) -> Iterator[dict[str, Any]]:
    """The previous day's daily bars, then the session's 3-minute bars: captured columns of a price bar.

    A bar is observed when it or the session ends. A daily bar's open, high and low are drawn around the
    close from which the session starts.
    """
    midnight = day_start_ms(trading_date)
    rng = Random(f"{seed}/{trading_date}/daily")
    previous = trading_date - timedelta(days=3 if trading_date.weekday() == 0 else 1)
    for instrument in INSTRUMENTS:
        close = instrument.previous_close
        opened = close * (1_000_000 + rng.randint(-4000, 4000)) // 1_000_000
        high = max(opened, close) + close * rng.randint(500, 3000) // 1_000_000
        low = min(opened, close) - close * rng.randint(500, 3000) // 1_000_000
        begin = day_start_ms(previous)
        seen = begin + OPEN_MS + _session_steps(previous) * STEP_MS
        yield _bar(instrument.symbol, "1d", "date", begin, seen, [opened, high, low, close])
    series = prices(seed, trading_date)
    steps = _session_steps(trading_date)
    for first in range(0, steps, STEPS_PER_BAR):
        begin = midnight + OPEN_MS + first * STEP_MS
        last = min(first + STEPS_PER_BAR, steps)
        for instrument in INSTRUMENTS:
            path = series[instrument.symbol]
            inside = [path[min(step, STEPS - 1)] for step in range(first, last)]
            seen = midnight + OPEN_MS + last * STEP_MS
            yield _bar(instrument.symbol, "3min", "offset", begin, seen, inside)


def _session_steps(trading_date: date) -> int:
    return STEPS + (_AUCTION_STEPS if trading_date >= _AUCTION_SINCE else 0)


def _bar(symbol: str, interval: str, basis: str, begin: int, seen: int, path: list[int]) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "bar_interval": interval,
        "bar_start": from_ms(begin),
        "open": path[0] / 100,
        "high": max(path) / 100,
        "low": min(path) / 100,
        "close": path[-1] / 100,
        "volume": 0,
        "observed_at": from_ms(seen),
        "time_basis": basis,
    }
