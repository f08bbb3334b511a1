-- One row per post and trade call in it: what the price did after it was posted, or why that cannot be
-- said. Nothing before the post is a price of the trade, and what a bar does not show counts against it.

{% set n_sessions = var('call_horizon_sessions') %}
{# What makes two calls of an author one: all that their outcome hangs on. #}
{% set plan %}
    is_repost, is_later_version, author_key, instrument, side, leg, strike, entry_low, entry_high, stop, target
{% endset %}
{% set vague_times = ["'time_is_date_only'", "'time_ambiguous_day_first'", "'naive_time_assumed_utc'"] %}

with

tweets as (

    select * from {{ ref('validated_tweets') }}

),

sessions as (

    select
        calendar_date as trading_date,
        open_at,
        close_at,
        row_number() over (order by calendar_date) as session_number
    from {{ ref('processed_calendar_days') }}
    where is_trading_day

),

instruments as (

    select * from {{ ref('instruments') }}

),

costs as (

    select
        instrument_kind,
        cast(first_date as date) as first_date,
        lead(cast(first_date as date)) over (partition by instrument_kind order by first_date) as next_date,
        (charges_bps + slippage_bps) / 100 as cost_pct
    from {{ ref('trade_costs') }}

),

-- An edited post is a post per version, and X lists all versions with each.
version_lists as (

    select
        {{ list_first('edit_tweet_ids') }} as first_version,
        {{ each('edit_tweet_ids') }} as tweet_id
    from tweets
    where {{ list_length('edit_tweet_ids') }} > 1

),

versions as (

    select
        tweet_id,
        min(first_version) as first_version
    from version_lists
    group by tweet_id

),

calls as (

    select
        trade_calls.tweet_id,
        trade_calls.call_number,
        tweets.author_key,
        tweets.posted_at,
        tweets.known_at,
        trade_calls.instrument,
        trade_calls.side,
        trade_calls.leg,
        trade_calls.strike,
        trade_calls.entry_low,
        trade_calls.entry_high,
        trade_calls.stop,
        trade_calls.targets,
        {{ list_first('trade_calls.targets') }} as target,
        -- Prices of a sale change their sign, so that up is good in every call below.
        case when trade_calls.side = 'buy' then 1 else -1 end as sign,
        sessions.session_number,
        coalesce(horizon.close_at, sessions.close_at) as horizon_at,
        tweets.retweeted_tweet_id,
        tweets.retweeted_tweet_id is not null or tweets.text like 'RT @%' as is_repost,
        versions.tweet_id is not null as is_edited,
        first_value(trade_calls.tweet_id) over (
            partition by coalesce(versions.first_version, trade_calls.tweet_id)
            order by tweets.posted_at, trade_calls.tweet_id
        ) as first_version,
        tweets.posted_at_basis <> 'id'
        and {{ list_overlap('tweets.parse_warnings', list_without_nulls(vague_times)) }} > 0 as is_time_vague
    from {{ ref('processed_trade_calls') }} as trade_calls
    inner join tweets on trade_calls.tweet_id = tweets.tweet_id
    left join versions on trade_calls.tweet_id = versions.tweet_id
    left join sessions on tweets.trading_date = sessions.trading_date
    left join sessions as horizon
        on sessions.session_number + {{ n_sessions - 1 }} = horizon.session_number

),

-- ---- Bars, and which of an instrument's series tells about a call ----

ranked_bars as (

    select
        price_bars.*,
        {{ bar_minutes('price_bars.bar_interval') }} as minutes,
        sessions.session_number,
        -- A daily bar holds what the session did, from its open on.
        case
            when price_bars.bar_interval = '1d' then coalesce(sessions.open_at, price_bars.bar_start)
            else price_bars.bar_start
        end as starts_at,
        sessions.close_at,
        -- Two files may name an instrument by two symbols.
        row_number() over (
            partition by price_bars.instrument, price_bars.bar_interval, price_bars.bar_start
            order by price_bars.symbol
        ) as symbol_rank
    from {{ ref('validated_price_bars') }} as price_bars
    inner join sessions on price_bars.trading_date = sessions.trading_date
    where
        (price_bars.bar_interval = '1d' or price_bars.is_in_session)
        and price_bars.instrument in (select calls.instrument from calls)

),

bars as (

    select
        instrument,
        bar_interval,
        minutes,
        session_number,
        starts_at,
        least(starts_at + minutes * interval '1 minute', close_at) as ends_at,
        open,
        high,
        low,
        close,
        lag(close) over (partition by instrument, bar_interval order by starts_at) as previous_close
    from ranked_bars
    where symbol_rank = 1

),

series_sessions as (

    select
        instrument,
        bar_interval,
        minutes,
        session_number,
        sum({{ seconds_between('starts_at', 'ends_at') }}) as covered_seconds,
        max(ends_at) as last_ends_at
    from bars
    group by instrument, bar_interval, minutes, session_number

),

series as (

    select
        instrument,
        bar_interval,
        minutes,
        max(last_ends_at) as last_ends_at
    from series_sessions
    group by instrument, bar_interval, minutes

),

-- The first session is the one in which a bar can still start after the post.
candidates as (

    select
        calls.tweet_id,
        calls.call_number,
        series.*,
        case
            when
                calls.posted_at <= case
                    when series.bar_interval = '1d' then sessions.open_at
                    else sessions.close_at - series.minutes * interval '1 minute'
                end
                then sessions.session_number
            else sessions.session_number + 1
        end as first_session
    from calls
    inner join series on calls.instrument = series.instrument
    inner join sessions on calls.session_number = sessions.session_number
    where calls.leg is null and (calls.stop is not null or calls.target is not null)

),

steps as (

    {% for step in range(n_sessions) %}
        select {{ step }} as step
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

windows as (

    select
        candidates.tweet_id,
        candidates.call_number,
        candidates.instrument,
        candidates.bar_interval,
        candidates.minutes,
        candidates.first_session,
        candidates.last_ends_at,
        min(sessions.trading_date) as first_date,
        max(sessions.close_at) as expires_at,
        sum(greatest(
            0,
            {{ seconds_between('sessions.open_at', 'least(sessions.close_at, candidates.last_ends_at)') }}
        )) as elapsed_seconds,
        coalesce(sum(series_sessions.covered_seconds), 0) as covered_seconds
    from candidates
    cross join steps
    inner join sessions on candidates.first_session + steps.step = sessions.session_number
    left join series_sessions
        on
            candidates.instrument = series_sessions.instrument
            and candidates.bar_interval = series_sessions.bar_interval
            and sessions.session_number = series_sessions.session_number
    group by
        candidates.tweet_id, candidates.call_number, candidates.instrument, candidates.bar_interval,
        candidates.minutes, candidates.first_session, candidates.last_ends_at
    having count(*) = {{ n_sessions }}

),

graded as (

    select
        *,
        last_ends_at >= expires_at as is_over,
        elapsed_seconds > 0
        and covered_seconds >= {{ var('call_min_bar_coverage') }} * elapsed_seconds as is_covered
    from windows

),

-- The finest series that covers the window; one that has reached its end before one that has not.
ranked_windows as (

    select
        *,
        row_number() over (
            partition by tweet_id, call_number
            order by
                case when is_covered then 0 else 1 end,
                case when is_over then 0 else 1 end,
                minutes
        ) as window_rank
    from graded

),

watches as (

    select * from ranked_windows
    where window_rank = 1

),

-- ---- Which calls are judged ----

placed as (

    select
        calls.*,
        watches.bar_interval,
        watches.first_session,
        watches.first_date,
        watches.expires_at,
        watches.is_over,
        watches.is_covered,
        watches.elapsed_seconds,
        coalesce(watches.expires_at, calls.horizon_at) as ends_at,
        calls.tweet_id <> calls.first_version as is_later_version,
        calls.instrument in (select series.instrument from series) as has_series
    from calls
    left join watches on calls.tweet_id = watches.tweet_id and calls.call_number = watches.call_number

),

followed as (

    select
        *,
        coalesce(posted_at < lag(ends_at) over same_plan, false) as is_repeat
    from placed
    window
        same_plan as (
            partition by {{ plan }} order by posted_at, tweet_id, call_number
        )

),

episodes as (

    select
        *,
        sum(case when is_repeat then 0 else 1 end) over (
            partition by {{ plan }} order by posted_at, tweet_id, call_number
        ) as episode
    from followed

),

screened as (

    select
        *,
        case
            when is_repost then retweeted_tweet_id
            when is_later_version then first_version
            when is_repeat then first_value(tweet_id) over (
                partition by {{ plan }}, episode order by posted_at, tweet_id, call_number
            )
        end as same_call_as,
        case
            when is_repost then 'repost'
            when is_later_version then 'later_version'
            when is_repeat then 'repeat'
            when leg is not null then 'option_premium_has_no_series'
            when stop is null and target is null then 'no_stop_and_no_target'
            when is_time_vague then 'posting_time_vague'
            when not has_series then 'no_price_series'
            when bar_interval is null then 'beyond_calendar'
            when elapsed_seconds = 0 then 'no_bars_after'
            when not is_covered then 'bars_missing'
        end as reason
    from episodes

),

-- ---- The judgement: levels and bars of sales are turned, so that up is good ----

watched as (

    select
        screened.tweet_id,
        screened.call_number,
        screened.expires_at,
        screened.sign * screened.stop as stop_level,
        screened.sign * screened.target as target_level,
        least(screened.sign * screened.entry_low, screened.sign * screened.entry_high) as zone_low,
        greatest(screened.sign * screened.entry_low, screened.sign * screened.entry_high) as zone_high,
        bars.starts_at,
        bars.ends_at,
        screened.sign * bars.open as open_level,
        case when screened.side = 'buy' then bars.high else -bars.low end as high_level,
        case when screened.side = 'buy' then bars.low else -bars.high end as low_level,
        screened.sign * bars.close as close_level,
        screened.sign * bars.previous_close as previous_level
    from screened
    cross join steps
    inner join bars
        on
            screened.instrument = bars.instrument
            and screened.bar_interval = bars.bar_interval
            and screened.first_session + steps.step = bars.session_number
            and screened.posted_at <= bars.starts_at
    where screened.reason is null

),

approached as (

    select
        *,
        case
            when zone_low is null then 'market'
            when open_level between zone_low and zone_high then 'in_zone'
            when
                (previous_level < zone_low and open_level > zone_high)
                or (previous_level > zone_high and open_level < zone_low)
                then 'gap'
            when open_level < zone_low and high_level >= zone_low then 'breakout'
            when open_level > zone_high and low_level <= zone_high then 'pullback'
        end as approach
    from watched

),

starts as (

    select
        tweet_id,
        call_number,
        min(case when approach is not null then starts_at end) as entry_at,
        max(ends_at) as last_ends_at,
        {{ latest('abs(open_level)', seconds_between('starts_at', 'expires_at')) }} as first_open
    from approached
    group by tweet_id, call_number

),

entries as (

    select
        approached.tweet_id,
        approached.call_number,
        approached.starts_at as entry_at,
        approached.ends_at as entry_ends_at,
        approached.approach,
        approached.approach in ('breakout', 'pullback') as is_inside,
        case approached.approach
            when 'breakout' then approached.zone_low
            when 'pullback' then approached.zone_high
            else approached.open_level
        end as entry_level
    from approached
    inner join starts
        on
            approached.tweet_id = starts.tweet_id
            and approached.call_number = starts.call_number
            and approached.starts_at = starts.entry_at

),

-- Of the bar in which a level is touched, only what came after counts. Prices that rise to the entry
-- make the bar's high after it; those that fall to it, the low. The other end is taken as after it where
-- that is bad, and left out where it is good.
held as (

    select
        watched.*,
        entries.entry_at,
        entries.approach,
        entries.is_inside and watched.starts_at = entries.entry_at as is_partial,
        entries.entry_level,
        case
            when entries.approach = 'pullback' and watched.starts_at = entries.entry_at
                then greatest(entries.entry_level, watched.close_level)
            else watched.high_level
        end as best_level
    from watched
    inner join entries
        on
            watched.tweet_id = entries.tweet_id
            and watched.call_number = entries.call_number
            and watched.starts_at >= entries.entry_at
    where
        coalesce(entries.entry_level > watched.stop_level, true)
        and coalesce(entries.entry_level < watched.target_level, true)

),

hits as (

    select
        tweet_id,
        call_number,
        min(case when low_level <= stop_level then starts_at end) as stop_at,
        min(case when best_level >= target_level then starts_at end) as target_at,
        max(starts_at) as last_at
    from held
    group by tweet_id, call_number

),

exits as (

    select
        held.tweet_id,
        held.call_number,
        held.entry_at,
        held.entry_level,
        held.stop_level,
        held.starts_at as exit_starts_at,
        held.ends_at as exit_at,
        held.open_level,
        held.close_level,
        held.target_level,
        held.is_partial,
        held.approach,
        hits.stop_at,
        hits.target_at,
        case
            when hits.target_at is null and hits.stop_at is null then 'expired'
            when hits.stop_at is null or hits.target_at < hits.stop_at then 'target_first'
            when hits.stop_at = hits.target_at and held.open_level >= held.target_level and not held.is_partial
                then 'target_first'
            else 'stop_first'
        end as outcome
    from held
    inner join hits
        on
            held.tweet_id = hits.tweet_id
            and held.call_number = hits.call_number
            and held.starts_at = coalesce(least(hits.stop_at, hits.target_at), hits.last_at)

),

priced as (

    select
        *,
        -- A bar that opens beyond the level trades at its open.
        case
            when outcome = 'expired' then close_level
            when outcome = 'target_first' and not is_partial then greatest(open_level, target_level)
            when outcome = 'target_first' then target_level
            when is_partial then stop_level
            else least(open_level, stop_level)
        end as exit_level,
        outcome = 'stop_first' and case
            when not is_partial then coalesce(stop_at = target_at, false) and open_level > stop_level
            when approach = 'breakout' then coalesce(stop_at = target_at, false) or close_level > stop_level
            else false
        end as is_order_assumed
    from exits

),

spans as (

    select
        priced.tweet_id,
        priced.call_number,
        max(case
            when held.starts_at < priced.exit_starts_at or priced.outcome = 'expired' then held.best_level
        end) as best_level,
        min(case
            when
                held.starts_at < priced.exit_starts_at
                or priced.outcome = 'expired'
                or (held.starts_at = priced.exit_starts_at and priced.exit_level = priced.target_level)
                then held.low_level
        end) as worst_level,
        max(case
            when priced.stop_at is null or held.starts_at < priced.stop_at then held.best_level
        end) as reached_level
    from priced
    inner join held on priced.tweet_id = held.tweet_id and priced.call_number = held.call_number
    group by priced.tweet_id, priced.call_number

),

trades as (

    select
        priced.*,
        priced.exit_level - priced.entry_level as gain,
        priced.entry_level - priced.stop_level as risk,
        priced.target_level - priced.entry_level as reward,
        greatest(priced.entry_level, priced.exit_level, spans.best_level) - priced.entry_level as best_gain,
        least(priced.entry_level, priced.exit_level, spans.worst_level) - priced.entry_level as worst_gain,
        greatest(priced.exit_level, spans.reached_level) as reached_level,
        abs(priced.entry_level) / 100 as one_pct
    from priced
    inner join spans on priced.tweet_id = spans.tweet_id and priced.call_number = spans.call_number

),

judged as (

    select
        screened.*,
        entries.approach,
        entries.entry_level <= screened.sign * screened.stop as is_beyond_stop,
        trades.outcome as trade_outcome,
        coalesce(trades.exit_at, entries.entry_ends_at) as decided_at,
        case
            when screened.reason is not null then screened.reason
            when starts.first_open is null then 'no_bars_after'
            when
                greatest(
                    abs(coalesce(screened.entry_low, screened.stop, screened.target) / starts.first_open - 1),
                    abs(coalesce(screened.entry_high, screened.stop, screened.target) / starts.first_open - 1)
                ) > {{ var('call_level_tolerance') }}
                then 'levels_not_of_this_price'
            when not screened.is_over and (entries.approach is null or trades.outcome = 'expired')
                then 'still_open'
        end as not_judged_reason
    from screened
    left join starts
        on screened.tweet_id = starts.tweet_id and screened.call_number = starts.call_number
    left join entries
        on screened.tweet_id = entries.tweet_id and screened.call_number = entries.call_number
    left join trades
        on screened.tweet_id = trades.tweet_id and screened.call_number = trades.call_number

)

select
    judged.tweet_id,
    judged.call_number,
    judged.author_key,
    judged.posted_at,
    judged.is_edited,
    judged.instrument,
    judged.side,
    judged.leg,
    judged.entry_low,
    judged.entry_high,
    judged.stop,
    judged.target,
    {{ list_length('judged.targets') }} as n_targets,
    case
        when judged.not_judged_reason is not null then 'not_judged'
        else coalesce(judged.trade_outcome, 'not_entered')
    end as outcome,
    judged.not_judged_reason,
    judged.same_call_as,
    judged.bar_interval,
    judged.expires_at,
    case
        when judged.not_judged_reason is not null then null
        when judged.trade_outcome is not null then judged.approach
        when judged.approach is null then 'not_touched'
        when judged.is_beyond_stop then 'beyond_stop'
        else 'beyond_target'
    end as entry_rule,
    trades.entry_at,
    trades.entry_level * judged.sign as entry_price,
    trades.exit_at,
    trades.exit_level * judged.sign as exit_price,
    {{ seconds_between('trades.entry_at', 'trades.exit_at') }} / 60 as minutes_to_outcome,
    trades.is_order_assumed,
    case
        when trades.tweet_id is not null
            then {{ list_count_where('judged.targets', 'judged.sign * x <= trades.reached_level') }}
    end as n_targets_reached,
    trades.risk / trades.one_pct as risk_pct,
    trades.risk / (trades.risk + trades.reward) as breakeven_hit_rate,
    trades.best_gain / trades.one_pct as best_excursion_pct,
    trades.worst_gain / trades.one_pct as worst_excursion_pct,
    trades.best_gain / trades.risk as best_excursion_r,
    trades.worst_gain / trades.risk as worst_excursion_r,
    trades.gain / trades.one_pct as gross_return_pct,
    costs.cost_pct,
    trades.gain / trades.one_pct - costs.cost_pct as net_return_pct,
    trades.gain / trades.risk as gross_r,
    (trades.gain - costs.cost_pct * trades.one_pct) / trades.risk as net_r,
    case
        when judged.not_judged_reason is not null then null
        when judged.trade_outcome = 'expired' or judged.approach is null
            then greatest(judged.known_at, judged.expires_at)
        else greatest(judged.known_at, judged.decided_at)
    end as resolved_at
from judged
inner join instruments on judged.instrument = instruments.instrument
left join trades
    on
        judged.tweet_id = trades.tweet_id
        and judged.call_number = trades.call_number
        and judged.not_judged_reason is null
left join costs
    on
        instruments.kind = costs.instrument_kind
        and trades.tweet_id is not null
        and judged.first_date >= costs.first_date
        and (costs.next_date is null or judged.first_date < costs.next_date)
