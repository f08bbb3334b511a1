-- One row per landed sighting of a price bar, as captured.

with

landed as (

    select
        *,
        row_number() over (partition by sighting_id order by landed_at, run_id) as landing_number
    from {{ landed('price_bars') }}

)

select
    sighting_id,
    symbol,
    bar_interval,
    bar_start,
    open,
    high,
    low,
    close,
    volume,
    observed_at,
    time_basis,
    payload_hash,
    source,
    run_id,
    landed_at
from landed
where landing_number = 1
