"""The warehouse's dbt-duckdb plugin: the functions that its SQL calls, and publishing.

The functions are `ml`'s, registered as Arrow functions under the names in ``REGISTERED``; on
Spark the same functions are registered as pandas UDFs under the same names, and no model changes.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb.func import ARROW, SPECIAL

from config import ROOT, Settings, settings
from ingest import entities
from ingest.files import atomic_file, write_parquet
from warehouse import functions


class Plugin(BasePlugin):
    """Registered in ``profiles.yml``; one instance per dbt run."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Make the data root's private folders, so that a build of an empty root has somewhere to go."""
        del plugin_config
        config = settings()
        assert self.creds is not None, "dbt-duckdb gives a plugin its profile"
        _refuse_another_root(config, Path(self.creds.path))
        config.build.mkdir(parents=True, exist_ok=True)
        for entity in entities.names():
            _write_empty(config.build / "empty" / f"{entity}.parquet", entities.schema(entity))

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Register the functions that models call."""
        config = settings()
        # We hold the build's file now, and it takes one writer: an unfinished copy belongs to nobody.
        for stale in config.data.glob(f".{config.published_db.name}.*"):
            stale.unlink()
        register(conn, config)
        conn.create_function("mi_publish", _publish, ["VARCHAR", "VARCHAR"], "VARCHAR", side_effects=True)


def register(connection: duckdb.DuckDBPyConnection, config: Settings) -> None:
    """Make `ml`'s functions known to a connection, bound to the data root's fitted models."""
    for name, function, parameters, returns, is_pure in functions.registered(config):
        connection.create_function(
            name,
            _whole_chunks(function, len(parameters)),
            [duckdb.sqltype(parameter) for parameter in parameters],
            returns,
            type=ARROW,
            null_handling=SPECIAL,
            side_effects=not is_pure,
        )


def _refuse_another_root(config: Settings, build_db: Path) -> None:
    """dbt reads the environment only, ``config`` reads ``.env`` too: they must mean one data root."""
    if build_db.resolve() != config.build_db.resolve():
        raise RuntimeError(
            f"dbt would build {build_db.resolve()}, but the settings say {config.build_db}. "
            f'From {ROOT}, run: eval "$(python -m config)" and then dbt again, or use make build.'
        )


def _write_empty(path: Path, schema: pa.Schema) -> None:
    """A source glob that matches nothing fails a build; the macro ``landed`` falls back on this file."""
    if not path.exists() or not pq.read_schema(path).equals(schema):
        write_parquet(schema.empty_table(), path)


def _whole_chunks(function: Callable[..., pa.Array], n_columns: int) -> Callable[..., pa.Array]:
    """DuckDB hands over chunked arrays of one chunk; the functions take arrays."""

    def call(*columns: pa.ChunkedArray) -> pa.Array:
        return function(*(c.combine_chunks() if isinstance(c, pa.ChunkedArray) else c for c in columns))

    # DuckDB counts the parameters of the signature.
    names = (f"column_{n}" for n in range(n_columns))
    call.__signature__ = Signature([Parameter(name, Parameter.POSITIONAL_ONLY) for name in names])  # type: ignore[attr-defined]
    return call


def _publish(build_db: str, published_db: str) -> str:
    """Replace the published file by a copy of the checkpointed build. Readers of the old one keep it.

    Raises:
        RuntimeError: the build's file is not whole without its write-ahead log.
    """
    source, target = Path(build_db), Path(published_db)
    log = source.with_name(f"{source.name}.wal")
    if log.exists() and log.stat().st_size:
        raise RuntimeError(f"{source} has unwritten changes in {log}: something else holds it open")
    with atomic_file(target) as copy:
        # By another process: closing the file in this one would drop DuckDB's lock on it.
        subprocess.run(["cp", str(source), str(copy)], check=True)
    return published_db
