"""The landing zone: append-only Parquet, one atomic file per batch and entity.

    items → typed table → purged and seen before dropped → Great Expectations → payloads, record

A file appears whole or not at all: it is written under a name that no ``*.parquet`` glob
matches, fsynced, and renamed. ``ingest.sqlite`` indexes the sightings that have landed; the
index can be thrown away, since it is rebuilt from the Parquet files that it does not know.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from config import Settings
from ingest import entities, purging
from ingest.batch_checks import failures
from ingest.entities import Captured, Origin, Quarantined
from ingest.entities.tweets.schema import ENTITY as TWEETS
from ingest.files import atomic_file, landed_files, write_parquet
from ingest.purging import Purged, Removed, is_in_quarantined, purged_in, scrub_payload

log = logging.getLogger("ingest")

PAYLOAD_SCHEMA = pa.schema(
    [
        pa.field("payload_hash", pa.string(), nullable=False),
        pa.field("payload", pa.binary(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("position", pa.string(), nullable=False),
    ]
)

_INDEX = """
create table if not exists sightings (
    entity text not null, sighting_id blob not null, primary key (entity, sighting_id)
) without rowid;
create table if not exists quarantined (
    entity text not null, record_id blob not null, primary key (entity, record_id)
) without rowid;
create table if not exists indexed_files (path text primary key) without rowid;
"""


class RootError(Exception):
    """The data root cannot take these records; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Landed:
    """What became of one batch, in records."""

    landed: int = 0
    unchanged: int = 0
    quarantined: int = 0
    problems: tuple[str, ...] = ()
    purged: int = 0


def kind_of(file: str) -> str | None:
    """'demo' or 'real', by the source that opens a landed file's name; None for purges, which fit both."""
    source = file.partition("-")[0]
    return None if source == "purge" else "demo" if source == "demo" else "real"


def refuse_mixing(settings: Settings, source: str) -> None:
    """A data root is demo or real.

    Raises:
        RootError: the root holds records of the other kind.
    """
    wanted = kind_of(source)
    for path in landed_files(settings):
        held = kind_of(path.name)
        if wanted and held and held != wanted:
            raise RootError(
                f"{settings.data} holds {held} records, and {source!r} would add {wanted} ones. "
                "Give them a root of their own: MARKET_INTEL_DATA=another/folder."
            )


class LandingZone:
    """Lands batches of one run under a data root."""

    def __init__(self, settings: Settings, connection: sqlite3.Connection, source: str, run_id: str) -> None:
        """Open the zone for ``run_id`` and bring the index up to date with the files.

        ``connection`` is the root's ``ingest.sqlite``, in autocommit mode.
        """
        refuse_mixing(settings, source)
        self._settings, self._connection = settings, connection
        self._source, self._run_id = source, run_id
        self._batches = 0
        connection.executescript(_INDEX)
        _finish_compactions(settings)
        self.apply_purges()
        _index_unknown_files(settings, connection)

    def apply_purges(self) -> Removed:
        """Bring the root in line with the landed purges: those just landed, and those left unfinished."""
        return _apply_purges(self._settings, self._connection)

    def land(self, entity: str, captured: Sequence[Captured]) -> Landed:
        """Land one batch atomically; returns what became of its records."""
        if not captured:
            return Landed()
        landed_at = datetime.now(UTC)
        table, misfits = self._typed(entity, captured, landed_at)
        refused = len(self.quarantine(entity, misfits))
        purged = len(misfits) - refused
        with _transaction(self._connection):
            # Again under the lock: another ingest may have been the first to land here.
            refuse_mixing(self._settings, self._source)
            names = purged_in(self._settings) if entity == TWEETS else Purged()
            if names:
                withheld = _withheld(table, captured, names)
                purged += pc.sum(withheld).as_py() or 0
                table = table.filter(pc.invert(withheld))
            fresh = self._unseen(entity, table["sighting_id"].to_pylist())
            unchanged = table.num_rows - len(fresh)
            if not fresh:
                return Landed(0, unchanged, refused, purged=purged)
            table = table.take(fresh)
            problems = failures(entity, table)
            name = f"{self._source}-{self._run_id}-{self._batches:04d}.parquet"
            if problems:
                self._quarantine_batch(entity, captured, table, names, problems, landed_at)
                return Landed(0, unchanged, refused + table.num_rows, tuple(problems), purged)
            self._batches += 1
            folder = Path(entity, f"dt={landed_at:%Y-%m-%d}")
            self._write_payloads(self._settings.payloads / folder / name, captured, table, names)
            path = self._settings.raw / folder / name
            write_parquet(table, path)
            _index_sightings(self._connection, entity, table["sighting_id"])
            _mark_indexed(self._settings, self._connection, path)
        return Landed(table.num_rows, unchanged, refused, purged=purged)

    def quarantine(self, entity: str, records: Iterable[Quarantined]) -> list[Quarantined]:
        """Keep unreadable records whole; one that was kept before is not kept again.

        Returns those that are in quarantine now. The others hold purged posts, and are dropped.
        """
        now = datetime.now(UTC)
        lines = [(record, _quarantine_line(record, self._source, self._run_id, now)) for record in records]
        if not lines:
            return []
        with _transaction(self._connection):
            if names := purged_in(self._settings):
                lines = [(record, line) for record, line in lines if not is_in_quarantined(line, names)]
            kept = [
                json.dumps(line, ensure_ascii=False).encode()
                for _, line in lines
                if self._connection.execute(
                    "insert or ignore into quarantined values (?, ?)", (entity, _quarantine_key(line))
                ).rowcount
            ]
            if kept:
                digest = hashlib.sha256(b"\n".join(kept)).hexdigest()[:16]
                name = f"{self._source}-{self._run_id}-{digest}.jsonl.gz"
                path = self._settings.quarantine / entity / f"dt={now:%Y-%m-%d}" / name
                with atomic_file(path) as temporary, gzip.open(temporary, "wb") as stream:
                    stream.write(b"\n".join(kept) + b"\n")
                _mark_indexed(self._settings, self._connection, path)
        return [record for record, _ in lines]

    def _typed(
        self, entity: str, captured: Sequence[Captured], landed_at: datetime
    ) -> tuple[pa.Table, list[Quarantined]]:
        """The batch as a table of the entity's schema, and the records that do not fit it."""
        schema = entities.schema(entity)
        names = entities.captured_names(entity)
        rows, misfits = [], []
        for record in captured:
            unknown = record.fields.keys() - set(names)
            if unknown:
                raise TypeError(
                    f"{self._source} filled columns that {entity} does not have: {sorted(unknown)}"
                )
            payload_hash = hashlib.sha256(record.payload).hexdigest()
            fields = {name: record.fields.get(name) for name in names}
            provenance = {
                "sighting_id": _sighting_id(fields, payload_hash),
                "payload_hash": payload_hash,
                "source": self._source,
                "run_id": self._run_id,
                "landed_at": landed_at,
            }
            rows.append(fields | provenance)
        try:
            return _checked_table(rows, schema), []
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            # One record does not fit. Find it, so that the others still land.
            fitting = []
            for record, row in zip(captured, rows, strict=True):
                try:
                    _checked_table([row], schema)
                    fitting.append(row)
                except (pa.ArrowException, TypeError, ValueError, OverflowError):
                    reason = f"does not fit the schema: {', '.join(_misfits(row, schema))}"
                    misfits.append(Quarantined(entity, reason, record.payload, record.origin))
            return _checked_table(fitting, schema), misfits

    def _unseen(self, entity: str, sighting_ids: Sequence[str]) -> list[int]:
        """Positions of the sightings that neither landed before nor stand earlier in the batch."""
        seen: set[str] = set()
        fresh = []
        find = "select 1 from sightings where entity = ? and sighting_id = ?"
        for position, sighting_id in enumerate(sighting_ids):
            key = (entity, bytes.fromhex(sighting_id))
            if sighting_id not in seen and self._connection.execute(find, key).fetchone() is None:
                fresh.append(position)
            seen.add(sighting_id)
        return fresh

    def _write_payloads(
        self, path: Path, captured: Sequence[Captured], table: pa.Table, purged: Purged
    ) -> None:
        """Originals of the table's rows. A purged post inside another's original is cut out of it."""
        wanted = set(table["payload_hash"].to_pylist())
        rows: dict[str, dict[str, Any]] = {}
        for record in captured:
            payload_hash = hashlib.sha256(record.payload).hexdigest()
            if payload_hash in wanted and payload_hash not in rows:
                payload = scrub_payload(record.payload, purged) if purged else record.payload
                if payload is None:
                    continue
                rows[payload_hash] = {
                    "payload_hash": payload_hash,
                    "payload": payload,
                    "file": _printable(record.origin.file),
                    "position": _printable(record.origin.position),
                }
        with atomic_file(path) as temporary:
            payloads = pa.Table.from_pylist(list(rows.values()), schema=PAYLOAD_SCHEMA)
            pq.write_table(payloads, temporary, compression="zstd")

    def _quarantine_batch(
        self,
        entity: str,
        captured: Sequence[Captured],
        table: pa.Table,
        purged: Purged,
        problems: Sequence[str],
        refused_at: datetime,
    ) -> None:
        """Set a whole batch aside, originals included. Its name is its content: a retry replaces it."""
        digest = hashlib.sha256("".join(sorted(table["sighting_id"].to_pylist())).encode()).hexdigest()[:16]
        path = self._settings.quarantine / entity / "batches" / f"{self._source}-{digest}.parquet"
        write_parquet(table, path)
        self._write_payloads(path.with_name(f"{path.stem}-payloads.parquet"), captured, table, purged)
        report = {
            "entity": entity,
            "source": self._source,
            "run_id": self._run_id,
            "quarantined_at": refused_at.isoformat(),
            "records": table.num_rows,
            "problems": list(problems),
        }
        with atomic_file(path.with_suffix(".json")) as temporary:
            temporary.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    # Immediate: two ingests into one root take turns, so that neither lands a sighting twice.
    connection.execute("begin immediate")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def _apply_purges(settings: Settings, connection: sqlite3.Connection) -> Removed:
    if not purged_in(settings):
        return Removed()
    with _transaction(connection):
        removed = purging.apply(settings, connection)
    if removed:
        log.info("purge: %s", removed.line())
        # The log of writes keeps what was deleted until it is emptied.
        connection.execute("pragma wal_checkpoint(truncate)")
    return removed


def _withheld(table: pa.Table, captured: Sequence[Captured], purged: Purged) -> pa.BooleanArray:
    """Which rows are purged, by their columns or by their originals."""
    originals = {
        hashlib.sha256(record.payload).hexdigest()
        for record in captured
        if purged.covers_payload(record.payload)
    }
    return purged.covers_rows(table, originals)


def _misfits(row: dict[str, Any], schema: pa.Schema) -> Iterator[str]:
    """Columns that a row does not fit, without their values: reasons are logged, where no purge reaches."""
    for field in schema:
        try:
            if pa.array([row[field.name]], field.type).null_count and not field.nullable:
                yield f"{field.name} is missing"
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            yield f"{field.name} is no {field.type}"


def _checked_table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    table = pa.Table.from_pylist(rows, schema=schema)
    for field in schema:
        if not field.nullable and table[field.name].null_count:
            raise ValueError(f"{field.name} is missing")
    return table


def _sighting_id(fields: dict[str, Any], payload_hash: str) -> str:
    # By name and without nulls, so that a column that is added later changes no sighting of before.
    known = {name: value for name, value in sorted(fields.items()) if value is not None}
    text = json.dumps([known, payload_hash], ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _quarantine_line(record: Quarantined, source: str, run_id: str, now: datetime) -> dict[str, str]:
    try:
        payload = {"payload": record.payload.decode()}
    except UnicodeDecodeError:
        payload = {"payload_base64": base64.b64encode(record.payload).decode()}
    origin: Origin = record.origin
    return {
        "reason": record.reason,
        "source": source,
        "run_id": run_id,
        "quarantined_at": now.isoformat(),
        "file": _printable(origin.file),
        "position": _printable(origin.position),
        **payload,
    }


def _printable(text: str) -> str:
    """A file's name or a position as text, also where bytes of the one or an id in the other are none."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _quarantine_key(line: dict[str, str]) -> bytes:
    kept = (line["reason"], line.get("payload", ""), line.get("payload_base64", ""))
    return hashlib.sha256("\x00".join(kept).encode("utf-8", "surrogatepass")).digest()[:16]


def _index_sightings(connection: sqlite3.Connection, entity: str, sighting_ids: pa.ChunkedArray) -> None:
    connection.executemany(
        "insert or ignore into sightings values (?, ?)",
        ((entity, bytes.fromhex(sighting_id)) for sighting_id in sighting_ids.to_pylist()),
    )


def _mark_indexed(settings: Settings, connection: sqlite3.Connection, path: Path) -> None:
    relative = path.relative_to(settings.data).as_posix()
    connection.execute("insert or ignore into indexed_files values (?)", (relative,))


def _index_unknown_files(settings: Settings, connection: sqlite3.Connection) -> None:
    """Index landed and quarantined files that the index does not know: it was lost, or we were killed."""
    known = {path for (path,) in connection.execute("select path from indexed_files")}
    if any(not (settings.data / path).exists() for path in known):
        # Files were taken away; what only they held may land again.
        for table in ("sightings", "quarantined", "indexed_files"):
            connection.execute(f"delete from {table}")
        known = set()
    kept = sorted(settings.quarantine.glob("*/dt=*/*.jsonl.gz"))
    for path in [*landed_files(settings), *kept]:
        relative = path.relative_to(settings.data).as_posix()
        if relative in known:
            continue
        entity = path.parent.parent.name
        connection.execute("begin immediate")
        if path.suffix == ".parquet":
            for batch in pq.ParquetFile(path).iter_batches(columns=["sighting_id"]):
                _index_sightings(connection, entity, pa.chunked_array([batch.column(0)]))
        else:
            with gzip.open(path, "rb") as stream:
                keys = [(entity, _quarantine_key(json.loads(line))) for line in stream]
            connection.executemany("insert or ignore into quarantined values (?, ?)", keys)
        _mark_indexed(settings, connection, path)
        connection.execute("commit")


def compact(settings: Settings, connection: sqlite3.Connection, entity: str, rows: int) -> tuple[int, int]:
    """Merge each day's files of fewer than ``rows`` rows; returns (files before, files after).

    The merged file lists what it replaces in its own metadata and is renamed into place before
    they go. A crash in between leaves both, which readers see as repeated sightings and the
    next run tidies.
    """
    connection.executescript(_INDEX)
    _finish_compactions(settings)
    _apply_purges(settings, connection)
    before = after = 0
    for kind, schema in (("raw", entities.schema(entity)), ("payloads", PAYLOAD_SCHEMA)):
        for day in sorted((settings.data / kind / entity).glob("dt=*")):
            files = sorted(day.glob("*.parquet"))
            small = [path for path in files if pq.read_metadata(path).num_rows < rows]
            for group in _groups(small, rows):
                # A purge that ran meanwhile would be undone by a merged file of what it had rewritten.
                with _transaction(connection):
                    _merge(group, schema, kind)
                    connection.executemany(
                        "delete from indexed_files where path = ?",
                        [
                            (path.relative_to(settings.data).as_posix(),)
                            for path in group
                            if not path.exists()
                        ],
                    )
            if kind == "raw":
                before, after = before + len(files), after + len(list(day.glob("*.parquet")))
    _index_unknown_files(settings, connection)
    return before, after


def _groups(files: Sequence[Path], rows: int) -> Iterator[list[Path]]:
    """Runs of files of one source that together hold about ``rows`` rows."""
    by_source: dict[str, list[Path]] = {}
    for path in files:
        by_source.setdefault(path.name.partition("-")[0], []).append(path)
    for paths in by_source.values():
        group: list[Path] = []
        held = 0
        for path in paths:
            group.append(path)
            held += pq.read_metadata(path).num_rows
            if held >= rows:
                yield group
                group, held = [], 0
        if group:
            yield group


def _merge(group: Sequence[Path], schema: pa.Schema, kind: str) -> None:
    if len(group) < 2:
        return
    names = [path.name for path in group]
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
    target = group[0].with_name(f"{names[0].partition('-')[0]}-compact-{digest}.parquet")
    compression = "snappy" if kind == "raw" else "zstd"
    with atomic_file(target) as temporary:
        metadata = {**(schema.metadata or {}), b"replaces": json.dumps(names).encode()}
        with pq.ParquetWriter(temporary, schema.with_metadata(metadata), compression=compression) as writer:
            for path in group:
                for batch in pq.ParquetFile(path).iter_batches():
                    writer.write_batch(_conformed(batch, schema))
    for path in group:
        path.unlink()


def _conformed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch of an older schema in today's: columns that it lacks are null."""
    held = set(batch.schema.names)
    columns = [
        batch.column(field.name).cast(field.type) if field.name in held else pa.nulls(len(batch), field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _finish_compactions(settings: Settings) -> None:
    """Remove files that a merged file replaces: we were killed between rename and removal."""
    for kind in ("raw", "payloads"):
        for merged in (settings.data / kind).glob("*/dt=*/*-compact-*.parquet"):
            replaces = json.loads(pq.read_metadata(merged).metadata.get(b"replaces", b"[]"))
            for name in replaces:
                merged.with_name(name).unlink(missing_ok=True)
