"""Read price bars. A file states prices, seldom its clock or interval: both are read off the times."""

from __future__ import annotations

import csv
import glob
import gzip
import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.entities import Captured, Item, Origin, Quarantined
from ingest.runs import SourceError

ENTITY = "price_bars"
IST = timezone(timedelta(hours=5, minutes=30), "IST")
CLOCKS = ("auto", "ist", "utc")
SAMPLE_ROWS = 1000

_SUFFIXES = (".csv", ".csv.gz", ".parquet")
_SYNONYMS = {
    "time": ("datetime", "timestamp", "date", "time", "bar_start"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c", "ltp"),
    "volume": ("volume", "v", "vol"),
    "symbol": ("symbol", "ticker", "instrument"),
    "interval": ("interval", "bar_interval", "timeframe"),
}
# Hours within which an exchange's bars start, on either reading of a bare clock.
_SESSION_IST = (time(9, 0), time(15, 45))
_SESSION_UTC = (time(3, 30), time(10, 15))
_FIRST_YEAR = 1990  # the SENSEX was first published in 1986, the NSE opened in 1992


@dataclass(frozen=True, slots=True)
class Layout:
    """What holds for a whole file."""

    columns: Mapping[str, str]
    symbol: str | None
    interval: str | None
    basis: str


def read(
    paths: Sequence[str],
    *,
    symbol: str | None = None,
    interval: str | None = None,
    clock: str = "auto",
) -> Iterator[Item]:
    """Yield one record per bar; rows that are no bar, and impossible dates, are quarantined.

    Raises:
        SourceError: a path holds no price file, or a file does not say its symbol, interval or clock.
    """
    if interval and not re.fullmatch(r"\d+(min|h)|1d", interval):
        raise SourceError(f"--interval {interval}: write it as 3min, 1h or 1d")
    for path in _files(paths):
        try:
            rows = _rows(path)
            head = list(islice(rows, SAMPLE_ROWS))
            layout = _layout(path, head, symbol, interval, clock)
            for number, row in enumerate(chain(head, rows), start=1):
                yield _item(path.name, number, row, layout)
        except (OSError, EOFError, pa.ArrowException, csv.Error) as error:
            # What was read stays; the rest of this file cannot be had, and the other files go on.
            yield Quarantined(ENTITY, f"unreadable file: {error}", str(error).encode(), Origin(path.name))


def _files(paths: Sequence[str]) -> list[Path]:
    found: list[Path] = []
    for given in paths:
        path = Path(given)
        candidates = (
            sorted(path.rglob("*")) if path.is_dir() else [Path(name) for name in sorted(glob.glob(given))]
        )
        files = [file for file in candidates if file.is_file() and file.name.lower().endswith(_SUFFIXES)]
        if not files:
            what = (
                "does not exist" if not path.exists() and not glob.has_magic(given) else "holds no price file"
            )
            raise SourceError(f"{given} {what}. Give files, folders or globs of {', '.join(_SUFFIXES)}.")
        found += files
    return found


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".parquet":
        for batch in pq.ParquetFile(path).iter_batches():
            yield from batch.to_pylist()
        return
    opener = gzip.open if path.suffix == ".gz" else open
    with (
        opener(path, "rb") as stream,
        io.TextIOWrapper(stream, "utf-8-sig", errors="replace", newline="") as text,
    ):
        # A surplus cell goes under the key None; bytes that are no UTF-8 make no number and no date.
        yield from csv.DictReader(text)


def _layout(
    path: Path, head: Sequence[Mapping[str, Any]], symbol: str | None, interval: str | None, clock: str
) -> Layout:
    names = {str(name).strip().lower(): str(name) for name in (head[0] if head else {}) if name is not None}
    columns = {
        field: names[synonym]
        for field, synonyms in _SYNONYMS.items()
        if (synonym := next((s for s in synonyms if s in names), None))
    }
    missing = [field for field in ("time", "open", "high", "low", "close") if field not in columns]
    if head and missing:
        raise SourceError(f"{path}: no column for {', '.join(missing)} among {', '.join(names)}.")
    symbol = symbol or (None if "symbol" in columns else _symbol_in_name(path))
    times = [when for row in head if (when := _parse_time(row.get(columns["time"]))) is not None]
    if not interval and "interval" not in columns:
        interval = _interval_of(times)
        if head and interval is None:
            raise SourceError(f"{path}: its times do not show the bars' interval. State it: --interval 3min")
    return Layout(columns, symbol, interval, _basis(path, times, interval, clock))


def _symbol_in_name(path: Path) -> str:
    word = re.match(r"[A-Za-z&^-]+\d*", path.name)
    if not word:
        raise SourceError(
            f"{path}: neither a column nor the file's name says the symbol. State it: --symbol NIFTY"
        )
    return word.group().upper()


def _interval_of(times: Sequence[datetime]) -> str | None:
    walls = sorted({when.replace(tzinfo=None) for when in times})
    gaps = Counter(after - before for before, after in pairwise(walls))
    if not gaps:
        return None
    minutes = gaps.most_common(1)[0][0] // timedelta(minutes=1)
    if minutes >= 24 * 60:
        return "1d"
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}min"


def _basis(path: Path, times: Sequence[datetime], interval: str | None, clock: str) -> str:
    if interval == "1d" or (times and not any(when.time() != time() or when.tzinfo for when in times)):
        return "date"
    if any(when.tzinfo for when in times):
        return "offset"
    if clock != "auto":
        return f"naive_{clock}"
    of_day = [when.time() for when in times]
    for basis, (start, end) in (("naive_ist", _SESSION_IST), ("naive_utc", _SESSION_UTC)):
        if of_day and all(start <= moment <= end for moment in of_day):
            return basis
    if not of_day:
        return "naive_ist"
    raise SourceError(
        f"{path}: times from {min(of_day)} to {max(of_day)} are no session's hours in IST or in UTC. "
        "State the clock: --clock ist or --clock utc"
    )


def _parse_time(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    text = str(value or "").strip()
    for parse in (datetime.fromisoformat, _epoch):
        try:
            return parse(text)
        except (ValueError, OverflowError, OSError):
            continue
    return None


def _epoch(text: str) -> datetime:
    seconds = float(text)
    return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)


def _item(file: str, number: int, row: Mapping[str, Any], layout: Layout) -> Item:
    origin = Origin(file, f"row {number}")
    cells = {"surplus cells" if name is None else str(name): cell for name, cell in row.items()}
    payload = json.dumps(
        cells, default=str, sort_keys=True, ensure_ascii=False, separators=(",", ":")
    ).encode()
    if len(cells) != len(row) or "surplus cells" in cells:
        return Quarantined(ENTITY, "more cells than the header has", payload, origin)
    columns = layout.columns
    stated = row.get(columns["time"])
    when = _parse_time(stated)
    if when is None:
        return Quarantined(ENTITY, f"impossible date: {stated!r}", payload, origin)
    if layout.basis == "offset" and when.tzinfo is None:
        return Quarantined(
            ENTITY, f"a time without offset among times that have one: {stated!r}", payload, origin
        )
    start = bar_start(when, layout.basis)
    if not when.year >= _FIRST_YEAR or start > datetime.now(UTC) + timedelta(days=1):
        return Quarantined(
            ENTITY, f"impossible date: {stated!r} is before {_FIRST_YEAR} or in the future", payload, origin
        )
    symbol = layout.symbol or str(row.get(columns["symbol"]) or "").strip()
    if not symbol:
        return Quarantined(ENTITY, "no symbol", payload, origin)
    interval = layout.interval or interval_named(str(row.get(columns["interval"])))
    if interval is None:
        return Quarantined(ENTITY, f"no interval: {row.get(columns['interval'])!r}", payload, origin)
    fields: dict[str, Any] = {
        "symbol": re.sub(r"\s+", "", symbol).upper(),
        "bar_interval": interval,
        "bar_start": start,
        "observed_at": None,
        "time_basis": layout.basis,
    }
    for name in ("open", "high", "low", "close"):
        number_read = number_in(row.get(columns[name]))
        if number_read is None:
            return Quarantined(ENTITY, f"{name} is no number: {row.get(columns[name])!r}", payload, origin)
        fields[name] = number_read
    volume = number_in(row.get(columns["volume"])) if "volume" in columns else None
    fields["volume"] = None if volume is None else round(volume)
    return Captured(ENTITY, fields, payload, origin)


def bar_start(when: datetime, basis: str) -> datetime:
    """A bar's start in UTC, its stated time read as ``basis`` says (see the schema's time_basis)."""
    if basis == "date":
        # A daily bar is named by its date in India, whatever zone the export wrote it in.
        day = when.astimezone(IST).date() if when.tzinfo else when.date()
        return datetime.combine(day, time(), IST).astimezone(UTC)
    if when.tzinfo:
        return when.astimezone(UTC)
    return when.replace(tzinfo=UTC if basis == "naive_utc" else IST).astimezone(UTC)


def interval_named(text: str) -> str | None:
    """How we write a stated interval: 5m, 5 Min and 5minute are 5min; 1D and day are 1d."""
    found = re.fullmatch(r"(\d*)\s*(m|min|minutes?|h|hours?|d|days?|daily)", text.strip().lower())
    if not found:
        return None
    unit = {"m": "min", "h": "h", "d": "d"}[found[2][0]]
    return f"{int(found[1] or 1)}{unit}"


def number_in(value: object) -> float | None:
    """A cell as a finite number; None where it is none."""
    try:
        read_number = float(str(value).replace(",", ""))
    except ValueError:
        return None
    return read_number if math.isfinite(read_number) else None
