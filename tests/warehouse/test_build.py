"""What a build publishes, and when it does not."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from config import ROOT, Settings
from tests.warehouse.conftest import build, dbt, differing_tables, ingest, rows

NewRoot = Callable[[str], Settings]


def post(**fields: object) -> dict[str, object]:
    """A twscrape line that passes every row rule unless told otherwise."""
    return {
        "id": 2000000000000000000,
        "id_str": "2000000000000000000",
        "url": "https://x.com/someone/status/2000000000000000000",
        "date": "2025-12-14 04:30:00+00:00",
        "user": {
            "id": 1,
            "id_str": "1",
            "username": "someone",
            "displayname": "Some One",
            "followersCount": 3,
        },
        "lang": "en",
        "rawContent": "Nifty 24450 ce looks good above 120",
        "replyCount": 0,
        "retweetCount": 1,
        "likeCount": 2,
        "quoteCount": 0,
        **fields,
    }


def land(root: Settings, folder: Path, *posts: dict[str, object]) -> None:
    path = folder / "posts.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in posts))
    ingest(root, "archive", str(path))


def table_sizes(root: Settings) -> dict[str, int]:
    names = rows(root, "select schema_name || '.' || table_name from duckdb_tables() where not internal")
    return {str(name): int(str(rows(root, f"select count(*) from {name}")[0][0])) for (name,) in names}


def test_a_root_without_data_builds_empty_tables(new_root: NewRoot) -> None:
    root = new_root("empty")
    build(root)
    sizes = {name: size for name, size in table_sizes(root).items() if not name.startswith("seeds.")}
    filled = {name for name, size in sizes.items() if size}
    assert filled == {"processed.calendar_days", "marts.data_quality"}
    assert len(sizes) >= 26


def test_rejected_posts_alone_leave_the_signals_empty(new_root: NewRoot, tmp_path: Path) -> None:
    root = new_root("rejected")
    land(
        root,
        tmp_path,
        post(rawContent="https://t.co/x"),
        post(id_str="2000000000000000001", id=2000000000000000001, likeCount=10**11),
    )
    build(root)
    assert rows(root, "select reasons from validated.rejected_tweets order by tweet_id") == [
        (["text_empty"],),
        (["count_absurd"],),
    ]
    sizes = table_sizes(root)
    assert sizes["validated.tweets"] == sizes["signals.tweet_signals"] == sizes["marts.signal_summary"] == 0


def test_a_partial_build_publishes_nothing(new_root: NewRoot) -> None:
    root = new_root("partial")
    done = dbt(root, "build", "--select", "session_phases")
    assert done.returncode == 0
    assert "NOT PUBLISHED" in done.stdout
    assert not root.published_db.exists()


READER = """
    import duckdb, sys
    connection = duckdb.connect(sys.argv[1], read_only=True)
    count = lambda: connection.sql("select count(*) from validated.tweets").fetchall()[0][0]
    print(count(), flush=True)
    sys.stdin.readline()
    print(count(), connection.sql("select sum(len(text)) from validated.tweets").fetchall()[0][0], flush=True)
"""


def test_one_post_then_another_beside_a_reader_then_one_that_the_gate_refuses(
    new_root: NewRoot, tmp_path: Path
) -> None:
    root = new_root("one")
    land(root, tmp_path, post())
    build(root)
    sizes = table_sizes(root)
    one_row = [
        "raw.tweets",
        "processed.tweets",
        "validated.tweets",
        "signals.tweet_signals",
        "signals.tweet_topics",
    ]
    assert {name: sizes[name] for name in one_row} == dict.fromkeys(one_row, 1)
    assert sizes["validated.rejected_tweets"] == sizes["processed.tweet_duplicates"] == 0
    assert rows(root, "select n_posts, mean_ci_low from marts.signal_summary where window_name = '24h'") == [
        (1, None)
    ]
    assert rows(root, "select distinct score, ci_method from marts.signal_bars") == [(None, "none_sparse")]

    script = textwrap.dedent(READER)
    with subprocess.Popen(
        [sys.executable, "-c", script, str(root.published_db)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as reader:  # fmt: skip
        assert reader.stdout is not None
        assert reader.stdout.readline().split() == ["1"]
        land(
            root,
            tmp_path,
            post(id=2000000000000000007, id_str="2000000000000000007", rawContent="Bank nifty 52000 pe"),
        )
        build(root)
        output, errors = reader.communicate("go on\n", timeout=60)
    assert reader.returncode == 0, errors
    assert output.split()[0] == "1", "a reader keeps its snapshot through a build"
    assert table_sizes(root)["validated.tweets"] == 2
    # The bars of both posts are other bars than those of the first; what they said before is kept.
    assert rows(
        root, "select instrument, bar_interval, n_posts, reason from signals.bar_revisions order by all"
    ) == [("MARKET", interval, 1, "n_posts") for interval in ("15min", "1d", "1h")]

    # A post of 2031 lies beyond the exchange calendar: its session would be a guess.
    before = root.published_db.read_bytes()
    far = "2031-06-02T05:00:00+00:00"
    (tmp_path / "far.csv").write_text(f"text,username,timestamp,scraped_at\nNifty up,someone,{far},{far}\n")
    ingest(root, "archive", str(tmp_path / "far.csv"))
    failed = dbt(root, "build", "--exclude-resource-type", "unit_test")
    assert failed.returncode != 0
    assert "NOT PUBLISHED" in failed.stdout
    assert "fail assert_no_check_of_data_quality_fails" in failed.stdout
    assert "fail tweets: posts are within the exchange calendar (expected 0, found 1): " in failed.stdout
    assert root.published_db.read_bytes() == before


def test_the_published_file_holds_tables_only_and_opens_anywhere(demo: Settings, tmp_path: Path) -> None:
    query = "select count(*) from duckdb_views() where not internal"
    opened = f"duckdb.connect({str(demo.published_db)!r}, read_only=True)"
    script = f"import duckdb; print({opened}.sql({query!r}).fetchall())"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == "[(0,)]", done.stderr


def test_the_counting_rule_holds(demo: Settings) -> None:
    assert rows(demo, "select count(*) from marts.ingest_runs where not is_accounted_for") == [(0,)]
    ((landed, processed, validated, rejected),) = rows(
        demo,
        """
        select
            (select count(distinct tweet_id) from raw.tweets),
            (select count(*) from processed.tweets),
            (select count(*) from validated.tweets),
            (select count(*) from validated.rejected_tweets)
        """,
    )
    assert landed == processed == int(str(validated)) + int(str(rejected))
    assert int(str(rejected)) > 0


def test_every_post_has_its_latest_counts(demo: Settings) -> None:
    """The demo's counts only grow, so that the latest are the greatest."""
    assert rows(
        demo,
        """
        select count(*) from processed.tweets as t
        inner join (
            select tweet_id, max(like_count) as likes, max(view_count) as views, count(*) as n
            from raw.tweets group by tweet_id
        ) as r using (tweet_id)
        where t.like_count is distinct from r.likes
            or t.view_count is distinct from r.views
            or t.n_sightings <> r.n
        """,
    ) == [(0,)]


def test_every_unit_test_passes(demo: Settings, manifest: dict[str, Any], new_root: NewRoot) -> None:
    root = new_root("unit")
    root.build.mkdir(parents=True)
    shutil.copy(demo.build_db, root.build_db)  # they take their tables' columns from there
    done = dbt(root, "test", "--select", "test_type:unit")
    assert done.returncode == 0, done.stdout[-6000:]
    assert len(re.findall(r" PASS \w+::", done.stdout)) == len(manifest["unit_tests"]) > 0


def test_a_second_build_scores_no_text_again_and_changes_no_table(demo: Settings, new_root: NewRoot) -> None:
    root = new_root("again")
    shutil.copytree(demo.data, root.data)
    build(root)
    assert differing_tables(demo.published_db, root.published_db) == {}


def test_dbt_refuses_to_build_another_root_than_the_settings_name(tmp_path: Path) -> None:
    """A root that stands in .env only is not seen by dbt; building the default one would surprise."""
    copy = tmp_path / "project"
    copy.mkdir()
    (copy / "warehouse" / "seeds").mkdir(parents=True)
    # Of the SQL one seed and the macros, which take less time to parse than the models.
    for name in (
        "dbt_project.yml", "profiles.yml", "ingest", "ml", "warehouse/__init__.py", "warehouse/plugin.py",
        "warehouse/functions.py", "warehouse/macros", "warehouse/seeds/session_phases.csv",
    ):  # fmt: skip
        (copy / name).symlink_to(ROOT / name)
    (copy / "config.py").write_text((ROOT / "config.py").read_text())
    (copy / ".env").write_text(f"MARKET_INTEL_DATA={tmp_path / 'elsewhere'}\n")
    dbt_program = Path(sys.executable).with_name("dbt")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MARKET_INTEL_")}
    done = subprocess.run(
        [dbt_program, "build"], cwd=copy, env=clean, capture_output=True, text=True, timeout=120
    )
    assert done.returncode != 0
    assert "python -m config" in done.stdout


def test_the_published_file_is_in_a_format_that_older_clients_read(demo: Settings) -> None:
    with duckdb.connect(str(demo.published_db), read_only=True) as connection:
        tags = connection.sql(
            "select tags from duckdb_databases() where database_name = 'market_intel'"
        ).fetchall()
    assert "v1.5.0" in str(tags)
