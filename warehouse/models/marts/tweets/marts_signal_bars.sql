-- One row per channel, instrument, bar interval and bar: the weighted score of the views in it, with
-- an interval over authors.

with

posts as (

    select
        tweets.tweet_id,
        tweets.author_key,
        tweets.posted_at,
        tweets.trading_date,
        tweets.known_at,
        tweets.first_seen_at,
        signals.sentiment,
        -- Counts are of the latest sighting, after the bar: engagement must not weigh in here.
        signals.weight / (1 + signals.engagement) as weight,
        signals.model_version
    from {{ ref('validated_tweets') }} as tweets
    inner join {{ ref('signals_tweet_signals') }} as signals on tweets.tweet_id = signals.tweet_id

),

named as (

    select
        tweet_id,
        instrument
    from {{ ref('processed_tweet_instruments') }}

    union all

    select
        tweet_id,
        'MARKET' as instrument
    from posts

),

calendar_days as (

    select * from {{ ref('processed_calendar_days') }}

),

sessions as (

    select
        trading_date,
        close_at,
        lag(close_at) over (order by trading_date) as previous_close_at,
        row_number() over (order by trading_date) as session_number
    from {{ ref('processed_calendar_days') }}
    where is_trading_day

),

intervals as (

    select
        posts.*,
        '15min' as bar_interval,
        {{ bar_start('posted_at', 15) }} as bar_start,
        {{ bar_start('posted_at', 15) }} + interval '15 minutes' as bar_end
    from posts

    union all

    select
        posts.*,
        '1h' as bar_interval,
        {{ bar_start('posted_at', 60) }} as bar_start,
        {{ bar_start('posted_at', 60) }} + interval '60 minutes' as bar_end
    from posts

    union all

    select
        posts.*,
        '1d' as bar_interval,
        sessions.previous_close_at as bar_start,
        sessions.close_at as bar_end
    from posts
    inner join sessions on posts.trading_date = sessions.trading_date

),

by_author as (

    select
        named.instrument,
        intervals.bar_interval,
        intervals.bar_start,
        intervals.bar_end,
        intervals.author_key,
        count(*) as n_posts,
        {{ exact_sum('intervals.weight', 24) }} as sum_weight,
        {{ exact_sum('intervals.weight * intervals.sentiment', 24) }} as sum_weighted,
        {{ exact_sum('intervals.weight * pow(intervals.sentiment, 2)', 24) }} as sum_weighted_squares,
        max(intervals.known_at) as known_at,
        bool_and(intervals.first_seen_at is not null) as is_observed,
        max(intervals.known_at - intervals.posted_at) as longest_lag,
        max(intervals.model_version) as model_version
    from intervals
    inner join named on intervals.tweet_id = named.tweet_id
    group by
        named.instrument, intervals.bar_interval, intervals.bar_start, intervals.bar_end, intervals.author_key

),

-- An author's say is the root of their posts' weight: loud ones count for more, not for all.
voices as (

    select
        *,
        sqrt(sum_weight) as voice,
        sum_weighted / nullif(sum_weight, 0) as author_score
    from by_author

),

sums as (

    select
        instrument,
        bar_interval,
        bar_start,
        bar_end,
        cast(sum(n_posts) as bigint) as n_posts,
        count(*) as n_authors,
        count(author_score) as n_voices,
        {{ exact_sum('voice') }} as sum_voice,
        {{ exact_sum('voice * voice') }} as sum_voice_squares,
        {{ exact_sum('voice * author_score') }} as sum_voice_score,
        {{ exact_sum('author_score') }} as sum_author_score,
        {{ exact_sum('sum_weight') }} as sum_weight,
        {{ exact_sum('sum_weighted') }} as sum_weighted,
        {{ exact_sum('sum_weighted_squares') }} as sum_weighted_squares,
        max(sum_weight) as top_weight,
        max(known_at) as known_at,
        bool_and(is_observed) as is_observed,
        max(longest_lag) as longest_lag,
        max(model_version) as model_version
    from voices
    group by instrument, bar_interval, bar_start, bar_end

),

bars as (

    select
        *,
        sum_voice * sum_voice / nullif(sum_voice_squares, 0) as n_effective,
        sum_voice_score / nullif(sum_voice, 0) as score,
        sum_author_score / nullif(n_voices, 0) as score_one_vote,
        sum_weighted / nullif(sum_weight, 0) as post_mean,
        sum_weighted_squares / nullif(sum_weight, 0) as post_mean_square,
        top_weight / nullif(sum_weight, 0) as top_author_share
    from sums

),

-- Delete-one-author jackknife in closed form: leaving author g out moves the mean by r d, where
-- h = voice / sum of voices, r = h / (1 - h), d = author's score - mean.
leverages as (

    select
        voices.instrument,
        voices.bar_interval,
        voices.bar_start,
        -- Bounded: an author who is nearly all of a bar makes its interval useless, not infinite.
        least(
            1000.0,
            abs(voices.voice / nullif(bars.sum_voice - voices.voice, 0) * (voices.author_score - bars.score))
        ) as shift
    from voices
    inner join bars
        on
            voices.instrument = bars.instrument
            and voices.bar_interval = bars.bar_interval
            and voices.bar_start = bars.bar_start
    where voices.voice > 0 and bars.n_voices > 1

),

variances as (

    select
        instrument,
        bar_interval,
        bar_start,
        (count(*) - 1) / cast(count(*) as double) * {{ exact_sum('shift * shift', 24) }} as variance
    from leverages
    group by instrument, bar_interval, bar_start

),

quantiles as (

    select * from {{ ref('student_t_quantiles') }}

),

phases as (

    select * from {{ session_phase_minutes() }} as minutes

),

timed as (

    select
        bars.*,
        variances.variance,
        quantiles.t_975,
        bars.n_posts < {{ var('sparse_bar_posts') }} or bars.score is null as is_sparse,
        {{ to_ist('bars.bar_start') }} as bar_start_ist
    from bars
    left join variances
        on
            bars.instrument = variances.instrument
            and bars.bar_interval = variances.bar_interval
            and bars.bar_start = variances.bar_start
    left join quantiles on least(bars.n_voices - 1, 1000) = quantiles.degrees_of_freedom

),

placed as (

    select
        timed.*,
        case
            when timed.bar_interval = '1d' then cast({{ to_ist('timed.bar_end') }} as date)
            when timed.bar_start < days.close_at then days.trading_date
            else days.next_trading_date
        end as trading_date,
        case
            when timed.bar_interval = '1d' then 'full_day'
            else {{ session_phase('timed.bar_start', 'days', 'phases') }}
        end as session_phase
    from timed
    left join calendar_days as days on cast(timed.bar_start_ist as date) = days.calendar_date
    left join phases
        on
            {{ minute_of_day('timed.bar_start_ist') }} >= phases.start_minute_ist
            and {{ minute_of_day('timed.bar_start_ist') }} < phases.end_minute_ist

),

-- The same clock time of earlier sessions. Bars of closed days have no such series.
slotted as (

    select
        placed.*,
        sessions.session_number,
        case
            when placed.session_phase = 'full_day' then -1
            when placed.session_phase not in ('closed', 'special_session', 'unknown')
                then {{ minute_of_day('placed.bar_start_ist') }}
        end as slot,
        case when not placed.is_sparse then placed.score end as shown_score,
        min(sessions.session_number) over (partition by placed.instrument) as first_session_number
    from placed
    left join sessions on placed.trading_date = sessions.trading_date

),

compared as (

    select
        *,
        least({{ var('baseline_sessions') }}, session_number - first_session_number) as n_sessions_before,
        avg(shown_score) over baseline as baseline_score,
        stddev_samp(shown_score) over baseline as baseline_std,
        count(shown_score) over baseline as n_baseline,
        sum(n_posts) over baseline as baseline_posts,
        lag(shown_score) over (partition by instrument, bar_interval order by bar_start) as previous_score
    from slotted
    window
        baseline as (
            partition by instrument, bar_interval, slot
            order by session_number
            range between {{ var('baseline_sessions') }} preceding and 1 preceding
        )

)

select
    'x' as channel,
    instrument,
    bar_interval,
    bar_start,
    bar_end,
    trading_date,
    session_phase,
    n_posts,
    n_authors,
    n_effective,
    shown_score as score,
    case when not is_sparse and {{ has_interval() }} then sqrt(variance) end as se,
    case when not is_sparse and {{ has_interval() }} then score - t_975 * sqrt(variance) end as ci_low,
    case when not is_sparse and {{ has_interval() }} then score + t_975 * sqrt(variance) end as ci_high,
    case
        when is_sparse then 'none_sparse'
        else {{ interval_method('n_voices', 'variance', 'sqrt_author_jackknife_t') }}
    end as ci_method,
    case when not is_sparse then score_one_vote end as score_one_vote,
    case when not is_sparse then post_mean - 1.96 * {{ post_std() }} end as spread_low,
    case when not is_sparse then post_mean + 1.96 * {{ post_std() }} end as spread_high,
    case when not is_sparse then {{ post_std() }} end as dispersion,
    top_author_share,
    case
        when slot is not null and n_baseline >= {{ var('baseline_min_sessions') }} and baseline_std > 1e-9
            then (shown_score - baseline_score) / baseline_std
    end as z_score,
    case
        when
            slot is not null
            and n_sessions_before >= {{ var('baseline_min_sessions') }}
            and baseline_posts > 0
            then n_posts * n_sessions_before / cast(baseline_posts as double)
    end as buzz,
    shown_score - previous_score as delta,
    is_sparse,
    greatest(bar_end, known_at) as available_at,
    case when is_observed then 'observed' else 'assumed' end as availability_basis,
    not is_observed or longest_lag > interval '1 day' as is_backfilled,
    model_version
from compared
