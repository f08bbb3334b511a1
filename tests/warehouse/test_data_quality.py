"""Every check of the data, where nothing is as it should be. dbt's unit tests take one table of a name."""

from __future__ import annotations

import duckdb

# Two posts landed and one was processed, though purged; four bars, each odd in its own way, and none landed.
TABLES = {
    "raw.tweets": "select unnest(['1', '2']) as tweet_id",
    "processed.tweets": """
        select
            '1' as tweet_id, null as retweeted_tweet_id, null as author_id, null as author_handle,
            'unknown' as author_key, null as posted_at, null as last_seen_at
    """,
    "raw.purges": "select 'post' as scope, '1' as tweet_id, null as author_id, null as author_handle",
    "validated.tweets": """
        from (values
            (timestamptz '2026-12-19 20:00:00+00', date '2026-12-21'),
            (timestamptz '2026-12-19 06:00:00+00', null)
        ) as posts (posted_at, trading_date)
    """,
    "seeds.exchange_calendar_coverage": "select date '2026-12-31' as last_date",
    "validated.rejected_tweets": "select '3' as tweet_id",
    "signals.tweet_signals": "select '1' as tweet_id where false",
    "marts.signal_summary": "from (values ('24h', 5), ('all', 9000)) as windows (window_name, n_posts)",
    "marts.ingest_runs": "select false as is_accounted_for, 10 as records_read, 1 as records_quarantined",
    "raw.price_bars": "select 'N' as symbol, '1d' as bar_interval, 0 as bar_start where false",
    "validated.price_bars": """
        from (values (true, 15, true, false), (true, 0, false, true), (false, null, false, false),
            (null, null, false, false)) as bars (is_in_session, gap_minutes, is_flat, is_jump)
    """,
    "processed.price_bars": """
        from (values
            ('N', '15min', true, 0, 15), ('N', '15min', true, 30, 45),
            ('N', '1d', true, 0, 105), ('N', '15min', false, 375, 375)
        ) as bars (symbol, bar_interval, is_in_session, traded_minute_start, traded_minute_end)
    """,
    "validated.rejected_price_bars": "select 'N' as symbol where false",
}

BROKEN = {
    "every landed post is processed": ("fail", 1),
    "every purged post is left out": ("fail", 1),
    "every post is validated or rejected": ("fail", 3),
    "every validated post has signals": ("fail", 0),
    "posts are within the exchange calendar": ("fail", 1),
    "the exchange calendar goes on for a month": ("warn", 11),
    "the last 24 hours hold enough posts": ("warn", 5),
    "few posts are rejected": ("warn", 1),
    "few posts lack a time": ("warn", 1),
    "few posts lack an author": ("warn", 1),
    "most posts say when they were seen": ("warn", 1),
    "every record read is accounted for": ("fail", 1),
    "few records are quarantined": ("warn", 0.1),
    "every bar is validated or rejected": ("fail", 4),
    "few bars lie outside the session": ("warn", 0.25),
    "bars are within the exchange calendar": ("warn", 1),
    "few minutes of trading are missing": ("warn", 0.1),
    "few bars stand still": ("warn", 0.5),
    "few bars jump": ("warn", 0.5),
}


def test_every_check_can_break(compiled: dict[str, str]) -> None:
    query = compiled["marts_data_quality"]
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as warehouse")
        connection.execute("use warehouse")
        for table, rows in TABLES.items():
            connection.execute(f"create schema if not exists {table.split('.')[0]}")
            connection.execute(f"create table {table} as {rows}")
        found = connection.execute(f"select check_name, status, observed from ({query})").fetchall()
    assert {name: (status, observed) for name, status, observed in found} == BROKEN
