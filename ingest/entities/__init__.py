"""Entities: what a record is.

Each entity is one folder with one explicit Arrow schema, the single truth for its Parquet
files, its contract in the warehouse and its tests. Every schema ends with the columns in
``PROVENANCE``; what stands before them was captured, and is what identifies a sighting.

A source yields three kinds of item, and each is one record read::

    records read = Captured (landed or unchanged) + Excluded + Quarantined
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pyarrow as pa

UTC_US = pa.timestamp("us", tz="UTC")


def column(name: str, kind: pa.DataType, description: str, *, nullable: bool = True) -> pa.Field:
    """A schema column that carries its own description."""
    return pa.field(name, kind, nullable, metadata={"description": description})


# Written by the landing zone, never by a source.
PROVENANCE = (
    column("sighting_id", pa.string(), "Hash of every captured column and the payload.", nullable=False),
    column("payload_hash", pa.string(), "SHA-256 of the original record.", nullable=False),
    column(
        "source",
        pa.string(),
        "Source that captured it: demo, archive, prices, x, x_api, purge.",
        nullable=False,
    ),
    column("run_id", pa.string(), "Ingest run that landed it.", nullable=False),
    column("landed_at", UTC_US, "When its batch landed.", nullable=False),
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record came from: a file (or URL) and its position there."""

    file: str
    position: str = ""


@dataclass(frozen=True, slots=True)
class Captured:
    """A record of ``entity``, as captured, with the original bytes it was read from.

    ``fields`` holds captured columns of the entity's schema; a missing key lands as null.
    """

    entity: str
    fields: Mapping[str, Any]
    payload: bytes
    origin: Origin


@dataclass(frozen=True, slots=True)
class Excluded:
    """A record that was read and, by rule, is not a result: promoted entry, nested quote, …"""

    entity: str
    reason: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that could not be read; kept whole, with the reason."""

    entity: str
    reason: str
    payload: bytes
    origin: Origin


Item = Captured | Excluded | Quarantined


def names() -> list[str]:
    """Every entity, by its folder."""
    return sorted(module.name for module in iter_modules(__path__))


def schema(entity: str) -> pa.Schema:
    """The entity's landing schema."""
    found: pa.Schema = import_module(f"{__name__}.{entity}.schema").SCHEMA
    return found


def captured_names(entity: str) -> list[str]:
    """The columns that a source fills."""
    provenance = {field.name for field in PROVENANCE}
    return [name for name in schema(entity).names if name not in provenance]
