-- One row per check of this build's data. A check that fails stops the build from being published; one
-- that warns does not.

with

raw_tweets as (

    select
        count(*) as n_sightings,
        count(distinct tweet_id) as n_posts
    from {{ ref('raw_tweets') }}

),

processed_tweets as (

    select
        count(*) as n_posts,
        sum(case when posted_at is null then 1 else 0 end) as n_without_time,
        sum(case when author_key = 'unknown' then 1 else 0 end) as n_without_author,
        sum(case when last_observed_at is null then 1 else 0 end) as n_unobserved
    from {{ ref('processed_tweets') }}

),

validated_tweets as (

    select
        count(*) as n_posts,
        sum(case when trading_date is null then 1 else 0 end) as n_beyond_calendar
    from {{ ref('validated_tweets') }}

),

rejected_tweets as (

    select count(*) as n_posts from {{ ref('validated_rejected_tweets') }}

),

scored_tweets as (

    select count(*) as n_posts from {{ ref('signals_tweet_signals') }}

),

last_day as (

    select coalesce(sum(case when window_name = '24h' then n_posts end), 0) as n_posts
    from {{ ref('marts_signal_summary') }}

),

runs as (

    select
        count(*) as n_runs,
        sum(case when is_accounted_for then 0 else 1 end) as n_unaccounted,
        sum(records_read) as n_read,
        sum(records_quarantined) as n_quarantined
    from {{ ref('marts_ingest_runs') }}

),

raw_bars as (

    select count(distinct (symbol, bar_interval, bar_start)) as n_bars from {{ ref('raw_price_bars') }}

),

validated_bars as (

    select
        count(*) as n_bars,
        sum(case when is_in_session then 0 else 1 end) as n_out_of_session
    from {{ ref('validated_price_bars') }}

),

rejected_bars as (

    select count(*) as n_bars from {{ ref('validated_rejected_price_bars') }}

),

checks as (

    select
        'tweets' as entity,
        'every landed post is processed' as check_name,
        cast(raw_tweets.n_posts as double) as expected,
        cast(processed_tweets.n_posts as double) as observed,
        case when raw_tweets.n_posts = processed_tweets.n_posts then 'pass' else 'fail' end as status,
        'distinct posts in raw.tweets against posts in processed.tweets' as meaning
    from raw_tweets
    cross join processed_tweets

    union all

    select
        'tweets' as entity,
        'every post is validated or rejected' as check_name,
        cast(processed_tweets.n_posts as double) as expected,
        cast(validated_tweets.n_posts + rejected_tweets.n_posts as double) as observed,
        case
            when processed_tweets.n_posts = validated_tweets.n_posts + rejected_tweets.n_posts then 'pass'
            else 'fail'
        end as status,
        'posts in processed.tweets against validated.tweets plus validated.rejected_tweets' as meaning
    from processed_tweets
    cross join validated_tweets
    cross join rejected_tweets

    union all

    select
        'tweets' as entity,
        'every validated post has signals' as check_name,
        cast(validated_tweets.n_posts as double) as expected,
        cast(scored_tweets.n_posts as double) as observed,
        case when validated_tweets.n_posts = scored_tweets.n_posts then 'pass' else 'fail' end as status,
        'posts in validated.tweets against signals.tweet_signals' as meaning
    from validated_tweets
    cross join scored_tweets

    union all

    select
        'tweets' as entity,
        'posts are within the exchange calendar' as check_name,
        cast(0 as double) as expected,
        cast(coalesce(validated_tweets.n_beyond_calendar, 0) as double) as observed,
        case when coalesce(validated_tweets.n_beyond_calendar, 0) = 0 then 'pass' else 'fail' end as status,
        'validated posts beyond seeds.exchange_calendar_coverage: extend it with python -m warehouse.calendar' as meaning
    from validated_tweets

    union all

    select
        'tweets' as entity,
        'the last 24 hours hold enough posts' as check_name,
        cast({{ var('daily_posts_target') }} as double) as expected,
        cast(last_day.n_posts as double) as observed,
        case when last_day.n_posts >= {{ var('daily_posts_target') }} then 'pass' else 'warn' end as status,
        'validated posts in the 24 hours that end at the data''s own clock, against the daily target' as meaning
    from last_day

    union all

    select
        'tweets' as entity,
        'few posts are rejected' as check_name,
        cast(0.05 as double) as expected,
        cast(rejected_tweets.n_posts as double) / nullif(processed_tweets.n_posts, 0) as observed,
        case when rejected_tweets.n_posts > 0.05 * processed_tweets.n_posts then 'warn' else 'pass' end as status,
        'share of posts in validated.rejected_tweets, which gives the reasons' as meaning
    from rejected_tweets
    cross join processed_tweets

    union all

    select
        'tweets' as entity,
        'few posts lack a time' as check_name,
        cast(0.01 as double) as expected,
        cast(processed_tweets.n_without_time as double) / nullif(processed_tweets.n_posts, 0) as observed,
        case when processed_tweets.n_without_time > 0.01 * processed_tweets.n_posts then 'warn' else 'pass' end
            as status,
        'share of posts whose time no capture states' as meaning
    from processed_tweets

    union all

    select
        'tweets' as entity,
        'few posts lack an author' as check_name,
        cast(0.05 as double) as expected,
        cast(processed_tweets.n_without_author as double) / nullif(processed_tweets.n_posts, 0) as observed,
        case when processed_tweets.n_without_author > 0.05 * processed_tweets.n_posts then 'warn' else 'pass' end
            as status,
        'share of posts whose author no capture states; intervals count them as one author' as meaning
    from processed_tweets

    union all

    select
        'tweets' as entity,
        'most posts say when they were seen' as check_name,
        cast(0.5 as double) as expected,
        cast(processed_tweets.n_unobserved as double) / nullif(processed_tweets.n_posts, 0) as observed,
        case when processed_tweets.n_unobserved > 0.5 * processed_tweets.n_posts then 'warn' else 'pass' end as status,
        'share of posts without observed_at; their availability is assumed' as meaning
    from processed_tweets

    union all

    select
        'ingest_runs' as entity,
        'every record read is accounted for' as check_name,
        cast(0 as double) as expected,
        cast(coalesce(runs.n_unaccounted, 0) as double) as observed,
        case when coalesce(runs.n_unaccounted, 0) = 0 then 'pass' else 'fail' end as status,
        'runs where records read differ from landed + unchanged + excluded + quarantined' as meaning
    from runs

    union all

    select
        'ingest_runs' as entity,
        'few records are quarantined' as check_name,
        cast(0.02 as double) as expected,
        cast(runs.n_quarantined as double) / nullif(runs.n_read, 0) as observed,
        case when runs.n_quarantined > 0.02 * runs.n_read then 'warn' else 'pass' end as status,
        'share of records read that were set aside in the quarantine folder' as meaning
    from runs

    union all

    select
        'price_bars' as entity,
        'every bar is validated or rejected' as check_name,
        cast(raw_bars.n_bars as double) as expected,
        cast(validated_bars.n_bars + rejected_bars.n_bars as double) as observed,
        case when raw_bars.n_bars = validated_bars.n_bars + rejected_bars.n_bars then 'pass' else 'fail' end as status,
        'distinct bars in raw.price_bars against validated.price_bars plus validated.rejected_price_bars' as meaning
    from raw_bars
    cross join validated_bars
    cross join rejected_bars

    union all

    select
        'price_bars' as entity,
        'few bars lie outside the session' as check_name,
        cast(0.01 as double) as expected,
        cast(validated_bars.n_out_of_session as double) / nullif(validated_bars.n_bars, 0) as observed,
        case when validated_bars.n_out_of_session > 0.01 * validated_bars.n_bars then 'warn' else 'pass' end as status,
        'share of bars that start when the exchange was closed' as meaning
    from validated_bars

)

select
    entity,
    check_name,
    status,
    observed,
    expected,
    meaning
from checks
