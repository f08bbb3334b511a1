-- A link to a later post would let an aggregate look ahead.
select
    copies.tweet_id,
    copies.duplicate_of
from {{ ref('processed_tweet_duplicates') }} as copies
inner join {{ ref('processed_tweets') }} as tweets on copies.tweet_id = tweets.tweet_id
inner join {{ ref('processed_tweets') }} as originals on copies.duplicate_of = originals.tweet_id
where originals.text_known_at > tweets.text_known_at or copies.duplicate_of = copies.tweet_id
