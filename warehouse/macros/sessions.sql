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
#}
{% macro session_phase(instant, day, phases) -%}
    case
        when {{ day }}.is_trading_day is null then null
        when not {{ day }}.is_trading_day then 'closed'
        when {{ day }}.is_regular_hours then {{ phases }}.phase
        when {{ day }}.open_at is null then 'unknown'
        when {{ instant }} >= {{ day }}.open_at and {{ instant }} < {{ day }}.close_at then 'special_session'
        else 'closed'
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
