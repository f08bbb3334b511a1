-- One row per post that belongs to a cluster of copies. Clusters are transitive; a link goes from a
-- post to one that was known before it, so that it can be used without looking ahead.

with

posts as (

    select
        tweets.tweet_id,
        tweets.content_hash,
        shingles.set_hash,
        tweets.known_at,
        row_number() over (
            order by tweets.known_at nulls last, tweets.posted_at nulls last, tweets.tweet_id
        ) as known_rank
    from {{ ref('processed_tweets') }} as tweets
    inner join {{ ref('processed_text_shingles') }} as shingles on tweets.content_hash = shingles.content_hash

),

pairs as (

    select * from {{ ref('processed_text_pairs') }}

),

components as (

    select
        node as set_hash,
        component
    from ({{ connected_components(ref('processed_text_pairs'), 'source_hash', 'target_hash') }}) as found

),

placed as (

    select
        posts.*,
        coalesce(components.component, posts.set_hash) as component,
        row_number() over (partition by posts.content_hash order by posts.known_rank) as place_in_text,
        first_value(posts.tweet_id) over (partition by posts.content_hash order by posts.known_rank)
            as first_of_text,
        case
            when lead(posts.tweet_id) over (partition by posts.content_hash order by posts.known_rank) is not null
                then greatest(
                    posts.known_at,
                    lead(posts.known_at) over (partition by posts.content_hash order by posts.known_rank)
                )
        end as next_copy_linked_at
    from posts
    left join components on posts.set_hash = components.set_hash

),

clustered as (

    select
        *,
        count(*) over (partition by component) as n_posts,
        first_value(tweet_id) over (partition by component order by known_rank) as cluster_id
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
            order by other.known_rank < firsts.known_rank desc, links.similarity desc, other.known_rank
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
    case when clustered.place_in_text > 1 then clustered.first_of_text else linked.duplicate_of end as duplicate_of,
    case
        when clustered.place_in_text > 1 then clustered.known_at
        else least(linked.linked_at, clustered.next_copy_linked_at)
    end as linked_at
from clustered
left join linked on clustered.tweet_id = linked.tweet_id
where clustered.n_posts > 1
