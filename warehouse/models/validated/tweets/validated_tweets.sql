-- One row per post that passed every row rule.

with

tweets as (

    select * from {{ ref('processed_tweets') }}

),

passed as (

    select tweet_id from {{ ref('processed_tweet_verdicts') }}
    where {{ list_length('broken_rules') }} = 0

)

select
    tweets.tweet_id,
    tweets.is_derived_id,
    tweets.author_key,
    tweets.author_id,
    tweets.author_handle,
    tweets.author_name,
    tweets.author_followers,
    tweets.text,
    tweets.text_normalised,
    tweets.content_hash,
    tweets.lang,
    tweets.posted_at,
    tweets.posted_at_basis,
    tweets.posted_at_ist,
    tweets.trading_date,
    tweets.session_phase,
    tweets.first_seen_at,
    tweets.last_seen_at,
    tweets.known_at,
    tweets.n_sightings,
    tweets.like_count,
    tweets.retweet_count,
    tweets.reply_count,
    tweets.quote_count,
    tweets.view_count,
    tweets.bookmark_count,
    tweets.hashtags,
    tweets.mentions,
    tweets.cashtags,
    tweets.urls,
    tweets.conversation_id,
    tweets.in_reply_to_tweet_id,
    tweets.quoted_tweet_id,
    tweets.retweeted_tweet_id,
    tweets.edit_tweet_ids,
    tweets.search_queries,
    tweets.source_format,
    tweets.parse_warnings
from tweets
inner join passed on tweets.tweet_id = passed.tweet_id
