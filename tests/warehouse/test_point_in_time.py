"""A bar says what was known when it says so: no look-ahead, no order of arrival, no clock of the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from config import Settings
from ingest.entities import Captured
from ingest.entities.tweets.schema import ENTITY
from ingest.landing import LandingZone
from ingest.runs import open_state
from tests.warehouse import arrivals
from tests.warehouse.conftest import build_untested, differing_tables, ingest, made_once
from tests.warehouse.replay import (
    MOVED_ON,
    Step,
    cut_offs,
    differences,
    keep_bars,
    keep_sightings,
    known_by,
    landed,
    opened,
    rebuild,
    steps_to_bars,
)

NewRoot = Callable[[str], Settings]
Connection = duckdb.DuckDBPyConnection

SEVERAL = [10, pytest.param(50, marks=pytest.mark.slow)]


@pytest.fixture(scope="session")
def steps(manifest: dict[str, Any]) -> list[Step]:
    """The models that sightings change, as dbt compiles them."""
    return steps_to_bars(manifest)


@pytest.fixture
def demo_day(demo: Settings, steps: list[Step]) -> Iterator[Connection]:
    with opened(demo, steps) as connection:
        yield connection


@pytest.fixture
def real_captures(real: Settings, steps: list[Step]) -> Iterator[Connection]:
    with opened(real, steps) as connection:
        yield connection


@pytest.fixture(scope="session")
def fortnight_landed(common: Path) -> Settings:
    """Two weeks of sightings that came late, twice, in parts, without a time, or from a renamed author."""
    root = Settings(data=common / "fortnight")
    with made_once(root.data) as is_first:
        if is_first:
            land(root, arrivals.sightings(1200, restated=["author"]))
    return root


@pytest.fixture
def fortnight(demo: Settings, steps: list[Step], fortnight_landed: Settings) -> Iterator[Connection]:
    with opened(demo, steps) as connection:
        rebuild(connection, steps, landed(fortnight_landed, steps))
        keep_sightings(connection, "from raw.tweets")
        keep_bars(connection)
        yield connection


def land(root: Settings, *ingests: list[Captured]) -> None:
    """Land each list as a run of its own."""
    with closing(open_state(root)) as state:
        for number, captured in enumerate(ingests):
            done = LandingZone(root, state, "archive", f"run{number}").land(ENTITY, captured)
            assert done.landed + done.unchanged == len(captured)


def assert_no_look_ahead(
    connection: Connection, steps: list[Step], number: int, *, but_for: Sequence[str] = ()
) -> None:
    """Rebuild at so many instants: what was known then must stand as it stood, but for these differences."""
    compared = 0
    for instant in cut_offs(connection, number):
        rebuild(connection, steps, known_by(instant))
        for scores_only in (False, True):
            n_bars, found = differences(connection, instant, scores_only=scores_only)
            compared += n_bars
            found = [bar for bar in found if not set(bar.columns) <= set(but_for)]
            assert not found, f"{instant}: {len(found)} of {n_bars} bars differ, such as {found[:3]}"
    ((n_kept,),) = connection.sql("select count(*) from kept.bars").fetchall()
    assert compared > number * n_kept / 2, "few bars were known at the instants that were tried"


def test_a_replay_of_all_sightings_is_the_build(demo_day: Connection, steps: list[Step]) -> None:
    rebuild(demo_day, steps, known_by())
    for more, less in (("kept.bars", "marts.signal_bars"), ("marts.signal_bars", "kept.bars")):
        assert demo_day.sql(f"from {more} except all from {less}").fetchall() == []


@pytest.mark.parametrize("number", SEVERAL)
def test_nothing_known_later_changes_a_bar_of_the_demo_day(
    demo_day: Connection, steps: list[Step], number: int
) -> None:
    assert_no_look_ahead(demo_day, steps, number)


@pytest.mark.slow
@pytest.mark.shared
def test_nothing_known_later_changes_a_bar_of_real_captures(
    real_captures: Connection, steps: list[Step]
) -> None:
    assert_no_look_ahead(real_captures, steps, 50)


@pytest.mark.parametrize("number", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_nothing_known_later_changes_a_bar_of_a_bad_fortnight(
    fortnight: Connection, steps: list[Step], number: int
) -> None:
    (kept,) = fortnight.sql("select count(z_score), count(buzz), count(delta) from kept.bars").fetchall()
    assert min(kept) > 20, "too few bars lean on earlier ones"
    # A renamed author's post counts as known anew, and so does the earlier bar that it was the first of.
    assert_no_look_ahead(fortnight, steps, number, but_for=[MOVED_ON])


# model, what it says, what a leak would say
LEAKS = {
    "engagement of now": (
        "signals_tweet_bars",
        "sightings.observed_at <= timed.end_1h",
        "true",
    ),
    "copies of later posts": (
        "signals_tweet_signals",
        "duplicates.duplicate_of is not null",
        "duplicates.tweet_id is not null",
    ),
    "a baseline of all sessions": (
        "marts_signal_bars",
        "sum(sum_score) over earlier",
        "sum(sum_score) over (partition by instrument_number, baseline_number)",
    ),
    "late posts unsaid": (
        "marts_signal_bars",
        "greatest(times.bar_end, bars.known_at) as score_available_at",
        "times.bar_end as score_available_at",
    ),
}


@pytest.mark.parametrize(
    "leak",
    [
        name if number == 0 else pytest.param(name, marks=pytest.mark.slow)
        for number, name in enumerate(LEAKS)
    ],
)
def test_a_planted_leak_is_caught(fortnight: Connection, steps: list[Step], leak: str) -> None:
    model, honest, leaky = LEAKS[leak]
    assert any(step.model == model and honest in step.sql for step in steps), "there is no such place to leak"
    leaking = [
        step._replace(sql=step.sql.replace(honest, leaky)) if step.model == model else step for step in steps
    ]
    rebuild(fortnight, leaking, known_by())
    keep_bars(fortnight)
    with pytest.raises(AssertionError, match="bars differ"):
        assert_no_look_ahead(fortnight, leaking, 10, but_for=[MOVED_ON])


@pytest.mark.parametrize("number", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_any_order_of_arrival_gives_the_same_bars(
    demo: Settings, steps: list[Step], new_root: NewRoot, number: int
) -> None:
    captured = arrivals.sightings(400, restated=list(arrivals.RESTATED))
    bars = []
    with opened(demo, steps) as connection:
        for seed in range(number):
            rng = Random(seed)
            rng.shuffle(captured)
            ends = [0, *sorted(rng.sample(range(len(captured)), rng.randrange(4))), len(captured)]
            root = new_root(f"order{seed}")
            land(root, *(captured[first:end] for first, end in pairwise(ends)))
            rebuild(connection, steps, landed(root, steps))
            bars.append(connection.sql("from marts.signal_bars order by all").fetchall())
    assert bars[0]
    assert all(other == bars[0] for other in bars[1:])


@pytest.mark.slow
def test_the_machines_time_zone_changes_no_table(new_root: NewRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    built = {}
    for zone in ("UTC", "Asia/Kolkata", "America/New_York"):
        monkeypatch.setenv("TZ", zone)
        built[zone] = root = new_root("zone")
        ingest(root, "demo", "--posts", "150")
        build_untested(root)
        assert differing_tables(built["UTC"].build_db, root.build_db, but_for_runs=True) == {}
    with duckdb.connect(str(root.build_db), read_only=True) as connection:
        assert connection.sql("from marts.signal_bars").fetchall()
