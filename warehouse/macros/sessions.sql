{# Relation of the phases of a regular day, in minutes since midnight IST. #}
{% macro session_phase_minutes() -%}
    (
        select
            phase,
            {{ minute_of_clock('start_ist') }} as start_minute_ist,
            {{ minute_of_clock('end_ist') }} as end_minute_ist
        from {{ ref('session_phases') }}
    )
{%- endmacro %}

{#
  Where in the exchange's day an instant lies. `day` is the alias of its processed.calendar_days row,
  `phases` that of the session_phase_minutes row of its clock time. Beyond the calendar it is unknown.
  A special session is one phase, with the quarter of an hour before it in which orders are taken.
#}
{% macro session_phase(instant, day, phases) -%}
    case
        when {{ day }}.is_trading_day is null then null
        when not {{ day }}.is_trading_day then 'closed'
        when
            {{ day }}.is_regular_hours
            and {{ instant }} >= {{ day }}.closing_auction_at
            and {{ instant }} < {{ day }}.close_at
            then 'closing_auction'
        when {{ day }}.is_regular_hours then {{ phases }}.phase
        when {{ day }}.open_at is null then 'unknown'
        when {{ instant }} >= {{ day }}.break_start_at and {{ instant }} < {{ day }}.break_end_at then 'closed'
        when
            {{ instant }} >= {{ day }}.open_at - interval '15 minutes' and {{ instant }} < {{ day }}.close_at
            then 'special_session'
        else 'closed'
    end
{%- endmacro %}

{# Whether some of the time from `start` to `finish` lies in the cash session of that day; null where unknown. #}
{% macro is_in_session(start, finish, day) -%}
    case
        when not {{ day }}.is_trading_day then false
        when {{ day }}.open_at is not null
            then
                {{ finish }} > {{ day }}.open_at
                and {{ start }} < {{ day }}.close_at
                and not coalesce(
                    {{ start }} >= {{ day }}.break_start_at and {{ finish }} <= {{ day }}.break_end_at, false
                )
    end
{%- endmacro %}

{# Minutes of continuous trading in that day's session before an instant; 0 where its hours are not known. #}
{% macro traded_minutes(instant, day) -%}
    {%- set until = 'least(' ~ instant ~ ', coalesce(' ~ day ~ '.closing_auction_at, ' ~ day ~ '.close_at))' -%}
    {%- set resumed = 'least(' ~ instant ~ ', ' ~ day ~ '.break_end_at)' -%}
    case
        when {{ day }}.open_at is null then 0
        else
            greatest(0, {{ seconds_between(day ~ '.open_at', until) }}) / 60
            - case
                when {{ day }}.break_end_at is null then 0
                else greatest(0, {{ seconds_between(day ~ '.break_start_at', resumed) }}) / 60
            end
    end
{%- endmacro %}

{# Minutes of a bar by its interval: 3min, 1h; a daily bar counts as the longest. #}
{% macro bar_minutes(bar_interval) -%}
    case
        when {{ bar_interval }} like '%min' then cast(replace({{ bar_interval }}, 'min', '') as integer)
        when {{ bar_interval }} like '%h' then cast(replace({{ bar_interval }}, 'h', '') as integer) * 60
        else 1440
    end
{%- endmacro %}

{#
  Order of the price series of an instrument in a session: the finest first, of those that cover `least` of it.
  A series with holes is no better for being finer.
#}
{% macro finest_series(covered, least) -%}
    case when {{ covered }} >= {{ least }} then 0 else 1 end, minutes, symbol
{%- endmacro %}
