-- One row per landed sighting of a post, as captured. Purged posts and reposts of them are left out,
-- also where a landed file that was restored or dropped in by hand still holds them.

with

purges as (

    select * from {{ ref('raw_purges') }}

),

purged_posts as (

    select distinct tweet_id from purges
    where scope = 'post'

),

purged_author_ids as (

    select distinct author_id from purges
    where scope = 'author' and author_id is not null

),

purged_handles as (

    select distinct author_handle from purges
    where scope = 'author' and author_handle is not null

),

landed as (

    select
        *,
        -- A sighting lands twice only where a compaction was cut short.
        row_number() over (partition by sighting_id order by landed_at, run_id) as landing_number
    from {{ landed('tweets') }}

),

named as (

    select
        *,
        lower(author_handle) as handle,
        -- Parsers write a repost as its original's words after the original author's handle.
        case
            when text like 'RT @%' then lower(regexp_extract(text, '^RT @([A-Za-z0-9_]{1,15}):', 1))
        end as reposted_handle
    from landed
    where landing_number = 1

),

versions as (

    select
        sighting_id,
        {{ each('edit_tweet_ids') }} as tweet_id
    from landed
    where edit_tweet_ids is not null

),

purged_versions as (

    select distinct versions.sighting_id
    from versions
    inner join purged_posts on versions.tweet_id = purged_posts.tweet_id

)

select
    named.sighting_id,
    named.tweet_id,
    named.is_derived_id,
    named.author_id,
    named.author_handle,
    named.author_name,
    named.author_followers,
    named.text,
    named.lang,
    named.posted_at,
    named.posted_at_basis,
    named.observed_at,
    named.like_count,
    named.retweet_count,
    named.reply_count,
    named.quote_count,
    named.view_count,
    named.bookmark_count,
    named.hashtags,
    named.mentions,
    named.cashtags,
    named.urls,
    named.conversation_id,
    named.in_reply_to_tweet_id,
    named.quoted_tweet_id,
    named.retweeted_tweet_id,
    named.edit_tweet_ids,
    named.search_query,
    named.source_format,
    named.parse_warnings,
    named.payload_hash,
    named.source,
    named.run_id,
    named.landed_at
from named
left join purged_posts on named.tweet_id = purged_posts.tweet_id
left join purged_posts as purged_originals on named.retweeted_tweet_id = purged_originals.tweet_id
left join purged_versions on named.sighting_id = purged_versions.sighting_id
left join purged_author_ids on named.author_id = purged_author_ids.author_id
left join purged_handles on named.handle = purged_handles.author_handle
left join purged_handles as purged_reposted on named.reposted_handle = purged_reposted.author_handle
where
    purged_posts.tweet_id is null
    and purged_originals.tweet_id is null
    and purged_versions.sighting_id is null
    and purged_author_ids.author_id is null
    and purged_handles.author_handle is null
    and purged_reposted.author_handle is null
