"""``python -m charts [NAME ...]``: pictures of the published tables, as PNG files under charts/.

    published file ──SQL: aggregates and samples──> small arrays ──> figures ──> charts/NAME.png

One snapshot of the file serves all pictures. Exit status 2 says that there is nothing to read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from charts import (
    engagement_vs_sentiment,
    sentiment_distribution,
    signal_aggregation,
    signal_over_time,
    style,
)
from charts.data import published
from config import ConfigError, Settings, settings

PICTURES = {
    "signal_over_time": signal_over_time,
    "sentiment_distribution": sentiment_distribution,
    "engagement_vs_sentiment": engagement_vs_sentiment,
    "signal_aggregation": signal_aggregation,
}

# What a query may take; beyond it DuckDB spills to disk.
MEMORY_LIMIT = "1GB"


class UnreadableError(Exception):
    """The published file is absent, or not what it should be; the message says what to do."""


def paint(config: Settings, names: Sequence[str]) -> Iterator[Path]:
    """Make pictures by name, and yield the path of each when it is written.

    Raises UnreadableError where there is no published file, or none that these pictures can read, and
    OSError where a picture cannot be written.
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
                picture = PICTURES[name]
                if facts:
                    made = picture.draw(facts, picture.read(connection))
                else:
                    made = style.empty(picture.TITLE, picture.AXES, picture.TABLES)
                target = config.charts / f"{name}.png"
                style.save(made, target)
                yield target
    except duckdb.Error as error:
        raise UnreadableError(
            f"the published file cannot be read: {path}: {str(error).splitlines()[0]}\n"
            "It may be from another version. Run `dbt build` (or `make build`) to publish it anew."
        ) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the pictures that the command line names, or all; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m charts", description="Pictures of the published tables.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(PICTURES)}; else all")
    names = list(dict.fromkeys(parser.parse_args(arguments).names)) or list(PICTURES)
    unknown = [name for name in names if name not in PICTURES]
    if unknown:
        parser.error(f"no picture is called {', '.join(unknown)}. There are: {', '.join(PICTURES)}")
    try:
        for path in paint(settings(), names):
            print(path, flush=True)
    except (UnreadableError, ConfigError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: a picture cannot be written: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
