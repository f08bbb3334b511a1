"""The archive source: posts from files that others, or earlier captures, left behind.

    files, folders, globs ─> JSON, JSON lines, HTML, CSV, Parquet, gzip of each ─> one item per record

Knows X's GraphQL responses of every generation, X API v2 and v1.1 objects, the lines of
twscrape and snscrape, pages of X's site as a browser saves them, and any table whose columns
can be told to be posts.

Excluded: promoted_entry, nested_quote, nested_retweet, referenced_tweet,
duplicate_in_response, tombstone, unavailable, preview. Quarantined: unrecognised_file,
unreadable_file, truncated_file (its last, cut record), invalid_json, broken_row,
record_too_large, nested_too_deeply, unrecognised_record, no_timeline, malformed_entry, no_id,
no_text, no_identity (a row with neither id nor enough to derive one).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from config import settings
from ingest.entities import Item
from ingest.runs import Run
from ingest.sources.archive.files import ArchiveError
from ingest.sources.archive.reading import FilePlan, plan, records

__all__ = ["HELP", "ArchiveError", "FilePlan", "add_arguments", "explain", "items", "plan", "records"]

HELP = "posts from files, folders or globs: JSON, JSON lines, HTML, CSV, Parquet, gzip of each"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Paths, and corrections of what tables are taken for."""
    parser.add_argument("paths", nargs="+", help="files, folders or globs")
    parser.add_argument(
        "--map",
        dest="column_map",
        action="append",
        default=[],
        metavar="COLUMN=FIELD",
        help="take a table's column for a field (Likes=view_count), or ignore it (Likes=-); repeatable",
    )
    parser.add_argument(
        "--naive-timezone",
        default=settings().naive_timezone,
        metavar="ZONE",
        help="time zone of times that state none (default %(default)s)",
    )


def items(arguments: argparse.Namespace, run: Run) -> Iterator[Item]:
    """Every record of every file, in sorted file order."""
    return records(
        arguments.paths,
        column_map=_column_map(arguments.column_map),
        naive_timezone=arguments.naive_timezone,
        on_progress=run.progress.position,
    )


def explain(arguments: argparse.Namespace) -> str:
    """What each file would be taken for, and each column of a table, with the reasons."""
    plans = plan(
        arguments.paths,
        column_map=_column_map(arguments.column_map),
        naive_timezone=arguments.naive_timezone,
    )
    return "\n\n".join(map(_shown, plans)) or "no files"


def _column_map(pairs: list[str]) -> dict[str, str]:
    split = [pair.rpartition("=") for pair in pairs]
    if bad := [field for column, mark, field in split if not (column and mark and field)]:
        raise ArchiveError(f"--map wants COLUMN=FIELD, not {', '.join(bad)!r}.")
    return {column: field for column, _, field in split}


def _shown(file: FilePlan) -> str:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in file.formats.items())
    what = [
        *filter(None, ("gzip" if file.is_gzip else None, file.container, file.encoding)),
        *([f"{file.delimiter}-separated"] if file.delimiter else []),
        f"{file.size_bytes:,} bytes",
        *([f"sampled {kinds}"] if kinds else []),
    ]
    wide = max((len(use.column) for use in file.columns), default=0)
    deep = max((len(use.field or "-") for use in file.columns), default=0)
    return "\n".join(
        [
            file.file,
            f"  {', '.join(what)}",
            *([f"  would be quarantined: {file.problem}"] if file.problem else []),
            *(f"  {use.column:{wide}}  {use.field or '-':{deep}}  {use.reason}" for use in file.columns),
        ]
    )
