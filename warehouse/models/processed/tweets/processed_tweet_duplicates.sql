-- One row per post that passed the row rules and belongs to a cluster of copies. Clusters are
-- transitive; a link goes from a post to one that was known before it, so that it can be used without
-- looking ahead.

with

passed as (

    select tweet_id from {{ ref('processed_tweet_verdicts') }}
    where {{ list_length('broken_rules') }} = 0

),

posts as (

    select
        tweets.tweet_id,
        tweets.content_hash,
        shingles.set_hash,
        tweets.text_known_at as known_at,
        row_number() over (
            order by tweets.text_known_at nulls last, tweets.posted_at nulls last, tweets.tweet_id
        ) as known_rank
    from {{ ref('processed_tweets') }} as tweets
    inner join {{ ref('processed_text_shingles') }} as shingles on tweets.content_hash = shingles.content_hash
    inner join passed on tweets.tweet_id = passed.tweet_id

),

pairs as (

    select * from {{ ref('processed_text_pairs') }}

),

clusters as (

    select * from {{ ref('processed_text_clusters') }}

),

placed as (

    select
        posts.*,
        coalesce(clusters.cluster_hash, posts.set_hash) as cluster_hash,
        row_number() over (partition by posts.content_hash order by posts.known_rank) as place_in_text,
        first_value(posts.tweet_id) over (partition by posts.content_hash order by posts.known_rank)
            as first_of_text,
        lead(posts.tweet_id) over (partition by posts.content_hash order by posts.known_rank) as next_copy,
        lead(posts.known_at) over (partition by posts.content_hash order by posts.known_rank)
            as next_copy_known_at
    from posts
    left join clusters on posts.set_hash = clusters.set_hash

),

clustered as (

    select
        *,
        count(*) over (partition by cluster_hash) as n_posts,
        first_value(tweet_id) over (partition by cluster_hash order by known_rank) as cluster_id
    from placed

),

firsts as (

    select * from clustered
    where n_posts > 1 and place_in_text = 1

),

links as (

    select
        source_hash,
        target_hash,
        similarity
    from pairs

    union all

    select
        target_hash as source_hash,
        source_hash as target_hash,
        similarity
    from pairs

    union all

    select distinct
        set_hash as source_hash,
        set_hash as target_hash,
        cast(1 as double) as similarity
    from firsts

),

neighbours as (

    select
        firsts.tweet_id,
        other.tweet_id as neighbour_id,
        links.similarity,
        other.known_rank < firsts.known_rank as is_earlier,
        greatest(firsts.known_at, other.known_at) as linked_at,
        row_number() over (
            partition by firsts.tweet_id
            order by
                case when other.known_rank < firsts.known_rank then 0 else 1 end asc,
                links.similarity desc,
                other.known_rank asc
        ) as choice
    from firsts
    inner join links on firsts.set_hash = links.source_hash
    inner join firsts as other on links.target_hash = other.set_hash and firsts.tweet_id <> other.tweet_id

),

linked as (

    select
        tweet_id,
        min(linked_at) as linked_at,
        max(case when choice = 1 and is_earlier then neighbour_id end) as duplicate_of,
        max(case when choice = 1 and is_earlier then similarity end) as similarity
    from neighbours
    group by tweet_id

)

select
    clustered.tweet_id,
    clustered.cluster_id,
    clustered.tweet_id = clustered.cluster_id as is_representative,
    clustered.n_posts as cluster_posts,
    case
        when clustered.place_in_text > 1 then 'exact'
        when linked.duplicate_of is not null then 'near'
    end as method,
    case when clustered.place_in_text > 1 then cast(1 as double) else linked.similarity end as similarity,
    case
        when clustered.place_in_text > 1 then clustered.first_of_text else linked.duplicate_of
    end as duplicate_of,
    case
        when clustered.place_in_text > 1 then clustered.known_at
        when clustered.next_copy is null then linked.linked_at
        else least(linked.linked_at, greatest(clustered.known_at, clustered.next_copy_known_at))
    end as linked_at
from clustered
left join linked on clustered.tweet_id = linked.tweet_id
where clustered.n_posts > 1
