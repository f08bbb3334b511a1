"""Read any file of posts: recognise it on its first records, then stream it.

    paths ─> files ─> recognised by content ─> records, one at a time ─> items

What a file is, and for tables what each column means, is settled on a sample; ``plan`` shows
that without reading on. Memory does not grow with a file's size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa

from ingest.entities import Item, Origin, Quarantined
from ingest.entities.tweets.schema import ENTITY
from ingest.entities.tweets.tabular import FIELDS, ColumnUse, Table, flatten, map_columns, parse_row
from ingest.sources.archive.files import (
    HEAD,
    ArchiveError,
    TextFile,
    encoding_of,
    find_files,
    fingerprint,
    head_of,
    lines,
)
from ingest.sources.archive.json_records import items_of, records_in
from ingest.sources.archive.json_text import LARGEST, BrokenJson, Found, load, values
from ingest.sources.archive.pages import CUT_OFF, page_items
from ingest.sources.archive.tables import PARQUET, Dialect, csv_rows, dialect_of, parquet_rows

SAMPLE = 2_000  # records looked at before a file is read
_SAMPLE_CHARACTERS = 1 << 25  # and no more text than this, for files of large records
_LONGEST_FIRST = 1 << 22  # a first line longer than this is a document of its own

OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class FilePlan:
    """What a file is taken for. ``problem`` says why it will be quarantined whole, if it will.

    ``container`` is json, json_lines, html, csv, parquet or None; ``formats`` counts the sampled
    records by kind; ``columns`` explains each column of a table.
    """

    file: str
    size_bytes: int
    is_gzip: bool = False
    container: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    records_sampled: int = 0
    formats: Mapping[str, int] = field(default_factory=dict)
    columns: tuple[ColumnUse, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class _Reading:
    """A plan with what is needed to follow it."""

    plan: FilePlan
    dialect: Dialect | None = None
    table: Table | None = None


def records(
    paths: Sequence[str | Path],
    *,
    column_map: Mapping[str, str] | None = None,
    naive_timezone: str = "UTC",
    on_progress: OnProgress | None = None,
) -> Iterator[Item]:
    """Yield every record of the files that ``paths`` (files, folders, globs) name, in sorted file order.

    ``column_map`` (column to field, or to ``-``) corrects what tables' columns are taken for;
    ``naive_timezone`` (IANA name) is for times that state none. ``on_progress`` gets (file,
    bytes done, bytes total). A file that cannot be read is one Quarantined item. Raises
    ArchiveError at once for a path, column, field or time zone that does not exist.
    """
    zone = _zone(naive_timezone)
    files = find_files(paths)
    _check_map(column_map, files, zone)

    def items() -> Iterator[Item]:
        for file in files:
            yield from _file_items(file, column_map, zone, on_progress)

    return items()


def plan(
    paths: Sequence[str | Path],
    *,
    column_map: Mapping[str, str] | None = None,
    naive_timezone: str = "UTC",
) -> list[FilePlan]:
    """Return what each file would be taken for, after a look at its first records only.

    Raises ArchiveError as ``records`` does.
    """
    zone = _zone(naive_timezone)
    files = find_files(paths)
    _check_map(column_map, files, zone)
    return [_reading(file, column_map, zone).plan for file in files]


def _zone(name: str) -> tzinfo:
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ArchiveError(
            f"There is no time zone {name!r}. Use an IANA name such as Asia/Kolkata."
        ) from error


def _check_map(column_map: Mapping[str, str] | None, files: Sequence[Path], zone: tzinfo) -> None:
    if not column_map:
        return
    if unknown := sorted(set(column_map.values()) - {*FIELDS, "-"}):
        raise ArchiveError(
            f"There is no field {', '.join(unknown)} for --map. Fields are: {', '.join(FIELDS)};"
            " or - to ignore a column."
        )
    fields = [field for field in column_map.values() if field != "-"]
    if twice := sorted({field for field in fields if fields.count(field) > 1}):
        raise ArchiveError(f"--map gives {', '.join(twice)} more than one column. Keep one.")
    wanted = {column.casefold() for column in column_map}
    for file in files:
        wanted -= {use.column.casefold() for use in _reading(file, column_map, zone).plan.columns}
        if not wanted:
            return
    raise ArchiveError(
        f"No file has a column {', '.join(sorted(wanted))}, named by --map. See --dry-run for names."
    )


def _file_items(
    file: Path, column_map: Mapping[str, str] | None, zone: tzinfo, on_progress: OnProgress | None
) -> Iterator[Item]:
    name = str(file)
    try:
        size = file.stat().st_size
        reading = _reading(file, column_map, zone)
        if reading.plan.problem:
            yield _whole(file, "unrecognised_file")
        else:
            on_bytes = (lambda done: on_progress(name, done, size)) if on_progress else None
            yield from _items(file, reading, zone, size, on_bytes)
    except (OSError, pa.ArrowException):
        yield _whole(file, "unreadable_file")
        return
    if on_progress:
        on_progress(name, size, size)


def _whole(file: Path, reason: str) -> Quarantined:
    """Return a file as one fault: its first bytes, and the hash of the whole as its position."""
    try:
        head, digest = fingerprint(file)
    except OSError as error:
        return Quarantined(ENTITY, "unreadable_file", str(error).encode(), Origin(str(file)))
    return Quarantined(ENTITY, reason, head, Origin(str(file), f"sha256:{digest}"))


def _reading(file: Path, column_map: Mapping[str, str] | None, zone: tzinfo) -> _Reading:
    """Recognise a file by its first bytes, then by its first records."""
    shown = FilePlan(str(file), 0)
    try:
        head, is_gzip = head_of(file)
        shown = replace(shown, size_bytes=file.stat().st_size, is_gzip=is_gzip)
        if head.startswith(PARQUET):
            rows = list(islice(parquet_rows(file), SAMPLE))
            return _table_reading(replace(shown, container="parquet"), rows, column_map, zone)
    except (OSError, pa.ArrowException) as error:
        return _Reading(replace(shown, problem=f"it cannot be read: {error}"))
    encoding = encoding_of(head)
    if encoding is None or not head.strip():
        problem = "it is empty" if not head.strip() else "it is neither text nor Parquet"
        return _Reading(replace(shown, problem=problem))
    shown = replace(shown, encoding=encoding)
    start = head.decode(encoding, "replace")
    if start.lstrip()[:1] in ("[", "{"):
        return _json_reading(file, shown, column_map, zone)
    if start.lstrip().startswith("<") and (cards := _card_counts(TextFile(file, encoding))):
        return _Reading(replace(shown, container="html", records_sampled=cards.total(), formats=cards))
    dialect = dialect_of(start, column_map)
    if dialect is None:
        return _Reading(
            replace(
                shown,
                problem="it is neither JSON, nor a page of X's with posts, nor a table whose header names"
                " a post's columns",
            )
        )
    sample = islice(csv_rows(TextFile(file, encoding), dialect), SAMPLE)
    rows = [row.cells for row in sample if row.cells is not None]
    shown = replace(shown, container="csv", delimiter=dialect.name)
    return _table_reading(shown, rows, column_map, zone, dialect)


def _card_counts(text: TextFile) -> Counter[str]:
    """Count what stands in a page; empty where no card does."""
    kinds = Counter(
        "broken" if isinstance(item, Quarantined) and item.reason in CUT_OFF else "x_html"
        for item in page_items(text, "")
    )
    return kinds if kinds["x_html"] else Counter()


def _table_reading(
    shown: FilePlan,
    rows: Sequence[Mapping[str, object]],
    column_map: Mapping[str, str] | None,
    zone: tzinfo,
    dialect: Dialect | None = None,
) -> _Reading:
    table = map_columns(rows, column_map=column_map, zone=zone)
    shown = replace(
        shown,
        records_sampled=len(rows),
        formats={"tabular": len(rows)},
        columns=table.uses,
        problem=table.problem if rows else None,  # an empty table is no fault
    )
    return _Reading(shown, dialect, table)


def _json_reading(
    file: Path, shown: FilePlan, column_map: Mapping[str, str] | None, zone: tzinfo
) -> _Reading:
    text = TextFile(file, shown.encoding or "utf-8")
    start = [line for line, _ in islice(lines(text, _LONGEST_FIRST), 20) if line.strip()]
    loaded = sum(1 for line in start if _is_value(line))
    shown = replace(shown, container="json_lines" if len(start) > 1 and 2 * loaded >= len(start) else "json")
    text = TextFile(file, shown.encoding or "utf-8")
    kinds: Counter[str] = Counter()
    rows: list[Mapping[str, object]] = []
    for _, found in _json_values(text, shown.container == "json_lines"):
        if isinstance(found, _Broken):
            kinds["broken"] += 1
        else:
            for record in records_in(found):
                kinds[record.kind or "unrecognised"] += 1
                if record.kind == "tabular":
                    rows.append(flatten(record.value))
        if kinds.total() >= SAMPLE or text.characters > _SAMPLE_CHARACTERS:
            break
    table = map_columns(rows, column_map=column_map, zone=zone) if rows else None
    problem = None
    if kinds and not set(kinds) - {"broken", "unrecognised", "tabular"} and (table is None or table.problem):
        problem = table.problem if table else f"no post among its first {kinds.total():,} records"
    shown = replace(
        shown,
        records_sampled=kinds.total(),
        formats=dict(kinds),
        columns=table.uses if table else (),
        problem=problem,
    )
    return _Reading(shown, None, table)


def _is_value(line: str) -> bool:
    try:
        return isinstance(load(line), dict | list)
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class _Broken:
    reason: str
    raw: bytes


def _json_values(text: TextFile, is_lines: bool) -> Iterator[tuple[str, object]]:
    """Yield (position, value or _Broken) of a JSON file. A file cut short ends in one _Broken."""
    if not is_lines:
        last: Found | None = None
        is_bare = True
        try:
            for number, found in enumerate(values(text), 1):
                if found.is_record or any(record.kind for record in records_in(found.value)):
                    is_bare = False
                    yield f"item {number}", found.value
                else:
                    last = found
        except BrokenJson as broken:
            reason = "truncated_file" if text.is_cut_short else "invalid_json"
            yield "", _Broken(reason, text.raw(broken.rest[:HEAD]))
        else:
            if text.is_cut_short:
                yield "", _Broken("truncated_file", b"")
            elif is_bare and last:
                yield "", last.value  # the file holds something, if no record: it is not passed over
        return
    for number, (line, is_whole) in enumerate(lines(text, LARGEST), 1):
        position = f"line {number}"
        if is_whole and not line.strip():
            continue
        try:
            value = load(line)
        except ValueError:
            reason = (
                "invalid_json" if is_whole else "truncated_file" if text.is_cut_short else "record_too_large"
            )
            yield position, _Broken(reason, text.raw(line))
            continue
        yield position, value
        if not is_whole:
            yield position, _Broken("truncated_file", b"")


def _items(
    file: Path, reading: _Reading, zone: tzinfo, size: int, on_bytes: Callable[[int], None] | None
) -> Iterator[Item]:
    name, table = str(file), reading.table
    if reading.plan.container == "parquet":
        assert table
        on_share = (lambda share: on_bytes(int(share * size))) if on_bytes else None
        for number, row in enumerate(parquet_rows(file, on_share), 1):
            yield parse_row(row, table, origin=Origin(name, f"row {number}"))
        return
    text = TextFile(file, reading.plan.encoding or "utf-8", on_bytes)
    if reading.plan.container == "html":
        yield from page_items(text, name)
        return
    if reading.dialect and table:
        for csv_row in csv_rows(text, reading.dialect):
            origin = Origin(name, f"row {csv_row.number}")
            if csv_row.cells is None:
                yield Quarantined(ENTITY, csv_row.reason, text.raw(csv_row.raw), origin)
            else:
                codes = ("encoding_guessed",) if csv_row.is_guessed else ()
                yield parse_row(csv_row.cells, table, origin=origin, warnings=codes)
        return
    for position, found in _json_values(text, reading.plan.container == "json_lines"):
        if isinstance(found, _Broken):
            yield Quarantined(ENTITY, found.reason, found.raw, Origin(name, position))
            continue
        for number, record in enumerate(records_in(found), 1):
            where = position if record.value is found else f"{position} record {number}"
            yield from items_of(record, table, Origin(name, where), zone)
