-- One row per bar and version of it that a published file held and a later build changed.
-- The published file is the memory: its own revisions are carried over, but for what a purge makes forgotten.

{% set own_values = [
    'n_posts', 'n_authors', 'n_effective', 'score', 'se', 'ci_low', 'ci_high', 'score_one_vote', 'dispersion',
    'top_author_share', 'score_available_at',
] %}
{# What earlier bars have a part in. #}
{% set leaning_values = ['z_score', 'buzz', 'delta', 'available_at'] %}
{% set values = own_values + leaning_values + ['model_version'] %}
{% set keys = ['channel', 'instrument', 'bar_interval', 'bar_start'] %}
{% set published_bars = published('marts.signal_bars', keys + values) %}
{% set published_revisions = published(
    'signals.bar_revisions', keys + values + ['superseded_at', 'reason']
) %}
{% set published_sightings = published('raw.tweets', ['tweet_id', 'posted_at']) %}

with

bars as (

    select * from {{ ref('marts_signal_bars') }}

),

published_bars as (

    {% if published_bars is none %}
        select * from bars
        where false
    {% else %}
    select * from {{ published_bars }}
    {% endif %}

),

-- ---- What was purged since: posts that the published file has, by each time that a sighting states ----

purged as (

    {% if published_sightings is none %}
        select posted_at from {{ ref('raw_tweets') }}
        where false
    {% else %}
    select distinct sightings.posted_at
    from {{ published_sightings }} as sightings
    left join {{ ref('raw_tweets') }} as standing on sightings.tweet_id = standing.tweet_id
    where standing.tweet_id is null and sightings.posted_at is not null
    {% endif %}

),

days as (

    select
        calendar_date,
        close_at,
        count(close_at) over (
            order by calendar_date rows between unbounded preceding and 1 preceding
        ) as n_closed,
        max(close_at) over (
            order by calendar_date rows between unbounded preceding and 1 preceding
        ) as previous_close_at
    from {{ ref('processed_calendar_days') }}

),

-- Of every instrument: which ones a post names may once have been read otherwise.
purged_bars as (

    {% for name, minutes in {'15min': 15, '1h': 60}.items() %}
        select
            '{{ name }}' as bar_interval,
            {{ bar_start('posted_at', minutes) }} as bar_start
        from purged
        union
    {% endfor %}
    select
        '1d' as bar_interval,
        case
            when purged.posted_at >= days.close_at then days.close_at else days.previous_close_at
        end as bar_start
    from purged
    inner join days on cast({{ to_ist('purged.posted_at') }} as date) = days.calendar_date

),

purged_sessions as (

    select distinct days.n_closed + case when purged.posted_at >= days.close_at then 1 else 0 end as n_closed
    from purged
    inner join days on cast({{ to_ist('purged.posted_at') }} as date) = days.calendar_date

),

-- Days with bars that may lean on a purged post: of its session, and as long as that is in a baseline. Its
-- session begins with the close of the day before, and of that day's bars only those since then may.
leaning_days as (

    select
        days.calendar_date,
        case when not bool_or(days.n_closed >= purged_sessions.n_closed) then max(days.close_at) end as since
    from days
    inner join purged_sessions
        on
            days.n_closed >= purged_sessions.n_closed - 1
            and days.n_closed <= purged_sessions.n_closed + {{ var('baseline_sessions') }}
    where days.n_closed >= purged_sessions.n_closed or days.close_at is not null
    group by days.calendar_date

),

-- ---- Versions ----

versions as (

    select
        {% for column in keys + values %}
            published_bars.{{ column }},
        {% endfor %}
        {{ instant(run_started_at.strftime('%Y-%m-%d %H:%M:%S.%f+00')) }} as superseded_at,
        case
            when bars.channel is null then 'withdrawn'
            when bars.n_posts <> published_bars.n_posts then 'n_posts'
            when bars.model_version <> published_bars.model_version then 'model_version'
            else 'values'
        end as reason
    from published_bars
    left join leaning_days
        on cast({{ to_ist('published_bars.bar_start') }} as date) = leaning_days.calendar_date
    left join bars
        on
            published_bars.channel = bars.channel
            and published_bars.instrument = bars.instrument
            and published_bars.bar_interval = bars.bar_interval
            and published_bars.bar_start = bars.bar_start
    where
        bars.channel is null
        {% for column in own_values %}
            or published_bars.{{ column }} is distinct from bars.{{ column }}
        {% endfor %}
        {% for column in leaning_values %}
            or (
                published_bars.{{ column }} is distinct from bars.{{ column }}
                and (leaning_days.calendar_date is null or published_bars.bar_start < leaning_days.since)
            )
        {% endfor %}
    {% if published_revisions is not none %}

    union all

    select
        {% for column in keys + values %}
        {{ column }},
        {% endfor %}
        superseded_at,
        reason
    from {{ published_revisions }}
    {% endif %}

)

select
    {% for column in keys + own_values %}
        versions.{{ column }},
    {% endfor %}
    -- A bar's score is its delta away from that of the bar before.
    {% for column in leaning_values %}
        case
            when leaning_days.calendar_date is null or versions.bar_start < leaning_days.since
                then versions.{{ column }}
        end as {{ column }},
    {% endfor %}
    versions.model_version,
    versions.superseded_at,
    versions.reason
from versions
left join leaning_days on cast({{ to_ist('versions.bar_start') }} as date) = leaning_days.calendar_date
left join purged_bars
    on versions.bar_interval = purged_bars.bar_interval and versions.bar_start = purged_bars.bar_start
where purged_bars.bar_interval is null
