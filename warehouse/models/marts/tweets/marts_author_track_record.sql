-- One row per author of a trade call: how their calls came out, with a hit rate shrunk to the crowd's.
-- A purge takes a deleted post's call along, so that of what the published file said of it a count is kept.

{% set most = var('track_record_max_prior_calls') %}
{% set plan = ['instrument', 'side', 'entry_low', 'entry_high', 'stop', 'target'] %}
{% set said = published(
    'marts.call_outcomes',
    ['tweet_id', 'call_number', 'author_key', 'outcome', 'not_judged_reason', 'same_call_as'] + plan
) %}
{% set counted = published(
    'marts.author_track_record', ['author_key', 'n_deleted_rated', 'n_deleted_losers']
) %}

with

-- An author that no capture names is nobody in particular.
calls as (

    select
        *,
        outcome in ('target_first', 'stop_first', 'expired') as is_judged,
        outcome in ('target_first', 'stop_first', 'expired') and target is not null as is_rated
    from {{ ref('marts_call_outcomes') }}
    where
        author_key <> 'unknown'
        and coalesce(not_judged_reason, '') not in ('repost', 'later_version', 'repeat')

),

deleted_posts as (

    select distinct tweet_id from {{ ref('raw_purges') }}
    where scope = 'post' and reason = 'deleted'

),

{% if said is not none %}
    -- Calls that were repeats of another, which is gone, and are now rated themselves.
    repeats as (

        select
            said.*,
            calls.outcome = 'target_first' as is_hit
        from {{ said }} as said
        inner join calls on said.tweet_id = calls.tweet_id and said.call_number = calls.call_number
        where said.not_judged_reason in ('repeat', 'later_version') and calls.is_rated

    ),
{% endif %}

deleted_calls as (

    {% if said is not none %}
        select
            said.author_key,
            1 as n_rated,
            case when said.outcome = 'target_first' then 0 else 1 end as n_losers
        from {{ said }} as said
        inner join deleted_posts on said.tweet_id = deleted_posts.tweet_id
        left join repeats
            on
                said.tweet_id = repeats.same_call_as
                {% for column in plan %}
                    and said.{{ column }} is not distinct from repeats.{{ column }}
                {% endfor %}
        where
            said.outcome in ('target_first', 'stop_first', 'expired')
            and said.target is not null
            -- Of a call that stands in another post, too, only what that one hides is left to count.
            and (repeats.tweet_id is null or (repeats.is_hit and said.outcome <> 'target_first'))
    {% else %}
        select
            tweet_id as author_key,
            0 as n_rated,
            0 as n_losers
        from deleted_posts
    {% endif %}
    {% if counted is not none %}
        union all
        select
            author_key,
            n_deleted_rated as n_rated,
            n_deleted_losers as n_losers
        from {{ counted }}
    {% endif %}

),

deletions as (

    select
        author_key,
        cast(sum(n_rated) as bigint) as n_rated,
        cast(sum(n_losers) as bigint) as n_losers
    from deleted_calls
    group by author_key

),

standing as (

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
        count(case when is_rated then 1 end) as n_standing_rated,
        count(distinct case when is_rated then cast({{ to_ist('entry_at') }} as date) end) as n_sessions,
        count(case when is_rated and outcome <> 'target_first' and is_edited then 1 end) as n_edited_losers,
        {{ exact_avg('breakeven_hit_rate') }} as mean_breakeven_hit_rate,
        {{ exact_avg('net_return_pct') }} as mean_net_return_pct,
        count(net_r) as n_with_stop,
        {{ exact_avg('net_r') }} as mean_net_r
    from calls
    group by author_key

),

authors as (

    select
        standing.*,
        coalesce(deletions.n_rated, 0) as n_deleted_rated,
        coalesce(deletions.n_losers, 0) as n_deleted_losers,
        standing.n_standing_rated + coalesce(deletions.n_rated, 0) as n_rated,
        standing.n_target_first + coalesce(deletions.n_rated - deletions.n_losers, 0) as n_hits
    from standing
    left join deletions on standing.author_key = deletions.author_key

),

totals as (

    select
        cast(sum(n_hits) as double) as hits,
        cast(sum(n_rated) as double) as rated,
        cast(sum(n_rated * n_rated) as double) as rated_squares,
        {{ exact_sum('n_hits * n_hits / cast(n_rated as double)') }} as hits_squares,
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
        priors.crowd_hit_rate * priors.prior_calls + authors.n_hits as a,
        (1 - priors.crowd_hit_rate) * priors.prior_calls + authors.n_rated - authors.n_hits as b
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
    author_key,
    first_call_at,
    last_call_at,
    n_calls,
    n_judged,
    n_not_entered,
    n_not_judged,
    n_target_first,
    n_stop_first,
    n_expired,
    n_rated,
    n_hits,
    n_deleted_rated,
    n_deleted_losers,
    n_edited_losers,
    n_sessions,
    n_hits / cast(nullif(n_rated, 0) as double) as hit_rate,
    hit_rate_shrunk,
    hit_rate_low,
    hit_rate_high,
    case
        when n_rated = 0 then 'none_no_rated_call'
        when is_by_moments then 'beta_binomial_moments'
        else 'beta_binomial_fixed'
    end as hit_rate_method,
    crowd_hit_rate,
    prior_calls,
    mean_breakeven_hit_rate,
    mean_net_return_pct,
    n_with_stop,
    mean_net_r,
    case
        when n_rated < {{ var('track_record_min_calls') }}
            then 'none: fewer than {{ var("track_record_min_calls") }} rated calls'
        when n_sessions < {{ var('track_record_min_sessions') }}
            then 'none: fewer than {{ var("track_record_min_sessions") }} sessions'
        when hit_rate_low > crowd_hit_rate then 'reaches targets more often than the crowd'
        when hit_rate_high < crowd_hit_rate then 'reaches targets less often than the crowd'
        else 'no different from the crowd'
    end as verdict
from rated
