-- One row per post: its latest sighting, normalised. A value that the latest sighting lacks comes
-- from the latest one that has it.

{% set latest_columns = [
    'author_id', 'author_handle', 'author_name', 'author_followers', 'text', 'lang',
    'posted_at', 'posted_at_basis', 'like_count', 'retweet_count', 'reply_count', 'quote_count',
    'view_count', 'bookmark_count', 'hashtags', 'mentions', 'cashtags', 'urls', 'conversation_id',
    'in_reply_to_tweet_id', 'quoted_tweet_id', 'retweeted_tweet_id', 'edit_tweet_ids',
    'source_format', 'parse_warnings',
] %}
{% set states_a_date = "raw_tweets.posted_at_basis = 'stated' and "
    ~ list_overlap('raw_tweets.parse_warnings', list_without_nulls(["'time_is_date_only'"])) ~ ' > 0' %}

with

raw_tweets as (

    select * from {{ ref('raw_tweets') }}

),

sightings as (

    select
        sighting_id,
        sighting_number
    from {{ ref('processed_tweet_sightings') }}

),

calendar_days as (

    select * from {{ ref('processed_calendar_days') }}

),

session_phases as (

    select * from {{ session_phase_minutes() }} as minutes

),

latest as (

    select
        raw_tweets.tweet_id,
        bool_or(raw_tweets.is_derived_id) as is_derived_id,
        {% for column in latest_columns %}
            {{ latest('raw_tweets.' ~ column, 'sightings.sighting_number') }} as {{ column }},
        {% endfor %}
        {{ latest(
            'case when raw_tweets.posted_at is not null then ' ~ states_a_date ~ ' end',
            'sightings.sighting_number'
        ) }} as is_date_only,
        min(raw_tweets.observed_at) as first_seen_at,
        max(raw_tweets.observed_at) as last_seen_at,
        count(*) as n_sightings,
        {{ collect_distinct('raw_tweets.search_query') }} as search_queries
    from raw_tweets
    inner join sightings on raw_tweets.sighting_id = sightings.sighting_id
    group by raw_tweets.tweet_id

),

normalised as (

    select
        *,
        mi_normalise_text(text) as text_normalised,
        -- A handle names an author in every capture; ids and display names only in some.
        coalesce(
            '@' || lower(author_handle), 'id:' || author_id, 'name:' || lower(author_name), 'unknown'
        ) as author_key,
        {{ to_ist('posted_at') }} as posted_at_ist
    from latest

),

-- What each sighting says of that which scores hang on, beside what the post says now: the same, otherwise,
-- or (null) nothing.
stated as (

    select
        raw_tweets.tweet_id,
        sightings.sighting_number,
        coalesce(raw_tweets.observed_at, normalised.first_seen_at) as seen_at,
        case
            when raw_tweets.text = normalised.text then true
            else mi_normalise_text(raw_tweets.text) = normalised.text_normalised
        end as is_same_text,
        case
            when normalised.author_handle is not null
                then lower(raw_tweets.author_handle) = lower(normalised.author_handle)
            when normalised.author_id is not null then raw_tweets.author_id = normalised.author_id
            else lower(raw_tweets.author_name) = lower(normalised.author_name)
        end as is_same_author,
        raw_tweets.posted_at = normalised.posted_at as is_same_time
    from raw_tweets
    inner join sightings on raw_tweets.sighting_id = sightings.sighting_id
    inner join normalised on raw_tweets.tweet_id = normalised.tweet_id
    where normalised.n_sightings > 1

),

contradicted as (

    select
        {% for part in ['text', 'author', 'time'] %}
            coalesce(max(case when not is_same_{{ part }} then sighting_number end), 0) as other_{{ part }},
        {% endfor %}
        tweet_id
    from stated
    group by tweet_id

),

settled as (

    select
        {% for part in ['text', 'author', 'time'] %}
            min(
                case
                    when
                        stated.is_same_{{ part }}
                        and stated.sighting_number > contradicted.other_{{ part }}
                        then stated.seen_at
                end
            ) as {{ part }}_seen_at,
        {% endfor %}
        stated.tweet_id
    from stated
    inner join contradicted on stated.tweet_id = contradicted.tweet_id
    group by stated.tweet_id

),

timed as (

    select
        normalised.*,
        coalesce(
            greatest(settled.text_seen_at, settled.time_seen_at),
            normalised.first_seen_at,
            normalised.posted_at
            -- Of a date its first instant is stated: the post is no older than that and may be a day younger.
            + case when normalised.is_date_only then interval '1 day' else interval '0 days' end
            + interval '{{ var("assumed_lag_minutes") }} minutes'
        ) as text_known_at,
        settled.author_seen_at
    from normalised
    left join settled on normalised.tweet_id = settled.tweet_id

),

tagged as (

    select
        *,
        greatest(text_known_at, coalesce(author_seen_at, text_known_at)) as known_at,
        {{ sha256_hex('text_normalised') }} as content_hash,
        cast(posted_at_ist as date) as posted_date_ist,
        {{ minute_of_day('posted_at_ist') }} as posted_minute_ist,
        {{ list_sorted_distinct(list_concat(
            extract_all('text_normalised', '#([\\p{L}\\p{M}\\p{N}_]+)'), stated_tags('hashtags')
        )) }} as all_hashtags
    from timed

)

select
    tagged.tweet_id,
    tagged.is_derived_id,
    tagged.author_key,
    tagged.author_id,
    tagged.author_handle,
    tagged.author_name,
    tagged.author_followers,
    tagged.text,
    tagged.text_normalised,
    tagged.content_hash,
    tagged.lang,
    tagged.posted_at,
    tagged.posted_at_basis,
    tagged.posted_at_ist,
    case
        when tagged.posted_at < calendar_days.close_at then calendar_days.trading_date
        else calendar_days.next_trading_date
    end as trading_date,
    {{ session_phase('tagged.posted_at', 'calendar_days', 'session_phases') }} as session_phase,
    tagged.first_seen_at,
    tagged.last_seen_at,
    tagged.text_known_at,
    tagged.known_at,
    tagged.n_sightings,
    tagged.like_count,
    tagged.retweet_count,
    tagged.reply_count,
    tagged.quote_count,
    tagged.view_count,
    tagged.bookmark_count,
    tagged.all_hashtags as hashtags,
    tagged.mentions,
    tagged.cashtags,
    tagged.urls,
    tagged.conversation_id,
    tagged.in_reply_to_tweet_id,
    tagged.quoted_tweet_id,
    tagged.retweeted_tweet_id,
    tagged.edit_tweet_ids,
    tagged.search_queries,
    tagged.source_format,
    tagged.parse_warnings
from tagged
left join calendar_days on tagged.posted_date_ist = calendar_days.calendar_date
left join session_phases
    on
        tagged.posted_minute_ist >= session_phases.start_minute_ist
        and tagged.posted_minute_ist < session_phases.end_minute_ist
