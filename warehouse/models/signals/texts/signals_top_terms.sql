-- One row per window and term: the 100 terms with the most TF-IDF weight, and their lift over the
-- posts before the window.

with

windows as (

    select * from {{ reporting_windows() }} as w

),

posts as (

    select
        tweets.tweet_id,
        tweets.author_key,
        tweets.posted_at,
        scores.terms,
        scores.term_weights
    from {{ ref('validated_tweets') }} as tweets
    inner join {{ ref('signals_text_scores') }} as scores on tweets.content_hash = scores.content_hash
    inner join {{ ref('signals_text_models') }} as models on scores.model_version = models.model_version

),

-- A window's posts, and those before it that it is compared with. Nothing is before the window all.
placed as (

    select
        windows.window_name,
        posts.author_key,
        posts.terms,
        posts.term_weights,
        posts.posted_at > windows.window_start as is_in_window
    from windows
    inner join posts
        on
            windows.window_start - interval '{{ var("lift_baseline_days") }} days' < posts.posted_at
            and windows.window_end >= posts.posted_at

),

totals as (

    select
        window_name,
        count(case when is_in_window then 1 end) as window_posts,
        count(case when not is_in_window then 1 end) as baseline_posts
    from placed
    group by window_name

),

weighted as (

    select
        window_name,
        author_key,
        is_in_window,
        {{ each_pair('terms', 'term_weights', 'term', 'term_weight') }}
    from placed

),

terms as (

    select
        window_name,
        term,
        count(case when is_in_window then 1 end) as n_posts,
        count(distinct case when is_in_window then author_key end) as n_authors,
        {{ exact_sum('case when is_in_window then term_weight end') }} as tfidf_weight,
        count(case when not is_in_window then 1 end) as n_posts_baseline
    from weighted
    group by window_name, term

),

ranked as (

    select
        terms.window_name,
        terms.term,
        row_number() over (
            partition by terms.window_name order by terms.tfidf_weight desc, terms.term asc
        ) as term_rank,
        terms.n_posts,
        terms.n_authors,
        terms.tfidf_weight,
        terms.n_posts_baseline,
        totals.window_posts,
        totals.baseline_posts,
        -- Half a post with the term and half without are added to both, so that a new term's is finite.
        case
            when totals.baseline_posts >= {{ var('lift_baseline_min_posts') }}
                then (terms.n_posts + 0.5) / cast(totals.window_posts + 1 as double)
                    / ((terms.n_posts_baseline + 0.5) / cast(totals.baseline_posts + 1 as double))
        end as lift
    from terms
    inner join totals on terms.window_name = totals.window_name
    where terms.n_posts > 0

)

select * from ranked
where term_rank <= 100
