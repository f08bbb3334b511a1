-- One row per validated post: its signals, as of its latest sighting.

with

tweets as (

    select * from {{ ref('validated_tweets') }}

),

scores as (

    select scores.*
    from {{ ref('signals_text_scores') }} as scores
    inner join {{ ref('signals_text_models') }} as models on scores.model_version = models.model_version

),

duplicates as (

    select
        tweet_id,
        duplicate_of
    from {{ ref('processed_tweet_duplicates') }}

),

featured as (

    select
        tweets.tweet_id,
        tweets.posted_at,
        scores.sentiment,
        scores.sentiment_label,
        scores.p_view,
        scores.p_up,
        scores.p_promo,
        scores.content_class,
        scores.model_version,
        duplicates.duplicate_of is not null as is_copy,
        {{ engagement('tweets.like_count', 'tweets.retweet_count', 'tweets.reply_count') }} as engagement,
        {{ list_length(extract_all(
            'tweets.text_normalised', '(?:^|[^\\p{L}\\p{N}_#$@.])([0-9][0-9,.]*)'
        )) }} as n_numbers,
        {{ list_length(extract_all('tweets.text_normalised', '\\$([a-z][a-z0-9&_]*)')) }} as n_cashtags,
        {{ list_length('tweets.hashtags') }} as n_hashtags,
        {{ list_length(extract_all('tweets.text_normalised', '@([a-z0-9_]+)')) }} as n_mentions,
        greatest(
            {{ list_length(extract_all('tweets.text', '(https?://)')) }},
            coalesce({{ list_length('tweets.urls') }}, 0)
        ) as n_links
    from tweets
    inner join scores on tweets.content_hash = scores.content_hash
    left join duplicates on tweets.tweet_id = duplicates.tweet_id

),

scored as (

    select
        *,
        {{ custom_score('n_numbers', 'n_cashtags', 'n_hashtags', 'n_mentions', 'n_links') }} as custom_score,
        -- What a view is worth to the crowd's score: promotion and copies count little, reach a little.
        p_view * (1 - p_promo) * case when is_copy then {{ var('copy_weight') }} else 1 end as own_weight
    from featured

)

select
    tweet_id,
    posted_at,
    sentiment,
    sentiment_label,
    p_view,
    p_up,
    p_promo,
    content_class,
    cast(engagement as double) as engagement,
    n_numbers,
    n_cashtags,
    n_hashtags,
    n_mentions,
    n_links,
    cast(custom_score as double) as custom_score,
    cast(
        {{ var('composite_sentiment') }} * sentiment
        + {{ var('composite_engagement') }} * engagement
        + {{ var('composite_custom') }} * custom_score as double
    ) as composite,
    is_copy,
    cast(own_weight as double) as own_weight,
    cast(own_weight * (1 + engagement) as double) as weight,
    model_version
from scored
