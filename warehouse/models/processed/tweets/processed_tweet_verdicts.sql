-- One row per post, with the row rules that it breaks.

with

landings as (

    select
        tweet_id,
        min(landed_at) as first_landed_at
    from {{ ref('processed_tweet_sightings') }}
    group by tweet_id

),

tweets as (

    select
        tweets.*,
        landings.first_landed_at
    from {{ ref('processed_tweets') }} as tweets
    inner join landings on tweets.tweet_id = landings.tweet_id

)

select
    tweet_id,
    {{ broken_rules(tweet_row_rules()) }} as broken_rules
from tweets
