"""OHLC bars from CSV or Parquet files, gzip or not.

files → columns by name → interval and clock of the file → one record per bar
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from ingest.entities import Item
from ingest.runs import Run
from ingest.sources.prices.bars import CLOCKS, read

HELP = "price bars (OHLC) from CSV or Parquet files, folders or globs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Paths, and what a file cannot say by itself."""
    parser.add_argument("paths", nargs="+", help="files, folders or globs")
    parser.add_argument("--symbol", help="instrument, where neither a column nor the file name says it")
    parser.add_argument(
        "--interval", help="length of a bar, such as 3min, 1h, 1d (default: read off the times)"
    )
    parser.add_argument(
        "--clock",
        choices=CLOCKS,
        default="auto",
        help="clock of times without a zone: ist or utc (default: read off the session hours)",
    )


def items(arguments: argparse.Namespace, run: Run) -> Iterator[Item]:
    """Every bar of every file, in file order."""
    del run  # records are counted as they come, and files of bars are small
    return read(arguments.paths, symbol=arguments.symbol, interval=arguments.interval, clock=arguments.clock)
