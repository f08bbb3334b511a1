-- One row per channel, instrument, bar interval and bar: the weighted score of the views in it, with
-- an interval over voices.

{# Tells bars apart by their start's minute since 1970 and, since several may start together, their length. #}
{% set time_number -%}
    cast({{ seconds_between(instant('1970-01-01 00:00:00+00'), 'bar_start') }} / 60 as integer) * 4
    + case bar_interval when '15min' then 1 when '1h' then 2 else 3 end
{%- endset %}

with

posts as (

    select * from {{ ref('signals_tweet_bars') }}

),

calendar_days as (

    select * from {{ ref('processed_calendar_days') }}

),

sessions as (

    select
        trading_date,
        cast(row_number() over (order by trading_date) as integer) as session_number
    from {{ ref('processed_calendar_days') }}
    where is_trading_day

),

phases as (

    select * from {{ session_phase_minutes() }} as minutes

),

-- Nearly every post is a group of its own below. Numbers in place of long keys halve the room that takes,
-- and what depends on a bar's time alone is found once for all instruments.
starts as (

    select
        bar_interval,
        bar_start,
        bar_end,
        {{ time_number }} as time_number,
        {{ to_ist('bar_start') }} as bar_start_ist
    from (
        select distinct
            bar_interval,
            bar_start,
            bar_end
        from {{ ref('signals_tweet_bars') }}
    ) as found

),

dated as (

    select
        starts.*,
        case
            when starts.bar_interval = '1d' then cast({{ to_ist('starts.bar_end') }} as date)
            when starts.bar_start < days.close_at then days.trading_date
            else days.next_trading_date
        end as trading_date,
        case
            when starts.bar_interval = '1d' then 'full_day'
            else {{ session_phase('starts.bar_start', 'days', 'phases') }}
        end as session_phase
    from starts
    left join calendar_days as days on cast(starts.bar_start_ist as date) = days.calendar_date
    left join phases
        on
            {{ minute_of_day('starts.bar_start_ist') }} >= phases.start_minute_ist
            and {{ minute_of_day('starts.bar_start_ist') }} < phases.end_minute_ist

),

-- Bars of closed days and special sessions are like no others, and have no baseline.
times as (

    select
        dated.*,
        sessions.session_number,
        case
            when dated.session_phase not in ('closed', 'special_session', 'unknown')
                then cast(dense_rank() over (order by dated.bar_interval, dated.session_phase) as integer)
        end as baseline_number,
        case
            when lag(dated.bar_end) over earlier = dated.bar_start then lag(dated.time_number) over earlier
        end as previous_time_number
    from dated
    left join sessions on dated.trading_date = sessions.trading_date
    window earlier as (partition by dated.bar_interval order by dated.bar_start)

),

instruments as (

    select
        instrument,
        cast(row_number() over (order by instrument) as integer) as instrument_number
    from (
        select instrument from {{ ref('processed_tweet_instruments') }}
        union
        select 'MARKET' as instrument
    ) as found

),

speakers as (

    select
        speaker_key,
        cast(row_number() over (order by speaker_key) as integer) as speaker_number
    from (
        select author_key as speaker_key from {{ ref('signals_tweet_bars') }}
        union
        select voice_key as speaker_key from {{ ref('signals_tweet_bars') }}
    ) as found

),

numbered as (

    select
        posts.tweet_id,
        {{ time_number }} as time_number,
        voices.speaker_number as voice_number,
        authors.speaker_number as author_number,
        {{ parts('posts.weight') }} as weight,
        {{ parts('posts.weight * posts.sentiment') }} as weighted,
        {{ parts('posts.weight * posts.sentiment * posts.sentiment') }} as weighted_square,
        posts.known_at,
        posts.is_observed,
        {{ seconds_between('posts.posted_at', 'posts.known_at') }} > 86400 as is_late
    from posts
    inner join speakers as authors on posts.author_key = authors.speaker_key
    inner join speakers as voices on posts.voice_key = voices.speaker_key

),

spoken as (

    select
        instruments.instrument_number,
        numbered.*
    from numbered
    inner join {{ ref('processed_tweet_instruments') }} as named on numbered.tweet_id = named.tweet_id
    inner join instruments on named.instrument = instruments.instrument

    union all

    select
        instruments.instrument_number,
        numbered.*
    from numbered
    cross join instruments
    where instruments.instrument = 'MARKET'

),

totals as (

    select
        instrument_number,
        time_number,
        count(*) as n_posts,
        {{ of_parts('sum(weight)') }} as sum_weight,
        {{ of_parts('sum(weighted)') }} as sum_weighted,
        {{ of_parts('sum(weighted_square)') }} as sum_weighted_squares,
        max(known_at) as known_at,
        min(known_at) as first_known_at,
        bool_and(is_observed) as is_observed,
        bool_or(is_late) as is_late
    from spoken
    group by instrument_number, time_number

),

-- Most authors are voices of their own: to group all by author and then by voice would take twice as long.
alone as (

    select
        instrument_number,
        time_number,
        voice_number,
        {{ of_parts('sum(weight)') }} as weight,
        {{ of_parts('sum(weighted)') }} as weighted
    from spoken
    where voice_number = author_number
    group by instrument_number, time_number, voice_number

),

tied as (

    select
        instrument_number,
        time_number,
        voice_number,
        {{ of_parts('sum(weight)') }} as weight,
        {{ of_parts('sum(weighted)') }} as weighted
    from spoken
    where voice_number <> author_number
    group by instrument_number, time_number, voice_number, author_number

),

-- A voice, an author or those whom copies of one text tie together, has the root of its posts' weight to
-- say: loud ones count for more, not for all.
voices as (

    select
        instrument_number,
        time_number,
        sqrt(weight) as voice,
        weighted / nullif(weight, 0) as voice_score,
        1 as n_authors,
        weight as top_weight,
        weighted / nullif(weight, 0) as sum_author_score,
        case when weight > 0 then 1 else 0 end as n_heard
    from alone

    union all

    select
        instrument_number,
        time_number,
        sqrt({{ exact_sum('weight') }}) as voice,
        {{ exact_sum('weighted') }} / nullif({{ exact_sum('weight') }}, 0) as voice_score,
        cast(count(*) as integer) as n_authors,
        max(weight) as top_weight,
        {{ exact_sum('weighted / nullif(weight, 0)') }} as sum_author_score,
        cast(count(nullif(weight, 0)) as integer) as n_heard
    from tied
    group by instrument_number, time_number, voice_number

),

sums as (

    select
        instrument_number,
        time_number,
        cast(sum(n_authors) as bigint) as n_authors,
        cast(sum(n_heard) as bigint) as n_heard,
        count(voice_score) as n_voices,
        {{ of_parts('sum(' ~ parts('voice', 12) ~ ')', 12) }} as sum_voice,
        {{ of_parts('sum(' ~ parts('voice * voice', 15) ~ ')', 15) }} as sum_voice_squares,
        {{ of_parts('sum(' ~ parts('voice * voice_score', 12) ~ ')', 12) }} as sum_voice_score,
        {{ of_parts('sum(' ~ parts('sum_author_score', 12) ~ ')', 12) }} as sum_author_score,
        max(top_weight) as top_weight
    from voices
    group by instrument_number, time_number

),

bars as (

    select
        totals.*,
        sums.n_authors,
        sums.n_voices,
        sums.sum_voice,
        sums.sum_voice * sums.sum_voice / nullif(sums.sum_voice_squares, 0) as n_effective,
        -- Bars that say the same have the same score, and one rank, whatever their weights' last digits are.
        round(sums.sum_voice_score / nullif(sums.sum_voice, 0), 9) as score,
        sums.sum_author_score / nullif(sums.n_heard, 0) as score_one_vote,
        totals.sum_weighted / nullif(totals.sum_weight, 0) as post_mean,
        totals.sum_weighted_squares / nullif(totals.sum_weight, 0) as post_mean_square,
        sums.top_weight / nullif(totals.sum_weight, 0) as top_author_share
    from totals
    inner join sums
        on totals.instrument_number = sums.instrument_number and totals.time_number = sums.time_number

),

-- Delete-one-voice jackknife in closed form: leaving voice g out moves the mean by r d, where
-- h = voice / sum of voices, r = h / (1 - h), d = the voice's score - mean.
leverages as (

    select
        voices.instrument_number,
        voices.time_number,
        -- Bounded: a voice that is nearly all of a bar makes its interval useless, not infinite.
        least(
            1000.0,
            abs(voices.voice / nullif(bars.sum_voice - voices.voice, 0) * (voices.voice_score - bars.score))
        ) as shift
    from voices
    inner join bars
        on voices.instrument_number = bars.instrument_number and voices.time_number = bars.time_number
    where voices.voice > 0 and bars.n_voices >= {{ var('interval_min_authors') }}

),

variances as (

    select
        instrument_number,
        time_number,
        {{ exact_sum('shift * shift', 24) }} as variance
    from leverages
    group by instrument_number, time_number

),

quantiles as (

    select * from {{ ref('student_t_quantiles') }}

),

shown as (

    select
        bars.*,
        instruments.instrument,
        times.bar_interval,
        times.bar_start,
        times.bar_end,
        times.trading_date,
        times.session_phase,
        times.session_number,
        times.baseline_number,
        times.previous_time_number,
        variances.variance,
        quantiles.t_975,
        bars.n_posts < {{ var('sparse_bar_posts') }} or bars.score is null as is_sparse,
        case when bars.n_posts >= {{ var('sparse_bar_posts') }} then bars.score end as shown_score,
        bars.n_posts >= {{ var('sparse_bar_posts') }} and {{ has_interval() }} as has_interval,
        greatest(times.bar_end, bars.known_at) as score_available_at
    from bars
    inner join times on bars.time_number = times.time_number
    inner join instruments on bars.instrument_number = instruments.instrument_number
    left join variances
        on bars.instrument_number = variances.instrument_number and bars.time_number = variances.time_number
    left join quantiles
        on cast(round(least(bars.n_effective, 1001) - 1) as integer) = quantiles.degrees_of_freedom

),

by_session as (

    select
        instrument_number,
        baseline_number,
        session_number,
        count(*) as n_bars,
        sum(n_posts) as n_posts,
        count(*) filter (where has_interval) as n_scores,
        sum({{ parts('shown_score', 12) }}) filter (where has_interval) as sum_score,
        sum({{ parts('shown_score * shown_score', 12) }}) filter (where has_interval) as sum_score_squares,
        max(score_available_at) as known_at,
        max(first_known_at) as bars_known_at
    from shown
    where baseline_number is not null
    group by instrument_number, baseline_number, session_number

),

-- A mean of few voices strays farther than one of many: with an interval are compared those with one.
baselines as (

    select
        instrument_number,
        baseline_number,
        session_number,
        count(nullif(n_scores, 0)) over earlier as n_scored_sessions,
        sum(n_posts) over earlier as n_posts,
        sum(n_scores) over earlier as n_scores,
        {{ of_parts('sum(sum_score) over earlier', 12) }} as sum_score,
        {{ of_parts('sum(sum_score_squares) over earlier', 12) }} as sum_score_squares,
        max(known_at) over earlier as known_at
    from by_session
    window
        earlier as (
            partition by instrument_number, baseline_number
            order by session_number
            range between {{ var('baseline_sessions') }} preceding and 1 preceding
        )

),

market as (

    select
        by_session.baseline_number,
        by_session.session_number,
        count(*) over earlier as n_sessions,
        sum(by_session.n_bars) over earlier as n_bars,
        max(by_session.bars_known_at) over earlier as bars_known_at
    from by_session
    inner join instruments on by_session.instrument_number = instruments.instrument_number
    where instruments.instrument = 'MARKET'
    window
        earlier as (
            partition by by_session.baseline_number
            order by by_session.session_number
            range between {{ var('baseline_sessions') }} preceding and 1 preceding
        )

),

compared as (

    select
        shown.*,
        baselines.n_posts as baseline_posts,
        -- Bars without a post of the instrument count, those in which nobody collected anything do not.
        market.n_bars as baseline_bars,
        market.n_sessions as baseline_sessions,
        baselines.n_scored_sessions,
        baselines.sum_score / nullif(baselines.n_scores, 0) as baseline_score,
        sqrt(
            greatest(
                0,
                baselines.sum_score_squares
                - baselines.sum_score * baselines.sum_score / nullif(baselines.n_scores, 0)
            )
            / nullif(baselines.n_scores - 1, 0)
        ) as baseline_std,
        previous.shown_score as previous_score,
        greatest(
            shown.score_available_at,
            baselines.known_at,
            market.bars_known_at,
            previous.score_available_at
        ) as available_at
    from shown
    left join baselines
        on
            shown.instrument_number = baselines.instrument_number
            and shown.baseline_number = baselines.baseline_number
            and shown.session_number = baselines.session_number
    left join market
        on
            shown.baseline_number = market.baseline_number
            and shown.session_number = market.session_number
    left join shown as previous
        on
            shown.instrument_number = previous.instrument_number
            and shown.previous_time_number = previous.time_number

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
    n_voices,
    n_effective,
    shown_score as score,
    case when has_interval then sqrt(variance) end as se,
    case when has_interval then score - t_975 * sqrt(variance) end as ci_low,
    case when has_interval then score + t_975 * sqrt(variance) end as ci_high,
    case
        when is_sparse then 'none_sparse'
        else {{ interval_method('n_voices', 'variance', 'sqrt_voice_jackknife_t', 'n_effective') }}
    end as ci_method,
    case when not is_sparse then score_one_vote end as score_one_vote,
    case when not is_sparse then post_mean - 1.96 * {{ post_std() }} end as spread_low,
    case when not is_sparse then post_mean + 1.96 * {{ post_std() }} end as spread_high,
    case when not is_sparse then {{ post_std() }} end as dispersion,
    top_author_share,
    case
        when
            has_interval
            and n_scored_sessions >= {{ var('baseline_min_sessions') }}
            and baseline_std > sqrt({{ least_variance() }})
            then (shown_score - baseline_score) / baseline_std
    end as z_score,
    case
        when
            baseline_sessions >= {{ var('baseline_min_sessions') }}
            and baseline_posts >= {{ var('baseline_min_posts') }}
            then n_posts * baseline_bars / cast(baseline_posts as double)
    end as buzz,
    shown_score - previous_score as delta,
    is_sparse,
    score_available_at,
    available_at,
    case when is_observed then 'observed' else 'assumed' end as availability_basis,
    not is_observed or is_late as is_backfilled,
    -- One in a build: signals.text_models has one row.
    (select max(model_version) from {{ ref('signals_tweet_bars') }}) as model_version
from compared
