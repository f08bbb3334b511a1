-- One row per symbol, interval and bar that passed every row rule.

select
    symbol,
    instrument,
    bar_interval,
    bar_start,
    bar_start_ist,
    trading_date,
    is_in_session,
    open,
    high,
    low,
    close,
    volume,
    observed_at,
    time_basis,
    n_sightings
from {{ ref('processed_price_bars') }}
where {{ list_length('broken_rules') }} = 0
