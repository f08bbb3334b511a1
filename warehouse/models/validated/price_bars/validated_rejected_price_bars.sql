-- One row per symbol, interval and bar that broke a row rule, with every rule it broke.

select
    symbol,
    bar_interval,
    bar_start,
    broken_rules as reasons,
    open,
    high,
    low,
    close,
    volume,
    observed_at,
    time_basis,
    n_sightings
from {{ ref('processed_price_bars') }}
where {{ list_length('broken_rules') }} > 0
