"""A purge, as typed, from the landed files to the published tables."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from config import Settings
from tests.warehouse.conftest import build, ingest, rows
from tests.warehouse.test_build import land, post, table_sizes

MARKER = "zqxmarkerzqx"
GONE = 2000000000000000001  # Sunday, 14 December 2025
FRIDAY = 1999335903851446272  # two days before
TUESDAY = 2000785455313846272  # two days after


def at(number: int) -> dict[str, object]:
    """A post whose id carries its time."""
    return post(id=number, id_str=str(number), rawContent="Sensex up")


def contents(root: Settings) -> Iterator[tuple[str, bytes]]:
    """Every file under the root, as it is, decompressed, and the published tables row by row."""
    for path in sorted(path for path in root.data.rglob("*") if path.is_file()):
        name = path.relative_to(root.data).as_posix()
        yield name, path.read_bytes()
        if path.suffix == ".parquet":
            cells = (cell for row in pq.read_table(path).to_pylist() for cell in row.values())
            yield name, b"\n".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells)
        elif path.suffix == ".gz":
            yield name, gzip.decompress(path.read_bytes())
    for table in table_sizes(root):
        yield root.published_db.name, str(rows(root, f"select * from {table}")).encode()


def holders(root: Settings) -> set[str]:
    return {name.partition("/")[0] for name, held in contents(root) if MARKER.encode() in held}


@pytest.mark.slow
def test_a_purged_post_is_gone_after_the_next_build_and_a_restored_file_cannot_bring_it_back(
    new_root: Callable[[str], Settings], tmp_path: Path
) -> None:
    root = new_root("purge")
    gone = post(id=GONE, id_str=str(GONE), rawContent=f"Nifty {MARKER} up")
    quoting = post(rawContent="Bank Nifty down, look", quotedTweet=gone)
    reposted = GONE + 1
    repost = post(id=reposted, id_str=str(reposted), rawContent="RT @someone: …", retweetedTweet=gone)
    land(root, tmp_path, gone, quoting, repost, at(FRIDAY), at(TUESDAY))
    build(root)
    assert holders(root) == {"raw", "payloads", "build", "models", "market_intel.duckdb"}
    shutil.copytree(root.raw, tmp_path / "backup")

    said = ingest(root, "purge", "--ids", str(GONE), "--reason", "requested").stdout
    assert "purges: 1 read = 1 landed" in said
    assert "removed 2 sightings" in said
    assert "make build" in said
    assert holders(root) == {"market_intel.duckdb"}, "until the build, and nowhere else"
    land(root, tmp_path, at(FRIDAY + 1), at(TUESDAY + 1))
    build(root)
    assert holders(root) == set()
    kept = {(str(number),) for number in (FRIDAY, FRIDAY + 1, GONE - 1, TUESDAY, TUESDAY + 1)}
    assert set(rows(root, "select tweet_id from validated.tweets")) == kept
    revisions = """
        select
            instrument, bar_interval, isodow(timezone('UTC', bar_start)), n_posts, available_at is null,
            reason
        from signals.bar_revisions order by all
        """
    # Late posts changed the bars of Friday and Tuesday. Of those that held the purged ones nothing is left,
    # and nothing that leans on them.
    assert rows(root, revisions) == [
        (instrument, bar_interval, weekday, 1, is_after, "n_posts")
        for instrument in ("MARKET", "SENSEX")
        for bar_interval, days in (("15min", (2, 5)), ("1d", (1, 4)), ("1h", (2, 5)))
        for weekday, is_after in zip(days, (True, False), strict=True)
    ]
    assert "purge --ids" in ingest(root, "runs").stdout

    shutil.copytree(tmp_path / "backup", root.raw, dirs_exist_ok=True)
    build(root)
    assert holders(root) == {"raw"}, "a build alone cannot clean the files, and must not publish them"
    assert rows(root, "select count(*) from raw.tweets") == [(len(kept),)]
    assert len(rows(root, revisions)) == 12
    assert "1 excluded (already_purged 1)" in ingest(root, "purge", "--ids", str(GONE)).stdout
    assert holders(root) == set()


def test_a_dry_run_says_what_would_go_and_lands_nothing(
    new_root: Callable[[str], Settings], tmp_path: Path
) -> None:
    root = new_root("dry")
    land(root, tmp_path, post(), post(id=GONE, id_str=str(GONE), likeCount=7))
    said = ingest(root, "purge", "--author", "@Someone", "--dry-run").stdout
    assert "@someone (id 1)" in said
    assert "2 landed sightings of 2 posts would be removed" in said
    assert not (root.raw / "purges").exists()
