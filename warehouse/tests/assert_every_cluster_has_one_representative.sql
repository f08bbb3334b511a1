-- Campaigns are counted by their representatives.
select
    cluster_id,
    count(*) as n_posts
from {{ ref('processed_tweet_duplicates') }}
group by cluster_id
having count(*) < 2 or sum(case when is_representative then 1 else 0 end) <> 1
