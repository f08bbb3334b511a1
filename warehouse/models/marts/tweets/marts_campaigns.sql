-- One row per campaign: a cluster of copies by several authors, or of many posts. Promotion is told
-- apart, never left out.

with

posts as (

    select
        duplicates.cluster_id,
        duplicates.is_representative,
        tweets.tweet_id,
        tweets.author_key,
        tweets.posted_at,
        tweets.content_hash,
        tweets.text,
        tweets.hashtags,
        -- A repost shows the counts of what it reposts.
        case when tweets.retweeted_tweet_id is null then tweets.like_count end as like_count,
        case when tweets.retweeted_tweet_id is null then tweets.retweet_count end as retweet_count,
        signals.p_promo,
        signals.content_class
    from {{ ref('processed_tweet_duplicates') }} as duplicates
    inner join {{ ref('validated_tweets') }} as tweets on duplicates.tweet_id = tweets.tweet_id
    inner join {{ ref('signals_tweet_signals') }} as signals on duplicates.tweet_id = signals.tweet_id

),

clusters as (

    select
        cluster_id,
        count(*) as n_posts,
        count(distinct author_key) as n_authors,
        count(distinct content_hash) as n_texts,
        min(posted_at) as first_posted_at,
        max(posted_at) as last_posted_at,
        {{ exact_avg('p_promo') }} as mean_p_promo,
        cast(sum(like_count) as bigint) as n_likes,
        cast(sum(retweet_count) as bigint) as n_retweets,
        max(case when is_representative then tweet_id end) as example_tweet_id,
        max(case when is_representative then text end) as example_text
    from posts
    group by cluster_id

),

campaigns as (

    select * from clusters
    where n_authors >= {{ var('campaign_min_authors') }} or n_posts >= {{ var('campaign_min_posts') }}

),

by_author as (

    select
        cluster_id,
        author_key,
        count(*) as n_posts
    from posts
    group by cluster_id, author_key

),

top_authors as (

    select
        cluster_id,
        max(n_posts) as n_posts
    from by_author
    group by cluster_id

),

by_class as (

    select
        cluster_id,
        content_class,
        row_number() over (partition by cluster_id order by count(*) desc, content_class asc) as class_rank
    from posts
    group by cluster_id, content_class

),

tagged as (

    select
        cluster_id,
        {{ each('hashtags') }} as hashtag
    from posts

),

by_hashtag as (

    select
        cluster_id,
        hashtag,
        row_number() over (partition by cluster_id order by count(*) desc, hashtag asc) as hashtag_rank
    from tagged
    group by cluster_id, hashtag

),

top_hashtags as (

    select
        cluster_id,
        {{ collect_ordered('hashtag', 'hashtag_rank') }} as hashtags
    from by_hashtag
    where hashtag_rank <= 10
    group by cluster_id

)

select
    campaigns.cluster_id,
    campaigns.n_posts,
    campaigns.n_authors,
    campaigns.n_texts,
    campaigns.n_posts / cast(campaigns.n_authors as double) as posts_per_author,
    top_authors.n_posts / cast(campaigns.n_posts as double) as top_author_share,
    campaigns.first_posted_at,
    campaigns.last_posted_at,
    {{ seconds_between('campaigns.first_posted_at', 'campaigns.last_posted_at') }} / 3600 as span_hours,
    campaigns.mean_p_promo,
    campaigns.mean_p_promo >= 0.5 as is_promotion,
    by_class.content_class,
    {{ empty_if_null('top_hashtags.hashtags') }} as hashtags,
    campaigns.n_likes,
    campaigns.n_retweets,
    campaigns.example_tweet_id,
    campaigns.example_text
from campaigns
inner join top_authors on campaigns.cluster_id = top_authors.cluster_id
inner join by_class on campaigns.cluster_id = by_class.cluster_id and by_class.class_rank = 1
left join top_hashtags on campaigns.cluster_id = top_hashtags.cluster_id
