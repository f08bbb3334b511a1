"""Bars rebuilt from any sightings by the models' own SQL, in memory: what a build would have said.

    dbt compile → steps: the models from raw.tweets to marts.signal_bars, in order ─┐
    a built root → all they read besides: calendar, seeds, scores of texts ─────────┴→ bars
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from graphlib import TopologicalSorter
from typing import Any, NamedTuple

import duckdb

from config import Settings
from tests.warehouse.conftest import dbt, parsed_project
from warehouse.plugin import register

KEY = ("channel", "instrument", "bar_interval", "bar_start")
# Fitted once on a root, and a pure function of a text: whatever is sighted, they stay as they are.
_FIXED = {"signals_text_models", "signals_text_scores"}


class Step(NamedTuple):
    """A model whose rows depend on what was sighted."""

    model: str
    table: str
    """As SQL names it."""
    sql: str
    reads: list[str]
    """Tables."""


class Difference(NamedTuple):
    """A bar of which two builds say different things, though one says that all of it was known."""

    bar: tuple[Any, ...]
    columns: list[str]
    """That differ; none where one of the builds lacks the bar."""


def compiled(root: Settings) -> list[Step]:
    """The models from raw.tweets to the bars, in the order in which they run. The root may be empty."""
    words = ["compile", "--no-introspect", "--no-populate-cache", "--select", "+marts_signal_bars"]
    done = dbt(root, "--quiet", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return read_steps(json.loads((parsed_project() / "dbt" / "manifest.json").read_text()))


def read_steps(manifest: dict[str, Any]) -> list[Step]:
    """The same from dbt's manifest."""
    nodes = {id_: node for id_, node in manifest["nodes"].items() if node["resource_type"] in ("model", "seed")}
    parents = {
        id_: [parent for parent in node["depends_on"].get("nodes", []) if parent in nodes]
        for id_, node in nodes.items()
    }

    def lineage(id_: str) -> set[str]:
        if nodes[id_]["name"] in _FIXED:
            return set()
        return {id_}.union(*map(lineage, parents[id_]))

    prefix = "model.market_intel."
    wanted = lineage(f"{prefix}marts_signal_bars")
    steps = {id_: parents[id_] for id_ in wanted if f"{prefix}raw_tweets" in lineage(id_)}
    return [
        Step(
            nodes[id_]["name"],
            nodes[id_]["relation_name"],
            nodes[id_]["compiled_code"],
            [nodes[parent]["relation_name"] for parent in parents[id_]],
        )
        for id_ in TopologicalSorter(steps).static_order()
        if id_ in steps
    ]


def opened(root: Settings, steps: Sequence[Step]) -> duckdb.DuckDBPyConnection:
    """A database in memory with what the steps read and no step makes, as a built root has it.

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
    connection.execute("create table kept.tweets as from published.raw.tweets")
    connection.execute("create table kept.bars as from published.marts.signal_bars")
    connection.execute("detach published")
    return connection


def rebuild(connection: duckdb.DuckDBPyConnection, steps: Sequence[Step], sightings: str) -> None:
    """Run the steps, with the rows of a query in place of raw.tweets."""
    for step in steps:
        sql = sightings if step.model == "raw_tweets" else step.sql
        connection.execute(f"create or replace table {step.table} as {sql}")
