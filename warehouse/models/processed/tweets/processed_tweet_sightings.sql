-- One row per post and observation: the history of its counts.

select
    sighting_id,
    tweet_id,
    observed_at,
    like_count,
    retweet_count,
    reply_count,
    quote_count,
    view_count,
    bookmark_count,
    author_followers,
    search_query,
    source_format,
    payload_hash,
    landed_at,
    -- Never by landing order, so that any order of arrival gives the same history.
    row_number() over (
        partition by tweet_id order by observed_at nulls first, payload_hash, sighting_id
    ) as sighting_number,
    row_number() over (
        partition by tweet_id order by observed_at desc nulls last, payload_hash desc, sighting_id desc
    ) = 1 as is_latest
from {{ ref('raw_tweets') }}
