"""Every picture is an exposure of the warehouse, and depends on the tables that it reads."""

from __future__ import annotations

from functools import cache
from typing import Any

import duckdb
import pytest
import sqlglot
import yaml
from sqlglot import exp

from charts import market_brief
from charts.__main__ import BRIEF, NAMES, PICTURES
from charts.data import Columns, published
from config import ROOT
from tests.charts.conftest import OUTCOMES, RECORDS, VALIDATION, fill

WAREHOUSE = ROOT / "warehouse"
# A day, a week and a year are told by other queries.
SPANS: tuple[dict[str, Any], ...] = ({}, {"days": 8}, {"days": 400, "start": "2025-01-01 00:00:00Z"})


class Recorded:
    """A connection that remembers which tables were asked."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.tables: set[str] = set()

    def execute(self, query: str, *parameters: Any) -> Recorded:
        for table in sqlglot.parse_one(query, dialect="duckdb").find_all(exp.Table):
            if table.db:  # else it is the query's own
                self.tables.add(f"{table.db}_{table.name}")
        self.connection.execute(query, *parameters)
        return self

    def fetchnumpy(self) -> Columns:
        columns: Columns = self.connection.fetchnumpy()
        return columns

    def fetchall(self) -> list[Any]:
        return self.connection.fetchall()


@cache
def exposures() -> dict[str, Any]:
    """By name."""
    content = yaml.safe_load((WAREHOUSE / "models" / "exposures.yml").read_text())
    return {exposure["name"]: exposure for exposure in content["exposures"]}


def depends_on(name: str, function: str) -> set[str]:
    """What an exposure says it depends on by `ref` or by `metric`."""
    start = f"{function}('"
    references = exposures()[name]["depends_on"]
    return {word.removeprefix(start).removesuffix("')") for word in references if word.startswith(start)}


@cache
def tables_read() -> dict[str, set[str]]:
    """Tables that each picture, and the brief, has read, with what all of them say of the posts."""
    read: dict[str, set[str]] = {name: set() for name in NAMES}
    for span in SPANS:
        with duckdb.connect() as connection:
            fill(connection, VALIDATION, OUTCOMES, RECORDS, **span)
            for name in NAMES:
                recorded: Any = Recorded(connection)
                published(recorded)
                (market_brief if name == BRIEF else PICTURES[name]).read(recorded)
                read[name] |= recorded.tables
    return read


def test_there_is_an_exposure_for_each_picture_and_for_the_brief() -> None:
    assert list(exposures()) == NAMES
    for exposure in exposures().values():
        assert exposure["description"].strip()
        assert exposure["owner"]["name"]


@pytest.mark.parametrize("name", NAMES)
def test_an_exposure_depends_on_the_tables_that_are_read(name: str) -> None:
    """Of those that the warehouse has: a picture may also read one that a later warehouse brings."""
    nodes = {path.stem for pattern in ("models/**/*.sql", "seeds/*.csv") for path in WAREHOUSE.glob(pattern)}
    read = tables_read()[name]
    assert {"marts_signal_summary", "raw_tweets"} <= read
    assert depends_on(name, "ref") == read & nodes
