-- One row per symbol, interval and bar that passed every row rule. What is odd about it is flagged, and
-- nothing is left out for being odd.

with

bars as (

    select * from {{ ref('processed_price_bars') }}
    where {{ list_length('broken_rules') }} = 0

),

-- A series is the bars of a symbol and interval while the exchange was open: what a feed sends before and
-- after is neither a gap filled nor a price that moved.
followed as (

    select
        symbol,
        bar_interval,
        bar_start,
        trading_date,
        close,
        traded_minute_end - traded_minute_start as traded_minutes,
        traded_minute_start - max(traded_minute_end) over before_it as minutes_since,
        lag(trading_date) over series as previous_date,
        lag(close) over series as previous_close,
        coalesce(
            least(open, high, low, close) = lag(close) over series
            and greatest(open, high, low, close) = lag(close) over series,
            false
        ) as stands_still
    from bars
    where is_in_session
    window
        series as (partition by symbol, bar_interval order by bar_start),
        before_it as (
            partition by symbol, bar_interval
            order by bar_start
            rows between unbounded preceding and 1 preceding
        )

),

measured as (

    select
        *,
        cast(round(case when minutes_since < 0 then 0 else minutes_since end) as integer) as gap_minutes,
        abs(ln(close / previous_close)) as move,
        -- After a night or a hole prices have had longer to move.
        coalesce(previous_date <> trading_date, true) or minutes_since > 0 as is_after_pause,
        sum(case when stands_still then 0 else 1 end) over (
            partition by symbol, bar_interval
            order by bar_start
            rows between unbounded preceding and current row
        ) as run_number
    from followed

),

-- How far a series usually moves in a bar, by the sessions before: medians, so that a wrong price does
-- not raise what it is held against.
moves as (

    select
        symbol,
        bar_interval,
        is_after_pause,
        trading_date,
        {{ median('case when move > 0 then move end') }} as median_move
    from measured
    group by symbol, bar_interval, is_after_pause, trading_date

),

usual as (

    select
        symbol,
        bar_interval,
        is_after_pause,
        trading_date,
        case
            when count(median_move) over earlier >= {{ var('baseline_min_sessions') }}
                then {{ median('median_move') }} over earlier
        end as usual_move
    from moves
    window
        earlier as (
            partition by symbol, bar_interval, is_after_pause
            order by trading_date
            rows between {{ var('baseline_sessions') }} preceding and 1 preceding
        )

),

flagged as (

    select
        measured.symbol,
        measured.bar_interval,
        measured.bar_start,
        measured.gap_minutes,
        cast(
            round(
                sum(case when measured.stands_still then measured.traded_minutes else 0 end) over (
                    partition by measured.symbol, measured.bar_interval, measured.run_number
                    order by measured.bar_start
                    rows between unbounded preceding and current row
                )
            ) as integer
        ) as flat_minutes,
        measured.move / usual.usual_move as jump_ratio
    from measured
    left join usual
        on
            measured.symbol = usual.symbol
            and measured.bar_interval = usual.bar_interval
            and measured.is_after_pause = usual.is_after_pause
            and measured.trading_date = usual.trading_date

)

select
    bars.symbol,
    bars.instrument,
    bars.bar_interval,
    bars.bar_start,
    bars.bar_start_ist,
    bars.trading_date,
    bars.session_phase,
    bars.is_in_session,
    flagged.gap_minutes,
    flagged.flat_minutes,
    coalesce(flagged.flat_minutes >= {{ var('flat_minutes') }}, false) as is_flat,
    flagged.jump_ratio,
    coalesce(flagged.jump_ratio >= {{ var('jump_ratio') }}, false) as is_jump,
    bars.open,
    bars.high,
    bars.low,
    bars.close,
    bars.volume,
    bars.observed_at,
    bars.time_basis,
    bars.n_sightings
from bars
left join flagged
    on
        bars.symbol = flagged.symbol
        and bars.bar_interval = flagged.bar_interval
        and bars.bar_start = flagged.bar_start
