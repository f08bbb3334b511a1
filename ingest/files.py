"""Files of the data root: written whole or not at all, found by entity."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from config import Settings


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success fsync it and rename it to ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        _fsync(temporary)
        os.replace(temporary, path)
        _fsync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write one landed file, atomically, in the project's encoding."""
    with atomic_file(path) as temporary:
        pq.write_table(table, temporary, compression="snappy", use_dictionary=True)


def landed_files(settings: Settings, entity: str = "*") -> list[Path]:
    """Every landed file of an entity (or of all), in path order."""
    return sorted(settings.raw.glob(f"{entity}/dt=*/*.parquet"))
