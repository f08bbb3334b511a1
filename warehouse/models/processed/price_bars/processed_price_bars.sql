-- One row per symbol, interval and bar: its latest sighting, with the row rules that it breaks.

with

ordered as (

    select
        *,
        row_number() over (
            partition by symbol, bar_interval, bar_start
            order by observed_at desc nulls last, payload_hash desc, sighting_id desc
        ) as newest,
        count(*) over (partition by symbol, bar_interval, bar_start) as n_sightings,
        min(landed_at) over (partition by symbol, bar_interval, bar_start) as first_landed_at
    from {{ ref('raw_price_bars') }}

),

latest as (

    select
        *,
        bar_start + {{ bar_minutes('bar_interval') }} * interval '1 minute' as bar_end,
        {{ to_ist('bar_start') }} as bar_start_ist
    from ordered
    where newest = 1

),

instruments as (

    select
        price_symbol,
        instrument
    from {{ ref('instruments') }}
    where price_symbol is not null

),

session_phases as (

    select * from {{ session_phase_minutes() }} as minutes

),

traded as (

    select
        days.*,
        {{ traded_minutes('days.close_at', 'days') }} as day_minutes
    from {{ ref('processed_calendar_days') }} as days

),

-- A clock that stands still while the exchange is closed, so that nights are no gaps.
days as (

    select
        *,
        sum(day_minutes) over (
            order by calendar_date rows between unbounded preceding and current row
        ) - day_minutes as minutes_before
    from traded

)

select
    latest.symbol,
    coalesce(instruments.instrument, latest.symbol) as instrument,
    latest.bar_interval,
    latest.bar_start,
    latest.bar_start_ist,
    cast(latest.bar_start_ist as date) as trading_date,
    case
        when latest.bar_interval <> '1d'
            then {{ session_phase('latest.bar_start', 'days', 'session_phases') }}
        when days.is_trading_day then 'full_day'
        when not days.is_trading_day then 'closed'
    end as session_phase,
    case
        when latest.bar_interval = '1d' then days.is_trading_day
        else {{ is_in_session('latest.bar_start', 'latest.bar_end', 'days') }}
    end as is_in_session,
    days.minutes_before
    + {{ traded_minutes('latest.bar_start', 'days') }} as traded_minute_start,
    days.minutes_before
    + {{ traded_minutes('latest.bar_end', 'days') }} as traded_minute_end,
    latest.open,
    latest.high,
    latest.low,
    latest.close,
    latest.volume,
    latest.observed_at,
    latest.time_basis,
    latest.n_sightings,
    {{ broken_rules(price_bar_row_rules()) }} as broken_rules
from latest
left join instruments on latest.symbol = instruments.price_symbol
left join days on cast(latest.bar_start_ist as date) = days.calendar_date
left join session_phases
    on
        {{ minute_of_day('latest.bar_start_ist') }} >= session_phases.start_minute_ist
        and {{ minute_of_day('latest.bar_start_ist') }} < session_phases.end_minute_ist
