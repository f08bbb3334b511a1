"""OHLC bars from CSV or Parquet files, gzip or not, or from Yahoo Finance.

    files ─> columns by name ─> interval and clock of the file ─> one record per bar
    --yahoo: symbols ─> windows not asked for before ─> yfinance ─> one record per bar that has ended

Excluded, from Yahoo: still_forming (its bar comes whole with a later run), no_price (nothing was traded),
live_quote (the latest price, which Yahoo appends as if it were a bar).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from ingest.entities import Item
from ingest.runs import Checkpoint, Run, SourceError
from ingest.sources.prices import bars, yahoo

__all__ = ["HELP", "ONCE", "add_arguments", "items"]

HELP = "price bars (OHLC) from CSV or Parquet files, folders or globs, or with --yahoo from Yahoo Finance"
ONCE = ("--refresh",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Paths and what a file cannot say by itself, or Yahoo's symbols and how far back."""
    parser.add_argument("paths", nargs="*", help="files, folders or globs")
    parser.add_argument("--symbol", help="instrument, where neither a column nor the file name says it")
    parser.add_argument(
        "--interval",
        help="length of a bar, such as 3min, 1h, 1d (default: read off the times);"
        f" of Yahoo's {', '.join(yahoo.OFFERS)} (default {yahoo.DEFAULT_INTERVAL})",
    )
    parser.add_argument(
        "--clock",
        choices=bars.CLOCKS,
        default="auto",
        help="clock of times without a zone: ist or utc (default: read off the session hours)",
    )
    parser.add_argument(
        "--yahoo",
        nargs="*",
        metavar="SYMBOL",
        help="no files: ask Yahoo Finance for these, NSE symbols (RELIANCE), indices or Yahoo's own names"
        f" (500325.BO); default {' '.join(yahoo.INDICES)}. Needs the extra that make yahoo installs",
    )
    parser.add_argument(
        "--days", type=int, metavar="N", help="how far back to ask Yahoo (default: all it has, a year for 1d)"
    )
    parser.add_argument(
        "--refresh", action="store_true", help="ask Yahoo again for what was landed before, too"
    )


def items(arguments: argparse.Namespace, run: Run) -> Iterator[Item | Checkpoint]:
    """Every bar of every file, in file order, or of every symbol.

    Raises:
        SourceError: the arguments do not go together, a file does not say what it holds, or Yahoo gave
            nothing for a symbol; what was read before has been yielded.
    """
    if arguments.yahoo is None:
        if arguments.days is not None or arguments.refresh:
            raise SourceError("--days and --refresh are for --yahoo.")
        if not arguments.paths:
            raise SourceError("Give files, folders or globs; or --yahoo to ask Yahoo Finance.")
        return bars.read(
            arguments.paths, symbol=arguments.symbol, interval=arguments.interval, clock=arguments.clock
        )
    if arguments.paths or arguments.symbol or arguments.clock != "auto":
        raise SourceError("--yahoo takes symbols after it and reads no files: no paths, --symbol or --clock.")
    series = yahoo.wanted(arguments.yahoo, arguments.interval)
    days = yahoo.days_back(series[0].interval, arguments.days)
    fetch = yahoo.by_yfinance(run.settings.build / "yahoo")
    return yahoo.read(series, days, run, fetch, refresh=arguments.refresh)
