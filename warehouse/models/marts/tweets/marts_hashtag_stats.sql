-- One row per hashtag that validated posts carry.

with

tagged as (

    select
        tweets.tweet_id,
        tweets.author_key,
        tweets.posted_at,
        {{ each('tweets.hashtags') }} as hashtag
    from {{ ref('validated_tweets') }} as tweets

),

signals as (

    select * from {{ ref('signals_tweet_signals') }}

)

select
    tagged.hashtag,
    count(*) as n_posts,
    count(distinct tagged.author_key) as n_authors,
    cast(sum(case when signals.is_copy then 1 else 0 end) as bigint) as n_copies,
    {{ exact_avg('signals.p_promo') }} as mean_p_promo,
    {{ exact_avg('signals.sentiment') }} as mean_sentiment,
    {{ exact_sum('signals.weight * signals.sentiment') }}
    / nullif({{ exact_sum('signals.weight') }}, 0) as weighted_sentiment,
    {{ exact_avg('signals.engagement') }} as mean_engagement,
    min(tagged.posted_at) as first_posted_at,
    max(tagged.posted_at) as last_posted_at
from tagged
inner join signals on tagged.tweet_id = signals.tweet_id
group by tagged.hashtag
