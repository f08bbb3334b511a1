-- One row per calendar day that the exchange calendar covers.

with

coverage as (

    select
        cast(first_date as date) as first_date,
        cast(last_date as date) as last_date
    from {{ ref('exchange_calendar_coverage') }}

),

holidays as (

    select cast(holiday_date as date) as holiday_date from {{ ref('exchange_holidays') }}

),

special_sessions as (

    select
        cast(session_date as date) as session_date,
        session_kind,
        open_ist,
        break_start_ist,
        break_end_ist,
        close_ist
    from {{ ref('exchange_special_sessions') }}

),

hours as (

    select
        cast(first_date as date) as first_date,
        lead(cast(first_date as date)) over (order by first_date) as next_date,
        open_ist,
        closing_auction_ist,
        close_ist
    from {{ ref('exchange_hours') }}

),

days as (

    select {{ days_between('first_date', 'last_date') }} as calendar_date from coverage

),

sessions as (

    select
        days.calendar_date,
        special_sessions.session_date is not null
        or ({{ is_weekday('days.calendar_date') }} and holidays.holiday_date is null)
            as is_trading_day,
        coalesce(special_sessions.session_kind, 'regular') as session_kind,
        special_sessions.session_date is null
        or coalesce(
            special_sessions.open_ist = hours.open_ist
            and special_sessions.close_ist = hours.close_ist
            and special_sessions.break_start_ist is null,
            false
        ) as is_regular_hours,
        case
            when special_sessions.session_date is null then hours.open_ist else special_sessions.open_ist
        end as open_ist,
        special_sessions.break_start_ist,
        special_sessions.break_end_ist,
        hours.closing_auction_ist,
        -- Where nobody wrote down a special session's hours, its posts still need a trading date.
        coalesce(special_sessions.close_ist, hours.close_ist) as close_ist
    from days
    left join holidays on days.calendar_date = holidays.holiday_date
    left join special_sessions on days.calendar_date = special_sessions.session_date
    left join hours
        on
            days.calendar_date >= hours.first_date
            and (days.calendar_date < hours.next_date or hours.next_date is null)

),

timed as (

    select
        calendar_date,
        is_trading_day,
        case when is_trading_day then session_kind end as session_kind,
        is_regular_hours,
        {% for moment in ['open', 'break_start', 'break_end', 'close'] %}
            case
                when is_trading_day then {{ from_ist(at_clock('calendar_date', moment ~ '_ist')) }}
            end as {{ moment }}_at,
        {% endfor %}
        case
            when is_trading_day and is_regular_hours
                then {{ from_ist(at_clock('calendar_date', 'closing_auction_ist')) }}
        end as closing_auction_at
    from sessions

)

select
    calendar_date,
    is_trading_day,
    session_kind,
    is_regular_hours,
    open_at,
    break_start_at,
    break_end_at,
    closing_auction_at,
    close_at,
    -- The session whose day this is: the day's own, or the next one.
    min(case when is_trading_day then calendar_date end) over (
        order by calendar_date rows between current row and unbounded following
    ) as trading_date,
    min(case when is_trading_day then calendar_date end) over (
        order by calendar_date rows between 1 following and unbounded following
    ) as next_trading_date
from timed
