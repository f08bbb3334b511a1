"""Bars rebuilt from any sightings by the models' own SQL, in memory: what a build would have said then.

dbt's manifest → steps: the models from raw.tweets to marts.signal_bars, in order ─┐
a built root → what they read besides: calendar, seeds, fitted models ─────────────┴→ bars
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from graphlib import TopologicalSorter
from typing import Any, NamedTuple

import duckdb
import yaml

from config import ROOT, Settings
from warehouse.plugin import register

KEY = ("channel", "instrument", "bar_interval", "bar_start")
# Columns that earlier bars have a part in.
LEANING = ("z_score", "buzz", "delta", "available_at")
# A row that says it was known later than it was: safe, since nobody acts on it too soon.
MOVED_ON = "available_at moved on"
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

    bar: list[str]
    columns: list[str]
    """That differ, or which build lacks the bar."""


def steps_to_bars(manifest: dict[str, Any]) -> list[Step]:
    """The models from raw.tweets to the bars, in the order in which they run, from dbt's manifest."""
    nodes = {
        key: node for key, node in manifest["nodes"].items() if node["resource_type"] in ("model", "seed")
    }
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
                + if(list_contains(parse_warnings, 'time_is_date_only'), interval '1 day', interval '0 days')
                + interval '{settings["assumed_lag_minutes"]} minutes'
            ) as known_at
        from ({sightings}) as sightings
        window post as (partition by tweet_id)
        """
    )


def known_by(instant: datetime | None = None) -> str:
    """Query for the kept sightings that were known by then, or for all."""
    until = f"where known_at <= timestamptz '{instant.isoformat()}'" if instant else ""
    return f"select * exclude (known_at) from kept.tweets {until}"


def landed(root: Settings, steps: Sequence[Step]) -> str:
    """raw.tweets' own query, over the files of a root."""
    (query,) = (step.sql for step in steps if step.model == "raw_tweets")
    files = root.raw / "tweets" / "dt=*" / "*.parquet"
    query, n_found = re.subn(r"read_parquet\(\[.*?\]", f"read_parquet(['{files}']", query, flags=re.DOTALL)
    assert n_found == 1, "raw.tweets reads its files in another way"
    return query


def rebuild(connection: duckdb.DuckDBPyConnection, steps: Sequence[Step], sightings: str) -> None:
    """Run the steps, with a query in the place of raw.tweets' own."""
    for step in steps:
        query = sightings if step.model == "raw_tweets" else step.sql
        connection.execute(f"create or replace table {step.table} as {query}")


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
    connection: duckdb.DuckDBPyConnection, instant: datetime, *, scores_only: bool = False
) -> tuple[int, list[Difference]]:
    """How many bars were all known by then, and those of them that the last rebuild has otherwise.

    A bar that either build calls known by then must be in both, and equal, unless the kept one says that it
    took something later. With `scores_only` the same of what leans on no earlier bar, and of its own clock.
    """
    clock = "score_available_at" if scores_only else "available_at"
    left_out = {*KEY, *(LEANING if scores_only else ())}
    columns = [name for name in connection.table("kept.bars").columns if name not in left_out]
    differing = ", ".join(
        f"case when earlier.{name} is distinct from kept.{name} then '{name}' end" for name in columns
    ).replace(
        "then 'available_at'",
        f"then if(earlier.available_at < kept.available_at, '{MOVED_ON}', 'available_at')",
    )
    found = connection.execute(
        f"""
        select
            [{", ".join(f"cast({name} as varchar)" for name in KEY)}],
            case
                when kept.{clock} is null then ['not in the whole build']
                when earlier.{clock} is null then ['not in the earlier build']
                else list_filter([{differing}], lambda name: name is not null)
            end
        from marts.signal_bars as earlier
        full join kept.bars as kept using ({", ".join(KEY)})
        where kept.{clock} <= $instant or (kept.{clock} is null and earlier.{clock} <= $instant)
        order by all
        """,
        {"instant": instant},
    ).fetchall()
    return len(found), [Difference(bar, columns) for bar, columns in found if columns]
