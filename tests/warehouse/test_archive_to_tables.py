"""Real captures from file to table: nothing is lost, doubled or ordered by chance."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from config import Settings
from tests.warehouse.conftest import build_untested, command, differing_tables, ingest, rows


def counts(output: str, entity: str) -> dict[str, int]:
    line = next(line for line in output.splitlines() if line.startswith(f"{entity}: "))
    return {
        word: int(re.search(rf"([\d,]+) {word}", line).group(1).replace(",", ""))  # type: ignore[union-attr]
        for word in ("read", "landed", "unchanged", "excluded", "quarantined")
    }


def test_the_counting_rule_holds_and_a_second_run_adds_nothing(
    new_root: Callable[[str], Settings], shared: Path
) -> None:
    root = new_root("twice")
    paths = [str(shared / "india_tweets"), str(shared / "x_payloads"), str(shared / "x_api_v2")]
    first = counts(ingest(root, "archive", *paths).stdout, "tweets")
    assert first["read"] == first["landed"] + first["unchanged"] + first["excluded"] + first["quarantined"]
    files = sorted(path for path in root.data.rglob("*") if path.is_file() and path.parts[-4] == "tweets")
    for _ in range(2):
        again = counts(ingest(root, "archive", *paths).stdout, "tweets")
        assert again["landed"] == 0
        assert again["unchanged"] == first["landed"] + first["unchanged"]
    assert (
        sorted(path for path in root.data.rglob("*") if path.is_file() and path.parts[-4] == "tweets")
        == files
    )


def test_the_repeat_capture_holds_973_posts(
    real: Settings, new_root: Callable[[str], Settings], shared: Path
) -> None:
    root = new_root("repeats")
    (path,) = (shared / "india_tweets").glob("kunalsamnani9*.csv")
    found = counts(ingest(root, "archive", str(path)).stdout, "tweets")
    assert found["read"] == 2232
    landed = root.raw / "tweets" / "**" / "*.parquet"
    found_ids = duckdb.sql(f"select distinct tweet_id from read_parquet('{landed}')").fetchall()
    posts = {row[0] for row in found_ids}
    assert len(posts) == 973
    assert posts <= {row[0] for row in rows(real, "select tweet_id from processed.tweets")}


def test_each_x_response_yields_its_search_results(new_root: Callable[[str], Settings], shared: Path) -> None:
    root = new_root("responses")
    found = counts(ingest(root, "archive", str(shared / "x_payloads")).stdout, "tweets")
    assert found["landed"] == 17 + 16 + 20 + 20
    assert found["quarantined"] == 0


def test_all_bars_land_and_are_judged(real: Settings) -> None:
    assert rows(real, "select count(*) from raw.price_bars") == [(73_840,)]
    ((validated, rejected),) = rows(
        real,
        """
        select
            (select count(*) from validated.price_bars),
            (select count(*) from validated.rejected_price_bars)
        """,
    )
    assert int(str(validated)) + int(str(rejected)) == 73_840


@pytest.mark.slow
def test_any_order_of_files_gives_the_same_tables(
    real: Settings, new_root: Callable[[str], Settings], shared: Path
) -> None:
    """Each file is its own run here, in reverse: arrival order, batches and run ids all differ."""
    root = new_root("reversed")
    ingest(root, "prices", str(shared / "prices"))
    folders = ("india_tweets", "x_payloads", "x_api_v2")
    paths = sorted((str(p) for f in folders for p in (shared / f).iterdir()), reverse=True)
    # All runs in one process, since to start one takes longer than to read most files.
    program = """
import sys
from ingest.__main__ import main
sys.exit(any([main(["archive", path]) for path in sys.argv[1:]]))
"""
    done = command(root, sys.executable, "-c", program, *paths)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(set(re.findall(r"run (\S+) succeeded", done.stdout))) == len(paths) > 10
    build_untested(root)
    assert differing_tables(real.build_db, root.build_db, but_for_runs=True) == {}
