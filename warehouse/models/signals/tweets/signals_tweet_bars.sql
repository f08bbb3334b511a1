-- One row per validated post and bar interval: the bar that the post falls in, and what it weighs there by
-- what was known when the bar ended.

{% set intervals = ['15min', '1h', '1d'] %}
{% set epoch = instant('1970-01-01 00:00:00+00') %}

with

posts as (

    select
        tweets.tweet_id,
        tweets.author_key,
        tweets.posted_at,
        tweets.trading_date,
        tweets.known_at,
        tweets.first_seen_at,
        signals.sentiment,
        signals.own_weight,
        signals.model_version
    from {{ ref('validated_tweets') }} as tweets
    inner join {{ ref('signals_tweet_signals') }} as signals on tweets.tweet_id = signals.tweet_id

),

sessions as (

    select
        trading_date,
        close_at,
        lag(close_at) over (order by trading_date) as previous_close_at
    from {{ ref('processed_calendar_days') }}
    where is_trading_day

),

timed as (

    select
        posts.*,
        {% for name, minutes in {'15min': 15, '1h': 60}.items() %}
            {{ bar_start('posts.posted_at', minutes) }} as start_{{ name }},
            {{ bar_start('posts.posted_at', minutes) }} + interval '{{ minutes }} minutes' as end_{{ name }},
        {% endfor %}
        sessions.previous_close_at as start_1d,
        sessions.close_at as end_1d
    from posts
    left join sessions on posts.trading_date = sessions.trading_date

),

-- Once a post, with the ends of its bars beside each other: a third of the groups.
seen_by_then as (

    select
        timed.tweet_id,
    {% for name in intervals %}
    {% for count in ['like_count', 'retweet_count', 'reply_count'] %}
        {{ latest(
            'case when sightings.observed_at <= timed.end_' ~ name ~ ' then sightings.' ~ count ~ ' end',
            'sightings.sighting_number'
        ) }} as {{ count }}_{{ name }}{{ ',' if not loop.last }}
    {% endfor %}
        {{- ',' if not loop.last }}
    {% endfor %}
    from timed
    inner join {{ ref('processed_tweet_sightings') }} as sightings on timed.tweet_id = sightings.tweet_id
    group by timed.tweet_id

),

engaged as (

    select
        timed.*,
    {% for name in intervals %}
        coalesce({{ engagement(
            'seen_by_then.like_count_' ~ name,
            'seen_by_then.retweet_count_' ~ name,
            'seen_by_then.reply_count_' ~ name
        ) }}, 0) as engagement_{{ name }}
        {{- ',' if not loop.last }}
    {% endfor %}
    from timed
    left join seen_by_then on timed.tweet_id = seen_by_then.tweet_id

),

placed as (

    {% for name in intervals %}
        select
            tweet_id,
            '{{ name }}' as bar_interval,
            start_{{ name }} as bar_start,
            end_{{ name }} as bar_end,
            author_key,
            posted_at,
            known_at,
            first_seen_at is not null as is_observed,
            sentiment,
            cast(own_weight * (1 + engagement_{{ name }}) as double) as weight,
            model_version
        from engaged
        where end_{{ name }} is not null
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- Copies lead to an original by links that were known with the copy; a chain of 32 is followed to its end.
copies_0 as (

    select
        tweet_id,
        duplicate_of as original_id
    from {{ ref('processed_tweet_duplicates') }}
    where duplicate_of is not null

),

{% for step in range(1, 6) %}
    copies_{{ step }} as (

        select
            copies.tweet_id,
            coalesce(further.original_id, copies.original_id) as original_id
        from copies_{{ step - 1 }} as copies
        left join copies_{{ step - 1 }} as further on copies.original_id = further.tweet_id

    ),
{% endfor %}

members as (

    select
        tweet_id,
        original_id
    from copies_5

    union all

    select distinct
        original_id as tweet_id,
        original_id
    from copies_5

),

members_of_bars as (

    {% for name in intervals %}
        select distinct
            '{{ name }}' as bar_interval,
            timed.start_{{ name }} as bar_start,
            timed.author_key,
            members.original_id
        from timed
        inner join members on timed.tweet_id = members.tweet_id
        where timed.end_{{ name }} is not null
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

shared as (

    select
        bar_interval,
        bar_start,
        original_id
    from members_of_bars
    group by bar_interval, bar_start, original_id
    having count(*) > 1

),

ties as (

    select
        members_of_bars.*,
        concat(
            members_of_bars.bar_interval,
            ' ',
            cast({{ seconds_between(epoch, 'members_of_bars.bar_start') }} as bigint)
        ) as bar
    from members_of_bars
    inner join shared
        on
            members_of_bars.bar_interval = shared.bar_interval
            and members_of_bars.bar_start = shared.bar_start
            and members_of_bars.original_id = shared.original_id

),

edges as (

    select
        concat(bar, ' by ', author_key) as author_node,
        concat(bar, ' of ', original_id) as original_node,
        bar_interval,
        bar_start,
        author_key
    from ties

),

components as (

    select
        node,
        component
    from ({{ connected_components('edges', 'author_node', 'original_node') }}) as found  -- noqa: PRS

),

campaigns as (

    select distinct
        edges.bar_interval,
        edges.bar_start,
        edges.author_key,
        components.component
    from edges
    inner join components on edges.author_node = components.node

)

select
    placed.tweet_id,
    placed.bar_interval,
    placed.bar_start,
    placed.bar_end,
    placed.author_key,
    coalesce(campaigns.component, placed.author_key) as voice_key,
    placed.posted_at,
    placed.known_at,
    placed.is_observed,
    placed.sentiment,
    placed.weight,
    placed.model_version
from placed
left join campaigns
    on
        placed.bar_interval = campaigns.bar_interval
        and placed.bar_start = campaigns.bar_start
        and placed.author_key = campaigns.author_key
