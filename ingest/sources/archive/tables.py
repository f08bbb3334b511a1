"""Stream the rows of CSV files of any dialect and of Parquet files."""

from __future__ import annotations

import csv
import gzip
import math
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.entities.tweets.tabular import flatten, map_columns
from ingest.sources.archive.files import GZIP, TextFile, lines, mended

PARQUET = b"PAR1"
_BATCH = 2_000  # rows of Parquet in memory
_BUFFER = 1 << 20  # bytes read at a time of each Parquet column; else a row group is read whole
_LONGEST = 1 << 24  # characters of one line or cell
_MARKUP = re.compile("[{<]")  # of a broken JSON or HTML text, which holds commas and the names of fields too
_MOST_LINES = 2_000  # of one row; a quote that never closes would swallow the rest of the file


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written."""

    delimiter: str
    escape: str | None

    @property
    def name(self) -> str:
        """Return the delimiter in words."""
        return {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}[self.delimiter]


@dataclass(frozen=True, slots=True)
class CsvRow:
    """A row (column to text), or the raw text of what could not be read as one and why.

    ``is_guessed`` says that its bytes were not UTF-8.
    """

    number: int
    cells: dict[str, str] | None
    is_guessed: bool = False
    raw: str = ""
    reason: str = ""


def dialect_of(head: str, column_map: Mapping[str, str] | None = None) -> Dialect | None:
    """Return the dialect under which a text's first lines are a table of posts; None without one.

    Delimiters are tried in turn: the one whose header names the most fields wins, by itself
    or through ``column_map``.
    """
    start = [line + "\n" for line in head.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:200]]
    best, dialect = (0, 0), None
    for delimiter, escape in product(",\t;|", (None, "\\") if '\\"' in head else (None,)):
        tried = Dialect(delimiter, escape)
        rows = list(islice(_until_error(_reader(iter(start), tried)), 50))
        if not rows or len(rows[0]) < 2 or _MARKUP.search("".join(rows[0])):
            continue
        header, *body = rows
        known = len(map_columns([dict.fromkeys(header, "")], column_map=column_map).columns)
        score = (known, sum(1 for row in body if len(row) == len(header)))
        if known and score > best:
            best, dialect = score, tried
    return dialect


def csv_rows(text: TextFile, dialect: Dialect) -> Iterator[CsvRow]:
    """Yield the rows of a CSV file below its header, numbered from 1.

    A row with another number of cells than the header is broken. If it spans lines, its
    quotes are at fault: its first line is given back as broken and the others read anew.
    """
    source = _Lines(text)
    header: list[str] | None = None
    number = 0
    while True:
        reader = _reader(source, dialect)
        for row in _until_error(reader):
            if header is None:
                header = _distinct(mended(row)[0]) if row else None
                source.forget()
                continue
            if not source.is_whole or (row and len(row) != len(header)):
                break
            if row:
                number += 1
                row, is_guessed = mended(row)
                yield CsvRow(number, dict(zip(header, row, strict=True)), is_guessed)
            source.forget()
        reason = (
            "broken_row" if source.is_whole else "truncated_file" if text.is_cut_short else "record_too_large"
        )
        broken = source.give_back()
        if broken is None:
            return
        number += 1
        yield CsvRow(number, None, raw=broken, reason=reason)


class _Lines:
    """A file's lines for a CSV reader, which remembers those since the last good row."""

    def __init__(self, text: TextFile):
        self._lines = lines(text, _LONGEST)
        self._pending: list[str] = []
        self._used: list[str] = []
        self.is_whole = True

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self._used) >= _MOST_LINES:
            raise csv.Error("a row of too many lines")
        if self._pending:
            line = self._pending.pop()
        else:
            line, self.is_whole = next(self._lines)
            line += "\n"
        self._used.append(line)
        return line

    def forget(self) -> None:
        self._used.clear()

    def give_back(self) -> str | None:
        """Return the first line since the last good row, and queue the others to be read again.

        Lines cut short are returned together: there is nothing to read again.
        """
        if not self._used:
            return None
        first, *others = self._used if self.is_whole else ["".join(self._used)]
        self._pending.extend(reversed(others))
        self._used.clear()
        self.is_whole = True
        return first.rstrip("\r\n")


def _reader(source: Iterator[str], dialect: Dialect) -> Iterator[list[str]]:
    csv.field_size_limit(_LONGEST)
    return csv.reader(
        source,
        delimiter=dialect.delimiter,
        escapechar=dialect.escape,
        doublequote=dialect.escape is None,
        strict=True,  # a stray quote is an error in its row, and not the start of a long cell
    )


def _until_error(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error:
        return


def _distinct(header: Sequence[str]) -> list[str]:
    """Return column names that differ: a second "text" becomes "text.2"."""
    names: list[str] = []
    for name in header:
        base, times = name.strip(), 1
        name = base
        while name in names:
            times += 1
            name = f"{base}.{times}"
        names.append(name)
    return names


def parquet_rows(path: Path, on_share: Callable[[float], None] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of a Parquet file (or a gzip of one) as flat mappings.

    ``on_share`` is told the share of rows done, 0 to 1. Raises OSError or pyarrow's
    ArrowException for a broken file.
    """
    with _seekable(path) as file:
        parquet = pq.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False)
        total, done = max(parquet.metadata.num_rows, 1), 0
        for batch in parquet.iter_batches(batch_size=_BATCH):
            done += batch.num_rows
            batch = _plain(batch)
            is_nested = any(
                pa.types.is_nested(kind) and not pa.types.is_list(kind) for kind in batch.schema.types
            )
            for row in batch.to_pylist():
                yield flatten(row) if is_nested else row
            if on_share:
                on_share(done / total)


@contextmanager
def _seekable(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        if not file.peek(2).startswith(GZIP):
            yield file
            return
        with gzip.GzipFile(fileobj=file) as packed, tempfile.TemporaryFile() as spooled:
            try:
                shutil.copyfileobj(packed, spooled)
            except (EOFError, zlib.error) as error:
                raise OSError(f"broken gzip: {error}") from error
            spooled.seek(0)
            yield spooled


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with times to the microsecond (Python's own) and NaN as null."""
    for index, field in enumerate(batch.schema):
        column = batch.column(index)
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            column = column.cast(pa.timestamp("us", field.type.tz), safe=False)
        elif pa.types.is_floating(field.type):
            column = pa.array(
                [None if v is None or math.isnan(v) else v for v in column.to_pylist()], field.type
            )
        else:
            continue
        batch = batch.set_column(index, field.name, column)
    return batch
