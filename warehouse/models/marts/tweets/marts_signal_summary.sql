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
        on tweets.posted_at > windows.window_start and tweets.posted_at <= windows.window_end
    inner join {{ ref('signals_tweet_signals') }} as signals on tweets.tweet_id = signals.tweet_id

),

totals as (

    select
        window_name,
        min(window_start) as window_start,
        max(window_end) as window_end,
        count(*) as n_posts,
        count(distinct author_key) as n_authors,
        sum(composite) as sum_composite,
        avg(composite) as mean_composite,
        stddev_samp(composite) as std_composite,
        avg(sentiment) as mean_sentiment,
        sum(case when sentiment_label = 1 then 1 else 0 end) as n_bullish,
        sum(case when sentiment_label = -1 then 1 else 0 end) as n_bearish,
        sum(case when sentiment_label = 0 then 1 else 0 end) as n_no_view,
        sum(case when p_promo >= 0.5 then 1 else 0 end) as n_promo,
        sum(case when is_copy then 1 else 0 end) as n_copies
    from posts
    group by window_name

),

authors as (

    select
        window_name,
        author_key,
        count(*) as n_posts,
        sum(composite) as sum_composite
    from posts
    group by window_name, author_key

),

-- Posts of one author are not independent: leave out one author at a time.
left_out as (

    select
        authors.window_name,
        (totals.sum_composite - authors.sum_composite) / nullif(totals.n_posts - authors.n_posts, 0) as mean_without
    from authors
    inner join totals on authors.window_name = totals.window_name

),

variances as (

    select
        window_name,
        (count(*) - 1) * var_pop(mean_without) as variance
    from left_out
    group by window_name

),

quantiles as (

    select * from {{ ref('student_t_quantiles') }}

)

select
    totals.window_name,
    totals.window_start,
    totals.window_end,
    totals.n_posts,
    totals.n_authors,
    totals.mean_composite,
    totals.std_composite,
    totals.mean_composite - 1.96 * totals.std_composite as spread_low,
    totals.mean_composite + 1.96 * totals.std_composite as spread_high,
    case
        when totals.n_authors >= {{ var('interval_min_authors') }} and variances.variance > 0
            then totals.mean_composite - quantiles.t_975 * sqrt(variances.variance)
    end as mean_ci_low,
    case
        when totals.n_authors >= {{ var('interval_min_authors') }} and variances.variance > 0
            then totals.mean_composite + quantiles.t_975 * sqrt(variances.variance)
    end as mean_ci_high,
    {{ interval_method('totals.n_authors', 'variances.variance', 'author_jackknife_t') }} as mean_ci_method,
    totals.mean_sentiment,
    cast(totals.n_bullish as bigint) as n_bullish,
    cast(totals.n_bearish as bigint) as n_bearish,
    cast(totals.n_no_view as bigint) as n_no_view,
    cast(totals.n_promo as bigint) as n_promo,
    cast(totals.n_copies as bigint) as n_copies
from totals
inner join variances on totals.window_name = variances.window_name
left join quantiles on least(totals.n_authors - 1, 1000) = quantiles.degrees_of_freedom
