-- marts.data_quality is where people look; what it calls a failure must stop the build. Among its
-- checks is the counting rule of the warehouse: no post vanishes between layers.
select
    entity,
    check_name,
    observed,
    expected
from {{ ref('marts_data_quality') }}
where status = 'fail'
