"""Do the intervals of `marts.signal_validation` hold: `python -m tests.eval_validation`.

Scores and returns are drawn from generators of which the truth is known, seen as captures see them (some
days whole, of some one bar in three or ten), and put through the model's own SQL, as dbt compiles it. Prints
the table of docs/signal-validation.md: how often 95 % intervals hold the truth, beside intervals that take
every bar as independent, and how often p is below 0.05, which should be 5 % where there is nothing to find.

The generators are frozen: an interval is chosen to hold on them, never they to suit an interval.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import date, timedelta
from itertools import product

import duckdb
import numpy as np
import pandas as pd
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from scipy import stats

from config import ROOT
from tests.compiled import compiled

FIRST = date(2025, 6, 2)
DAYS = (6, 12, 20, 60)
_TRUTH_DAYS = 20_000

Doubles = NDArray[np.float64]
Draw = tuple[Doubles, Doubles]
"""Scores and returns, each of shape (days, bars)."""
Drawing = Callable[[Generator, int], Draw]


def follows_nothing(rng: Generator, n_days: int) -> Draw:
    """Persistent scores with a mood of the day; returns of an hour that overlap, on calm and wild days."""
    mood = rng.normal(size=(n_days, 1))
    score = 0.9 * np.cumsum(rng.normal(0, 0.4, (n_days, 24)), axis=1) + mood
    steps = rng.standard_t(4, (n_days, 27)) * np.exp(rng.normal(0, 0.5, (n_days, 1)))
    walk = np.cumsum(steps, axis=1)
    return score, walk[:, 3:] - np.pad(walk, ((0, 0), (1, 0)))[:, :24]


def follows_the_price(rng: Generator, n_days: int) -> Draw:
    """Scores that cheer when the price has risen since the open; returns to the close."""
    walk = np.cumsum(rng.standard_t(4, (n_days, 25)), axis=1)
    return walk[:, :24] / 3 + rng.normal(size=(n_days, 24)), walk[:, [24]] - walk[:, :24]


def has_a_mood(rng: Generator, n_days: int) -> Draw:
    """One score a day, nearly; returns to the close: days are all that there is."""
    mood = rng.normal(size=(n_days, 1)) + 0.3 * rng.normal(size=(n_days, 24))
    walk = np.cumsum(rng.standard_t(4, (n_days, 25)), axis=1)
    return mood, walk[:, [24]] - walk[:, :24]


def _lasting(rng: Generator, n_days: int, memory: float) -> Doubles:
    """A mood of each day that keeps so much of the day's before: [days, 1]."""
    mood = np.zeros((n_days, 1))
    for day in range(n_days):
        mood[day] = memory * mood[day - 1] * (day > 0) + rng.normal()
    return mood


def has_a_lasting_mood(rng: Generator, n_days: int) -> Draw:
    """Moods that last for days; returns to the next day's close."""
    mood = _lasting(rng, n_days, 0.7)
    walk = np.cumsum(rng.standard_t(4, (n_days, 25)), axis=1)
    gap = 2 * rng.standard_t(4, n_days + 1)
    following = np.append(walk[1:, 24], np.cumsum(rng.standard_t(4, 25))[-1]) + gap[1:]
    return mood + 0.5 * rng.normal(size=(n_days, 24)), walk[:, [24]] - walk[:, :24] + following[:, None]


def speaks_once_a_day(rng: Generator, n_days: int) -> Draw:
    """A bar a day, as of interval 1d, of a mood that lasts; returns of the next session."""
    return np.round(_lasting(rng, n_days, 0.5), 1), rng.standard_t(4, (n_days, 1))


def is_followed(rng: Generator, n_days: int) -> Draw:
    """Scores like those that follow nothing, which returns follow."""
    score, forward_return = follows_nothing(rng, n_days)
    return score, forward_return + 0.8 * score


SETTINGS: dict[Drawing, str] = {
    follows_nothing: "nothing: persistent score, overlapping hourly returns",
    follows_the_price: "nothing: score that follows the day's price, to the close",
    has_a_mood: "nothing: one mood a day, to the close",
    has_a_lasting_mood: "nothing: moods that last for days, to the next close",
    speaks_once_a_day: "nothing: a bar a day",
    is_followed: "persistent score that hourly returns follow",
}


def _is_seen(rng: Generator, scores: Doubles) -> NDArray[np.bool_]:
    """Which bars captures see; a bar a day is always seen."""
    share = rng.choice([0.1, 0.3, 1.0], (*scores.shape[:-1], 1))
    return rng.random(scores.shape) < (share if scores.shape[-1] > 1 else 1)


def returns(
    score: Doubles,
    forward_return: Doubles,
    days: NDArray[np.int64],
    overlap: int = 0,
    instrument: object = "NIFTY50",
    horizon: str = "15min",
) -> pd.DataFrame:
    """Rows of ``marts.signal_returns``, one a bar; the bars of a day follow each other."""
    frame = pd.DataFrame(
        {"instrument": instrument, "day": days, "score": score, "forward_return": forward_return}
    )
    place = frame.groupby(["instrument", "day"]).cumcount()
    minutes = 1440 * frame["day"] + 225 + 15 * place
    start = pd.Timestamp(FIRST, tz="UTC") + pd.to_timedelta(minutes, unit="min")
    dates = {day: FIRST + timedelta(days=day) for day in range(-1, int(days.max()) + 1)}
    return frame.assign(
        channel="x",
        bar_interval="15min",
        horizon=horizon,
        price_instrument="NIFTY50",
        availability_basis="observed",
        is_backfilled=False,
        bar_start=start,
        bar_end=start + timedelta(minutes=15),
        entry_date=(frame["day"] - overlap).map(dates),
        return_date=frame["day"].map(dates),
    ).drop(columns="day")


def drawn_returns(draw: Drawing, n_days: int, n_draws: int, rng: Generator) -> pd.DataFrame:
    """Draws, each an instrument."""
    draws = np.stack([draw(rng, n_days) for _ in range(n_draws)])
    score, forward_return = draws[:, 0], draws[:, 1]
    number, day, _ = np.indices(score.shape)
    seen = _is_seen(rng, score)
    overlap = int(draw is has_a_lasting_mood)
    return returns(score[seen], forward_return[seen], day[seen], overlap, number[seen].astype(str))


def truth(draw: Drawing, rng: Generator) -> tuple[float, float]:
    """Rank correlation and share of signs that are right, over very many days."""
    score, forward_return = draw(rng, _TRUTH_DAYS)
    seen = _is_seen(rng, score)
    score, forward_return = score[seen], forward_return[seen]
    is_signed = score * forward_return != 0
    hits = (score * forward_return > 0)[is_signed].mean()
    return float(stats.spearmanr(score, forward_return).statistic), float(hits)


def validated(sql: str, frame: pd.DataFrame) -> pd.DataFrame:
    """``marts.signal_validation`` of such returns, by the model's SQL."""
    with duckdb.connect() as database:
        database.execute("set TimeZone = 'UTC'")
        database.execute("attach ':memory:' as warehouse; use warehouse")
        for schema in ("raw", "seeds", "marts"):
            database.execute(f"create schema {schema}")
        seed = ROOT / "warehouse" / "seeds" / "student_t_quantiles.csv"
        database.execute(f"create table seeds.student_t_quantiles as from read_csv('{seed}')")
        database.execute("create table raw.tweets as select 'archive' as source")
        database.register("frame", frame)
        database.execute("create table marts.signal_returns as from frame")
        return database.sql(sql).df()


def _holds(low: pd.Series, high: pd.Series, value: float) -> str:
    return f"{100 * ((low <= value) & (high >= value)).mean():.1f}"


def row(sql: str, draw: Drawing, n_days: int, n_draws: int) -> list[str]:
    """A setting's row of the table."""
    ic, hit_rate = truth(draw, default_rng(1)) if draw is is_followed else (0.0, 0.5)
    found = validated(sql, drawn_returns(draw, n_days, n_draws, default_rng(n_days)))
    tested = found[found["ic_low"].notna() & found["hit_rate_low"].notna()]
    z, z_se = np.arctanh(tested["ic"]), 1 / np.sqrt(tested["n_bars"] - 3)
    wilson = 1.96**2 / tested["n_signed"]
    centre = (tested["hit_rate"] + wilson / 2) / (1 + wilson)
    half = np.sqrt(tested["hit_rate"] * (1 - tested["hit_rate"]) * wilson + wilson**2 / 4) / (1 + wilson)
    return [
        SETTINGS[draw],
        str(n_days),
        _holds(tested["ic_low"], tested["ic_high"], ic),
        _holds(np.tanh(z - 1.96 * z_se), np.tanh(z + 1.96 * z_se), ic),
        _holds(tested["hit_rate_low"], tested["hit_rate_high"], hit_rate),
        _holds(centre - half, centre + half, hit_rate),
        f"{100 * (tested['p_value'] < 0.05).mean():.1f}",
        f"{tested['min_detectable_ic'].median():.2f}",
    ]


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=1_000, help="draws a setting (1,000)")
    n_draws = parser.parse_args().draws
    (sql,) = compiled("marts_signal_validation").values()
    heads = ["there is", "days", "IC", "independent", "hit rate", "independent", "p < 0.05", "detectable IC"]
    print(*("", *heads, ""), sep=" | ")
    print("|---" * len(heads) + "|")
    for draw, n_days in product(SETTINGS, DAYS):
        print(*("", *row(sql, draw, n_days, n_draws), ""), sep=" | ", flush=True)


if __name__ == "__main__":
    main()
