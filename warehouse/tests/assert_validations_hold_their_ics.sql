-- An interval surrounds its estimate and exists only where it is honest, no correction makes a result more
-- certain, and every bar is counted.
select
    channel,
    instrument,
    bar_interval,
    horizon
from {{ ref('marts_signal_validation') }}
where
    ic not between ic_low and ic_high
    or hit_rate not between hit_rate_low and hit_rate_high
    or ic_daily_mean not between ic_daily_low and ic_daily_high
    or (ic_low is null) <> (ic_method like 'none%')
    or p_adjusted < p_value
    or (p_value < 0.0499 and ic_low <= 0 and ic_high >= 0)
    or (p_value > 0.0501 and (ic_low > 0 or ic_high < 0))
    or n_signed + n_zero <> n_bars
