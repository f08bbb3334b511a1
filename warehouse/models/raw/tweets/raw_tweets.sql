-- One row per landed sighting of a post, as captured.

with

landed as (

    select
        *,
        -- A sighting lands twice only where a compaction was cut short.
        row_number() over (partition by sighting_id order by landed_at, run_id) as landing_number
    from {{ landed('tweets') }}

)

select
    sighting_id,
    tweet_id,
    is_derived_id,
    author_id,
    author_handle,
    author_name,
    author_followers,
    text,
    lang,
    posted_at,
    posted_at_basis,
    observed_at,
    like_count,
    retweet_count,
    reply_count,
    quote_count,
    view_count,
    bookmark_count,
    hashtags,
    mentions,
    cashtags,
    urls,
    conversation_id,
    in_reply_to_tweet_id,
    quoted_tweet_id,
    retweeted_tweet_id,
    edit_tweet_ids,
    search_query,
    source_format,
    parse_warnings,
    payload_hash,
    source,
    run_id,
    landed_at
from landed
where landing_number = 1
