-- One row per check of this build's data. A check that fails stops the build from being published; one
-- that warns does not.
{% set checks = [
    {
        'entity': 'tweets', 'name': 'every landed post is processed', 'else': 'fail',
        'observed': 'n_processed', 'holds': 'equal', 'expected': 'n_landed',
        'meaning': 'posts in processed.tweets against distinct posts in raw.tweets, which leaves purged ones out',
    },
    {
        'entity': 'purges', 'name': 'every purged post is left out', 'else': 'fail',
        'observed': 'n_purged_kept', 'holds': 'at_most', 'expected': '0',
        'meaning': 'posts in processed.tweets that raw.purges names by post, reposted post or author',
    },
    {
        'entity': 'tweets', 'name': 'every post is validated or rejected', 'else': 'fail',
        'observed': 'n_validated + n_rejected', 'holds': 'equal', 'expected': 'n_processed',
        'meaning': 'posts in validated.tweets plus validated.rejected_tweets against processed.tweets',
    },
    {
        'entity': 'tweets', 'name': 'every validated post has signals', 'else': 'fail',
        'observed': 'n_scored', 'holds': 'equal', 'expected': 'n_validated',
        'meaning': 'posts in signals.tweet_signals against validated.tweets',
    },
    {
        'entity': 'tweets', 'name': 'posts are within the exchange calendar', 'else': 'fail',
        'observed': 'n_beyond_calendar', 'holds': 'at_most', 'expected': '0',
        'meaning': 'validated posts beyond seeds.exchange_calendar_coverage, whose holidays nobody knows; docs/data-sources.md says how to extend it',
    },
    {
        'entity': 'tweets', 'name': 'the exchange calendar goes on for a month', 'else': 'warn',
        'observed': seconds_between('cast(newest_date as timestamp)', 'cast(last_date as timestamp)') ~ ' / 86400',
        'holds': 'at_least', 'expected': '30',
        'meaning': 'days from the newest validated post to the last of seeds.exchange_calendar_coverage, after which nothing is built',
    },
    {
        'entity': 'tweets', 'name': 'the last 24 hours hold enough posts', 'else': 'warn',
        'observed': 'n_last_day', 'holds': 'at_least', 'expected': var('daily_posts_target'),
        'meaning': 'validated posts in the 24 hours that end at the newest one, against the daily target',
    },
    {
        'entity': 'tweets', 'name': 'few posts are rejected', 'else': 'warn',
        'observed': 'n_rejected / nullif(n_processed, 0)', 'holds': 'at_most', 'expected': '0.05',
        'meaning': 'share of posts in validated.rejected_tweets, which gives the reasons',
    },
    {
        'entity': 'tweets', 'name': 'few posts lack a time', 'else': 'warn',
        'observed': 'n_without_time / nullif(n_processed, 0)', 'holds': 'at_most', 'expected': '0.01',
        'meaning': 'share of posts whose time no capture states',
    },
    {
        'entity': 'tweets', 'name': 'few posts lack an author', 'else': 'warn',
        'observed': 'n_without_author / nullif(n_processed, 0)', 'holds': 'at_most', 'expected': '0.05',
        'meaning': 'share of posts whose author no capture states; intervals count them as one author',
    },
    {
        'entity': 'tweets', 'name': 'most posts say when they were seen', 'else': 'warn',
        'observed': 'n_unobserved / nullif(n_processed, 0)', 'holds': 'at_most', 'expected': '0.5',
        'meaning': 'share of posts without observed_at; when they could be known is assumed',
    },
    {
        'entity': 'ingest_runs', 'name': 'every record read is accounted for', 'else': 'fail',
        'observed': 'n_unaccounted', 'holds': 'at_most', 'expected': '0',
        'meaning': 'runs where records read differ from landed + unchanged + excluded + quarantined',
    },
    {
        'entity': 'ingest_runs', 'name': 'few records are quarantined', 'else': 'warn',
        'observed': 'n_quarantined / nullif(n_read, 0)', 'holds': 'at_most', 'expected': '0.02',
        'meaning': 'share of records read that were set aside in the quarantine folder',
    },
    {
        'entity': 'price_bars', 'name': 'every bar is validated or rejected', 'else': 'fail',
        'observed': 'n_validated_bars + n_rejected_bars', 'holds': 'equal', 'expected': 'n_landed_bars',
        'meaning': 'bars in validated.price_bars plus validated.rejected_price_bars against raw.price_bars',
    },
    {
        'entity': 'price_bars', 'name': 'few bars lie outside the session', 'else': 'warn',
        'observed': 'n_out_of_session / nullif(n_validated_bars, 0)', 'holds': 'at_most', 'expected': '0.01',
        'meaning': 'share of bars of which none lies in a cash session',
    },
    {
        'entity': 'price_bars', 'name': 'bars are within the exchange calendar', 'else': 'warn',
        'observed': 'n_bars_beyond_calendar', 'holds': 'at_most', 'expected': '0',
        'meaning': 'bars whose session nobody knows: beyond the calendar, or in a special session without hours',
    },
    {
        'entity': 'price_bars', 'name': 'few minutes of trading are missing', 'else': 'warn',
        'observed': 'n_gap_minutes / nullif(n_traded_minutes, 0)', 'holds': 'at_most', 'expected': '0.01',
        'meaning': 'share of the minutes of trading, from the first bar of each series to its last, that no bar covers',
    },
    {
        'entity': 'price_bars', 'name': 'few bars stand still', 'else': 'warn',
        'observed': 'n_flat / nullif(n_in_session, 0)', 'holds': 'at_most', 'expected': '0.01',
        'meaning': 'share of bars in the session at which the price has long been the same',
    },
    {
        'entity': 'price_bars', 'name': 'few bars jump', 'else': 'warn',
        'observed': 'n_jumps / nullif(n_in_session, 0)', 'holds': 'at_most', 'expected': '0.005',
        'meaning': 'share of bars in the session that moved suspiciously far; look at those of a symbol together',
    },
] %}
{% set operators = {'equal': '=', 'at_least': '>=', 'at_most': '<='} %}

with

raw_tweets as (

    select cast(count(distinct tweet_id) as double) as n_landed from {{ ref('raw_tweets') }}

),

processed_tweets as (

    select
        cast(count(*) as double) as n_processed,
        cast(count(case when posted_at is null then 1 end) as double) as n_without_time,
        cast(count(case when author_key = 'unknown' then 1 end) as double) as n_without_author,
        cast(count(case when last_seen_at is null then 1 end) as double) as n_unobserved
    from {{ ref('processed_tweets') }}

),

purged_posts as (

    select tweet_id from {{ ref('raw_purges') }}
    where scope = 'post'

),

purged_authors as (

    select
        author_id,
        author_handle
    from {{ ref('raw_purges') }}
    where scope = 'author'

),

purged_tweets as (

    select cast(count(*) as double) as n_purged_kept
    from {{ ref('processed_tweets') }}
    where
        tweet_id in (select purged_posts.tweet_id from purged_posts)
        or retweeted_tweet_id in (select purged_posts.tweet_id from purged_posts)
        or author_id in (select purged_authors.author_id from purged_authors)
        or lower(author_handle) in (select purged_authors.author_handle from purged_authors)

),

validated_tweets as (

    select
        cast(count(*) as double) as n_validated,
        cast(count(case when trading_date is null then 1 end) as double) as n_beyond_calendar,
        max(cast({{ to_ist('posted_at') }} as date)) as newest_date
    from {{ ref('validated_tweets') }}

),

coverage as (

    select cast(last_date as date) as last_date from {{ ref('exchange_calendar_coverage') }}

),

rejected_tweets as (

    select cast(count(*) as double) as n_rejected from {{ ref('validated_rejected_tweets') }}

),

scored_tweets as (

    select cast(count(*) as double) as n_scored from {{ ref('signals_tweet_signals') }}

),

last_day as (

    select cast(coalesce(max(n_posts), 0) as double) as n_last_day
    from {{ ref('marts_signal_summary') }}
    where window_name = '24h'

),

runs as (

    select
        cast(count(case when not is_accounted_for then 1 end) as double) as n_unaccounted,
        cast(sum(records_read) as double) as n_read,
        cast(sum(records_quarantined) as double) as n_quarantined
    from {{ ref('marts_ingest_runs') }}

),

landed_bars as (

    select distinct
        symbol,
        bar_interval,
        bar_start
    from {{ ref('raw_price_bars') }}

),

raw_bars as (

    select cast(count(*) as double) as n_landed_bars from landed_bars

),

validated_bars as (

    select
        cast(count(*) as double) as n_validated_bars,
        cast(count(case when is_in_session then 1 end) as double) as n_in_session,
        cast(count(case when not is_in_session then 1 end) as double) as n_out_of_session,
        cast(count(case when is_in_session is null then 1 end) as double) as n_bars_beyond_calendar,
        cast(sum(gap_minutes) as double) as n_gap_minutes,
        cast(count(case when is_flat then 1 end) as double) as n_flat,
        cast(count(case when is_jump then 1 end) as double) as n_jumps
    from {{ ref('validated_price_bars') }}

),

series as (

    select
        symbol,
        bar_interval,
        max(traded_minute_end) - min(traded_minute_start) as traded_minutes
    from {{ ref('processed_price_bars') }}
    where is_in_session
    group by symbol, bar_interval

),

spans as (

    select sum(traded_minutes) as n_traded_minutes from series

),

rejected_bars as (

    select cast(count(*) as double) as n_rejected_bars from {{ ref('validated_rejected_price_bars') }}

),

counts as (

    select * from raw_tweets
    cross join processed_tweets
    cross join purged_tweets
    cross join validated_tweets
    cross join coverage
    cross join rejected_tweets
    cross join scored_tweets
    cross join last_day
    cross join runs
    cross join raw_bars
    cross join validated_bars
    cross join spans
    cross join rejected_bars

)

{% for check in checks -%}
    select
        '{{ check.entity }}' as entity,
        '{{ check.name }}' as check_name,
        -- A share of nothing is unknown, and breaks nothing.
        case
            when {{ check.observed }} {{ operators[check.holds] }} {{ check.expected }} then 'pass'
            when {{ check.observed }} is null then 'pass'
            else '{{ check.else }}'
        end as status,
        cast({{ check.observed }} as double) as observed,
        cast({{ check.expected }} as double) as expected,
        '{{ check.meaning }}' as meaning
    from counts
    {% if not loop.last %}union all{% endif %}
{% endfor %}
