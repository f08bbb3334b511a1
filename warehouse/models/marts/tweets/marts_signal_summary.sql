-- One row per window (24h, 7d, all) that ends at the data's own clock: the overall aggregate.

with

windows as (

    select * from {{ reporting_windows() }} as w

),

posts as (

    select
        windows.window_name,
        windows.window_start,
        windows.window_end,
        tweets.author_key,
        signals.sentiment,
        signals.sentiment_label,
        signals.p_promo,
        signals.is_copy,
        signals.composite
    from windows
    inner join {{ ref('validated_tweets') }} as tweets
        on windows.window_start < tweets.posted_at and windows.window_end >= tweets.posted_at
    inner join {{ ref('signals_tweet_signals') }} as signals on tweets.tweet_id = signals.tweet_id

),

totals as (

    select
        window_name,
        min(window_start) as window_start,
        max(window_end) as window_end,
        count(*) as n_posts,
        count(distinct author_key) as n_authors,
        {{ exact_sum('composite') }} as sum_composite,
        {{ exact_sum('composite * composite', 24) }} as sum_composite_squares,
        {{ exact_avg('sentiment') }} as mean_sentiment,
        sum(case when sentiment_label = 1 then 1 else 0 end) as n_bullish,
        sum(case when sentiment_label = -1 then 1 else 0 end) as n_bearish,
        sum(case when sentiment_label = 0 then 1 else 0 end) as n_no_view,
        sum(case when p_promo >= 0.5 then 1 else 0 end) as n_promo,
        sum(case when is_copy then 1 else 0 end) as n_copies
    from posts
    group by window_name

),

moments as (

    select
        *,
        sum_composite / n_posts as mean_composite,
        sqrt(
            greatest(0, sum_composite_squares - sum_composite * sum_composite / n_posts)
            / nullif(n_posts - 1, 0)
        ) as std_composite
    from totals

),

authors as (

    select
        window_name,
        author_key,
        count(*) as n_posts,
        {{ exact_sum('composite') }} as sum_composite
    from posts
    group by window_name, author_key

),

-- Posts of one author are not independent: leave out one author at a time.
left_out as (

    select
        authors.window_name,
        (moments.sum_composite - authors.sum_composite) / nullif(moments.n_posts - authors.n_posts, 0)
        - moments.mean_composite as shift
    from authors
    inner join moments on authors.window_name = moments.window_name

),

shifts as (

    select
        window_name,
        count(*) as n_authors,
        {{ exact_sum('shift', 24) }} as sum_shift,
        {{ exact_sum('shift * shift', 24) }} as sum_shift_squares
    from left_out
    group by window_name

),

variances as (

    select
        window_name,
        (n_authors - 1) / cast(n_authors as double)
        * (sum_shift_squares - sum_shift * sum_shift / n_authors) as variance
    from shifts

),

quantiles as (

    select * from {{ ref('student_t_quantiles') }}

)

select
    moments.window_name,
    moments.window_start,
    moments.window_end,
    moments.n_posts,
    moments.n_authors,
    moments.mean_composite,
    moments.std_composite,
    moments.mean_composite - 1.96 * moments.std_composite as spread_low,
    moments.mean_composite + 1.96 * moments.std_composite as spread_high,
    case
        when
            moments.n_authors >= {{ var('interval_min_authors') }}
            and variances.variance > {{ least_variance() }}
            then moments.mean_composite - quantiles.t_975 * sqrt(variances.variance)
    end as mean_ci_low,
    case
        when
            moments.n_authors >= {{ var('interval_min_authors') }}
            and variances.variance > {{ least_variance() }}
            then moments.mean_composite + quantiles.t_975 * sqrt(variances.variance)
    end as mean_ci_high,
    {{ interval_method('moments.n_authors', 'variances.variance', 'author_jackknife_t') }} as mean_ci_method,
    moments.mean_sentiment,
    cast(moments.n_bullish as bigint) as n_bullish,
    cast(moments.n_bearish as bigint) as n_bearish,
    cast(moments.n_no_view as bigint) as n_no_view,
    cast(moments.n_promo as bigint) as n_promo,
    cast(moments.n_copies as bigint) as n_copies
from moments
inner join variances on moments.window_name = variances.window_name
left join quantiles on least(moments.n_authors - 1, 1000) = quantiles.degrees_of_freedom
