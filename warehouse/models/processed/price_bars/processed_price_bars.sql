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

calendar_days as (

    select * from {{ ref('processed_calendar_days') }}

)

select
    latest.symbol,
    coalesce(instruments.instrument, latest.symbol) as instrument,
    latest.bar_interval,
    latest.bar_start,
    latest.bar_start_ist,
    cast(latest.bar_start_ist as date) as trading_date,
    case
        when latest.bar_interval = '1d' then calendar_days.is_trading_day
        else
            calendar_days.is_trading_day
            and latest.bar_start >= calendar_days.open_at
            and latest.bar_start < calendar_days.close_at
    end as is_in_session,
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
left join calendar_days on cast(latest.bar_start_ist as date) = calendar_days.calendar_date
