-- One row per author of a trade call: how their calls came out, with a hit rate shrunk to the crowd's.

{% set most = var('track_record_max_prior_calls') %}

with

-- An author that no capture names is nobody in particular.
calls as (

    select
        *,
        outcome in ('target_first', 'stop_first', 'expired') as is_judged
    from {{ ref('marts_call_outcomes') }}
    where
        author_key <> 'unknown'
        and coalesce(not_judged_reason, '') not in ('repost', 'later_version', 'repeat')

),

deletions as (

    select count(distinct tweet_id) as n_deleted_unattributed from {{ ref('raw_purges') }}
    where scope = 'post' and reason = 'deleted'

),

authors as (

    select
        author_key,
        min(posted_at) as first_call_at,
        max(posted_at) as last_call_at,
        count(*) as n_calls,
        count(case when is_judged then 1 end) as n_judged,
        count(case when outcome = 'not_entered' then 1 end) as n_not_entered,
        count(case when outcome = 'not_judged' then 1 end) as n_not_judged,
        count(case when outcome = 'target_first' then 1 end) as n_target_first,
        count(case when outcome = 'stop_first' then 1 end) as n_stop_first,
        count(case when outcome = 'expired' then 1 end) as n_expired,
        count(case when is_judged and target is not null then 1 end) as n_rated,
        count(distinct case when is_judged and target is not null then cast({{ to_ist('entry_at') }} as date) end)
            as n_sessions,
        count(case when outcome = 'stop_first' and is_edited then 1 end) as n_edited_losers,
        {{ exact_avg('breakeven_hit_rate') }} as mean_breakeven_hit_rate,
        {{ exact_avg('net_return_pct') }} as mean_net_return_pct,
        count(net_r) as n_with_stop,
        {{ exact_avg('net_r') }} as mean_net_r
    from calls
    group by author_key

),

totals as (

    select
        cast(sum(n_target_first) as double) as hits,
        cast(sum(n_rated) as double) as rated,
        cast(sum(n_rated * n_rated) as double) as rated_squares,
        {{ exact_sum('n_target_first * n_target_first / cast(n_rated as double)') }} as hits_squares,
        count(*) as n_authors,
        count(case when n_rated > 1 then 1 end) as n_repeaters
    from authors
    where n_rated > 0

),

-- Beta-binomial by moments: the spread of the authors' rates around the crowd's, beyond what chance
-- gives, as the correlation of an author's calls (rho); the prior's strength is (1 - rho) / rho.
moments as (

    select
        *,
        (hits + 0.5) / (rated + 1) as crowd_hit_rate,
        case
            when n_repeaters >= {{ var('track_record_moments_min_authors') }} and hits > 0 and hits < rated
                then
                    (
                        (hits_squares - hits * hits / rated) / (hits / rated * (1 - hits / rated))
                        - (n_authors - 1)
                    ) / (rated - rated_squares / rated - (n_authors - 1))
        end as rho
    from totals

),

-- At least two hits and two misses, which keeps the interval's formula exact enough.
priors as (

    select
        crowd_hit_rate,
        rho is not null as is_by_moments,
        least({{ most }}, greatest(
            2 / least(crowd_hit_rate, 1 - crowd_hit_rate),
            case
                when rho is null then {{ var('track_record_prior_calls') }}
                when rho * ({{ most }} + 1) <= 1 then {{ most }}
                else (1 - rho) / rho
            end
        )) as prior_calls
    from moments

),

shrunk as (

    select
        authors.*,
        priors.crowd_hit_rate,
        priors.is_by_moments,
        priors.prior_calls,
        priors.crowd_hit_rate * priors.prior_calls + authors.n_target_first as a,
        (1 - priors.crowd_hit_rate) * priors.prior_calls + authors.n_rated - authors.n_target_first as b
    from authors
    left join priors on authors.n_rated > 0

),

rated as (

    select
        *,
        a / (a + b) as hit_rate_shrunk,
        {{ beta_quantile('a', 'b', '1.959964') }} as hit_rate_low,
        {{ beta_quantile('a', 'b', '(-1.959964)') }} as hit_rate_high
    from shrunk

)

select
    rated.author_key,
    rated.first_call_at,
    rated.last_call_at,
    rated.n_calls,
    rated.n_judged,
    rated.n_not_entered,
    rated.n_not_judged,
    rated.n_target_first,
    rated.n_stop_first,
    rated.n_expired,
    rated.n_rated,
    rated.n_sessions,
    rated.n_target_first / cast(nullif(rated.n_rated, 0) as double) as hit_rate,
    rated.hit_rate_shrunk,
    rated.hit_rate_low,
    rated.hit_rate_high,
    case
        when rated.n_rated = 0 then 'none_no_rated_call'
        when rated.is_by_moments then 'beta_binomial_moments'
        else 'beta_binomial_fixed'
    end as hit_rate_method,
    rated.crowd_hit_rate,
    rated.prior_calls,
    rated.mean_breakeven_hit_rate,
    rated.mean_net_return_pct,
    rated.n_with_stop,
    rated.mean_net_r,
    rated.n_edited_losers,
    deletions.n_deleted_unattributed,
    case
        when rated.n_rated < {{ var('track_record_min_calls') }}
            then 'none: fewer than {{ var("track_record_min_calls") }} rated calls'
        when rated.n_sessions < {{ var('track_record_min_sessions') }}
            then 'none: fewer than {{ var("track_record_min_sessions") }} sessions'
        when rated.hit_rate_low > rated.crowd_hit_rate then 'reaches targets more often than the crowd'
        when rated.hit_rate_high < rated.crowd_hit_rate then 'reaches targets less often than the crowd'
        else 'no different from the crowd'
    end as verdict
from rated
cross join deletions
