"""``python -m charts [NAME ...]``: pictures of the published tables, and the market brief.

    published file ──SQL: aggregates and samples──> small arrays ──> figures ──> charts/NAME.png
                   └─────────────────────────────> some dozens of rows ───────> reports/market_brief.html

One snapshot of the file serves them all. Exit status 2 says that there is nothing to read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from charts import (
    campaign_timeline,
    chatter_heatmap,
    engagement_vs_sentiment,
    instrument_multiples,
    market_brief,
    sentiment_distribution,
    signal_aggregation,
    signal_over_price,
    signal_over_time,
    signal_validation,
    style,
)
from charts.data import Published, published
from config import ConfigError, Settings, settings

PICTURES = {
    "signal_over_time": signal_over_time,
    "sentiment_distribution": sentiment_distribution,
    "engagement_vs_sentiment": engagement_vs_sentiment,
    "signal_aggregation": signal_aggregation,
    "signal_over_price": signal_over_price,
    "chatter_heatmap": chatter_heatmap,
    "instrument_multiples": instrument_multiples,
    "campaign_timeline": campaign_timeline,
    "signal_validation": signal_validation,
}
BRIEF = "market_brief"
NAMES = [*PICTURES, BRIEF]

# What a query may take; beyond it DuckDB spills to disk.
MEMORY_LIMIT = "1GB"


class UnreadableError(Exception):
    """The published file is absent, or not what it should be; the message says what to do."""


def paint(config: Settings, names: Sequence[str]) -> Iterator[Path]:
    """Make pictures and the brief by name, and yield the path of each when it is written.

    Raises UnreadableError where there is no published file, or none that these pictures can read, and
    OSError where one cannot be written.
    """
    path = config.published_db
    if not path.is_file():
        raise UnreadableError(
            f"nothing is published: {path} does not exist. Run `dbt build` (or `make build`) first."
        )
    try:
        with duckdb.connect(path, read_only=True, config={"memory_limit": MEMORY_LIMIT}) as connection:
            facts = published(connection)
            for name in names:
                yield (_brief if name == BRIEF else _picture)(config, connection, facts, name)
    except duckdb.Error as error:
        raise UnreadableError(
            f"the published file cannot be read: {path}: {str(error).splitlines()[0]}\n"
            "It may be from another version. Run `dbt build` (or `make build`) to publish it anew."
        ) from error


def _picture(
    config: Settings, connection: duckdb.DuckDBPyConnection, facts: Published | None, name: str
) -> Path:
    picture = PICTURES[name]
    if facts:
        made = picture.draw(facts, picture.read(connection))
    else:
        made = style.empty(picture.TITLE, picture.AXES, picture.TABLES)
    target = config.charts / f"{name}.png"
    style.save(made, target)
    return target


def _brief(
    config: Settings, connection: duckdb.DuckDBPyConnection, facts: Published | None, name: str
) -> Path:
    page = market_brief.page(facts, market_brief.read(connection) if facts else None)
    target = config.reports / f"{name}.html"
    with style.replaced(target) as partial:
        partial.write_text(page, encoding="utf-8")
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what the command line names, or all; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m charts", description="Pictures of the published tables, and the market brief."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(NAMES)}; else all")
    names = list(dict.fromkeys(parser.parse_args(arguments).names)) or NAMES
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        parser.error(f"no picture is called {', '.join(unknown)}. There are: {', '.join(NAMES)}")
    try:
        for path in paint(settings(), names):
            print(path, flush=True)
    except (UnreadableError, ConfigError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: it cannot be written: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
