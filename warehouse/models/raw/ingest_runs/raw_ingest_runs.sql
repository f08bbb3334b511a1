-- One row per finished ingest run and entity.

with

landed as (

    select
        *,
        row_number() over (partition by sighting_id order by landed_at) as landing_number
    from {{ landed('ingest_runs') }}

)

select
    run_id,
    entity,
    source,
    arguments,
    status,
    started_at,
    finished_at,
    records_read,
    records_landed,
    records_unchanged,
    records_excluded,
    records_quarantined,
    excluded_by_reason,
    requests,
    request_faults,
    message,
    sighting_id,
    payload_hash,
    landed_at
from landed
where landing_number = 1
