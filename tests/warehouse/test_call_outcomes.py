"""Call outcomes against a replay bar by bar, against the future, and track records against scipy."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from config import Settings
from tests.warehouse.conftest import dbt

SESSIONS = [date(2026, 3, day) for day in (9, 10, 11, 12, 13, 16, 17)]
MODELS = ["marts_call_outcomes", "marts_author_track_record"]
MINUTES = 3


class Bar(NamedTuple):
    start: datetime
    open: float
    high: float
    low: float
    close: float

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=MINUTES)


class Call(NamedTuple):
    tweet_id: str
    author: str
    posted: datetime
    side: str
    entry: tuple[float, float] | None
    stop: float | None
    targets: list[float]


class Trade(NamedTuple):
    """What is compared; None where nothing was entered."""

    outcome: str
    rule: str
    entry_at: datetime | None = None
    entry: float | None = None
    exit_at: datetime | None = None
    exit: float | None = None
    assumed: bool | None = None
    reached: int | None = None
    best: float | None = None
    worst: float | None = None


def opening(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 3, 45, tzinfo=UTC)


def closing(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 10, tzinfo=UTC)


def make_bars(chance: random.Random) -> list[Bar]:
    """A coarse random walk, so that bars often touch, tie and jump; nights jump further."""
    bars, price = [], 1000.0
    for day in SESSIONS:
        price += chance.randint(-12, 12)
        start = opening(day)
        while start < closing(day):
            path = [price + chance.choice((0, 0, -2, -1, 1, 2))]
            for _ in range(4):
                path.append(path[-1] + chance.choice((-2, -1, 0, 1, 2)))
            price = path[-1]
            bars.append(Bar(start, path[0], max(path), min(path), price))
            start += timedelta(minutes=MINUTES)
    return bars


def make_calls(chance: random.Random, bars: list[Bar], n: int) -> list[Call]:
    """Calls at any hour, with levels around the price; no two of an author have the same plan."""
    calls, seen = [], set()
    first, last = bars[0].start - timedelta(hours=2), bars[-1].start - timedelta(hours=10)
    while len(calls) < n:
        posted = first + (last - first) * chance.random()
        price = max((bar for bar in bars if bar.start <= posted), default=bars[0]).close
        up = chance.choice((1, -1))
        near, far = sorted(price + up * chance.randint(-12, 12) for _ in range(2))
        entry = chance.choice((None, (near, far), (near, near), (far, far)))
        worst, best = entry or (price, price)
        if up < 0:
            worst, best = best, worst
        targets = [best + up * step for step in sorted(chance.sample(range(1, 40), chance.randint(0, 3)))]
        stop = worst - up * chance.randint(1, 25) if chance.random() < 0.8 or not targets else None
        author = f"@author{int(chance.paretovariate(0.7)) % 60}"
        plan = (author, up, entry, stop, tuple(targets[:1]))
        if plan not in seen:
            seen.add(plan)
            calls.append(
                Call(str(10**18 + len(calls)), author, posted, "buy" if up > 0 else "sell", entry, stop, targets)
            )
    return calls


def replay(call: Call, bars: list[Bar]) -> Trade:
    """Reads the bars after the call one by one, as marts.call_outcomes is described."""
    is_buy = call.side == "buy"
    day = next(d for d in SESSIONS if call.posted <= closing(d) - timedelta(minutes=MINUTES))
    watched = [
        (before, bar) for before, bar in pairwise(bars) if call.posted <= bar.start and bar.start < closing(day)
    ]
    target = call.targets[0] if call.targets else None

    def beats(one: float, other: float) -> bool:
        return one > other if is_buy else one < other

    def better(one: float, other: float) -> float:
        return one if beats(one, other) else other

    rule, entry, place = "", 0.0, 0
    for place, (before, bar) in enumerate(watched):
        low, high = call.entry or (0.0, 0.0)
        if call.entry is None:
            rule, entry = "market", bar.open
        elif low <= bar.open <= high:
            rule, entry = "in_zone", bar.open
        elif before.close < low and bar.open > high or before.close > high and bar.open < low:
            rule, entry = "gap", bar.open
        elif bar.open < low <= bar.high:
            rule, entry = "breakout" if is_buy else "pullback", low
        elif bar.open > high >= bar.low:
            rule, entry = "pullback" if is_buy else "breakout", high
        if rule:
            break
    if not rule:
        return Trade("not_entered", "not_touched")
    if call.stop is not None and not beats(entry, call.stop):
        return Trade("not_entered", "beyond_stop")
    if target is not None and not beats(target, entry):
        return Trade("not_entered", "beyond_target")

    outcome, exit_price, exit_bar, is_assumed = "", 0.0, watched[-1][1], False
    best = worst = furthest = entry
    for place_held, (_, bar) in enumerate(watched[place:]):
        is_inside = place_held == 0 and rule in ("breakout", "pullback")
        good, bad = (bar.high, bar.low) if is_buy else (bar.low, bar.high)
        if is_inside and rule == "pullback":
            good = better(entry, bar.close)
        is_stopped = call.stop is not None and not beats(bad, call.stop)
        is_reached = target is not None and not beats(target, good)
        opens_beyond = not is_inside and target is not None and not beats(target, bar.open)
        if not outcome and is_reached and (not is_stopped or opens_beyond):
            assert target is not None
            outcome, exit_bar = "target_first", bar
            exit_price = better(bar.open, target) if not is_inside else target
            if not opens_beyond or bar.open == target:
                worst = bad if beats(worst, bad) else worst
        elif not outcome and is_stopped:
            assert call.stop is not None
            outcome, exit_bar = "stop_first", bar
            opens_stopped = not is_inside and not beats(bar.open, call.stop)
            exit_price = bar.open if opens_stopped else call.stop
            is_certain = opens_stopped or (is_inside and rule == "pullback") or (not is_inside and not is_reached)
            if is_inside and rule == "breakout":
                is_certain = not is_reached and not beats(bar.close, call.stop)
            is_assumed = not is_certain
        elif not outcome:
            best = better(best, good)
            worst = bad if beats(worst, bad) else worst
        if is_stopped:
            break
        furthest = better(furthest, good)
    if not outcome:
        outcome, exit_price = "expired", exit_bar.close
    best = better(best, exit_price)
    worst = exit_price if beats(worst, exit_price) else worst
    if outcome == "target_first":
        furthest = better(furthest, exit_price)
    return Trade(
        outcome,
        rule,
        watched[place][1].start,
        entry,
        exit_bar.end,
        exit_price,
        is_assumed,
        sum(not beats(goal, furthest) for goal in call.targets),
        abs(best - entry) / entry * 100,
        -abs(worst - entry) / entry * 100,
    )


def fill(root: Settings, calls: list[Call], bars: list[Bar]) -> None:
    """Puts the calls and bars in place of a built root's own, and runs the models on them."""
    with duckdb.connect(str(root.build_db)) as connection:
        connection.sql("set timezone = 'UTC'")
        made_calls = pa.table(
            {
                "tweet_id": [call.tweet_id for call in calls],
                "author": [call.author for call in calls],
                "posted": pa.array([call.posted for call in calls], pa.timestamp("us", "UTC")),
                "day": [next(d for d in SESSIONS if call.posted < closing(d)) for call in calls],
                "side": [call.side for call in calls],
                "low": [call.entry and call.entry[0] for call in calls],
                "high": [call.entry and call.entry[1] for call in calls],
                "stop": [call.stop for call in calls],
                "targets": pa.array([call.targets for call in calls], pa.list_(pa.float64())),
            }
        )
        made_bars = pa.table(
            {
                "start": pa.array([bar.start for bar in bars], pa.timestamp("us", "UTC")),
                **{name: [getattr(bar, name) for bar in bars] for name in ("open", "high", "low", "close")},
            }
        )
        connection.register("made_calls", made_calls)
        connection.register("made_bars", made_bars)
        for table in ("validated.tweets", "processed.trade_calls", "validated.price_bars"):
            connection.execute(f"create or replace temp table template as select * from {table} limit 1")
            connection.execute(f"delete from {table}")
            connection.execute(
                {
                    "validated.tweets": """
                        insert into validated.tweets select t.* replace (
                            c.tweet_id as tweet_id, author as author_key, posted as posted_at, day as trading_date,
                            posted + interval '5 minutes' as known_at, 'id' as posted_at_basis, 'a call' as text,
                            null as retweeted_tweet_id, null as edit_tweet_ids, [] as parse_warnings
                        ) from template as t, made_calls as c
                        """,
                    "processed.trade_calls": """
                        insert into processed.trade_calls select t.* replace (
                            c.tweet_id as tweet_id, 1 as call_number, 'NIFTY50' as instrument, c.side as side,
                            null as leg, null as strike, low as entry_low, high as entry_high, c.stop as stop,
                            c.targets as targets, posted as posted_at
                        ) from template as t, made_calls as c
                        """,
                    "validated.price_bars": """
                        insert into validated.price_bars select t.* replace (
                            'NIFTY' as symbol, 'NIFTY50' as instrument, '3min' as bar_interval, start as bar_start,
                            cast(start as date) as trading_date, true as is_in_session, b.open as open,
                            b.high as high, b.low as low, b.close as close
                        ) from template as t, made_bars as b
                        """,
                }[table]
            )
    done = dbt(root, "run", "--select", *MODELS)
    assert done.returncode == 0, done.stdout[-4000:]


def answers(root: Settings) -> dict[str, tuple[Trade, datetime | None]]:
    """The model's rows and when each was known."""
    with duckdb.connect(str(root.build_db), read_only=True) as connection:
        found = connection.sql(
            """
            select
                tweet_id, outcome, coalesce(entry_rule, not_judged_reason), epoch_ms(entry_at), entry_price,
                epoch_ms(exit_at), exit_price, is_order_assumed, n_targets_reached, best_excursion_pct,
                worst_excursion_pct, epoch_ms(resolved_at)
            from marts.call_outcomes
            """
        ).fetchall()

    def when(value: int | None) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value / 1000, UTC)

    return {
        row[0]: (Trade(row[1], row[2], when(row[3]), row[4], when(row[5]), *row[6:11]), when(row[11]))
        for row in found
    }


@pytest.fixture(scope="module")
def copied(demo: Settings, new_root: Callable[[str], Settings]) -> Settings:
    """The demo root's build, to be changed."""
    root = new_root("calls")
    root.build.mkdir(parents=True)
    shutil.copy(demo.build_db, root.build_db)
    return root


def test_outcomes_equal_a_replay_and_bars_of_the_future_change_none(copied: Settings) -> None:
    chance = random.Random(5)
    bars = make_bars(chance)
    calls = make_calls(chance, bars, 3000)
    fill(copied, calls, bars)
    judged = answers(copied)
    assert judged.keys() == {call.tweet_id for call in calls}
    for call in calls:
        expected, (found, resolved) = replay(call, bars), judged[call.tweet_id]
        assert found[:8] == expected[:8], call
        assert found[8:] == pytest.approx(expected[8:], abs=1e-9), call
        assert found.entry_at is None or found.entry_at >= call.posted
        assert resolved is not None
        assert resolved >= max(call.posted + timedelta(minutes=5), found.exit_at or call.posted)
    kinds = {(trade.outcome, trade.rule, bool(trade.assumed)) for trade, _ in judged.values()}
    rules = ("market", "in_zone", "gap", "breakout", "pullback")
    assert kinds >= {(outcome, rule, False) for outcome in ("target_first", "expired") for rule in rules}
    assert kinds >= {("stop_first", rule, False) for rule in rules}
    assert kinds >= {("stop_first", "breakout", True)}
    assert kinds >= {("not_entered", rule, False) for rule in ("not_touched", "beyond_stop", "beyond_target")}

    with duckdb.connect(str(copied.build_db), read_only=True) as connection:
        records = connection.sql(
            """
            select author_key, n_target_first, n_rated, hit_rate_shrunk, hit_rate_low, hit_rate_high,
                hit_rate_method, crowd_hit_rate, prior_calls
            from marts.author_track_record where n_rated > 0
            """
        ).fetchall()
    hits, rated = np.array([row[1] for row in records]), np.array([row[2] for row in records])
    pooled = hits.sum() / rated.sum()
    chi = (rated * (hits / rated - pooled) ** 2).sum() / (pooled * (1 - pooled))
    spare = len(rated) - 1
    rho = (chi - spare) / (rated.sum() - (rated**2).sum() / rated.sum() - spare)
    mean = (hits.sum() + 0.5) / (rated.sum() + 1)
    strength = np.clip((1 - rho) / rho if rho > 1 / 1001 else 1000, 2 / min(mean, 1 - mean), 1000)
    for row in records:
        a, b = mean * strength + row[1], (1 - mean) * strength + row[2] - row[1]
        assert row[6] == "beta_binomial_moments"
        assert row[7:] == pytest.approx((mean, strength), rel=1e-9)
        assert row[3] == pytest.approx(a / (a + b), abs=1e-9)
        assert row[4:6] == pytest.approx(stats.beta.ppf((0.025, 0.975), a, b), abs=0.004)

    # The same calls when the last sessions have not come yet: what was known then is the same.
    cut = bars[len(bars) * 4 // 7 + 40].start
    fill(copied, calls, [bar for bar in bars if bar.end <= cut])
    earlier = answers(copied)
    for tweet_id, (trade, resolved) in judged.items():
        before, known = earlier[tweet_id]
        assert resolved is not None
        if resolved <= cut:
            assert (before._replace(reached=trade.reached), known) == (trade, resolved)
        else:
            assert before.outcome == "not_judged" or (known is not None and known > cut)
