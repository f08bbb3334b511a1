-- An interval surrounds its score, exists only where it is honest, and no bar is known before it ends.
select
    instrument,
    bar_interval,
    bar_start
from {{ ref('marts_signal_bars') }}
where
    score not between ci_low and ci_high
    or (ci_low is null) <> (ci_method <> 'sqrt_voice_jackknife_t')
    or (is_sparse and score is not null)
    or available_at < bar_end
    or bar_end <= bar_start
