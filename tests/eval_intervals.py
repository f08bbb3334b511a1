"""Do the intervals of `marts.signal_bars` hold: `make eval-intervals`.

Bars are drawn from generators whose truth is known and put through the real SQL, as dbt compiles it. A bar
has 10, 30 or 100 voices of very unequal loudness; posts have normal scores, or mostly none; and voices may
be alone, or one of them a campaign of several authors with one text, or the loud ones may lean one way.

Each interval is held against what it says it is of: the √-weighted mean over voices (ours, and the
bootstrap's), or the weighted mean over posts (spread, and posts taken as independent). The truth is the
same mean over very many voices.

The generators are frozen: an interval is chosen to hold on them, never they to suit an interval.

With `--published FILE`, bars of voices that are drawn from those of a published file instead, with
replacement: as unequal as they come, and held against the mean over all of them.
"""

from __future__ import annotations

import argparse
import sys
from itertools import product
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.compiled import compiled, warehouse

VOICES = (10, 30, 100)
SCORES = ("normal", "mostly zero")
SITUATIONS = ("alone", "campaign", "loud lean")
_TRUTH_VOICES = 2_000_000
_RESAMPLES = 200
_MODELS = ("signals_tweet_bars", "marts_signal_bars")
_REAL_INTERVALS = ("15min", "1h")
_REAL_VOICES = (10, 20, 30, 100)

Floats = NDArray[np.float64]


class Posts(NamedTuple):
    """Posts of many bars, one array each."""

    bar: NDArray[np.int64]
    voice: NDArray[np.int64]
    """Within the bar."""
    author: NDArray[np.int64]
    """Within the voice."""
    sentiment: Floats
    weight: Floats


def draw(rng: np.random.Generator, n_bars: int, n_voices: int, scores: str, situation: str) -> Posts:
    """Posts of `n_bars` bars with `n_voices` voices each.

    A voice makes 1 to 40 posts (log-normal: the median one or two, one in a hundred over ten), and leans by
    N(0, 0.2); where the loud lean, by 0.1 more for each unit of the logarithm of its posts. One voice in
    each campaign bar is a campaign: three authors or a fifth of the voices post one text once each, of which
    all but the first are copies.
    """
    n = n_bars * n_voices
    posts = np.clip(np.ceil(rng.lognormal(0.3, 1.0, n)), 1, 40).astype(np.int64)
    lean = rng.normal(0, 0.2, n) + (0.1 * np.log(posts) if situation == "loud lean" else 0.0)
    is_campaign = (np.arange(n) % n_voices == 0) & (situation == "campaign")
    posts[is_campaign] = max(3, n_voices // 5)
    voice = np.repeat(np.arange(n), posts)
    place = np.arange(len(voice)) - np.repeat(np.cumsum(posts) - posts, posts)
    of_campaign = is_campaign[voice]
    first = np.repeat(np.cumsum(posts) - posts, posts)
    if scores == "normal":
        sentiment = np.clip(rng.normal(lean[voice], 0.3), -1, 1)
        weight = rng.uniform(0.3, 1.0, len(voice))
    else:
        is_view = rng.random(len(voice)) < 0.2
        is_up = rng.random(len(voice)) < 1 / (1 + np.exp(-4 * lean[voice]))
        side = np.where(is_up, 1, -1) * rng.uniform(0.3, 0.9, len(voice))
        sentiment = np.where(is_view, side, rng.normal(0, 0.03, len(voice)))
        weight = np.where(is_view, rng.uniform(0.6, 1.0, len(voice)), rng.uniform(0.02, 0.3, len(voice)))
    # A campaign's posts say the same, and its copies count little.
    sentiment = np.where(of_campaign, sentiment[first], sentiment)
    weight = np.where(of_campaign, weight[first] * np.where(place > 0, 0.1, 1.0), weight)
    return Posts(voice // n_voices, voice % n_voices, np.where(of_campaign, place, 0), sentiment, weight)


def _spoken(posts: Posts, who: NDArray[np.int64], shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """The root of each speaker's weight, and their weighted mean: [bars, speakers] each."""
    weight = np.bincount(who, posts.weight, shape[0] * shape[1])
    total = np.bincount(who, posts.weight * posts.sentiment, shape[0] * shape[1])
    score = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
    return np.sqrt(weight).reshape(shape), score.reshape(shape)


class Truth(NamedTuple):
    """Means over very many bars, taken together."""

    voices: float
    """√-weighted, over voices."""
    authors: float
    """√-weighted, over authors."""
    posts: float
    """Weighted, over posts."""


def _means(posts: Posts, n_bars: int, n_voices: int) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Loudness and score of voices, and of authors."""
    voices = _spoken(posts, posts.bar * n_voices + posts.voice, (n_bars, n_voices))
    n_authors = n_voices + int(posts.author.max(initial=0))
    # A campaign is voice 0; its authors but the first come after all other voices.
    author = np.where(posts.author > 0, n_voices - 1 + posts.author, posts.voice)
    return voices, _spoken(posts, posts.bar * n_authors + author, (n_bars, n_authors))


def truth(rng: np.random.Generator, n_voices: int, scores: str, situation: str) -> Truth:
    """What the means are of."""
    n_bars = _TRUTH_VOICES // n_voices
    posts = draw(rng, n_bars, n_voices, scores, situation)
    of_voices, of_authors = (
        float((loudness * score).sum() / loudness.sum())
        for loudness, score in _means(posts, n_bars, n_voices)
    )
    return Truth(of_voices, of_authors, float(posts.weight @ posts.sentiment / posts.weight.sum()))


# ---- The real SQL ---------------------------------------------------------------------------------


_TABLES = """
    create table validated.tweets as
    select
        tweet_id,
        author_key,
        timestamptz '2026-01-06 05:00:00+00' as posted_at,
        date '2026-01-06' as trading_date,
        timestamptz '2026-01-06 05:00:00+00' as known_at,
        timestamptz '2026-01-06 05:00:00+00' as first_seen_at
    from drawn;
    create table signals.tweet_signals as
    select tweet_id, sentiment, weight as own_weight, 'drawn' as model_version from drawn;
    create table processed.tweet_instruments as select tweet_id, bar as instrument from drawn;
    create table processed.tweet_duplicates as
    select tweet_id, duplicate_of from drawn where duplicate_of is not null;
    create table processed.tweet_sightings (
        tweet_id varchar, sighting_number bigint, observed_at timestamptz,
        like_count bigint, retweet_count bigint, reply_count bigint
    );
    create table processed.calendar_days as
    select
        day as calendar_date,
        true as is_trading_day,
        true as is_regular_hours,
        day + interval '225 minutes' as open_at,
        day + interval '10 hours' as close_at,
        cast(null as timestamptz) as closing_auction_at,
        cast(null as timestamptz) as break_start_at,
        cast(null as timestamptz) as break_end_at,
        day as trading_date,
        day + 1 as next_trading_date
    from (select unnest([date '2026-01-05', date '2026-01-06', date '2026-01-07']) as day);
"""


def bars(sql: dict[str, str], posts: Posts) -> list[tuple[int, float | None, float | None, float, float]]:
    """Bar, interval and spread of each bar, by the models' SQL.

    A bar is an instrument, and all posts are of one hour.
    """
    name = [f"{bar} {voice}" for bar, voice in zip(posts.bar.tolist(), posts.voice.tolist(), strict=True)]
    drawn = pa.table(
        {
            "tweet_id": [str(row) for row in range(len(name))],
            "bar": posts.bar.astype(str).tolist(),
            "author_key": [
                f"@{voice} {author}" for voice, author in zip(name, posts.author.tolist(), strict=True)
            ],
            "duplicate_of": [
                str(row - author) if author else None for row, author in enumerate(posts.author.tolist())
            ],
            "sentiment": posts.sentiment,
            "weight": posts.weight,
        }
    )
    with warehouse() as database:
        database.register("drawn", drawn)
        database.execute(_TABLES)
        for relation, query in sql.items():
            database.execute(f"create table {relation} as {query}")
        return database.sql("""
            select cast(instrument as bigint), ci_low, ci_high, spread_low, spread_high from marts.signal_bars
            where instrument <> 'MARKET' and bar_interval = '1h' order by 1
        """).fetchall()


# ---- Coverage -------------------------------------------------------------------------------------


class Coverage(NamedTuple):
    """Shares of the intervals that hold what they are of."""

    ours: float
    n_ours: int
    """Bars with an interval."""
    width: float
    """Ours, mean."""
    spread: float
    independent: float
    bootstrap: float


def _share(low: Floats, high: Floats, value: float) -> float:
    return float(((low <= value) & (value <= high)).mean())


def coverage(
    sql: dict[str, str], seed: int, n_bars: int, n_voices: int, scores: str, situation: str
) -> Coverage:
    """Coverage of 95 % intervals in one setting."""
    rng = np.random.default_rng(seed)
    of = truth(rng, n_voices, scores, situation)
    posts = draw(rng, n_bars, n_voices, scores, situation)
    found = bars(sql, posts)
    assert [bar for bar, *_ in found] == list(range(n_bars))
    _, low, high, spread_low, spread_high = (
        np.array(column, np.float64) for column in zip(*found, strict=True)
    )
    given = np.isfinite(low)

    total = np.bincount(posts.bar, posts.weight)
    mean = np.bincount(posts.bar, posts.weight * posts.sentiment) / total
    squares = np.bincount(posts.bar, (posts.weight * (posts.sentiment - mean[posts.bar])) ** 2)
    half = 1.96 * np.sqrt(squares) / total

    _, (loudness, score) = _means(posts, n_bars, n_voices)
    n_authors = loudness.shape[1]
    chosen = rng.multinomial(n_authors, np.full(n_authors, 1 / n_authors), _RESAMPLES).T
    resampled = ((loudness * score) @ chosen) / (loudness @ chosen)
    lower, upper = np.percentile(resampled, [2.5, 97.5], axis=1)
    return Coverage(
        _share(low[given], high[given], of.voices),
        int(given.sum()),
        float((high - low)[given].mean()),
        _share(spread_low, spread_high, of.posts),
        _share(mean - half, mean + half, of.posts),
        _share(lower, upper, of.authors),
    )


# ---- Real voices ----------------------------------------------------------------------------------


def real_voices(published: Path, bar_interval: str) -> Posts:
    """Posts of all voices that weigh anything in the file's bars, as if of one bar."""
    with duckdb.connect(published, read_only=True) as database:
        found = database.execute(
            """
            select
                dense_rank() over (order by bar_start, voice_key) - 1 as voice,
                sentiment,
                weight
            from signals.tweet_bars
            where bar_interval = $1
            qualify sum(weight) over (partition by bar_start, voice_key) > 0
            order by voice
            """,
            [bar_interval],
        ).fetchnumpy()
    voice = np.asarray(found["voice"], np.int64)
    nothing = np.zeros_like(voice)
    return Posts(nothing, voice, nothing, np.asarray(found["sentiment"]), np.asarray(found["weight"]))


def real_coverage(
    sql: dict[str, str], pool: Posts, rng: np.random.Generator, n_bars: int, n_voices: int
) -> tuple[float, int, float]:
    """Coverage in bars of voices out of the pool, bars with an interval, and their median n_effective."""
    n_pool = int(pool.voice.max()) + 1
    loudness, score = _spoken(pool, pool.voice, (1, n_pool))
    of = float((loudness * score).sum() / loudness.sum())
    n_posts = np.bincount(pool.voice)
    first = np.cumsum(n_posts) - n_posts
    chosen = rng.integers(0, n_pool, n_bars * n_voices)
    speaks = np.repeat(np.arange(len(chosen)), n_posts[chosen])
    place = np.arange(len(speaks)) - np.repeat(np.cumsum(n_posts[chosen]) - n_posts[chosen], n_posts[chosen])
    row = first[chosen[speaks]] + place
    posts = Posts(
        speaks // n_voices, speaks % n_voices, np.zeros_like(speaks), pool.sentiment[row], pool.weight[row]
    )
    found = bars(sql, posts)
    low, high = (np.array([bar[side] for bar in found], np.float64) for side in (1, 2))
    given = np.isfinite(low)
    heard = loudness[0, chosen].reshape(n_bars, n_voices)
    n_effective = heard.sum(axis=1) ** 2 / (heard**2).sum(axis=1)
    return _share(low[given], high[given], of), int(given.sum()), float(np.median(n_effective))


def report_real(sql: dict[str, str], published: Path, n_bars: int) -> Table:
    """Coverage with the voices of a published file."""
    title = f"Coverage of nominal 95 % with voices of {published.name}, {n_bars:,} bars a setting"
    table = Table("bars", "voices drawn from", "voices", "ours", "with interval", "n_effective", title=title)
    rng = np.random.default_rng(0)
    for bar_interval in _REAL_INTERVALS:
        pool = real_voices(published, bar_interval)
        for n_voices in _REAL_VOICES:
            share, given, n_effective = real_coverage(sql, pool, rng, n_bars, n_voices)
            table.add_row(
                bar_interval, f"{pool.voice.max() + 1:,}", str(n_voices), f"{share:.1%}",
                f"{given / n_bars:.0%}", f"{n_effective:.1f}",
            )  # fmt: skip
    return table


def main() -> int:
    """Prints the table; returns 1 where an interval of ours does not hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=2_000, help="bars a setting (2,000)")
    parser.add_argument("--published", type=Path, help="draw the voices of this published file instead")
    options = parser.parse_args()
    sql = compiled(*_MODELS)
    if options.published:
        Console(width=110).print(report_real(sql, options.published, options.draws))
        return 0
    title = f"Coverage of nominal 95 %, {options.draws:,} bars a setting"
    setting = ("voices", "scores", "situation")
    ways = ("ours", "with interval", "width", "independent posts", "author bootstrap", "spread of posts")
    table = Table(*setting, *ways, title=title)
    holds = True
    for seed, (n_voices, scores, situation) in track(list(enumerate(product(VOICES, SCORES, SITUATIONS)))):
        found = coverage(sql, seed, options.draws, n_voices, scores, situation)
        holds &= 0.935 <= found.ours <= 0.97
        table.add_row(
            str(n_voices), scores, situation, f"{found.ours:.1%}", f"{found.n_ours / options.draws:.0%}",
            f"{found.width:.2f}", f"{found.independent:.1%}", f"{found.bootstrap:.1%}", f"{found.spread:.1%}",
        )  # fmt: skip
    console = Console(width=110)
    console.print(table)
    console.print(
        "ours hold in every setting" if holds else "ours do not hold (93.5 to 97 %) in every setting"
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
