-- One row per post that broke a row rule, with every rule it broke.

with

tweets as (

    select * from {{ ref('processed_tweets') }}

),

failed as (

    select
        tweet_id,
        broken_rules
    from {{ ref('processed_tweet_verdicts') }}
    where {{ list_length('broken_rules') }} > 0

)

select
    tweets.tweet_id,
    failed.broken_rules as reasons,
    tweets.author_key,
    tweets.text,
    tweets.posted_at,
    tweets.first_seen_at,
    tweets.last_seen_at,
    tweets.n_sightings,
    tweets.like_count,
    tweets.retweet_count,
    tweets.reply_count,
    tweets.quote_count,
    tweets.view_count,
    tweets.bookmark_count,
    tweets.source_format,
    tweets.parse_warnings
from tweets
inner join failed on tweets.tweet_id = failed.tweet_id
