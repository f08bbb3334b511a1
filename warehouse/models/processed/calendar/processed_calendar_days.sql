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
        close_ist
    from {{ ref('exchange_special_sessions') }}

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
        case
            when special_sessions.session_date is null then '09:15' else special_sessions.open_ist
        end as open_ist,
        -- Where nobody wrote down a special session's hours, its posts still need a trading date.
        coalesce(special_sessions.close_ist, '15:30') as close_ist
    from days
    left join holidays on days.calendar_date = holidays.holiday_date
    left join special_sessions on days.calendar_date = special_sessions.session_date

),

timed as (

    select
        calendar_date,
        is_trading_day,
        case when is_trading_day then session_kind end as session_kind,
        coalesce(open_ist = '09:15' and close_ist = '15:30', false) as is_regular_hours,
        case when is_trading_day then {{ from_ist(at_clock('calendar_date', 'open_ist')) }} end as open_at,
        case when is_trading_day then {{ from_ist(at_clock('calendar_date', 'close_ist')) }} end as close_at
    from sessions

)

select
    calendar_date,
    is_trading_day,
    session_kind,
    is_regular_hours,
    open_at,
    close_at,
    -- The session whose day this is: the day's own, or the next one.
    min(case when is_trading_day then calendar_date end) over (
        order by calendar_date rows between current row and unbounded following
    ) as trading_date,
    min(case when is_trading_day then calendar_date end) over (
        order by calendar_date rows between 1 following and unbounded following
    ) as next_trading_date
from timed
