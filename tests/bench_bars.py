"""Time and memory of the bars of one million posts over 60 sessions: part of `make bench`.

The posts are made up, with a fixed seed, as the tables that the bars' models read. The models run in a
process of their own, whose memory is theirs alone.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from tests.compiled import compiled, warehouse

_CALENDAR = "processed_calendar_days"
_MODELS = "signals_tweet_bars+,+marts_signal_bars"
_SEED = 20260105
_FIRST_DAY = "2026-01-05"
_SESSIONS = 60
_AUTHORS = 20_000
_COPIES = 0.08
# How much is posted at a clock time of India, in hours.
_CLOCK = (0, 6, 8.5, 9.2, 9.5, 10.5, 12.5, 14.5, 15.5, 16, 20, 24)
_POSTED = (0.1, 0.1, 0.8, 2.5, 3.0, 1.8, 1.0, 1.6, 2.5, 1.0, 0.5, 0.1)


def _zipf(n: int, rank_offset: float) -> np.ndarray:
    share = 1 / (np.arange(n) + rank_offset)
    return share / share.sum()


def draw(n_posts: int, days: pa.Table, n_instruments: int) -> dict[str, pa.Table]:
    """Posts, their instruments and their sightings, as numbers.

    `days` has `day` and `is_trading_day`. In twelve a copy, half of them of campaigns: a few hundred texts
    that authors from anywhere in the ranks repeat within hours. Three posts in four have no sentiment. Counts
    grow to a log-normal end with a half-life of six hours; one post in fifty comes from a file that does not
    say when it was seen.
    """
    rng = np.random.default_rng(_SEED)
    n_copies = round(n_posts * _COPIES)
    n_texts = n_posts - n_copies
    on = np.where(days["is_trading_day"].to_numpy(zero_copy_only=False), 1.0, 0.15)
    day = rng.choice(len(on), n_texts, p=on / on.sum())
    by_minute = np.interp(np.arange(1440) / 60, _CLOCK, _POSTED)
    minute = rng.choice(1440, n_texts, p=by_minute / by_minute.sum())
    ist_ms = (day * 1440 + minute) * 60_000 + rng.integers(0, 60_000, n_texts)
    author = rng.choice(_AUTHORS, n_posts, p=_zipf(_AUTHORS, 20))

    of_campaign = rng.random(n_copies) < 0.5
    campaigns = rng.choice(n_texts, max(1, n_copies // 100), replace=False)
    in_campaigns = rng.choice(campaigns, n_copies, p=_zipf(len(campaigns), 10))
    copied = np.where(of_campaign, in_campaigns, rng.integers(0, n_texts, n_copies))
    author[n_texts:][of_campaign] = rng.integers(0, _AUTHORS, of_campaign.sum())
    later_ms = rng.exponential(np.where(of_campaign, 2.0, 24.0) * 3_600_000)
    text = np.concatenate([np.arange(n_texts), copied])
    copied_ms = np.minimum(ist_ms[copied] + later_ms, len(on) * 86_400_000 - 1).astype(np.int64)
    ist_ms = np.concatenate([ist_ms, copied_ms])

    is_view = rng.random(n_texts) < 0.25
    lean = rng.normal(0, 0.2, _AUTHORS)[author[:n_texts]]
    sentiment = np.where(is_view, np.clip(rng.normal(lean, 0.5), -1, 1), 0.0)
    weight = np.where(is_view, rng.uniform(0.3, 1.0, n_texts), rng.uniform(0.0, 0.2, n_texts))
    posts = pa.table(
        {
            "post": np.arange(n_posts),
            "ist_ms": ist_ms,
            "author": author,
            "text": text,
            "is_chained": rng.random(n_posts) < 0.25,
            "sentiment": sentiment[text],
            "weight": weight[text],
        }
    )

    n_named = rng.choice([1, 2, 3], n_texts, p=[0.7, 0.2, 0.1])[text]
    named = np.repeat(np.arange(n_posts), n_named)
    # By text, so that copies name what their original names.
    names = rng.choice(n_instruments, (n_texts, 3), p=_zipf(n_instruments, 1))
    place = np.arange(len(named)) - np.repeat(np.cumsum(n_named) - n_named, n_named)
    instruments = pa.table({"post": named, "instrument": names[text[named], place]})

    n_seen = 1 + rng.poisson(0.3, n_posts)
    seen = np.repeat(np.arange(n_posts), n_seen)
    is_first = np.r_[True, seen[1:] != seen[:-1]]
    lag_ms = rng.exponential(np.where(is_first, 0.15, 10.0) * 3_600_000)
    since_first = np.cumsum(lag_ms)
    age_ms = since_first - np.repeat((since_first - lag_ms)[is_first], n_seen)
    end = np.floor(rng.lognormal(1.0, 1.8, n_posts))[seen] * (1 - 0.5 ** (age_ms / (6 * 3_600_000)))
    is_dated = (rng.random(n_posts) > 0.02)[seen]
    sightings = pa.table(
        {
            "post": seen,
            "observed_ms": pa.array((ist_ms[seen] + age_ms).astype(np.int64), mask=~is_dated),
            "like_count": end.astype(np.int64),
            "retweet_count": (0.2 * end).astype(np.int64),
            "reply_count": (0.1 * end).astype(np.int64),
        }
    )
    return {"drawn_posts": posts, "drawn_instruments": instruments, "drawn_sightings": sightings}


_TABLES = """
    create temp table posts as
    select
        posts.*,
        -- An id carries its time in milliseconds, as X's do.
        cast(((posted_ms - 1288834974657) << 22) + post as varchar) as tweet_id,
        make_timestamptz(posted_ms * 1000) as posted_at
    from (
        select *, ist_ms + epoch_ms(date '{first_day}') - 19800000 as posted_ms from drawn_posts
    ) as posts;

    create table processed.tweet_sightings as
    select
        posts.tweet_id,
        make_timestamptz((observed_ms + epoch_ms(date '{first_day}') - 19800000) * 1000) as observed_at,
        like_count,
        retweet_count,
        reply_count,
        row_number() over (partition by post order by observed_ms) as sighting_number
    from drawn_sightings inner join posts using (post);

    create temp table seen as
    select tweet_id, min(observed_at) as first_seen_at from processed.tweet_sightings group by tweet_id;

    create table validated.tweets as
    select
        posts.tweet_id,
        '@author_' || author as author_key,
        posts.posted_at,
        case when posts.posted_at < days.close_at then days.trading_date else days.next_trading_date end
            as trading_date,
        seen.first_seen_at,
        coalesce(seen.first_seen_at, posts.posted_at + interval '15 minutes') as known_at
    from posts
    inner join seen using (tweet_id)
    inner join processed.calendar_days as days
        on cast(posts.posted_at + interval '330 minutes' as date) = days.calendar_date;

    create table processed.tweet_duplicates as
    select
        tweet_id,
        first_value(tweet_id) over cluster as cluster_id,
        case
            when tweet_id = first_value(tweet_id) over cluster then null
            when is_chained then lag(tweet_id) over cluster
            else first_value(tweet_id) over cluster
        end as duplicate_of,
        known_at as linked_at
    from posts inner join validated.tweets as tweets using (tweet_id)
    window cluster as (partition by text order by tweets.known_at, tweet_id)
    qualify count(*) over (partition by text) > 1;

    create table signals.tweet_signals as
    select
        tweet_id,
        sentiment,
        weight * case when duplicate_of is null then 1 else 0.1 end as own_weight,
        'drawn' as model_version
    from posts left join processed.tweet_duplicates using (tweet_id);

    create table processed.tweet_instruments as
    select distinct posts.tweet_id, names.instrument
    from drawn_instruments as drawn
    inner join posts using (post)
    inner join (
        select instrument, row_number() over (order by kind, instrument) - 1 as number from seeds.instruments
    ) as names on drawn.instrument = names.number;
"""


def make(folder: Path, n_posts: int, calendar: str) -> None:
    """A warehouse of made-up posts in a new file in the folder; `calendar` is the days' query."""
    with warehouse(folder) as database:
        database.execute(f"create table processed.calendar_days as {calendar}")
        days = database.sql(f"""
            select calendar_date as day, is_trading_day from processed.calendar_days
            where calendar_date >= date '{_FIRST_DAY}'
            qualify dense_rank() over (order by trading_date) <= {_SESSIONS}
            order by calendar_date
        """).to_arrow_table()
        ((n_instruments,),) = database.sql("select count(*) from seeds.instruments").fetchall()
        for name, table in draw(n_posts, days, n_instruments).items():
            database.register(name, table)
        database.execute(_TABLES.format(first_day=_FIRST_DAY))


class Made(NamedTuple):
    """A model's table, and what it took."""

    table: str
    rows: int
    seconds: float
    cpu_seconds: float
    peak_mb: float
    """Of the process, so far."""


def run(folder: Path, models: dict[str, str]) -> list[Made]:
    """Make the models' tables in the folder's warehouse, with DuckDB's own limits, as a build does."""
    found = []
    with duckdb.connect(folder / "warehouse.duckdb") as database:
        database.execute("set TimeZone = 'UTC'; set enable_progress_bar = false")
        for relation, query in models.items():
            before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
            database.execute(f"create table {relation} as {query}")
            seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            ((rows,),) = database.sql(f"select count(*) from {relation}").fetchall()
            name = relation.replace('"', "").partition(".")[2]
            found.append(Made(name, rows, seconds, cpu, after.ru_maxrss / 1024))
    return found


def main() -> None:
    """Prints rows, seconds and memory of each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=1_000_000)
    options = parser.parse_args()
    bars = compiled(_CALENDAR, _MODELS)
    calendar = bars.pop('"warehouse"."processed"."calendar_days"')
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as processes,
    ):
        processes.submit(make, Path(folder), options.posts, calendar).result()
        found = processes.submit(run, Path(folder), bars).result()
    title = f"Bars of {options.posts:,} posts over {_SESSIONS} sessions"
    table = Table("table", "rows", "seconds", "CPU seconds", "peak memory so far", title=title)
    for made in found:
        cells = (f"{made.seconds:.1f}", f"{made.cpu_seconds:.1f}", f"{made.peak_mb:,.0f} MB")
        table.add_row(made.table, f"{made.rows:,}", *cells)
    console = Console()
    console.print(table)
    total = sum(made.seconds for made in found)
    console.print(f"{total:.1f} seconds in all, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
