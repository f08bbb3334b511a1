-- Coordinated posting is a finding: no cluster of enough posts is left out, and none loses a post.
select
    duplicates.cluster_id,
    duplicates.cluster_posts,
    campaigns.n_posts
from {{ ref('processed_tweet_duplicates') }} as duplicates
left join {{ ref('marts_campaigns') }} as campaigns on duplicates.cluster_id = campaigns.cluster_id
where
    duplicates.is_representative
    and (
        duplicates.cluster_posts <> campaigns.n_posts
        or (campaigns.n_posts is null and duplicates.cluster_posts >= {{ var('campaign_min_posts') }})
    )
