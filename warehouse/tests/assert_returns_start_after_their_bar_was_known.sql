-- A price from before a bar was known would let its score look ahead.
-- A return has two prices in that order, within one session unless it is to the next day's close.
select
    channel,
    instrument,
    bar_interval,
    bar_start,
    horizon
from {{ ref('marts_signal_returns') }}
where
    entry_at < score_available_at
    or exit_at <= entry_at
    or (horizon <> 'next_day' and entry_date <> return_date)
    or entry_date > return_date
    or (forward_return is null) <> (return_status <> 'complete')
