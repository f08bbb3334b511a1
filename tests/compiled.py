"""Models as dbt compiles them, run without a build on tables that the caller makes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb

from config import ROOT

_SCHEMAS = ("raw", "processed", "validated", "signals", "marts", "seeds")
_SEED_TYPES = "['BIGINT', 'DOUBLE', 'VARCHAR']"


def compiled(*select: str) -> dict[str, str]:
    """SQL of the models that dbt selects by `select`, by the table that each makes, parents first.

    Raises RuntimeError with dbt's output where they do not compile.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(sys.executable).with_name("dbt")), "compile", "--select", *select]
        environment = {
            **os.environ,
            "MARKET_INTEL_DATA": folder,
            "DBT_TARGET_PATH": folder,
            "DBT_LOG_PATH": folder,
        }
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        nodes = json.loads((Path(folder) / "manifest.json").read_text())["nodes"]
    models = {
        key: node for key, node in nodes.items() if key.startswith("model.") and node.get("compiled_code")
    }
    order = TopologicalSorter(
        {key: node["depends_on"]["nodes"] for key, node in models.items()}
    ).static_order()
    return {models[key]["relation_name"]: models[key]["compiled_code"] for key in order if key in models}


def warehouse(folder: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A database with a build's name, schemas and seeds: a new file in the folder, else in memory."""
    database = duckdb.connect(config={"storage_compatibility_version": "v1.5.0"})
    database.execute("set TimeZone = 'UTC'; set enable_progress_bar = false")
    file = ":memory:" if folder is None else str(folder / "warehouse.duckdb")
    database.execute(f"attach '{file}' as warehouse; use warehouse")
    for schema in _SCHEMAS:
        database.execute(f"create schema if not exists {schema}")
    for seed in (ROOT / "warehouse" / "seeds").glob("*.csv"):
        database.execute(
            f"create table seeds.{seed.stem} as from read_csv('{seed}', auto_type_candidates={_SEED_TYPES})"
        )
    return database
