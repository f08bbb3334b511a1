"""Data roots with records landed and built, by the commands that a user types."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from config import ROOT, Settings

Run = subprocess.CompletedProcess[str]
Rows = list[tuple[object, ...]]

# Chance enters through the wall clock only, and only these columns hold it.
RUN_COLUMNS = {"landed_at", "run_id", "started_at", "finished_at", "duration_seconds"}

# Each test process has one place for dbt's parsed project; what it compiled is in its dbt/compiled.
DBT_PLACE = ROOT / "target" / "tests" / os.environ.get("PYTEST_XDIST_WORKER", "alone")


def command(root: Settings, *words: str) -> Run:
    """Run a project command on a data root; never raises."""
    environment = {
        **os.environ,
        "MARKET_INTEL_DATA": str(root.data),
        "DBT_TARGET_PATH": str(root.build / "target"),
        "DBT_LOG_LEVEL_FILE": "none",  # a build's is 30,000 lines long, and nobody reads them
        "DBT_USE_COLORS": "false",
    }
    return subprocess.run(words, cwd=ROOT, env=environment, text=True, capture_output=True, timeout=500)


def ingest(root: Settings, *words: str) -> Run:
    """``python -m ingest …``, which must succeed."""
    done = command(root, sys.executable, "-m", "ingest", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def dbt(root: Settings, *words: str) -> Run:
    """``dbt …``; the caller judges how it ended.

    Every root is reached by one link: dbt parses anew where its data root's name has changed, which takes
    longer than a small build.
    """
    for folder in (DBT_PLACE, root.data):
        folder.mkdir(parents=True, exist_ok=True)
    link = DBT_PLACE / "root"
    link.unlink(missing_ok=True)
    link.symlink_to(root.data, target_is_directory=True)
    linked = root.model_copy(update={"data": link})
    program = str(Path(sys.executable).with_name("dbt"))
    return command(linked, program, *words, "--target-path", str(DBT_PLACE / "dbt"))


def build(root: Settings, *words: str) -> Run:
    """A ``dbt build`` of every table with every test of the data, which must publish."""
    done = dbt(root, "build", "--exclude-resource-type", "unit_test", *words)
    assert done.returncode == 0, done.stdout[-6000:]
    assert "PUBLISHED" in done.stdout
    assert "NOT PUBLISHED" not in done.stdout
    return done


def build_untested(root: Settings) -> None:
    """Every table in the build's own file, which is not published."""
    done = dbt(root, "build", "--exclude-resource-type", "unit_test", "test")
    assert done.returncode == 0, done.stdout[-6000:]


def rows(root: Settings, sql: str) -> Rows:
    """Rows of a query on the published file."""
    with duckdb.connect(str(root.published_db), read_only=True) as connection:
        return connection.sql(sql).fetchall()


def differing_tables(one: Path, other: Path, *, but_for_runs: bool = False) -> dict[str, object]:
    """Tables of two builds' files that differ in their columns, or in how many rows.

    But for the runs, what they and the wall clock say is left out.
    """
    with duckdb.connect() as connection:
        for name, file in (("one", one), ("other", other)):
            connection.execute(f"attach '{file}' as {name} (read_only)")

        def tables(database: str) -> dict[str, list[str]]:
            columns = connection.execute(
                """
                select schema_name || '.' || table_name, list(column_name order by column_index)
                from duckdb_columns() where database_name = ? and not internal group by all
                """,
                [database],
            )
            return dict(columns.fetchall())

        first, second = tables("one"), tables("other")
        assert first
        found: dict[str, object] = {
            name: "columns" for name in first.keys() | second.keys() if first.get(name) != second.get(name)
        }
        for name in first.keys() - found.keys():
            columns, where = first[name], ""
            if but_for_runs:
                if "ingest_runs" in name:
                    continue
                columns = [column for column in columns if column not in RUN_COLUMNS]
                where = "where entity <> 'ingest_runs'" if name == "marts.data_quality" else ""
            query, against = (
                f"select {', '.join(columns)} from {file}.{name} {where}" for file in ("one", "other")
            )
            rows = connection.sql(f"({query} except all {against}) union all ({against} except all {query})")
            if n_rows := len(rows):
                found[name] = n_rows
    return found


@pytest.fixture(scope="session")
def new_root(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Settings]:
    """Make settings on a fresh data root."""
    return lambda name: Settings(data=tmp_path_factory.mktemp(name) / "data")


@contextmanager
def made_once(folder: Path) -> Iterator[bool]:
    """Whether the caller is the test process that makes the folder; the others wait for it."""
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        is_first = not folder.exists()
        if is_first:
            folder.mkdir()
        yield is_first


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all test processes of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="session")
def demo(common: Path) -> Settings:
    """A built root of 2,000 demo posts. Read it only."""
    root = Settings(data=common / "demo")
    with made_once(root.data) as is_first:
        if is_first:
            ingest(root, "demo", "--posts", "2000")
            done = build(root, "--no-partial-parse")
            (common / "build.txt").write_text(done.stdout)
            for name in ("manifest.json", "semantic_manifest.json"):
                shutil.copy(DBT_PLACE / "dbt" / name, common)
    return root


@pytest.fixture(scope="session")
def manifest(demo: Settings, common: Path) -> dict[str, Any]:
    """dbt's manifest, with all SQL as it was compiled for the demo root's build."""
    del demo
    found: dict[str, Any] = json.loads((common / "manifest.json").read_text())
    return found


@pytest.fixture(scope="session")
def compiled(manifest: dict[str, Any]) -> dict[str, str]:
    """SQL of each model by its name, as the demo root's build ran it."""
    models = (node for node in manifest["nodes"].values() if node["resource_type"] == "model")
    return {node["name"]: node["compiled_code"] for node in models}


@pytest.fixture(scope="session")
def real(common: Path, shared: Path) -> Settings:
    """A built root of the real captures, files in name order. Read it only."""
    root = Settings(data=common / "real")
    with made_once(root.data) as is_first:
        if is_first:
            captures = [str(shared / name) for name in ("india_tweets", "x_payloads", "x_api_v2")]
            ingest(root, "archive", *captures)
            ingest(root, "prices", str(shared / "prices"))
            build(root)
    return root
