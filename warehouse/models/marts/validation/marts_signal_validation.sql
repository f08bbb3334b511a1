-- One row per channel, instrument, bar interval and horizon: how well scores ranked the returns that
-- followed, how sure that is, and with what power.

with

asked as (

    select * from {{ ref('marts_signal_returns') }}

),

quantiles as (

    select * from {{ ref('student_t_quantiles') }}

),

sources as (

    select coalesce(max(case when source = 'demo' then 1 else 0 end), 0) = 1 as is_simulated
    from {{ ref('raw_tweets') }}

),

combinations as (

    select
        channel,
        instrument,
        bar_interval,
        horizon,
        row_number() over (order by channel, instrument, bar_interval, horizon) as combination,
        min(price_instrument) as price_instrument,
        count(forward_return) as n_bars,
        count(*) - count(forward_return) as n_without_return,
        count(distinct return_date) as n_days,
        min(return_date) as first_date,
        max(return_date) as last_date,
        count(case when return_date is not null and availability_basis = 'assumed' then 1 end) as n_assumed,
        count(case when return_date is not null and is_backfilled then 1 end) as n_backfilled
    from asked
    group by channel, instrument, bar_interval, horizon

),

returns as (

    select
        combinations.combination,
        combinations.n_bars,
        asked.horizon,
        asked.bar_start,
        asked.bar_end,
        asked.entry_date,
        asked.return_date,
        asked.score,
        asked.forward_return
    from asked
    inner join combinations
        on
            asked.channel = combinations.channel
            and asked.instrument = combinations.instrument
            and asked.bar_interval = combinations.bar_interval
            and asked.horizon = combinations.horizon
    where asked.forward_return is not null

),

ranked as (

    select
        *,
        {{ centred_rank('score', 'combination') }} as score_rank,
        {{ centred_rank('forward_return', 'combination') }} as return_rank,
        case
            when score = 0 or forward_return = 0 then null
            when (score > 0) = (forward_return > 0) then 1
            else 0
        end as hit
    from returns

),

-- Bars of a day share its news, and their returns overlap: a day is one draw. Its sums are all that it takes.
by_day as (

    select
        combination,
        return_date,
        min(entry_date) as first_entry_date,
        cast(count(*) as double) as n,
        cast(sum(score_rank) as double) as x,
        cast(sum(return_rank) as double) as y,
        cast(sum(score_rank * score_rank) as double) as xx,
        cast(sum(return_rank * return_rank) as double) as yy,
        cast(sum(score_rank * return_rank) as double) as xy,
        cast(count(hit) as double) as n_signed,
        cast(coalesce(sum(hit), 0) as double) as n_hits,
        cast(count(case when score > 0 and forward_return <> 0 then 1 end) as double) as n_scores_up,
        cast(count(case when score <> 0 and forward_return > 0 then 1 end) as double) as n_returns_up
    from ranked
    group by combination, return_date

),

totals as (

    select
        combination,
        sum(n) as n,
        sum(x) as x,
        sum(y) as y,
        sum(xx) as xx,
        sum(yy) as yy,
        sum(xy) as xy,
        sum(n_signed) as n_signed,
        sum(n_hits) as n_hits,
        sum(n_scores_up) as n_scores_up,
        sum(n_returns_up) as n_returns_up,
        count(case when n_signed > 0 then 1 end) as n_signed_days
    from by_day
    group by combination

),

estimates as (

    select
        *,
        {{ correlation('n', 'x', 'y', 'xx', 'yy', 'xy') }} as ic,
        n_hits / nullif(n_signed, 0) as hit_rate,
        (n_scores_up * n_returns_up + (n_signed - n_scores_up) * (n_signed - n_returns_up))
        / nullif(n_signed * n_signed, 0) as hit_rate_by_chance
    from totals

),

-- Delete-one-day jackknife: what leaving a day out moves, and the day's share of what is averaged.
left_out as (

    select
        by_day.combination,
        by_day.return_date,
        by_day.first_entry_date,
        {{ correlation(
            '(estimates.n - by_day.n)', '(estimates.x - by_day.x)', '(estimates.y - by_day.y)',
            '(estimates.xx - by_day.xx)', '(estimates.yy - by_day.yy)', '(estimates.xy - by_day.xy)',
        ) }} - estimates.ic as ic_shift,
        sqrt(by_day.xx / nullif(estimates.xx, 0) * by_day.yy / nullif(estimates.yy, 0)) as ic_share,
        (estimates.n_hits - by_day.n_hits) / nullif(estimates.n_signed - by_day.n_signed, 0)
        - estimates.hit_rate as hit_shift,
        by_day.n_signed / nullif(estimates.n_signed, 0) as hit_share
    from by_day
    inner join estimates on by_day.combination = estimates.combination

),

-- A return that runs over a close shares a session with the day before: such neighbours are one draw in part.
neighbours as (

    select
        *,
        case
            when first_entry_date <= lag(return_date) over days then ic_shift * lag(ic_shift) over days
        end as ic_overlap,
        case
            when first_entry_date <= lag(return_date) over days then hit_shift * lag(hit_shift) over days
        end as hit_overlap
    from left_out
    window days as (partition by combination order by return_date)

),

sums_of_shifts as (

    select
        combination,
        count(*) as n_days,
        count(ic_shift) as n_ic_shifts,
        count(ic_overlap) as n_overlaps,
        {{ exact_sum('ic_shift * ic_shift', 24) }} as ic_squares,
        coalesce({{ exact_sum('ic_overlap', 24) }}, 0) as ic_overlaps,
        {{ exact_sum('ic_share') }} as ic_shares,
        {{ exact_sum('ic_share * ic_share') }} as ic_share_squares,
        {{ exact_sum('hit_shift * hit_shift', 24) }} as hit_squares,
        coalesce({{ exact_sum('hit_overlap', 24) }}, 0) as hit_overlaps,
        {{ exact_sum('hit_share') }} as hit_shares,
        {{ exact_sum('hit_share * hit_share') }} as hit_share_squares
    from neighbours
    group by combination

),

variances as (

    select
        combination,
        n_overlaps,
        case
            when n_ic_shifts = n_days
                then (n_days - 1) / cast(n_days as double) * (ic_squares + 2 * greatest(0, ic_overlaps))
        end as ic_variance,
        (n_days - 1) / cast(n_days as double) * (hit_squares + 2 * greatest(0, hit_overlaps)) as hit_variance,
        -- Days of unequal weight are worth fewer (Kish).
        {{ degrees_of_freedom('ic_shares * ic_shares / nullif(ic_share_squares, 0)') }} as ic_df,
        {{ degrees_of_freedom('hit_shares * hit_shares / nullif(hit_share_squares, 0)') }} as hit_df
    from sums_of_shifts

),

errors as (

    select
        estimates.*,
        combinations.n_days,
        variances.n_overlaps,
        variances.ic_variance,
        variances.ic_df,
        ic_quantiles.t_975 as ic_t,
        -- On Fisher's scale errors are nearer to symmetric.
        {{ fisher_z('estimates.ic') }} as z,
        -- Few days may agree by luck: they never tell more than as many independent bars would.
        greatest(
            sqrt(variances.ic_variance) / nullif(1 - estimates.ic * estimates.ic, 0),
            1 / sqrt(greatest(1, estimates.n - 3))
        ) as z_se,
        -- Wilson's interval for as many independent bars as would vary as much as these days do.
        power(hit_quantiles.t_975, 2) / case
            when variances.hit_variance <= {{ least_variance() }} then estimates.n_signed_days
            else
                least(
                    estimates.n_signed, estimates.hit_rate * (1 - estimates.hit_rate) / variances.hit_variance
                )
        end as wilson
    from estimates
    inner join combinations on estimates.combination = combinations.combination
    inner join variances on estimates.combination = variances.combination
    left join quantiles as ic_quantiles on variances.ic_df = ic_quantiles.degrees_of_freedom
    left join quantiles as hit_quantiles on variances.hit_df = hit_quantiles.degrees_of_freedom

),

judged as (

    select
        *,
        case
            when n_days < {{ var('validation_min_days') }} then 'none_few_days'
            when coalesce(ic_variance, 0) <= {{ least_variance() }} then 'none_no_variance'
            when n_overlaps > 0 then 'day_jackknife_fisher_t_lag1'
            else 'day_jackknife_fisher_t'
        end as ic_method
    from errors

),

tested as (

    select
        *,
        case when ic_method like 'day%' then abs(z) / z_se end as t,
        case when ic_method like 'day%' then ic_t * z_se end as half_width,
        -- For four times in five, Student's quantile at 0.8 to the first order: 0.8416 is the normal one.
        case when ic_method like 'day%' then (ic_t + 0.8416 + 0.36 / ic_df) * z_se end as detectable_z,
        case
            when ic_method not like 'day%' then null
            when z_se > 1 / sqrt(greatest(1, n - 3)) then least(n, 3 + 1 / power(z_se, 2))
            else n
        end as n_effective
    from judged

),

-- Student's t with whole degrees of freedom is a finite sum (Abramowitz and Stegun 26.7.3 and 26.7.4), with
-- products of (2j - 1) / 2j for even ones and of 2j / (2j + 1) for odd ones.
factors as (

    select
        degrees_of_freedom - 1 as k,
        2.0 * (degrees_of_freedom - 1) as twice_k
    from quantiles

),

coefficients as (

    select
        k,
        exp(sum(case when k = 0 then 0 else ln((twice_k - 1) / twice_k) end) over (order by k)) as for_even,
        exp(sum(case when k = 0 then 0 else ln(twice_k / (twice_k + 1)) end) over (order by k)) as for_odd
    from factors

),

finite_sums as (

    select
        tested.combination,
        {{ exact_sum(
            'case when tested.ic_df % 2 = 0 then coefficients.for_even else coefficients.for_odd end'
            ~ ' * power(tested.ic_df / (tested.ic_df + tested.t * tested.t), coefficients.k)', 24
        ) }} as total
    from tested
    inner join coefficients on tested.ic_df - tested.ic_df % 2 > 2 * coefficients.k
    where tested.t is not null
    group by tested.combination

),

p_values as (

    select
        tested.combination,
        greatest(
            -- Days that all agree are one of 2^n ways to fall: no test of so few days can claim less.
            power(2, 1 - tested.n_days),
            case
                when tested.ic = 0 then 1
                when tested.t is null then 0
                when tested.ic_df % 2 = 0
                    then 1 - finite_sums.total * tested.t / sqrt(tested.ic_df + tested.t * tested.t)
                else
                    1 - 2 / acos(-1) * (
                        atan(tested.t / sqrt(tested.ic_df))
                        + coalesce(finite_sums.total, 0)
                        * tested.t * sqrt(tested.ic_df) / (tested.ic_df + tested.t * tested.t)
                    )
            end
        ) as p_value
    from tested
    left join finite_sums on tested.combination = finite_sums.combination
    where tested.n_days >= {{ var('validation_min_days') }} and tested.ic_variance is not null

),

family as (

    select count(*) as n_combinations from p_values

),

-- Holm: the smallest of m is multiplied by m, the next by m - 1, and none falls below the one before.
steps as (

    select
        p_values.combination,
        p_values.p_value,
        p_values.p_value * (
            family.n_combinations + 1 - row_number() over (order by p_values.p_value, p_values.combination)
        ) as step
    from p_values
    cross join family

),

adjusted as (

    select
        combination,
        p_value,
        least(1, max(step) over (order by p_value, combination)) as p_adjusted
    from steps

),

-- Within a day. Returns to one common price would only mirror the day's prices.
ranked_in_day as (

    select
        combination,
        return_date,
        {{ centred_rank('score', 'combination, return_date') }} as score_rank,
        {{ centred_rank('forward_return', 'combination, return_date') }} as return_rank
    from returns
    where horizon not in ('close', 'next_day')

),

day_ics as (

    select
        combination,
        return_date,
        sum(score_rank * return_rank) / nullif(
            sqrt(cast(sum(score_rank * score_rank) as double) * sum(return_rank * return_rank)), 0
        ) as ic
    from ranked_in_day
    group by combination, return_date
    having count(*) >= {{ var('validation_min_bars_a_day') }}

),

day_ic_sums as (

    select
        combination,
        count(ic) as n,
        {{ exact_avg('ic') }} as mean,
        {{ exact_sum('ic * ic') }} as squares
    from day_ics
    group by combination
    having count(ic) > 0

),

day_ic_moments as (

    select
        *,
        squares / n - mean * mean as variance
    from day_ic_sums

),

daily as (

    select
        moments.combination,
        moments.n,
        moments.mean,
        case
            when moments.n >= {{ var('validation_min_days') }} and moments.variance > {{ least_variance() }}
                then quantiles.t_975 * sqrt(moments.variance / (moments.n - 1))
        end as half_width
    from day_ic_moments as moments
    left join quantiles on least(moments.n - 1, 1000) = quantiles.degrees_of_freedom

),

-- How the score moves from a bar to the next: one that starts where it ends.
with_next as (

    select
        combination,
        n_bars,
        bar_end,
        score,
        score_rank,
        lead(bar_start) over bars as next_start,
        lead(score) over bars as next_score,
        lead(score_rank) over bars as next_rank
    from ranked
    window bars as (partition by combination order by bar_start)

),

moves as (

    select
        combination,
        cast(count(*) as double) as n,
        cast(sum(abs(next_rank - score_rank)) as double) / count(*) / max(n_bars) as turnover,
        {{ exact_sum('score') }} as x,
        {{ exact_sum('next_score') }} as y,
        {{ exact_sum('score * score') }} as xx,
        {{ exact_sum('next_score * next_score') }} as yy,
        {{ exact_sum('score * next_score') }} as xy
    from with_next
    where next_start = bar_end
    group by combination

),

drifts as (

    select
        combination,
        cast(n as bigint) as n_consecutive,
        turnover,
        case when n >= 3 then {{ correlation('n', 'x', 'y', 'xx', 'yy', 'xy') }} end as autocorrelation
    from moves

),

measured as (

    select
        combinations.*,
        sources.is_simulated,
        tested.ic,
        coalesce(tested.ic_method, 'none_few_days') as ic_method,
        {{ from_fisher_z('tested.z - tested.half_width') }} as ic_low,
        {{ from_fisher_z('tested.z + tested.half_width') }} as ic_high,
        tested.n_effective,
        {{ from_fisher_z('tested.detectable_z') }} as min_detectable_ic,
        cast(ceil(
            tested.n_days / tested.n_effective
            * (3 + power((1.96 + 0.8416) / {{ fisher_z(var('validation_plausible_ic')) }}, 2))
        ) as bigint) as n_days_needed,
        adjusted.p_value,
        adjusted.p_adjusted,
        family.n_combinations,
        daily.n as n_days_daily,
        daily.mean as ic_daily_mean,
        daily.mean - daily.half_width as ic_daily_low,
        daily.mean + daily.half_width as ic_daily_high,
        tested.n_signed,
        tested.n - tested.n_signed as n_zero,
        tested.hit_rate,
        tested.hit_rate_by_chance,
        case
            when tested.n_signed_days >= {{ var('validation_min_days') }}
                then (tested.hit_rate + tested.wilson / 2) / (1 + tested.wilson)
        end as wilson_centre,
        sqrt(tested.hit_rate * (1 - tested.hit_rate) * tested.wilson + power(tested.wilson, 2) / 4)
        / (1 + tested.wilson) as wilson_half_width,
        drifts.n_consecutive,
        drifts.turnover,
        drifts.autocorrelation
    from combinations
    cross join sources
    cross join family
    left join tested on combinations.combination = tested.combination
    left join adjusted on combinations.combination = adjusted.combination
    left join daily on combinations.combination = daily.combination
    left join drifts on combinations.combination = drifts.combination

)

select
    channel,
    instrument,
    bar_interval,
    horizon,
    price_instrument,
    n_bars,
    n_without_return,
    n_days,
    n_effective,
    first_date,
    last_date,
    ic,
    ic_low,
    ic_high,
    ic_method,
    p_value,
    p_adjusted,
    n_combinations,
    min_detectable_ic,
    n_days_needed,
    case
        when n_bars = 0 then 'no returns: marts.signal_returns says why'
        when n_days < {{ var('validation_min_days') }}
            then
                'underpowered: too few days (' || n_days || '), an interval takes '
                || {{ var('validation_min_days') }}
        when ic is null then 'no IC: scores or returns are all the same'
        when min_detectable_ic is null then 'no interval: its days do not differ, or only one does'
        when min_detectable_ic > {{ var('validation_plausible_ic') }}
            then
                'underpowered: ' || n_days || ' days would find an IC of ' || round(min_detectable_ic, 2)
                || ' four times in five; one of {{ var("validation_plausible_ic") }} takes '
                || case when n_effective = n_bars then 'at least ' else 'some ' end || n_days_needed
        else n_days || ' days would find an IC of ' || round(min_detectable_ic, 2) || ' four times in five'
    end as power_note,
    coalesce(n_days_daily, 0) as n_days_daily,
    ic_daily_mean,
    ic_daily_low,
    ic_daily_high,
    cast(coalesce(n_signed, 0) as bigint) as n_signed,
    cast(coalesce(n_zero, 0) as bigint) as n_zero,
    hit_rate,
    wilson_centre - wilson_half_width as hit_rate_low,
    wilson_centre + wilson_half_width as hit_rate_high,
    hit_rate_by_chance,
    coalesce(n_consecutive, 0) as n_consecutive,
    turnover,
    autocorrelation,
    n_assumed / cast(nullif(n_bars, 0) as double) as share_assumed,
    n_backfilled / cast(nullif(n_bars, 0) as double) as share_backfilled,
    is_simulated
from measured
