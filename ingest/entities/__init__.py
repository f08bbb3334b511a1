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
from typing import Any

import pyarrow as pa

UTC_US = pa.timestamp("us", tz="UTC")

# Written by the landing zone, never by a source.
PROVENANCE = (
    pa.field("sighting_id", pa.string(), nullable=False),
    pa.field("payload_hash", pa.string(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("run_id", pa.string(), nullable=False),
    pa.field("landed_at", UTC_US, nullable=False),
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
