-- One row per window and term: the 100 terms with the most TF-IDF weight, and their lift.

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

weighted as (

    select
        tweet_id,
        author_key,
        posted_at,
        {{ each_pair('terms', 'term_weights', 'term', 'term_weight') }}
    from posts

),

everything as (

    select count(*) as n_posts from posts

),

totals as (

    select
        windows.window_name,
        count(*) as n_posts,
        max(everything.n_posts) as n_posts_all
    from windows
    inner join posts on windows.window_start < posts.posted_at and windows.window_end >= posts.posted_at
    cross join everything
    group by windows.window_name

),

everywhere as (

    select
        term,
        count(*) as n_posts
    from weighted
    group by term

),

within as (

    select
        windows.window_name,
        weighted.term,
        count(*) as n_posts,
        count(distinct weighted.author_key) as n_authors,
        {{ exact_sum('weighted.term_weight') }} as tfidf_weight
    from windows
    inner join weighted
        on windows.window_start < weighted.posted_at and windows.window_end >= weighted.posted_at
    group by windows.window_name, weighted.term

),

ranked as (

    select
        within.window_name,
        within.term,
        row_number() over (
            partition by within.window_name order by within.tfidf_weight desc, within.term asc
        ) as term_rank,
        within.n_posts,
        within.n_authors,
        within.tfidf_weight,
        -- How much more usual the term is in the window than in all posts; over all, there is nothing
        -- to compare with.
        case
            when within.window_name <> 'all'
                then (within.n_posts / cast(totals.n_posts as double))
                    / (everywhere.n_posts / cast(totals.n_posts_all as double))
        end as lift
    from within
    inner join totals on within.window_name = totals.window_name
    inner join everywhere on within.term = everywhere.term

)

select * from ranked
where term_rank <= 100
