"""``python tests/readme_queries.py FILE [PAGE] [--write]``: run the SQL of README or another page on a
published file.

Prints what each query prints, or with --write puts it into the page, below the query. Needs duckdb only, so
that a client of another version can run it from anywhere.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import duckdb

QUERY = re.compile(r"```sql\n(?P<sql>.*?)```\n\n```\n(?P<output>.*?)```\n", re.S)


def queries(readme: str) -> list[str]:
    """The SQL of each query block that an output block follows."""
    return [found["sql"] for found in QUERY.finditer(readme)]


def output(database: Path, sql: str) -> str:
    """What a query prints: names and rows, in columns."""
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        cursor = connection.execute(sql)
        rows = [[column[0] for column in cursor.description], *cursor.fetchall()]
    # Posts may hold control characters; a page of text may not.
    cells = [
        ["" if cell is None else re.sub(r"[\x00-\x1f\x7f]", "·", str(cell)) for cell in row] for row in rows
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def main() -> None:
    """Print each query's output, or put it into the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("page", type=Path, nargs="?", default=Path(__file__).parents[1] / "README.md")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    database, page = given.file, given.page
    text = page.read_text(encoding="utf-8")
    if given.write:
        block = "```sql\n{}```\n\n```\n{}```\n"
        shown = QUERY.sub(lambda found: block.format(found["sql"], output(database, found["sql"])), text)
        page.write_text(shown, encoding="utf-8")
        return
    for sql in queries(text):
        print(output(database, sql))
    print(f"{len(queries(text))} queries answered by DuckDB {duckdb.__version__}")


if __name__ == "__main__":
    main()
