"""Call outcomes against a replay bar by bar and the future; track records against scipy and deletions."""

from __future__ import annotations

import random
import shutil
from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate, pairwise
from operator import attrgetter
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from config import Settings
from tests.warehouse.conftest import dbt

SESSIONS = [date(2026, 3, day) for day in (9, 10, 11, 12, 13, 16, 17)]
OPEN, CLOSE = time(3, 45, tzinfo=UTC), time(10, tzinfo=UTC)
LENGTH = timedelta(minutes=3)
KNOWN_AFTER = timedelta(minutes=5)

# A row of each table, with what matters replaced.
FILLED = {
    "validated.tweets": """
        c.tweet_id as tweet_id, author as author_key, posted as posted_at, day as trading_date,
        posted + interval '5 minutes' as known_at, 'id' as posted_at_basis, [] as parse_warnings,
        'a call' as text, null as retweeted_tweet_id, null as edit_tweet_ids
        """,
    "processed.trade_calls": """
        c.tweet_id as tweet_id, 1 as call_number, 'NIFTY50' as instrument, c.side as side, null as leg,
        null as strike, low as entry_low, high as entry_high, c.stop as stop, c.targets as targets
        """,
    "validated.price_bars": """
        'NIFTY' as symbol, 'NIFTY50' as instrument, '3min' as bar_interval, start as bar_start,
        cast(start as date) as trading_date, true as is_in_session, c.open as open, c.high as high,
        c.low as low, c.close as close
        """,
}


class Bar(NamedTuple):
    start: datetime
    open: float
    high: float
    low: float
    close: float


class Call(NamedTuple):
    tweet_id: str
    author: str
    posted: datetime
    side: str
    entry: tuple[float, float] | None
    stop: float | None
    targets: list[float]


class Answer(NamedTuple):
    """A row of marts.call_outcomes, as far as it is compared."""

    outcome: str
    rule: str
    entry_at: datetime | None = None
    entry: float | None = None
    exit_at: datetime | None = None
    exit: float | None = None
    is_assumed: bool | None = None
    best: float | None = None
    worst: float | None = None
    resolved_at: datetime | None = None


class Case(NamedTuple):
    root: Settings
    bars: list[Bar]
    calls: list[Call]
    answers: dict[str, Answer]


def make_bars(chance: random.Random) -> list[Bar]:
    """A coarse walk, so that bars often touch, tie and jump; nights jump further."""
    bars, price = [], 1000.0
    for day in SESSIONS:
        price += chance.randint(-12, 12)
        start = datetime.combine(day, OPEN)
        while start < datetime.combine(day, CLOSE):
            stride = 8 if chance.random() < 0.1 else 1
            first = price + chance.choice((0, 0, -2, -1, 1, 2))
            path = list(
                accumulate((stride * chance.choice((-2, -1, 0, 1, 2)) for _ in range(4)), initial=first)
            )
            price = path[-1]
            bars.append(Bar(start, first, max(path), min(path), price))
            start += LENGTH
    return bars


def make_calls(chance: random.Random, bars: list[Bar], n: int) -> list[Call]:
    """Calls at any hour with levels around the price; no two of an author have the same plan."""
    calls: dict[object, Call] = {}
    first, last = bars[0].start, bars[-1].start - timedelta(hours=10)
    while len(calls) < n:
        posted = (first + (last - first) * chance.random()).replace(microsecond=0)
        price = bars[bisect_right(bars, posted, key=attrgetter("start")) - 1].close
        low, high = sorted(price + chance.randint(-12, 12) for _ in range(2))
        entry = chance.choice((None, (low, high), (low, low)))
        ends = entry or (price, price)
        up = chance.choice((1, -1))
        steps = sorted(chance.sample(range(1, 40), chance.randint(0, 3)))
        targets = [max(ends) + step if up > 0 else min(ends) - step for step in steps]
        risk = chance.randint(1, 15)
        stop = min(ends) - risk if up > 0 else max(ends) + risk
        call = Call(
            str(10**18 + len(calls)),
            f"@author{int(chance.paretovariate(0.7)) % 60}",
            posted,
            "buy" if up > 0 else "sell",
            entry,
            stop if chance.random() < 0.8 or not targets else None,
            targets,
        )
        calls.setdefault((call.author, up, entry, call.stop, *targets[:1]), call)
    return list(calls.values())


def replay(call: Call, bars: list[Bar]) -> Answer:
    """Reads the bars after the call one by one, as marts.call_outcomes is described."""
    is_buy = call.side == "buy"
    close = next(
        closed for day in SESSIONS if call.posted <= (closed := datetime.combine(day, CLOSE)) - LENGTH
    )
    watched = [(before, bar) for before, bar in pairwise(bars) if call.posted <= bar.start < close]
    known = call.posted + KNOWN_AFTER
    target = call.targets[0] if call.targets else None

    def beats(one: float, other: float) -> bool:
        return one > other if is_buy else one < other

    def better(one: float, other: float) -> float:
        return one if beats(one, other) else other

    def worse(one: float, other: float) -> float:
        return other if beats(one, other) else one

    rule, entry = "not_touched", 0.0
    while watched:
        before, bar = watched[0]
        low, high = call.entry or (bar.open, bar.open)
        if low <= bar.open <= high:
            rule, entry = "at_open" if call.entry else "market", bar.open
        elif (before.close < low and bar.open > high) or (before.close > high and bar.open < low):
            rule, entry = "at_open", bar.open
        elif bar.open < low <= bar.high:
            rule, entry = "breakout" if is_buy else "pullback", low
        elif bar.open > high >= bar.low:
            rule, entry = "pullback" if is_buy else "breakout", high
        if entry:
            break
        del watched[0]
    if not entry:
        return Answer("not_entered", rule, resolved_at=max(known, close))
    entry_at = watched[0][1].start
    decided = max(known, entry_at + LENGTH)
    if call.stop is not None and not beats(entry, call.stop):
        return Answer("not_entered", "beyond_stop", resolved_at=decided)
    if target is not None and not beats(target, entry):
        return Answer("not_entered", "beyond_target", resolved_at=decided)

    outcome, leaving, exit_at, is_assumed = "", entry, close, False
    best = worst = entry
    for _, bar in watched:
        good, bad = (bar.high, bar.low) if is_buy else (bar.low, bar.high)
        is_inside = bar.start == entry_at and rule in ("breakout", "pullback")
        if is_inside and rule == "pullback":
            good = better(entry, bar.close)
        is_stopped = call.stop is not None and not beats(bad, call.stop)
        is_reached = target is not None and not beats(target, good)
        opens_stopped = call.stop is not None and not is_inside and not beats(bar.open, call.stop)
        opens_beyond = target is not None and not is_inside and not beats(target, bar.open)
        if target is not None and is_reached and (opens_beyond or not is_stopped):
            outcome, exit_at = "target_first", bar.start + LENGTH
            leaving = bar.open if opens_beyond else target
            worst = worst if opens_beyond else worse(worst, bad)
        elif call.stop is not None and is_stopped:
            outcome, exit_at = "stop_first", bar.start + LENGTH
            leaving = bar.open if opens_stopped else call.stop
            is_recovered = is_inside and rule == "breakout" and beats(bar.close, call.stop)
            is_assumed = not opens_stopped and (is_reached or is_recovered)
        if outcome:
            break
        best, worst = better(best, good), worse(worst, bad)
    else:
        outcome, leaving = "expired", watched[-1][1].close
    best, worst = better(best, leaving), worse(worst, leaving)
    return Answer(
        outcome,
        rule,
        entry_at,
        entry,
        exit_at,
        leaving,
        is_assumed,
        abs(best - entry) / entry * 100,
        -abs(worst - entry) / entry * 100,
        max(known, exit_at),
    )


def judge(root: Settings, calls: list[Call], bars: list[Bar]) -> dict[str, Answer]:
    """The rows of marts.call_outcomes where a built root holds these calls and bars only."""
    instant = pa.timestamp("us", "UTC")
    made_calls = pa.table(
        {
            "tweet_id": [call.tweet_id for call in calls],
            "author": [call.author for call in calls],
            "posted": pa.array([call.posted for call in calls], instant),
            "day": [
                next(day for day in SESSIONS if call.posted < datetime.combine(day, CLOSE)) for call in calls
            ],
            "side": [call.side for call in calls],
            "low": [call.entry and call.entry[0] for call in calls],
            "high": [call.entry and call.entry[1] for call in calls],
            "stop": [call.stop for call in calls],
            "targets": pa.array([call.targets for call in calls], pa.list_(pa.float64())),
        }
    )
    made_bars = pa.table(
        {
            "start": pa.array([bar.start for bar in bars], instant),
            **{name: [getattr(bar, name) for bar in bars] for name in ("open", "high", "low", "close")},
        }
    )
    with duckdb.connect(str(root.build_db)) as connection:
        connection.execute("set timezone = 'UTC'")
        for table, values in FILLED.items():
            connection.register("made", made_bars if table == "validated.price_bars" else made_calls)
            connection.execute(f"create or replace temp table template as from {table} limit 1")
            connection.execute(f"delete from {table}")
            connection.execute(
                f"insert into {table} select t.* replace ({values}) from template as t, made as c"
            )
    done = dbt(root, "run", "--select", "marts_call_outcomes", "marts_author_track_record")
    assert done.returncode == 0, done.stdout[-4000:]
    with duckdb.connect(str(root.build_db), read_only=True) as connection:
        found = connection.sql(
            """
            select
                tweet_id, outcome, coalesce(entry_rule, not_judged_reason), epoch_ms(entry_at), entry_price,
                epoch_ms(exit_at), exit_price, is_order_assumed, best_excursion_pct, worst_excursion_pct,
                epoch_ms(resolved_at)
            from marts.call_outcomes
            """
        ).fetchall()

    def when(milliseconds: int | None) -> datetime | None:
        return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)

    return {
        row[0]: Answer(row[1], row[2], when(row[3]), row[4], when(row[5]), *row[6:10], when(row[10]))
        for row in found
    }


@pytest.fixture(scope="module")
def case(demo: Settings, new_root: Callable[[str], Settings]) -> Case:
    """Made calls and bars, judged in a copy of the demo root's build."""
    root = new_root("calls")
    root.build.mkdir(parents=True)
    shutil.copy(demo.build_db, root.build_db)
    chance = random.Random(5)
    bars = make_bars(chance)
    calls = make_calls(chance, bars, 2500)
    return Case(root, bars, calls, judge(root, calls, bars))


def rounded(answer: Answer) -> Answer:
    floats = {name: value for name, value in answer._asdict().items() if isinstance(value, float)}
    return answer._replace(**{name: round(value, 6) for name, value in floats.items()})


def test_outcomes_equal_a_replay_bar_by_bar(case: Case) -> None:
    assert len(case.answers) == len(case.calls)
    for call in case.calls:
        expected, found = replay(call, case.bars), case.answers[call.tweet_id]
        assert rounded(found) == rounded(expected), call
    kinds = {(answer.outcome, answer.rule, bool(answer.is_assumed)) for answer in case.answers.values()}
    entered = ("market", "at_open", "breakout", "pullback")
    outcomes = ("target_first", "stop_first", "expired")
    assert kinds >= {(outcome, rule, False) for outcome in outcomes for rule in entered}
    assert kinds >= {("stop_first", rule, True) for rule in entered}
    assert kinds >= {("not_entered", why, False) for why in ("not_touched", "beyond_stop", "beyond_target")}


def test_hit_rates_are_posterior_means_with_beta_intervals(case: Case) -> None:
    with duckdb.connect(str(case.root.build_db), read_only=True) as connection:
        rows = connection.sql(
            """
            select n_hits, n_rated, hit_rate_method, crowd_hit_rate, prior_calls, hit_rate_shrunk,
                hit_rate_low, hit_rate_high
            from marts.author_track_record
            where n_rated > 0
            """
        ).fetchall()
    hits, rated = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    assert len(rows) > 40
    pooled, spare = hits.sum() / rated.sum(), len(rated) - 1
    chi = (rated * (hits / rated - pooled) ** 2).sum() / (pooled * (1 - pooled))
    rho = (chi - spare) / (rated.sum() - (rated**2).sum() / rated.sum() - spare)
    crowd = (hits.sum() + 0.5) / (rated.sum() + 1)
    prior = np.clip((1 - rho) / rho if rho > 1 / 1001 else 1000, 2 / min(crowd, 1 - crowd), 1000)
    for n_hits, n_rated, method, *found in rows:
        a, b = crowd * prior + n_hits, (1 - crowd) * prior + n_rated - n_hits
        assert method == "beta_binomial_moments"
        assert found[:3] == pytest.approx([crowd, prior, a / (a + b)], rel=1e-9)
        assert found[3:] == pytest.approx(stats.beta.ppf([0.025, 0.975], a, b), abs=0.004)


def records(root: Settings) -> dict[str, tuple[int, ...]]:
    """Rated calls, hits and the deleted among them, by author."""
    with duckdb.connect(str(root.build_db), read_only=True) as connection:
        rows = connection.sql(
            """
            select author_key, n_rated, n_hits, n_deleted_rated, n_deleted_losers
            from marts.author_track_record
            """
        ).fetchall()
    return {author: tuple(counts) for author, *counts in rows}


def test_who_deletes_losers_keeps_them(case: Case) -> None:
    root, answers = case.root, case.answers
    before = records(root)
    author = max(before, key=lambda name: before[name][0])
    other = max(before, key=lambda name: (name != author, before[name][0]))
    rated = [
        call for call in case.calls if call.targets and answers[call.tweet_id].entry and call.author == author
    ]
    lost = [call.tweet_id for call in rated if answers[call.tweet_id].outcome != "target_first"][:3]
    hit = [call.tweet_id for call in rated if answers[call.tweet_id].outcome == "target_first"][:2]
    asked = next(
        call.tweet_id
        for call in case.calls
        if call.author == other and answers[call.tweet_id].outcome == "target_first"
    )
    shutil.copy(root.build_db, root.published_db)
    with duckdb.connect(str(root.build_db)) as connection:
        connection.executemany(
            "insert into raw.purges (scope, tweet_id, reason) values ('post', ?, ?)",
            [*((tweet_id, "deleted") for tweet_id in (*lost, *hit, *hit)), (asked, "requested")],
        )
    kept = [call for call in case.calls if call.tweet_id not in {*lost, *hit, asked}]
    n_rated, n_hits = before[other][:2]
    expected = before | {
        author: (*before[author][:2], 5, 3),
        other: (n_rated - 1, n_hits - 1, 0, 0),
    }
    for _ in range(2):
        judge(root, kept, case.bars)
        assert records(root) == expected
        shutil.copy(root.build_db, root.published_db)


def test_what_was_known_at_a_moment_hangs_on_no_later_bar(case: Case) -> None:
    """Nor on the lack of one: the series has holes."""
    chance = random.Random(6)
    bars = [bar for bar in case.bars if chance.random() < 0.93]
    cut = bars[len(bars) * 4 // 7 + 40].start
    answers = judge(case.root, case.calls, bars)
    earlier = judge(case.root, case.calls, [bar for bar in bars if bar.start + LENGTH <= cut])
    known = [
        tweet_id
        for told in (answers, earlier)
        for tweet_id, answer in told.items()
        if answer.resolved_at is not None and answer.resolved_at <= cut
    ]
    assert 0.3 * len(answers) < len(set(known)) < 0.8 * len(answers)
    assert [earlier[tweet_id] for tweet_id in known] == [answers[tweet_id] for tweet_id in known]
    assert {"bars_missing", "still_open", "no_bars_after"} <= {answer.rule for answer in earlier.values()}
