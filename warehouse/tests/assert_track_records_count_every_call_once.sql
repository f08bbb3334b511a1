-- Reposts, repeats and later versions are no calls, posts without an author nobody's; all others are
-- in one record, as judged, not entered or not judged.
with

calls as (

    select count(*) as n_calls
    from {{ ref('marts_call_outcomes') }}
    where
        author_key <> 'unknown'
        and coalesce(not_judged_reason, '') not in ('repost', 'later_version', 'repeat')

),

records as (

    select
        coalesce(sum(n_calls), 0) as n_calls,
        coalesce(sum(n_judged + n_not_entered + n_not_judged), 0) as n_told
    from {{ ref('marts_author_track_record') }}

)

select
    calls.n_calls,
    records.n_calls as n_recorded,
    records.n_told
from calls
cross join records
where calls.n_calls <> records.n_calls or records.n_calls <> records.n_told
