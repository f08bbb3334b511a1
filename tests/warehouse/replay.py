"""Bars rebuilt from any sightings by the models' own SQL, in memory: what a build would have said then.

    dbt compile → steps: the models from raw.tweets to marts.signal_bars, in order ─┐
    a built root → what they read besides: calendar, seeds, fitted models ──────────┴→ bars
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from graphlib import TopologicalSorter
from typing import Any, NamedTuple

import duckdb
import yaml

from config import ROOT, Settings
from tests.warehouse.conftest import dbt, parsed_project
from warehouse.plugin import register

KEY = ("channel", "instrument", "bar_interval", "bar_start")
# Of the score alone; the others lean on earlier bars, or say when all of it was known.
SCORE_KEY = ("score_available_at", ("z_score", "buzz", "delta", "available_at"))
# What was fitted before the first post of a replay stays in force.
_FITTED = "signals_text_models"


class Step(NamedTuple):
    """A model whose rows hang on what was sighted."""

    model: str
    table: str
    """As SQL names it."""
    sql: str
    reads: list[str]
    """Tables."""


class Difference(NamedTuple):
    """A bar that a build of less has otherwise, though it was all known by then."""

    bar: tuple[Any, ...]
    columns: list[str]
    """That differ; none where one of the builds lacks the bar."""


def compiled(root: Settings) -> list[Step]:
    """The models from raw.tweets to the bars, in the order in which they run. The root may be empty."""
    done = dbt(root, "--quiet", "compile", "--no-populate-cache", "--select", "+marts_signal_bars")
    assert done.returncode == 0, done.stdout + done.stderr
    return read_steps(json.loads((parsed_project() / "dbt" / "manifest.json").read_text()))


def read_steps(manifest: dict[str, Any]) -> list[Step]:
    """The same from dbt's manifest."""
    nodes = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] in ("model", "seed")}
    parents = {
        key: [parent for parent in node["depends_on"].get("nodes", []) if parent in nodes]
        for key, node in nodes.items()
    }

    def lineage(key: str) -> set[str]:
        return set() if nodes[key]["name"] == _FITTED else {key}.union(*map(lineage, parents[key]))

    prefix = "model.market_intel."
    bars = lineage(f"{prefix}marts_signal_bars")
    moved = {key: parents[key] for key in bars if f"{prefix}raw_tweets" in lineage(key)}
    return [
        Step(
            nodes[key]["name"],
            nodes[key]["relation_name"],
            nodes[key]["compiled_code"],
            [nodes[parent]["relation_name"] for parent in parents[key]],
        )
        for key in TopologicalSorter(moved).static_order()
        if key in moved
    ]


def opened(root: Settings, steps: Sequence[Step]) -> duckdb.DuckDBPyConnection:
    """A database in memory with what the steps read and none makes, as a built root has it.

    Its schema `kept` holds the root's sightings (`tweets`) and bars (`bars`).
    """
    connection = duckdb.connect(config={"threads": 2})
    connection.execute("set TimeZone = 'UTC'")  # as profiles.yml has it
    register(connection, root)
    connection.execute("attach ':memory:' as warehouse")
    connection.execute("use warehouse")
    connection.execute(f"attach '{root.published_db}' as published (read_only)")
    made = {step.table for step in steps}
    for table in sorted(made.union(*(step.reads for step in steps))):
        connection.execute(f"create schema if not exists {table.rpartition('.')[0]}")
        if table not in made:
            as_published = table.replace('"warehouse"', "published", 1)
            connection.execute(f"create table {table} as from {as_published}")
    connection.execute("create schema kept")
    connection.execute("create table kept.bars as from published.marts.signal_bars")
    keep_sightings(connection, "from published.raw.tweets")
    connection.execute("detach published")
    return connection


def keep_sightings(connection: duckdb.DuckDBPyConnection, sightings: str) -> None:
    """Make the rows of a query the sightings to rebuild from, each with the time at which it was known."""
    settings = yaml.safe_load((ROOT / "dbt_project.yml").read_text())["vars"]
    connection.execute(
        f"""
        create or replace table kept.tweets as
        select
            *,
            coalesce(
                observed_at,
                min(observed_at) over post,
                coalesce(posted_at, max(posted_at) over post)
                + interval '{settings["assumed_lag_minutes"]} minutes'
            ) as known_at
        from ({sightings}) as sightings
        window post as (partition by tweet_id)
        """
    )


def rebuild(
    connection: duckdb.DuckDBPyConnection, steps: Sequence[Step], known_by: datetime | None = None
) -> None:
    """Run the steps on the kept sightings that were known by then, or on all."""
    until = f"where known_at <= timestamptz '{known_by.isoformat()}'" if known_by else ""
    for step in steps:
        sql = f"select * exclude (known_at) from kept.tweets {until}" if step.model == "raw_tweets" else step.sql
        connection.execute(f"create or replace table {step.table} as {sql}")


def rebuild_from_files(connection: duckdb.DuckDBPyConnection, steps: Sequence[Step], root: Settings) -> None:
    """Run the steps on what a root has landed."""
    landed = root.raw / "tweets" / "dt=*" / "*.parquet"
    for step in steps:
        sql = step.sql
        if step.model == "raw_tweets":
            sql, n_found = re.subn(r"read_parquet\(\[.*?\]", f"read_parquet(['{landed}']", sql, flags=re.DOTALL)
            assert n_found == 1, "raw.tweets reads its files in another way"
        connection.execute(f"create or replace table {step.table} as {sql}")


def keep_bars(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the bars of the last rebuild those that later ones are compared with."""
    connection.execute("create or replace table kept.bars as from marts.signal_bars")


def cut_offs(connection: duckdb.DuckDBPyConnection, number: int) -> list[datetime]:
    """Instants spread over the kept bars: half of them ends of bars, half arrivals of a sighting."""
    ends = _spread(connection, "select distinct bar_end from kept.bars", number // 2)
    arrivals = _spread(connection, "select distinct known_at from kept.tweets", number - number // 2)
    return sorted(ends + arrivals)


def _spread(connection: duckdb.DuckDBPyConnection, instants: str, number: int) -> list[datetime]:
    found = [instant for (instant,) in connection.sql(f"{instants} order by all").fetchall() if instant]
    return [found[(2 * place + 1) * len(found) // (2 * number)] for place in range(number)]


def differences(
    connection: duckdb.DuckDBPyConnection, known_by: datetime
) -> tuple[int, list[Difference]]:
    """Bars that were all known by then, and those of them that the last rebuild has otherwise.

    A bar that either build calls known by then must be in both, and equal, unless the kept one says that
    it took something later.
    """
    return _compare(connection, known_by, "available_at", ())


def score_differences(
    connection: duckdb.DuckDBPyConnection, known_by: datetime
) -> tuple[int, list[Difference]]:
    """The same of the scores of the bars, which lean on no earlier bar."""
    return _compare(connection, known_by, *SCORE_KEY)


def _compare(
    connection: duckdb.DuckDBPyConnection, known_by: datetime, clock: str, without: Sequence[str]
) -> tuple[int, list[Difference]]:
    columns = [name for name in connection.table("kept.bars").columns if name not in (*KEY, *without)]
    differing = ", ".join(
        f"case when then_.{name} is distinct from now_.{name} then '{name}' end" for name in columns
    )
    found = connection.execute(
        f"""
        select {", ".join(KEY)}, then_.{clock} is null or now_.{clock} is null, list_filter([{differing}], lambda x: x is not null)
        from marts.signal_bars as then_
        full join kept.bars as now_ using ({", ".join(KEY)})
        where now_.{clock} <= $by or (now_.{clock} is null and then_.{clock} <= $by)
        order by all
        """,
        {"by": known_by},
    ).fetchall()
    differences = [
        Difference(row[: len(KEY)], [] if is_missing else names)
        for *row, is_missing, names in found
        if is_missing or names
    ]
    return len(found), differences
