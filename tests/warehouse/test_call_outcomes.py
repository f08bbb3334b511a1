"""Call outcomes against a replay bar by bar and the future; track records against scipy and deletions.

dbt runs the models once, on made calls and bars; after that their compiled SQL runs in the same file.
"""

from __future__ import annotations

import random
import shutil
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
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
from tests.compiled import warehouse
from tests.warehouse.conftest import DBT_PLACE, dbt

SESSIONS = [date(2026, 3, day) for day in (9, 10, 11, 12, 13, 16, 17)]
OPEN, CLOSE = time(3, 45, tzinfo=UTC), time(10, tzinfo=UTC)
LENGTH = timedelta(minutes=3)
PROMPTLY = timedelta(minutes=5)
MODELS = ("processed_calendar_days", "marts_call_outcomes", "marts_author_track_record")

TABLES = {
    "validated.tweets": """
        select
            tweet_id, author as author_key, posted as posted_at, known as known_at, day as trading_date,
            'id' as posted_at_basis, cast([] as varchar[]) as parse_warnings, 'a call' as text,
            cast(null as varchar) as retweeted_tweet_id, cast(null as varchar[]) as edit_tweet_ids
        from made_calls
        """,
    "processed.trade_calls": """
        select
            tweet_id, cast(1 as bigint) as call_number, posted as posted_at, 'NIFTY50' as instrument, side,
            cast(null as varchar) as leg, cast(null as double) as strike, low as entry_low,
            high as entry_high, stop, targets
        from made_calls
        """,
    "validated.price_bars": """
        select
            'NIFTY' as symbol, 'NIFTY50' as instrument, '3min' as bar_interval, start as bar_start,
            cast(start as date) as trading_date, true as is_in_session, open, high, low, close
        from made_bars
        """,
}

# What the models read of the file that a build will replace.
PUBLISHED = {
    "call_outcomes": """
        tweet_id varchar, call_number bigint, author_key varchar, outcome varchar, not_judged_reason varchar,
        same_call_as varchar, instrument varchar, side varchar, entry_low double, entry_high double,
        stop double, target double
        """,
    "author_track_record": "author_key varchar, n_deleted_rated bigint, n_deleted_losers bigint",
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
    known: datetime
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
    connection: duckdb.DuckDBPyConnection
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
            posted + chance.choice((PROMPTLY, timedelta(minutes=chance.randrange(2 * 24 * 60)))),
            "buy" if up > 0 else "sell",
            entry,
            stop if chance.random() < 0.8 or not targets else None,
            targets,
        )
        calls.setdefault((call.author, up, entry, call.stop, *targets[:1]), call)
    return list(calls.values())


def watched_until(call: Call) -> datetime:
    """Close of the first session in which a bar can start after the post."""
    return next(
        closed for day in SESSIONS if call.posted <= (closed := datetime.combine(day, CLOSE)) - LENGTH
    )


def replay(call: Call, bars: list[Bar]) -> Answer:
    """Reads the bars after the call one by one, as marts.call_outcomes is described."""
    is_buy = call.side == "buy"
    close = watched_until(call)
    watched = [(before, bar) for before, bar in pairwise(bars) if call.posted <= bar.start < close]
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
        return Answer("not_entered", rule, resolved_at=max(call.known, close))
    entry_at = watched[0][1].start
    decided = max(call.known, entry_at + LENGTH)
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
        max(call.known, exit_at),
    )


def put(connection: duckdb.DuckDBPyConnection, calls: list[Call], bars: list[Bar]) -> None:
    """Make these calls and bars all that there is."""
    instant = pa.timestamp("us", "UTC")
    made_calls = pa.table(
        {
            "tweet_id": [call.tweet_id for call in calls],
            "author": [call.author for call in calls],
            "posted": pa.array([call.posted for call in calls], instant),
            "known": pa.array([call.known for call in calls], instant),
            "day": [
                next(day for day in SESSIONS if call.posted < datetime.combine(day, CLOSE)) for call in calls
            ],
            "side": [call.side for call in calls],
            "low": pa.array([call.entry and call.entry[0] for call in calls], pa.float64()),
            "high": pa.array([call.entry and call.entry[1] for call in calls], pa.float64()),
            "stop": pa.array([call.stop for call in calls], pa.float64()),
            "targets": pa.array([call.targets for call in calls], pa.list_(pa.float64())),
        }
    )
    made_bars = pa.table(
        {
            "start": pa.array([bar.start for bar in bars], instant),
            **{name: [getattr(bar, name) for bar in bars] for name in ("open", "high", "low", "close")},
        }
    )
    connection.register("made_calls", made_calls)
    connection.register("made_bars", made_bars)
    for table, query in TABLES.items():
        connection.execute(f"create or replace table {table} as {query}")


def run(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the models' tables from what has been put, by what dbt compiled."""
    for model in MODELS[1:]:
        path = DBT_PLACE / "dbt/compiled/market_intel/warehouse/models/marts/tweets" / f"{model}.sql"
        table = model.replace("_", ".", 1)
        connection.execute(f"create or replace table {table} as {path.read_text()}")


def found(connection: duckdb.DuckDBPyConnection) -> dict[str, Answer]:
    """The rows of marts.call_outcomes."""
    rows = connection.sql(
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
        for row in rows
    }


def judge(connection: duckdb.DuckDBPyConnection, calls: list[Call], bars: list[Bar]) -> dict[str, Answer]:
    """The rows of marts.call_outcomes where there are these calls and bars only."""
    put(connection, calls, bars)
    run(connection)
    return found(connection)


def publish(case: Case) -> None:
    """Have the published file say what the build's says."""
    case.connection.execute("checkpoint")
    case.connection.execute("detach database if exists published")
    shutil.copy(case.root.build_db, case.root.published_db)
    case.connection.execute(f"attach '{case.root.published_db}' as published (read_only)")


@pytest.fixture(scope="module")
def case(new_root: Callable[[str], Settings]) -> Iterator[Case]:
    """Made calls and bars, judged by dbt beside a published file that knows of no calls."""
    root = new_root("calls")
    root.build.mkdir(parents=True)
    chance = random.Random(5)
    bars = make_bars(chance)
    calls = make_calls(chance, bars, 2500)
    with warehouse(root.build) as connection:
        connection.execute("create table raw.purges (scope varchar, tweet_id varchar, reason varchar)")
        put(connection, calls, bars)
    with duckdb.connect(str(root.published_db)) as connection:
        connection.execute("create schema marts")
        for table, columns in PUBLISHED.items():
            connection.execute(f"create table marts.{table} ({columns})")
    done = dbt(root, "run", "--select", *MODELS)
    assert done.returncode == 0, done.stdout[-4000:]
    with duckdb.connect(str(root.build_db)) as connection:
        connection.execute("set timezone = 'UTC'")
        made = Case(root, connection, bars, calls, found(connection))
        publish(made)
        yield made


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
    judge(case.connection, case.calls, case.bars)
    rows = case.connection.sql(
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


def records(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, ...]]:
    """Rated calls, hits and the deleted among them, by author."""
    rows = connection.sql(
        """
        select author_key, n_rated, n_hits, n_deleted_rated, n_deleted_losers
        from marts.author_track_record
        """
    ).fetchall()
    return {author: tuple(counts) for author, *counts in rows}


def said_again(call: Call, after: timedelta, known_after: timedelta) -> Call:
    posted = call.posted + after
    return call._replace(tweet_id=f"{call.tweet_id}0", posted=posted, known=posted + known_after)


def a_loser_that_hits_when_said_again(losers: list[Call], bars: list[Bar]) -> tuple[Call, Call]:
    for call in losers:
        for minutes in range(3, 360, 3):
            again = said_again(call, timedelta(minutes=minutes), timedelta(days=3))
            if watched_until(again) != watched_until(call):
                break
            if replay(again, bars).outcome == "target_first":
                return call, again
    raise AssertionError("no loser of these would have hit")


def test_who_deletes_losers_keeps_them(case: Case) -> None:
    """And who has said a call twice, and deletes the first, has still said it once."""
    rated = [call for call in case.calls if call.targets and case.answers[call.tweet_id].entry]
    by_author = Counter(call.author for call in rated)
    (author, _), (other, _) = by_author.most_common(2)
    hits: list[Call] = []
    losers: list[Call] = []
    for call in rated:
        if call.author == author:
            is_hit = case.answers[call.tweet_id].outcome == "target_first"
            (hits if is_hit else losers).append(call)
    asked = next(
        call
        for call in rated
        if call.author == other and case.answers[call.tweet_id].outcome == "target_first"
    )
    hiding, hit_again = a_loser_that_hits_when_said_again(losers[4:], case.bars)
    again = [said_again(call, timedelta(0), timedelta(days=3)) for call in (losers[3], hits[2])]
    deleted = [*losers[:4], *hits[:3], hiding]
    calls = [*case.calls, *again, hit_again]
    answers = judge(case.connection, calls, case.bars)
    assert {answers[call.tweet_id].rule for call in (*again, hit_again)} == {"repeat"}
    before = records(case.connection)
    publish(case)
    case.connection.executemany(
        "insert into raw.purges values ('post', ?, ?)",
        [*((call.tweet_id, "deleted") for call in (*deleted, *deleted)), (asked.tweet_id, "requested")],
    )
    kept = [call for call in calls if call not in (*deleted, asked)]
    (n_rated, n_hits, *_), (n_other, n_other_hits, *_) = before[author], before[other]
    expected = before | {
        # What is said again counts by that; it hides one loser only.
        author: (n_rated + 1, n_hits + 1, 6, 4),
        other: (n_other - 1, n_other_hits - 1, 0, 0),
    }
    for _ in range(2):
        judge(case.connection, kept, case.bars)
        assert records(case.connection) == expected
        publish(case)


def test_what_was_known_at_a_moment_hangs_on_no_later_bar_or_post(case: Case) -> None:
    """Nor on the lack of one: the series has holes, at a close too, and posts are captured in any order."""
    chance = random.Random(6)
    missing = datetime.combine(SESSIONS[3], CLOSE) - LENGTH
    bars = [bar for bar in case.bars if chance.random() < 0.93 and bar.start != missing]
    again = [
        said_again(call, chance.random() * timedelta(hours=3), PROMPTLY)
        for call in case.calls
        if chance.random() < 0.3
    ]
    calls = [*case.calls, *again]
    answers = judge(case.connection, calls, bars)
    kinds: Counter[str] = Counter()
    for day in SESSIONS[2:5]:
        for clock in (time(6, 41, tzinfo=UTC), time(12, tzinfo=UTC)):
            cut = datetime.combine(day, clock)
            earlier = judge(
                case.connection,
                [call for call in calls if call.known <= cut],
                [bar for bar in bars if bar.start + LENGTH <= cut],
            )
            known = {
                tweet_id
                for told in (answers, earlier)
                for tweet_id, answer in told.items()
                if answer.resolved_at is not None and answer.resolved_at <= cut
            }
            assert 0.05 * len(answers) < len(known) < 0.9 * len(answers)
            assert {key: earlier.get(key) for key in known} == {key: answers[key] for key in known}
            kinds.update(answer.rule for answer in earlier.values())
    assert kinds.keys() >= {"bars_missing", "still_open", "no_bars_after", "repeat"}
