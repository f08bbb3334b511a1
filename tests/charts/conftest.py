"""Published files of invented posts, with the tables that the pictures read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from config import Settings

TABLES = """
create schema raw;
create schema processed;
create schema validated;
create schema signals;
create schema marts;

create table raw.tweets (tweet_id varchar, source varchar);

create table processed.trade_calls (
    tweet_id varchar, call_number bigint, instrument varchar, side varchar, leg varchar
);

create table processed.calendar_days (
    calendar_date date, is_trading_day boolean, is_regular_hours boolean,
    open_at timestamptz, close_at timestamptz
);

create table validated.rejected_tweets (tweet_id varchar, reasons varchar[]);

create table validated.tweets (
    tweet_id varchar, author_key varchar, posted_at timestamptz, trading_date date,
    like_count bigint, retweet_count bigint, reply_count bigint
);

create table validated.price_bars (
    symbol varchar, instrument varchar, bar_interval varchar, bar_start timestamptz, trading_date date,
    is_in_session boolean, open double, close double
);

create table signals.tweet_signals (
    tweet_id varchar, sentiment double, sentiment_label integer, content_class varchar,
    engagement double, p_promo double, composite double
);

create table signals.top_terms (
    window_name varchar, term varchar, term_rank bigint, n_posts bigint, n_authors bigint, lift double,
    baseline_posts bigint
);

create table marts.signal_bars (
    channel varchar, instrument varchar, bar_interval varchar, bar_start timestamptz, bar_end timestamptz,
    trading_date date, session_phase varchar, n_posts bigint, n_authors bigint, n_voices bigint, score double,
    ci_low double, ci_high double, delta double, z_score double, buzz double, top_author_share double
);

create table marts.signal_summary (
    window_name varchar, window_start timestamptz, window_end timestamptz, n_posts bigint, n_authors bigint,
    mean_composite double, mean_ci_low double, mean_ci_high double, spread_low double, spread_high double,
    n_copies bigint, n_promo bigint, n_bullish bigint, n_bearish bigint
);

create table marts.hashtag_stats (
    hashtag varchar, n_posts bigint, n_authors bigint, weighted_sentiment double, mean_p_promo double
);

create table marts.campaigns (
    cluster_id varchar, n_posts bigint, n_authors bigint, first_posted_at timestamptz,
    last_posted_at timestamptz, span_hours double, mean_p_promo double, is_promotion boolean,
    example_text varchar
);

create table marts.data_quality (
    entity varchar, check_name varchar, status varchar, observed double, expected double
);

create table marts.ingest_runs (
    run_id varchar, entity varchar, source varchar, status varchar, finished_at timestamptz,
    records_read bigint, records_landed bigint
);

-- Weekdays are sessions from 09:15 to 15:30 IST.
insert into processed.calendar_days
select
    cast(d as date),
    isodow(d) < 6,
    true,
    case when isodow(d) < 6 then timezone('UTC', d + interval 225 minutes) end,
    case when isodow(d) < 6 then timezone('UTC', d + interval 600 minutes) end
from generate_series(timestamp '2023-01-01', timestamp '2026-12-31', interval 1 day) as days (d);
"""

POSTS = """
create temp macro draw(i, salt, n) as cast(hash(i, salt) % n as bigint);

create temp table posts as
select
    'p' || i as tweet_id,
    '@a' || cast(floor(power(draw(i, 1, 10000) / 1e4, 2) * least($n_posts, 2000)) as integer) as author_key,
    $start::timestamptz + to_seconds($days * 86400 * (i + 0.5) / $n_posts) as posted_at,
    draw(i, 2, 1000) / 1e3 as u,
    case when u < $bearish then -1 when u < $bearish + $bullish then 1 else 0 end as sentiment_label,
    case
        when sentiment_label <> 0 then sentiment_label * (0.2 + 0.7 * (draw(i, 3, 1000)) / 1e3)
        when u > 0.9 then (draw(i, 3, 1000) / 1e3 - 0.5) / 2
        else 0
    end as sentiment,
    $loudest * power(greatest(draw(i, 4, 1000) / 1e3 - 0.4, 0) / 0.6, 3) as engagement,
    ['view', 'other', 'news', 'promo', 'levels', 'market_update', 'education'][
        case when sentiment_label <> 0 then 1 else 2 + draw(i, 5, 6) end
    ] as content_class,
    draw(i, 6, 100) / 1e2 as p_promo,
    ['MARKET', 'NIFTY50', 'BANKNIFTY', 'TCS'][1 + draw(i, 7, 4)] as instrument
from range($n_posts) as r (i);

insert into raw.tweets select tweet_id, $source from posts;

create temp table sessions as
select
    calendar_date as trading_date, lag(close_at) over (order by calendar_date) as opened_at,
    close_at as closed_at
from processed.calendar_days
where is_trading_day;

insert into validated.tweets
select
    tweet_id, author_key, posted_at,
    (select trading_date from sessions where posted_at >= opened_at and posted_at < closed_at),
    case when hash(tweet_id) % 1000 < $measured * 1000 then cast(1000 * engagement as bigint) end, null, null
from posts;

insert into signals.tweet_signals
select
    tweet_id, sentiment, sentiment_label, content_class, engagement, p_promo,
    0.5 * sentiment + 0.3 * engagement
from posts;

insert into marts.signal_bars
with barred as (
    select
        posts.*, b.bar_interval,
        case
            when b.bar_interval = '1d' then opened_at
            else time_bucket(b.width, posted_at, timestamptz '2026-01-01 03:45:00+00')
        end as bar_start,
        case when b.bar_interval = '1d' then closed_at else bar_start + b.width end as bar_end,
        sessions.trading_date
    from posts
    inner join sessions on posts.posted_at >= opened_at and posts.posted_at < closed_at
    cross join (
        values ('15min', interval 15 minutes), ('1h', interval 1 hour), ('1d', interval 1 day)
    ) as b (bar_interval, width)
),

named as (
    select * replace ('MARKET' as instrument) from barred
    union all
    select * from barred where instrument <> 'MARKET'
)

select
    'x', instrument, bar_interval, bar_start, bar_end, min(trading_date),
    case
        when bar_interval = '1d' then 'full_day'
        when isodow(bar_start + interval 330 minutes) >= 6 then 'closed'
        else 'morning'
    end,
    count(*) as n_posts,
    count(distinct author_key) as n_authors,
    n_authors as n_voices,
    case when n_posts >= 3 then avg(sentiment) end as score,
    case when n_posts >= 3 and n_authors >= 10 then score - 2 * stddev_pop(sentiment) / sqrt(n_posts) end,
    case when n_posts >= 3 and n_authors >= 10 then score + 2 * stddev_pop(sentiment) / sqrt(n_posts) end,
    score - lag(score) over (partition by instrument, bar_interval order by bar_start),
    case when bar_start > $start::timestamptz + interval 7 days then sin(epoch(bar_start)) end,
    case when bar_start > $start::timestamptz + interval 7 days then exp(3 * sin(epoch(bar_start))) end,
    1 / n_authors
from named
group by instrument, bar_interval, bar_start, bar_end;

insert into marts.signal_summary
select
    w.name, greatest(c.newest - w.width, c.oldest), c.newest, count(*), count(distinct author_key),
    avg(composite) as m,
    case when count(distinct author_key) >= 10 then m - 2 * stddev_samp(composite) / sqrt(count(*)) end,
    case when count(distinct author_key) >= 10 then m + 2 * stddev_samp(composite) / sqrt(count(*)) end,
    m - 1.96 * stddev_samp(composite), m + 1.96 * stddev_samp(composite),
    0, count(*) filter (p_promo >= 0.5), count(*) filter (sentiment_label = 1),
    count(*) filter (sentiment_label = -1)
from posts
inner join (select tweet_id, composite from signals.tweet_signals) using (tweet_id)
cross join (select min(posted_at) as oldest, max(posted_at) as newest from posts) as c
cross join (
    values ('24h', interval 1 day), ('7d', interval 7 days), ('all', interval 100 years)
) as w (name, width)
where posted_at >= c.newest - w.width
group by w.name, w.width, c.newest, c.oldest;

insert into marts.hashtag_stats
select tag, $n_posts - i, greatest(1, ($n_posts - i) // 3), sin(i) / 5, 0.3
from (select unnest($hashtags) as tag, unnest(range(len($hashtags))) as i)
where i < $n_posts;

-- A term in ten posts is in one more each time; half of them are new.
insert into signals.top_terms
select '24h', tag, 1 + i, $n_posts, $n_posts, case when $days > 31 then 1 + i / 2 end, $days * 100
from (select unnest($hashtags) as tag, unnest(range(len($hashtags))) as i);

insert into processed.trade_calls
select
    tweet_id, 1, if(instrument = 'MARKET', 'SENSEX', instrument), if(u < 0.05, 'sell', 'buy'),
    ['CE', 'PE', null][1 + draw(tweet_id, 8, 3)]
from posts
where u < 0.2;

insert into validated.rejected_tweets
select 'r' || i, [['text_empty'], ['count_absurd', 'text_empty']][1 + i % 2]
from range($n_posts // 50) as r (i);

insert into marts.campaigns
select
    'c' || i, 3 + draw(i, 9, 40), 3, first_at, last_at, epoch(last_at - first_at) / 3600,
    draw(i, 11, 100) / 1e2, draw(i, 11, 100) >= 50, list_extract($texts, 1 + i % len($texts))
from (
    select
        i,
        newest - to_seconds(span * (i + 1) / 20) as first_at,
        first_at + to_seconds(span * (i + 1) / 20 * draw(i, 10, 100) / 1e2) as last_at
    from (select max(posted_at) as newest, epoch(newest - min(posted_at)) as span from posts)
    cross join range(least($n_campaigns, $n_posts // 3)) as r (i)
);

insert into marts.data_quality values
    ('tweets', 'every landed post is processed', 'pass', $n_posts, $n_posts),
    ('tweets', 'few posts are <b>rejected</b>', 'warn', 0.06, 0.05);

insert into marts.ingest_runs
select 'run', 'tweets', $source, 'succeeded', max(posted_at), $n_posts + 1, $n_posts from posts;

drop table posts;
"""

# NIFTY 50 every 3 minutes of every session that holds posts, and its daily closes.
PRICES = """
insert into validated.price_bars
select
    'NIFTY', 'NIFTY50', '3min', opened_at, calendar_date, true, 24000,
    24000 + 200 * sin(epoch(opened_at) / 7000)
from processed.calendar_days
inner join (select distinct trading_date from marts.signal_bars) on calendar_date = trading_date
cross join generate_series(open_at, close_at - interval 3 minutes, interval 3 minutes) as bars (opened_at);

insert into validated.price_bars
select
    'NIFTY50', 'NIFTY50', '1d', timezone('UTC', cast(calendar_date as timestamp)), calendar_date, false,
    24000, 24000 + 500 * sin(epoch(calendar_date) / 1e7)
from processed.calendar_days
where is_trading_day;
"""

HASHTAGS = (
    "nifty50", "शेयरबाजार", "banknifty", "निफ्टी", "क्रय", "🚀moon🚀", "$tcs$", "தமிழ்", "stockmarketindiadaily",
    "intraday", "विद्यार्थी", "sensex", "more", "still_more",
)  # fmt: skip

# Of campaigns: long ones, one in Hindi, one that must not become markup, and one of which little is left.
TEXTS = (
    "Join our premium channel https://t.example/abc now @someone_else or call +91 98765 43210 for calls",
    "शेयर बाजार में रोज का मुनाफा चाहिए तो हमारे चैनल से जुड़ें, पहले सौ लोगों के लिए मुफ्त है #nifty50 #sensex",
    "<script>alert('x')</script> & \"quoted\" <b>gains</b>",
    "https://t.example/abc",
    "#nifty50 #sensex #banknifty",
    "FII cash -435 cr | DII cash +885 cr",
)

# Tables that an older published file lacks. MARKET is tested most, NIFTY 50 told best, SENSEX not at all.
VALIDATION = """
create table marts.signal_validation as
select
    'x' as channel, instrument, bar_interval, horizon, 10 * n_days as n_bars, n_days,
    ic, ic - width as ic_low, ic + width as ic_high, ic as ic_daily_mean,
    0.5 + ic / 2 as hit_rate, hit_rate - 0.1 as hit_rate_low, hit_rate + 0.1 as hit_rate_high,
    0.48 as hit_rate_by_chance,
    width * 1.4 as min_detectable_ic,
    case when ic is not null then if(instrument = 'NIFTY50', 0.01, 1.0) end as p_adjusted,
    'Too few <days> to see an IC below 0.3.' as power_note
from (
    values ('MARKET', 0.1, 0.3, 30), ('NIFTY50', 0.4, 0.2, 25), ('SENSEX', null, null, 2)
) as i (instrument, ic, width, n_days)
cross join (values ('15min'), ('1h'), ('1d')) as b (bar_interval)
cross join (values ('15min'), ('30min'), ('60min'), ('close'), ('next_day')) as h (horizon)
where bar_interval <> '1d' or horizon = 'next_day'
"""
OUTCOMES = """
create table marts.call_outcomes as
select
    'p' || i as tweet_id, 1 as call_number, '@a' || i % 40 as author_key,
    ['target_first', 'stop_first', 'stop_first', 'expired', 'not_judged'][1 + i % 5] as outcome,
    if(i % 5 = 4 and i % 2 = 0, 'repost', null) as not_judged_reason,
    if(i % 5 = 3, null, 100.0) as target,
    [1.0, -0.5, -0.6, 0.1, null][1 + i % 5] as net_return_pct
from range(500) as r (i)
"""
RECORDS = """
create table marts.author_track_record as
select
    '@a' || i as author_key, 0.4 as crowd_hit_rate, i / 50 as hit_rate_low,
    if(i < 30, 'none: fewer than 20 rated calls', 'no different from the crowd') as verdict
from range(40) as r (i)
"""


# The posts of a published file, spread evenly over a time in a fixed pattern.
POSTS_AS = {
    "n_posts": 2_000,
    "days": 1.0,
    "start": "2026-01-20 18:30:00+00",  # midnight before Wednesday 21 January in India
    "bearish": 0.15,
    "bullish": 0.08,
    "loudest": 0.9,  # highest engagement
    "measured": 1.0,  # share of posts that came with counts
    "source": "demo",
    "hashtags": HASHTAGS,
    "n_campaigns": 20,
    "texts": TEXTS,
}

Publish = Callable[..., Settings]


def fill(connection: duckdb.DuckDBPyConnection, *changes: str, has_prices: bool = True, **posts: Any) -> None:
    """Make the published tables, of posts other than the usual ones where told, and change them by SQL."""
    parameters = POSTS_AS | posts
    assert parameters.keys() == POSTS_AS.keys()
    connection.execute("set timezone = 'UTC'")
    connection.execute(TABLES)
    for statement in duckdb.extract_statements(POSTS if parameters["n_posts"] else ""):
        used = {name: parameters[name] for name in statement.named_parameters}
        connection.execute(statement, used)
    if has_prices:
        connection.execute(PRICES)
    for change in changes:
        connection.execute(change)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A file as `fill` makes it, made once for the same changes and posts. Read it only."""
    folder = tmp_path_factory.mktemp("filled")
    files: dict[str, Path] = {}

    def find(*changes: str, **given: Any) -> Path:
        key = repr((changes, sorted(given.items())))
        if key not in files:
            made = folder / f"{len(files)}.duckdb"
            with duckdb.connect(made) as connection:
                fill(connection, *changes, **given)
            files[key] = made
        return files[key]

    return find


@pytest.fixture
def publish(root: Settings, filled: Callable[..., Path]) -> Publish:
    """Write a published file, as `fill` does, and return the settings of its root."""

    def write(*changes: str, **given: Any) -> Settings:
        root.data.mkdir(parents=True)
        shutil.copy(filled(*changes, **given), root.published_db)
        return root

    return write
