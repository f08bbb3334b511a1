-- One row per purge: a post or an author whose posts are removed and kept out.

with

landed as (

    select
        *,
        row_number() over (partition by sighting_id order by landed_at) as landing_number
    from {{ landed('purges') }}

)

select
    scope,
    tweet_id,
    author_id,
    author_handle,
    reason,
    requested_at,
    sighting_id,
    payload_hash,
    source,
    run_id,
    landed_at
from landed
where landing_number = 1
