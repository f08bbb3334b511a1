-- One row per post and trade call in it: what the price did after it was posted, or why that cannot be
-- said. Nothing before the post is a price of the trade, and what a bar does not show counts against it.

{% set n_sessions = var('call_horizon_sessions') %}
{% set vague_times = ["'time_is_date_only'", "'time_ambiguous_day_first'", "'naive_time_assumed_utc'"] %}

with

tweets as (

    select
        *,
        coalesce({{ list_first('edit_tweet_ids') }}, tweet_id) as original_id,
        -- A time that is stated to the minute may be as much as that too early.
        case
            when posted_at_basis = 'id' or extract(second from posted_at) > 0 then posted_at
            else posted_at + interval '1 minute'
        end as posted_by
    from {{ ref('validated_tweets') }}

),

-- An edited post is a post per version, and a later one lists those before it.
edits as (

    select distinct original_id from tweets
    where {{ list_length('edit_tweet_ids') }} > 1

),

-- A window of sessions from each on. The seconds are those of all sessions up to an instant: a clock that
-- stands still while the exchange is closed.
sessions as (

    select
        calendar_date as trading_date,
        open_at,
        close_at,
        row_number() over (order by calendar_date) as session_number,
        lead(close_at, {{ n_sessions - 1 }}) over (order by calendar_date) as expires_at,
        sum({{ seconds_between('open_at', 'close_at') }}) over (
            order by calendar_date rows between unbounded preceding and current row
        ) as seconds_at_close,
        sum({{ seconds_between('open_at', 'close_at') }}) over (
            order by calendar_date rows between unbounded preceding and {{ n_sessions - 1 }} following
        ) as seconds_at_expiry
    from {{ ref('processed_calendar_days') }}
    where is_trading_day and open_at is not null

),

costs as (

    select
        instruments.instrument,
        cast(trade_costs.first_date as date) as first_date,
        lead(cast(trade_costs.first_date as date)) over (
            partition by instruments.instrument order by trade_costs.first_date
        ) as next_date,
        (trade_costs.charges_bps + trade_costs.slippage_bps) / 100 as cost_pct
    from {{ ref('instruments') }} as instruments
    inner join {{ ref('trade_costs') }} as trade_costs on instruments.kind = trade_costs.instrument_kind

),

-- ---- Bars: of each session, the finest series that covers it ----

timed_bars as (

    select
        price_bars.*,
        {{ bar_minutes('price_bars.bar_interval') }} as minutes,
        -- A daily bar holds what the session did, from its open on.
        case
            when price_bars.bar_interval = '1d' then sessions.open_at
            else price_bars.bar_start
        end as starts_at,
        sessions.session_number,
        sessions.close_at,
        sessions.seconds_at_close,
        {{ seconds_between('sessions.open_at', 'sessions.close_at') }} as session_seconds
    from {{ ref('validated_price_bars') }} as price_bars
    inner join sessions on price_bars.trading_date = sessions.trading_date
    where
        price_bars.bar_interval = '1d'
        or (price_bars.is_in_session and price_bars.bar_interval not like '%d')

),

series as (

    select
        instrument,
        session_number,
        symbol,
        bar_interval,
        minutes,
        row_number() over (
            partition by instrument, session_number
            order by
                {{ finest_series(
                    'count(*) * minutes * 60', var('call_min_bar_coverage') ~ ' * max(session_seconds)'
                ) }},
                bar_interval
        ) as series_rank
    from timed_bars
    group by instrument, session_number, symbol, bar_interval, minutes

),

bars as (

    select
        timed_bars.*,
        least(timed_bars.close_at, timed_bars.starts_at + timed_bars.minutes * interval '1 minute')
            as ends_at,
        lag(timed_bars.close) over (
            partition by timed_bars.instrument order by timed_bars.starts_at
        ) as previous_close
    from timed_bars
    inner join series
        on
            timed_bars.instrument = series.instrument
            and timed_bars.session_number = series.session_number
            and timed_bars.symbol = series.symbol
            and timed_bars.bar_interval = series.bar_interval
            and series.series_rank = 1

),

last_bars as (

    select
        instrument,
        max(starts_at) as last_starts_at
    from bars
    group by instrument

),

-- ---- Calls: which are watched, and when ----

-- The first session watched is the one in which a bar can still start after the post. Prices of a sale change
-- their sign, so that up is good in every call.
calls as (

    select
        trade_calls.*,
        {{ list_first('trade_calls.targets') }} as target,
        case when trade_calls.side = 'buy' then 1 else -1 end as sign,
        tweets.author_key,
        tweets.posted_by,
        tweets.known_at,
        edits.original_id is not null as is_edited,
        first_value(trade_calls.tweet_id) over (
            partition by tweets.original_id order by tweets.known_at, tweets.posted_at, trade_calls.tweet_id
        ) as first_version,
        tweets.retweeted_tweet_id,
        tweets.retweeted_tweet_id is not null or tweets.text like 'RT @%' as is_repost,
        tweets.posted_at_basis <> 'id'
        and {{ list_overlap('tweets.parse_warnings', list_without_nulls(vague_times)) }} > 0 as is_time_vague,
        sessions.session_number + case
            when
                tweets.posted_by <= sessions.open_at
                or tweets.posted_by + coalesce(series.minutes, 0) * interval '1 minute' <= sessions.close_at
                then 0
            else 1
        end as first_session
    from {{ ref('processed_trade_calls') }} as trade_calls
    inner join tweets on trade_calls.tweet_id = tweets.tweet_id
    left join edits on tweets.original_id = edits.original_id
    left join sessions on tweets.trading_date = sessions.trading_date
    left join series
        on
            trade_calls.instrument = series.instrument
            and sessions.session_number = series.session_number
            and series.series_rank = 1

),

-- Two calls of an author are one where all is the same that their outcome hangs on. The one that was known
-- first counts, so that one captured later changes nothing that was said of it.
placed as (

    select
        calls.*,
        calls.tweet_id <> calls.first_version as is_later_version,
        row_number() over same_plan as statement_number,
        first_value(calls.tweet_id) over same_plan as first_stated_in,
        sessions.expires_at,
        sessions.seconds_at_expiry,
        sessions.seconds_at_close
        - {{ seconds_between('greatest(sessions.open_at, calls.posted_by)', 'sessions.close_at') }}
            as seconds_at_post,
        last_bars.last_starts_at,
        costs.cost_pct
    from calls
    left join sessions on calls.first_session = sessions.session_number
    left join last_bars on calls.instrument = last_bars.instrument
    left join costs
        on
            calls.instrument = costs.instrument
            and sessions.trading_date >= costs.first_date
            and (costs.next_date is null or sessions.trading_date < costs.next_date)
    window
        same_plan as (
            partition by
                calls.is_repost, calls.tweet_id = calls.first_version, calls.author_key, sessions.expires_at,
                calls.instrument, calls.side, calls.leg, calls.strike, calls.entry_low, calls.entry_high,
                calls.stop, calls.target
            order by
                calls.is_time_vague, calls.known_at, calls.posted_at, calls.tweet_id, calls.call_number
        )

),

-- A session is over once a bar shows it: its last one, or where that is missing, the first of a later one.
ends as (

    select
        instrument,
        ends_at as moment,
        ends_at
    from bars

    union all

    select distinct
        instrument,
        expires_at as moment,
        null as ends_at
    from placed

),

overs as (

    select
        instrument,
        moment as expires_at,
        ends_at is null as is_asked,
        min(ends_at) over (
            partition by instrument order by moment range between current row and unbounded following
        ) as over_at
    from ends

),

screened as (

    select
        *,
        case
            when is_repost then 'repost'
            when is_later_version then 'later_version'
            when statement_number > 1 then 'repeat'
            when leg is not null then 'option_premium_has_no_series'
            when stop is null and target is null then 'no_stop_and_no_target'
            when is_time_vague then 'posting_time_vague'
            when expires_at is null then 'sessions_unknown'
            when last_starts_at is null then 'no_price_series'
            when last_starts_at < posted_by then 'no_bars_after'
        end as reason
    from placed

),

-- ---- The judgement, bar by bar ----

steps as (

    {% for step in range(n_sessions) %}
        select {{ step }} as step
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

watched as (

    select
        screened.tweet_id,
        screened.call_number,
        screened.sign * screened.stop as stop,
        screened.sign * screened.target as target,
        least(screened.sign * screened.entry_low, screened.sign * screened.entry_high) as entry_low,
        greatest(screened.sign * screened.entry_low, screened.sign * screened.entry_high) as entry_high,
        bars.bar_interval,
        bars.minutes,
        bars.starts_at,
        bars.ends_at,
        bars.seconds_at_close - {{ seconds_between('bars.ends_at', 'bars.close_at') }} as seconds_at_end,
        screened.sign * bars.open as open,
        greatest(screened.sign * bars.high, screened.sign * bars.low) as high,
        least(screened.sign * bars.high, screened.sign * bars.low) as low,
        screened.sign * bars.close as close,
        screened.sign * bars.previous_close as previous_close
    from screened
    cross join steps
    inner join bars
        on
            screened.instrument = bars.instrument
            and screened.first_session + steps.step = bars.session_number
            and screened.posted_by <= bars.starts_at
    where screened.reason is null

),

approached as (

    select
        *,
        case
            when entry_low is null or open between entry_low and entry_high then open
            when previous_close < entry_low and open > entry_high then open
            when previous_close > entry_high and open < entry_low then open
            when open < entry_low and high >= entry_low then entry_low
            when open > entry_high and low <= entry_high then entry_high
        end as fill
    from watched

),

entered as (

    select
        *,
        min(case when fill is not null then starts_at end) over (
            partition by tweet_id, call_number
        ) as entry_at
    from approached

),

-- Of the bar of the entry only what came after counts. Prices that rise to the entry make the bar's high
-- after it; those that fall to it, the low. The other end is taken as after it where that is bad, and left
-- out where it is good.
held as (

    select
        *,
        starts_at = entry_at as is_entry,
        case when starts_at = entry_at then fill else open end as first_price,
        case
            when starts_at = entry_at and fill < open then greatest(fill, close)
            when starts_at >= entry_at then high
        end as best,
        case when starts_at >= entry_at then low end as worst
    from entered

),

followed as (

    select
        *,
        coalesce(worst <= stop, false) as is_stopped,
        coalesce(best >= target, false) as is_reached,
        min(case when worst <= stop or best >= target then starts_at end) over trade as decided_in,
        max(starts_at) over trade as last_in,
        max(case when is_entry then fill end) over trade as entry,
        max(case when is_entry then open end) over trade as entry_open,
        max(best) over earlier as best_before,
        min(worst) over earlier as worst_before,
        abs(first_value(open) over so_far) as price_at_post,
        sum({{ seconds_between('starts_at', 'ends_at') }}) over so_far as seconds_covered
    from held
    window
        trade as (partition by tweet_id, call_number),
        so_far as (
            partition by tweet_id, call_number
            order by starts_at
            rows between unbounded preceding and current row
        ),
        earlier as (
            partition by tweet_id, call_number
            order by starts_at
            rows between unbounded preceding and 1 preceding
        )

),

-- The bar in which stop or target is reached first, or else the last one.
final_bars as (

    select
        *,
        decided_in is not null as is_decided,
        case
            when entry is null then 'not_touched'
            when entry <= stop then 'beyond_stop'
            when entry >= target then 'beyond_target'
            when entry_low is null then 'market'
            when entry = entry_open then 'at_open'
            when entry > entry_open then 'breakout'
            else 'pullback'
        end as entry_rule,
        case
            when entry is null or entry <= stop or entry >= target then 'not_entered'
            when is_reached and (not is_stopped or first_price >= target) then 'target_first'
            when is_stopped then 'stop_first'
            else 'expired'
        end as outcome
    from followed
    where starts_at = coalesce(decided_in, last_in)

),

exits as (

    select
        *,
        -- A bar that opens beyond the level trades at its open.
        case outcome
            when 'target_first' then greatest(first_price, target)
            when 'stop_first' then least(first_price, stop)
            when 'expired' then close
        end as exit,
        outcome = 'stop_first'
        and first_price > stop
        and (is_reached or (is_entry and entry_rule = 'breakout' and close > stop)) as is_order_assumed
    from final_bars

),

trades as (

    select
        tweet_id,
        call_number,
        entry_at,
        ends_at as exit_at,
        abs(entry) as entry_price,
        abs(exit) as exit_price,
        is_order_assumed,
        abs(entry) / 100 as one_pct,
        exit - entry as gain,
        entry - stop as risk,
        target - entry as reward,
        greatest(entry, exit, best_before, case when outcome = 'expired' then best end) - entry as best_gain,
        -- A target reached within the bar may have come after its low.
        least(
            entry, exit, worst_before, case when outcome = 'expired' or exit > first_price then worst end
        ) - entry as worst_gain
    from exits
    where outcome <> 'not_entered'

),

judged as (

    select
        screened.*,
        exits.bar_interval,
        exits.entry_rule,
        exits.outcome as outcome_if_judged,
        case when exits.is_decided then exits.ends_at else overs.over_at end as decided_at,
        case
            when screened.reason is not null then screened.reason
            when
                greatest(
                    {% for level in ['entry_low', 'entry_high', 'stop', 'target'] %}
                        abs(screened.{{ level }} / exits.price_at_post - 1){{ ',' if not loop.last }}
                    {% endfor %}
                ) > {{ var('call_level_tolerance') }}
                then 'levels_not_of_this_price'
            when overs.over_at is null and not coalesce(exits.is_decided, false) then 'still_open'
            when
                coalesce(exits.seconds_covered + exits.minutes * 60, 0)
                < {{ var('call_min_bar_coverage') }} * (
                    case when exits.is_decided then exits.seconds_at_end else screened.seconds_at_expiry end
                    - screened.seconds_at_post
                )
                then 'bars_missing'
        end as not_judged_reason
    from screened
    left join exits on screened.tweet_id = exits.tweet_id and screened.call_number = exits.call_number
    left join overs
        on
            screened.instrument = overs.instrument
            and screened.expires_at = overs.expires_at
            and overs.is_asked

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
    case
        when judged.not_judged_reason is null then judged.outcome_if_judged
        else 'not_judged'
    end as outcome,
    judged.not_judged_reason,
    case
        when judged.is_repost then judged.retweeted_tweet_id
        when judged.is_later_version then judged.first_version
        when judged.statement_number > 1 then judged.first_stated_in
    end as same_call_as,
    judged.bar_interval,
    judged.expires_at,
    case when judged.not_judged_reason is null then judged.entry_rule end as entry_rule,
    trades.entry_at,
    trades.entry_price,
    trades.exit_at,
    trades.exit_price,
    {{ seconds_between('trades.entry_at', 'trades.exit_at') }} / 60 as minutes_to_outcome,
    trades.is_order_assumed,
    trades.risk / trades.one_pct as risk_pct,
    trades.risk / (trades.risk + trades.reward) as breakeven_hit_rate,
    trades.best_gain / trades.one_pct as best_excursion_pct,
    trades.worst_gain / trades.one_pct as worst_excursion_pct,
    trades.gain / trades.one_pct as gross_return_pct,
    case when trades.tweet_id is not null then judged.cost_pct end as cost_pct,
    trades.gain / trades.one_pct - judged.cost_pct as net_return_pct,
    (trades.gain - judged.cost_pct * trades.one_pct) / trades.risk as net_r,
    case
        when judged.not_judged_reason is null then greatest(judged.known_at, judged.decided_at)
    end as resolved_at
from judged
left join trades
    on
        judged.tweet_id = trades.tweet_id
        and judged.call_number = trades.call_number
        and judged.not_judged_reason is null
