-- One row per finished ingest run and entity.

select
    run_id,
    entity,
    source,
    arguments,
    status,
    started_at,
    finished_at,
    {{ seconds_between('started_at', 'finished_at') }} as duration_seconds,
    records_read,
    records_landed,
    records_unchanged,
    records_excluded,
    records_quarantined,
    excluded_by_reason,
    records_read
    = records_landed + records_unchanged + records_excluded + records_quarantined as is_accounted_for,
    requests,
    request_faults,
    message
from {{ ref('raw_ingest_runs') }}
