"""Scores against returns, through the SQL that a build runs, held against plain Python and simulation."""

from __future__ import annotations

import csv
import gzip
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd
import pytest
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from scipy import stats

from config import Settings
from tests.eval_validation import SETTINGS, Drawing, drawn_returns, is_followed, returns, truth, validated
from tests.warehouse.conftest import rows

FIRST = date(2025, 6, 2)
STEP = timedelta(minutes=3)
Doubles = NDArray[np.float64]


@pytest.fixture(scope="session")
def models(compiled: dict[str, str]) -> dict[str, str]:
    """The SQL of the models, as dbt compiles it."""
    return {name: compiled[f"marts_{name}"] for name in ("signal_returns", "signal_validation")}


class Warehouse:
    """An empty warehouse with the seeds and the calendar, in which single models run on given rows."""

    def __init__(self, folder: Path, built: Settings, models: dict[str, str]) -> None:
        self._models = models
        self._connection = duckdb.connect(str(folder / "warehouse.duckdb"))
        for schema in ("raw", "processed", "validated", "seeds", "marts"):
            self._connection.execute(f"create schema {schema}")
        self._connection.execute(f"attach '{built.published_db}' as built (read_only)")
        for table in ("seeds.student_t_quantiles", "seeds.validation_horizons", "processed.calendar_days"):
            self._connection.execute(f"create table {table} as from built.{table}")
        self._connection.execute("create table raw.tweets as select 'archive' as source")
        self._connection.execute("set TimeZone = 'UTC'")

    def put(self, table: str, frame: pd.DataFrame) -> None:
        self._connection.register("frame", frame)
        self._connection.execute(f"create or replace table {table} as from frame")

    def run(self, model: str) -> pd.DataFrame:
        """Build ``marts.<model>`` from what has been put; its rows."""
        self._connection.execute(f"create or replace table marts.{model} as {self._models[model]}")
        return self._connection.sql(f"from marts.{model}").df()

    def sessions(self, count: int) -> list[tuple[date, datetime, datetime]]:
        """Date, open and close of so many sessions of regular hours."""
        return self._connection.sql(
            f"""
            select calendar_date, open_at, close_at from processed.calendar_days
            where is_trading_day and is_regular_hours and calendar_date >= date '{FIRST}'
            order by calendar_date limit {count}
            """
        ).fetchall()

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def warehouse(demo: Settings, models: dict[str, str], tmp_path: Path) -> Iterator[Warehouse]:
    made = Warehouse(tmp_path, demo, models)
    yield made
    made.close()


# ---- Returns ---------------------------------------------------------------------------------------


def bars_of_prices(sessions: list[tuple[date, datetime, datetime]], rng: Generator) -> pd.DataFrame:
    """3-minute bars of two instruments, one with holes, and daily bars of one of them and of a third.

    One bar in twenty is said to stand still.
    """
    found = []
    for instrument, missing in (("NIFTY50", 0.0), ("SENSEX", 0.1)):
        price = 100.0
        for day, open_at, close_at in sessions:
            at = open_at
            while at < close_at:
                first, price = price, price * float(np.exp(rng.normal(0, 0.002)))
                if rng.random() >= missing:
                    found.append((instrument, "3min", day, at, first, price))
                at += timedelta(minutes=3)
    for instrument in ("SENSEX", "FINNIFTY"):
        for day, open_at, _ in sessions:
            first, last = rng.uniform(90, 110, 2)
            found.append((instrument, "1d", day, open_at - timedelta(hours=9, minutes=15), first, last))
    names = ["instrument", "bar_interval", "trading_date", "bar_start", "open", "close"]
    return pd.DataFrame(found, columns=names).assign(
        symbol=lambda frame: frame["instrument"], is_in_session=True, is_flat=rng.random(len(found)) < 0.05
    )


def bars_of_scores(available: list[tuple[str, str, datetime]], score: Doubles) -> pd.DataFrame:
    return pd.DataFrame(available, columns=["instrument", "bar_interval", "score_available_at"]).assign(
        channel="x",
        score=score,
        bar_end=lambda frame: frame["score_available_at"],
        bar_start=lambda frame: frame["score_available_at"] - timedelta(minutes=15),
        availability_basis="observed",
        is_backfilled=False,
        model_version="m",
    )


class Bar(NamedTuple):
    open: float
    close: float
    is_flat: bool


class Bars(NamedTuple):
    """An instrument's 3-minute bars by start, and its daily bars by date."""

    ticks: dict[datetime, Bar]
    daily: dict[date, Bar]

    def session(self, day: date, open_at: datetime, close_at: datetime) -> tuple[Bar, Bar] | None:
        """First and last bar of a session."""
        last_at = close_at - STEP
        if open_at in self.ticks and last_at in self.ticks:
            return self.ticks[open_at], self.ticks[last_at]
        return (self.daily[day], self.daily[day]) if day in self.daily else None


def read_off(prices: pd.DataFrame, instrument: str) -> Bars:
    own = prices[prices["instrument"] == instrument]
    intraday, daily = own[own["bar_interval"] == "3min"], own[own["bar_interval"] == "1d"]
    return Bars(
        {
            row.bar_start.to_pydatetime(): Bar(row.open, row.close, row.is_flat)
            for row in intraday.itertuples()
        },
        {row.trading_date: Bar(row.open, row.close, row.is_flat) for row in daily.itertuples()},
    )


Trade = tuple[str, datetime | None, float | None, datetime | None, float | None]


def by_hand(
    bars: Bars, sessions: list[tuple[date, datetime, datetime]], known: datetime, horizon: str
) -> Trade | None:
    """What the price did after a moment, looking at one bar after the other; None where nothing is asked."""
    number = bisect_left([close_at for _, _, close_at in sessions], known + timedelta(microseconds=1))
    is_open = number < len(sessions) and sessions[number][1] <= known
    entry: tuple[datetime, Bar] | None = None
    if is_open:
        _, open_at, close_at = sessions[number]
        at = open_at - STEP * ((open_at - known) // STEP)
        if at in bars.ticks and at < close_at:
            entry = at, bars.ticks[at]
    last: Bar | None = None
    if horizon == "next_day":
        later = number + is_open
        if later < len(sessions) and (then := bars.session(*sessions[later])):
            entry = entry or (sessions[later][1], then[0])
            end, last = sessions[later][2], then[1]
    elif not is_open:
        return None
    elif horizon == "close":
        end, last = close_at, (bars.session(*sessions[number]) or (None, None))[1]
    elif entry:
        end = entry[0] + timedelta(minutes=int(horizon.removesuffix("min")))
        if end > close_at:
            return "past_close", entry[0], entry[1].open, None, None
        last = bars.ticks.get(end - STEP)
    if not entry:
        return "no_entry_price", None, None, None, None
    bought = entry[0], entry[1].open
    if not last:
        return "no_exit_price", *bought, None, None
    if entry[1].is_flat or last.is_flat:
        return "flat_price", *bought, None, None
    return "complete", *bought, end, last.close


def test_returns_are_those_read_off_the_price_bars_by_hand(warehouse: Warehouse) -> None:
    rng = default_rng(1)
    sessions = warehouse.sessions(6)
    prices = bars_of_prices(sessions, rng)
    first, last = sessions[0][1] - timedelta(hours=3), sessions[-1][2] + timedelta(hours=3)
    minutes = rng.integers(0, int((last - first).total_seconds() / 60), 400)
    # Whole minutes fall on the starts of price bars too.
    moments = [first + timedelta(minutes=int(minute)) for minute in minutes]
    moments += [at + timedelta(seconds=float(rng.uniform(0, 60))) for at in moments]
    moments += [edge for _, *edges in sessions for edge in edges]
    names = ["NIFTY50", "SENSEX", "FINNIFTY", "MARKET", "TCS"]
    asked = [(names[n % 5], ("15min", "1d")[n % 7 == 0], at) for n, at in enumerate(sorted(set(moments)))]
    warehouse.put("validated.price_bars", prices)
    warehouse.put("marts.signal_bars", bars_of_scores(asked, np.ones(len(asked))))
    found = warehouse.run("signal_returns")

    got = {
        (row.instrument, row.score_available_at.to_pydatetime(), row.horizon): (
            row.return_status,
            *(
                None if pd.isna(value) else value
                for value in (row.entry_at, row.entry_price, row.exit_at, row.exit_price)
            ),
        )
        for row in found.itertuples()
    }
    expected: dict[tuple[str, datetime, str], Trade] = {}
    bars = {name: read_off(prices, name) for name in ("NIFTY50", "SENSEX", "FINNIFTY")}
    for instrument, interval, known in asked:
        horizons = ["next_day"] if interval == "1d" else ["15min", "30min", "60min", "close", "next_day"]
        for horizon in horizons if instrument != "TCS" else []:
            priced = "NIFTY50" if instrument == "MARKET" else instrument
            if (trade := by_hand(bars[priced], sessions, known, horizon)) is not None:
                expected[instrument, known, horizon] = trade
    assert got == expected
    statuses = Counter(trade[0] for trade in expected.values())
    names = ["complete", "no_entry_price", "past_close", "no_exit_price", "flat_price"]
    assert min(statuses[name] for name in names) > 10
    whole = found[found["return_status"] == "complete"]
    assert np.allclose(whole["forward_return"], whole["exit_price"] / whole["entry_price"] - 1, rtol=1e-12)


def test_what_is_known_later_is_bought_later(warehouse: Warehouse) -> None:
    sessions = warehouse.sessions(3)
    warehouse.put("validated.price_bars", bars_of_prices(sessions, default_rng(2)).assign(is_flat=False))
    open_at = sessions[0][1]
    asked = [("NIFTY50", "15min", open_at + timedelta(minutes=n)) for n in (0, 1, 3, 4, 372, 373, 375, 1000)]
    warehouse.put("marts.signal_bars", bars_of_scores(asked, np.ones(len(asked))))
    found = warehouse.run("signal_returns")
    next_day = found[found["horizon"] == "next_day"].sort_values("score_available_at")
    waits = [(entry - open_at) / timedelta(minutes=1) for entry in next_day["entry_at"]]
    next_open = (sessions[1][1] - open_at) / timedelta(minutes=1)
    assert waits == [0, 3, 3, 6, 372, next_open, next_open, next_open]
    assert next_day["entry_price"].nunique() == 5
    assert next_day["exit_at"].nunique() == 1


@pytest.mark.shared
def test_returns_of_real_bars_are_in_the_raw_price_file(real: Settings, shared: Path) -> None:
    with gzip.open(shared / "prices" / "NIFTY_3min_2025.csv.gz", "rt") as lines:
        raw = {row["datetime"]: row for row in csv.DictReader(lines)}
    found = rows(
        real,
        """
        select
            strftime(timezone('Asia/Kolkata', entry_at), '%Y-%m-%d %H:%M:%S'),
            strftime(timezone('Asia/Kolkata', exit_at - interval '3 minutes'), '%Y-%m-%d %H:%M:%S'),
            forward_return,
            score_available_at <= entry_at and entry_at - score_available_at < interval '3 minutes'
        from marts.signal_returns
        where instrument in ('NIFTY50', 'MARKET') and return_status = 'complete' and horizon <> 'next_day'
        """,
    )
    assert len(found) > 400
    for entry, last, forward_return, is_prompt in found:
        by_file = float(raw[str(last)]["close"]) / float(raw[str(entry)]["open"]) - 1
        assert forward_return == pytest.approx(by_file, abs=1e-12)
        assert is_prompt
    assert rows(real, "select distinct is_simulated from marts.signal_validation") == [(False,)]


# ---- From prices to verdicts ------------------------------------------------------------------------


Walk = tuple[Warehouse, list[tuple[str, str, datetime]], Doubles, Doubles]


@pytest.fixture
def walk(warehouse: Warehouse) -> Walk:
    """Bars known every 15 minutes of 40 sessions; the price's move in 15 minutes after and before each."""
    rng = default_rng(3)
    sessions = warehouse.sessions(40)
    prices = bars_of_prices(sessions, rng).assign(is_flat=False)
    warehouse.put("validated.price_bars", prices)
    nifty = prices[prices["instrument"] == "NIFTY50"].set_index("bar_start")
    known = [open_at + timedelta(minutes=15 * n) for _, open_at, _ in sessions for n in range(1, 24)]
    open_price = nifty["open"].to_dict()
    at = np.array([open_price[moment] for moment in known])
    after = np.array([open_price[moment + timedelta(minutes=15)] for moment in known])
    before = np.array([open_price[moment - timedelta(minutes=15)] for moment in known])
    return warehouse, [("NIFTY50", "15min", moment) for moment in known], after / at - 1, at / before - 1


def verdict(
    warehouse: Warehouse, asked: list[tuple[str, str, datetime]], score: Doubles, horizon: str = "15min"
) -> Any:
    warehouse.put("marts.signal_bars", bars_of_scores(asked, score))
    warehouse.run("signal_returns")
    found = warehouse.run("signal_validation").set_index("horizon")
    assert len(found) == 5
    return found.loc[horizon]


def test_a_signal_that_knows_the_future_is_found(walk: Walk) -> None:
    warehouse, asked, after, _ = walk
    perfect = verdict(warehouse, asked, after)
    assert perfect["ic"] == pytest.approx(1)
    assert perfect["hit_rate"] == 1
    assert (perfect["n_days"], perfect["ic_method"]) == (40, "none_no_variance")
    assert perfect["p_value"] == 2.0**-39, "no test of 40 days can claim less"
    assert perfect["p_adjusted"] < 1e-9
    noisy = verdict(warehouse, asked, after + default_rng(4).normal(0, after.std(), len(after)))
    assert 0.6 < noisy["ic_low"] < noisy["ic"] < noisy["ic_high"] < 0.8
    assert noisy["p_adjusted"] < 1e-9


def test_noise_shows_nothing(walk: Walk) -> None:
    warehouse, asked, _, _ = walk
    noise = verdict(warehouse, asked, default_rng(5).normal(size=len(asked)))
    assert noise["ic_low"] < 0 < noise["ic_high"]
    assert noise["p_value"] > 0.05
    assert noise["hit_rate_low"] < noise["hit_rate_by_chance"] < noise["hit_rate_high"]
    assert noise["min_detectable_ic"] == pytest.approx(2.84 / np.sqrt(noise["n_effective"]), rel=0.1)


def test_a_signal_that_repeats_the_past_shows_nothing_unless_returns_start_too_early(walk: Walk) -> None:
    warehouse, asked, _, before = walk
    past = verdict(warehouse, asked, before)
    assert past["ic_low"] < 0 < past["ic_high"]
    early = [(name, interval, moment - timedelta(minutes=15)) for name, interval, moment in asked]
    assert verdict(warehouse, early, before)["ic"] == pytest.approx(1), "the leak that the rule prevents"


# ---- The numbers ------------------------------------------------------------------------------------


def correlation(score: NDArray[Any], forward_return: NDArray[Any]) -> float:
    return float(stats.spearmanr(score, forward_return).statistic)


class Jackknife(NamedTuple):
    """By deleting one day after the other; ranks are those of all bars."""

    ic: float
    ic_low: float
    ic_high: float
    p_value: float
    se: float  # on Fisher's scale, as is the rest
    freedom: int
    quantile: float  # of t, at 0.975


def jackknife(frame: pd.DataFrame, is_lagged: bool) -> Jackknife:
    x, y = stats.rankdata(frame["score"]), stats.rankdata(frame["forward_return"])
    x, y = x - x.mean(), y - y.mean()
    days = frame["return_date"].to_numpy()
    names = np.unique(days)
    ic = np.corrcoef(x, y)[0, 1]
    shifts = np.array([np.corrcoef(x[days != day], y[days != day])[0, 1] - ic for day in names])
    overlap = 2 * max(0.0, float(shifts[1:] @ shifts[:-1])) if is_lagged else 0.0
    variance = (len(names) - 1) / len(names) * (shifts @ shifts + overlap) / (1 - ic**2) ** 2
    share = np.array([np.sqrt((x[days == day] ** 2).sum() * (y[days == day] ** 2).sum()) for day in names])
    freedom = max(1, round(share.sum() ** 2 / (share**2).sum() - 1))
    se = np.sqrt(max(variance, 1 / max(1, len(frame) - 3)))
    quantile = stats.t.ppf(0.975, freedom)
    p = 2 * stats.t.sf(abs(np.arctanh(ic)) / se, freedom)
    low, high = np.tanh(np.arctanh(ic) + np.array([-1, 1]) * quantile * se)
    return Jackknife(ic, low, high, max(p, 2.0 ** (1 - len(names))), se, freedom, quantile)


def test_measures_equal_their_definitions_computed_by_hand(warehouse: Warehouse) -> None:
    """Ties, zeros, uneven days, odd and even degrees of freedom, and returns over a close."""
    rng = default_rng(6)
    frames = []
    for number, n_days in enumerate([2, 6, 7, 8, 9, 12, 15, 30, 60]):
        days = np.repeat(np.arange(n_days), rng.integers(1, 12, n_days))
        score = np.round(rng.normal(0, 1, len(days)) + 0.5 * rng.normal(0, 1, n_days)[days], 1)
        forward = np.round(0.2 * score * (number % 2) + rng.normal(0, 1, len(days)), 1)
        overlap = number % 3 == 1
        horizon = "next_day" if overlap else "30min"
        frames.append(returns(score, forward, days, int(overlap), f"I{n_days}", horizon))
    warehouse.put("marts.signal_returns", pd.concat(frames))
    found = warehouse.run("signal_validation").set_index("instrument")

    ps, words = [], set()
    for frame in frames:
        name, horizon = frame["instrument"].iloc[0], frame["horizon"].iloc[0]
        row = found.loc[name]
        score, forward = frame["score"].to_numpy(), frame["forward_return"].to_numpy()
        assert row["ic"] == pytest.approx(correlation(score, forward), abs=1e-12)
        assert (row["n_bars"], row["n_days"]) == (len(frame), frame["return_date"].nunique())
        is_signed = (score != 0) & (forward != 0)
        assert (row["n_signed"], row["n_zero"]) == (is_signed.sum(), (~is_signed).sum())
        assert row["hit_rate"] == pytest.approx((score * forward > 0).sum() / is_signed.sum())

        neighbours = frame[frame["bar_start"].shift(-1) == frame["bar_end"]].index
        now, later = score[neighbours], score[neighbours + 1]
        position = (2 * stats.rankdata(score) - 1) / len(score) - 1
        assert row["n_consecutive"] == len(now)
        traded = np.abs(position[neighbours + 1] - position[neighbours])
        assert row["turnover"] == pytest.approx(traded.mean())
        assert row["autocorrelation"] == pytest.approx(np.corrcoef(now, later)[0, 1], abs=1e-9)

        daily = [
            correlation(day["score"].to_numpy(), day["forward_return"].to_numpy())
            for _, day in frame.groupby("return_date")
            if len(day) >= 5 and day["score"].nunique() > 1 and day["forward_return"].nunique() > 1
        ]
        if horizon == "next_day":
            assert row["n_days_daily"] == 0
        else:
            assert row["n_days_daily"] == len(daily)
            assert row["ic_daily_mean"] == pytest.approx(np.mean(daily), abs=1e-9)
            if len(daily) >= 6:
                half = stats.t.ppf(0.975, len(daily) - 1) * stats.sem(daily)
                assert row["ic_daily_high"] == pytest.approx(np.mean(daily) + half, abs=1e-6)

        if row["n_days"] < 6:
            assert (row["ic_method"], row["power_note"]) == (
                "none_few_days",
                "underpowered: too few days (2), an interval takes 6",
            )
            assert row[["ic_low", "p_value", "p_adjusted", "hit_rate_low", "n_days_needed"]].isna().all()
            continue
        is_lagged = horizon == "next_day"
        assert row["ic_method"] == "day_jackknife_fisher_t" + "_lag1" * is_lagged
        expected = jackknife(frame, is_lagged)
        measured = tuple(row[["ic", "ic_low", "ic_high", "p_value"]])
        assert measured == pytest.approx(expected[:4], abs=2e-6)
        assert row["n_effective"] == pytest.approx(3 + expected.se**-2, rel=1e-5)
        assert row["n_effective"] < len(frame) + 1e-6
        # The chance that this size is found, by the noncentral t, which the closed form stands for.
        deviate = np.arctanh(row["min_detectable_ic"]) / expected.se
        power = stats.nct.sf(expected.quantile, expected.freedom, deviate)
        assert power == pytest.approx(0.8, abs=0.025)
        bars_needed = 3 + ((1.96 + 0.8416) / np.arctanh(0.1)) ** 2
        assert row["n_days_needed"] == np.ceil(bars_needed / (row["n_effective"] / row["n_days"]))
        is_bounded = 3 + expected.se**-2 > len(frame) - 1e-6
        takes = "at least" if is_bounded else "some"
        assert row["power_note"].endswith(f"; one of 0.1 takes {takes} {row['n_days_needed']:.0f}")
        words.add(takes)
        ps.append((expected.p_value, row["p_adjusted"]))

    assert words == {"at least", "some"}
    ps.sort()
    holm = np.maximum.accumulate([min(1, p * (len(ps) - n)) for n, (p, _) in enumerate(ps)])
    assert set(found["n_combinations"]) == {len(ps)} == {8}
    assert [adjusted for _, adjusted in ps] == pytest.approx(list(holm), abs=1e-5)


def test_order_of_rows_changes_nothing(warehouse: Warehouse) -> None:
    rng = default_rng(7)
    days = np.repeat(np.arange(20), 24)
    frame = returns(rng.normal(size=480), rng.normal(size=480), days)
    warehouse.put("marts.signal_returns", frame)
    expected = warehouse.run("signal_validation")
    warehouse.put("marts.signal_returns", frame.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(warehouse.run("signal_validation"), expected, check_exact=True)


def test_the_demo_is_called_simulated_and_too_short(demo: Settings) -> None:
    assert rows(demo, "select distinct is_simulated from marts.signal_validation") == [(True,)]
    assert rows(demo, "select count(*) from marts.signal_validation where ic_low is not null") == [(0,)]
    (found,) = rows(
        demo,
        """
        select n_bars > 10, n_days, power_note from marts.signal_validation
        where instrument = 'MARKET' and bar_interval = '15min' and horizon = '30min'
        """,
    )
    assert found == (True, 1, "underpowered: too few days (1), an interval takes 6")


# ---- Coverage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_days", [6, 20])
@pytest.mark.parametrize("draw", [draw for draw in SETTINGS if draw is not is_followed])
def test_intervals_cover_when_there_is_nothing_to_find(
    models: dict[str, str], draw: Drawing, n_days: int
) -> None:
    """docs/signal-validation.md has the figures of many more draws."""
    found = validated(models["signal_validation"], drawn_returns(draw, n_days, 200, default_rng(8)))
    tested = found[found["ic_low"].notna()]
    assert len(tested) > 150
    # Three standard errors of a share of 200 draws are 4.6 points.
    assert ((tested["ic_low"] < 0) & (tested["ic_high"] > 0)).mean() > 0.904
    signed = tested[tested["hit_rate_low"].notna()]
    assert ((signed["hit_rate_low"] < 0.5) & (signed["hit_rate_high"] > 0.5)).mean() > 0.88
    assert (tested["p_value"] < 0.05).mean() < 0.096


def test_what_is_there_is_covered_and_found_as_often_as_its_size_promises(models: dict[str, str]) -> None:
    rng = default_rng(9)
    ic, _ = truth(is_followed, rng)
    found = validated(models["signal_validation"], drawn_returns(is_followed, 20, 200, rng))
    assert ((found["ic_low"] < ic) & (found["ic_high"] > ic)).mean() > 0.904
    # At the size that is found four times in five, give or take what that size varies by itself.
    assert found["min_detectable_ic"].median() == pytest.approx(ic, rel=0.15)
    assert 0.65 < (found["p_value"] < 0.05).mean() < 0.9


def test_days_that_agree_on_nothing_are_no_finding(models: dict[str, str]) -> None:
    """Eight days of the same four bars, whose ranks do not correlate; and scores that are all the same."""
    days = np.repeat(np.arange(8), 4)
    score, forward_return = np.tile([1.0, 2, 3, 4], 8), np.tile([2.0, 4, 1, 3], 8)
    frames = [
        returns(score, np.tile([2.0, 3, 3, 2], 8), days, instrument="NONE"),
        returns(score * 0, forward_return, days, instrument="SAME"),
    ]
    found = validated(models["signal_validation"], pd.concat(frames)).set_index("instrument")
    none, same = found.loc["NONE"], found.loc["SAME"]
    assert (none["ic"], none["p_value"], none["ic_method"]) == (0, 1, "none_no_variance")
    assert none["power_note"] == "no interval: its days do not differ, or only one does"
    assert pd.isna(same["ic"])
    assert pd.isna(same["p_value"])
    assert same["power_note"] == "no IC: scores or returns are all the same"
