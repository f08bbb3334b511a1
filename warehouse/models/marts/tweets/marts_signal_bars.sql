-- One row per channel, instrument, bar interval and bar: the weighted score of the views in it, with
-- an interval over voices.

{% set heard %}
        count(*) as n_posts,
        {{ exact_sum('numbered.weight') }} as sum_weight,
        {{ exact_sum('numbered.weighted') }} as sum_weighted,
        {{ exact_sum('numbered.weighted_square') }} as sum_weighted_squares,
        max(numbered.known_at) as known_at,
        min(numbered.known_at) as first_known_at,
        bool_and(numbered.is_observed) as is_observed,
        bool_or(numbered.is_late) as is_late
{%- endset %}

with

posts as (

    select * from {{ ref('signals_tweet_bars') }}

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
    from {{ ref('validated_tweets') }}

),

calendar_days as (

    select * from {{ ref('processed_calendar_days') }}

),

sessions as (

    select
        trading_date,
        row_number() over (order by trading_date) as session_number
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
        cast(row_number() over (order by bar_interval, bar_start) as integer) as time_number,
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
            when dated.session_phase not in ('closed', 'special_session', 'unknown') then dated.session_phase
        end as baseline_phase
    from dated
    left join sessions on dated.trading_date = sessions.trading_date

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
        times.time_number,
        voices.speaker_number as voice_number,
        authors.speaker_number as author_number,
        {{ exact('posts.weight') }} as weight,
        {{ exact('posts.weight * posts.sentiment') }} as weighted,
        {{ exact('posts.weight * pow(posts.sentiment, 2)') }} as weighted_square,
        posts.known_at,
        posts.is_observed,
        posts.known_at - posts.posted_at > interval '1 day' as is_late
    from posts
    inner join times on posts.bar_interval = times.bar_interval and posts.bar_start = times.bar_start
    inner join speakers as authors on posts.author_key = authors.speaker_key
    inner join speakers as voices on posts.voice_key = voices.speaker_key

),

-- Most authors are voices of their own: to group all by author and then by voice would take twice as long.
alone as (

    select
        named.instrument,
        numbered.time_number,
        numbered.voice_number,
        {{- heard }}
    from numbered
    inner join named on numbered.tweet_id = named.tweet_id
    where numbered.voice_number = numbered.author_number
    group by named.instrument, numbered.time_number, numbered.voice_number

),

tied as (

    select
        named.instrument,
        numbered.time_number,
        numbered.voice_number,
        {{- heard }}
    from numbered
    inner join named on numbered.tweet_id = named.tweet_id
    where numbered.voice_number <> numbered.author_number
    group by named.instrument, numbered.time_number, numbered.voice_number, numbered.author_number

),

by_voice as (

    select
        *,
        1 as n_authors,
        sum_weight as top_weight,
        sum_weighted / nullif(sum_weight, 0) as sum_author_score,
        case when sum_weight > 0 then 1 else 0 end as n_heard
    from alone

    union all

    select
        instrument,
        time_number,
        voice_number,
        cast(sum(n_posts) as bigint) as n_posts,
        {{ exact_sum('sum_weight') }} as sum_weight,
        {{ exact_sum('sum_weighted') }} as sum_weighted,
        {{ exact_sum('sum_weighted_squares') }} as sum_weighted_squares,
        max(known_at) as known_at,
        min(first_known_at) as first_known_at,
        bool_and(is_observed) as is_observed,
        bool_or(is_late) as is_late,
        count(*) as n_authors,
        max(sum_weight) as top_weight,
        {{ exact_sum('sum_weighted / nullif(sum_weight, 0)') }} as sum_author_score,
        count(nullif(sum_weight, 0)) as n_heard
    from tied
    group by instrument, time_number, voice_number

),

-- A voice, an author or those whom copies of one text tie together, has the root of its posts' weight to
-- say: loud ones count for more, not for all.
voices as (

    select
        *,
        sqrt(sum_weight) as voice,
        sum_weighted / nullif(sum_weight, 0) as voice_score
    from by_voice

),

sums as (

    select
        instrument,
        time_number,
        cast(sum(n_posts) as bigint) as n_posts,
        cast(sum(n_authors) as bigint) as n_authors,
        cast(sum(n_heard) as bigint) as n_heard,
        count(voice_score) as n_voices,
        {{ exact_sum('voice') }} as sum_voice,
        {{ exact_sum('voice * voice') }} as sum_voice_squares,
        {{ exact_sum('voice * voice_score') }} as sum_voice_score,
        {{ exact_sum('sum_author_score') }} as sum_author_score,
        {{ exact_sum('sum_weight') }} as sum_weight,
        {{ exact_sum('sum_weighted') }} as sum_weighted,
        {{ exact_sum('sum_weighted_squares') }} as sum_weighted_squares,
        max(top_weight) as top_weight,
        max(known_at) as known_at,
        min(first_known_at) as first_known_at,
        bool_and(is_observed) as is_observed,
        bool_or(is_late) as is_late
    from voices
    group by instrument, time_number

),

bars as (

    select
        *,
        sum_voice * sum_voice / nullif(sum_voice_squares, 0) as n_effective,
        sum_voice_score / nullif(sum_voice, 0) as score,
        sum_author_score / nullif(n_heard, 0) as score_one_vote,
        sum_weighted / nullif(sum_weight, 0) as post_mean,
        sum_weighted_squares / nullif(sum_weight, 0) as post_mean_square,
        top_weight / nullif(sum_weight, 0) as top_author_share
    from sums

),

-- Delete-one-voice jackknife in closed form: leaving voice g out moves the mean by r d, where
-- h = voice / sum of voices, r = h / (1 - h), d = the voice's score - mean.
leverages as (

    select
        voices.instrument,
        voices.time_number,
        -- Bounded: a voice that is nearly all of a bar makes its interval useless, not infinite.
        least(
            1000.0,
            abs(voices.voice / nullif(bars.sum_voice - voices.voice, 0) * (voices.voice_score - bars.score))
        ) as shift
    from voices
    inner join bars on voices.instrument = bars.instrument and voices.time_number = bars.time_number
    where voices.voice > 0 and bars.n_voices >= {{ var('interval_min_authors') }}

),

variances as (

    select
        instrument,
        time_number,
        {{ exact_sum('shift * shift', 24) }} as variance
    from leverages
    group by instrument, time_number

),

quantiles as (

    select * from {{ ref('student_t_quantiles') }}

),

shown as (

    select
        bars.*,
        times.bar_interval,
        times.bar_start,
        times.bar_end,
        times.trading_date,
        times.session_phase,
        times.session_number,
        times.baseline_phase,
        variances.variance,
        quantiles.t_975,
        bars.n_posts < {{ var('sparse_bar_posts') }} or bars.score is null as is_sparse,
        case when bars.n_posts >= {{ var('sparse_bar_posts') }} then bars.score end as shown_score,
        greatest(times.bar_end, bars.known_at) as score_available_at
    from bars
    inner join times on bars.time_number = times.time_number
    left join variances on bars.instrument = variances.instrument and bars.time_number = variances.time_number
    left join quantiles
        on cast(round(least(bars.n_effective, 1001) - 1) as integer) = quantiles.degrees_of_freedom

),

by_phase as (

    select
        instrument,
        bar_interval,
        baseline_phase,
        session_number,
        count(*) as n_bars,
        count(shown_score) as n_scores,
        {{ exact_sum('shown_score') }} as sum_score,
        {{ exact_sum('shown_score * shown_score') }} as sum_score_squares,
        cast(sum(n_posts) as bigint) as n_posts,
        max(score_available_at) as known_at,
        max(first_known_at) as bars_known_at
    from shown
    where baseline_phase is not null
    group by instrument, bar_interval, baseline_phase, session_number

),

baselines as (

    select
        instrument,
        bar_interval,
        baseline_phase,
        session_number,
        count(*) over earlier as n_sessions,
        count(nullif(n_scores, 0)) over earlier as n_scored_sessions,
        sum(n_bars) over earlier as n_bars,
        sum(n_scores) over earlier as n_scores,
        {{ exact_sum('sum_score', over='earlier') }} as sum_score,
        {{ exact_sum('sum_score_squares', over='earlier') }} as sum_score_squares,
        sum(n_posts) over earlier as n_posts,
        max(known_at) over earlier as known_at,
        max(bars_known_at) over earlier as bars_known_at
    from by_phase
    window
        earlier as (
            partition by instrument, bar_interval, baseline_phase
            order by session_number
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
        lag(shown.shown_score) over bars_before as previous_score,
        greatest(
            shown.score_available_at,
            baselines.known_at,
            market.bars_known_at,
            lag(shown.score_available_at) over bars_before
        ) as available_at
    from shown
    left join baselines
        on
            shown.instrument = baselines.instrument
            and shown.bar_interval = baselines.bar_interval
            and shown.baseline_phase = baselines.baseline_phase
            and shown.session_number = baselines.session_number
    left join baselines as market
        on
            market.instrument = 'MARKET'
            and shown.bar_interval = market.bar_interval
            and shown.baseline_phase = market.baseline_phase
            and shown.session_number = market.session_number
    window bars_before as (partition by shown.instrument, shown.bar_interval order by shown.bar_start)

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
    case when not is_sparse and {{ has_interval() }} then sqrt(variance) end as se,
    case when not is_sparse and {{ has_interval() }} then score - t_975 * sqrt(variance) end as ci_low,
    case when not is_sparse and {{ has_interval() }} then score + t_975 * sqrt(variance) end as ci_high,
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
            n_scored_sessions >= {{ var('baseline_min_sessions') }}
            and baseline_std > sqrt({{ least_variance() }})
            then (shown_score - baseline_score) / baseline_std
    end as z_score,
    case
        when baseline_sessions >= {{ var('baseline_min_sessions') }} and baseline_posts > 0
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
