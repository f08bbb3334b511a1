{# Weighted interactions on a log scale against a fixed cap: 0 for none, 1 at the cap and beyond. #}
{% macro engagement(likes, retweets, replies) -%}
    least(1.0, ln(1 + greatest(0, {{ zero_if_null([likes]) }} + 2 * {{ zero_if_null([retweets]) }}
        + 1.5 * {{ zero_if_null([replies]) }})) / ln(1 + {{ var('engagement_cap') }}))
{%- endmacro %}

{#
  Specificity less reach bait, in [-1, 1]. Numbers and cashtags say what is meant; hashtags beyond
  three, mentions and links fish for readers.
#}
{% macro custom_score(numbers, cashtags, hashtags, mentions, links) -%}
    (
        0.6 * least({{ numbers }}, 4) / 4 + 0.4 * least({{ cashtags }}, 2) / 2
        - 0.4 * least(greatest({{ hashtags }} - 3, 0), 7) / 7
        - 0.3 * least({{ mentions }}, 5) / 5
        - 0.3 * least({{ links }}, 2) / 2
    )
{%- endmacro %}

{# Below this a variance is the rounding of sums. #}
{% macro least_variance() %}1e-12{% endmacro %}

{# How an interval was made, or why there is none: too few authors, too few that matter, or no variance. #}
{% macro interval_method(authors, variance, name, effective=none) -%}
    case
        when {{ authors }} < {{ var('interval_min_authors') }} then 'none_few_authors'
        {%- if effective %}
        when coalesce({{ effective }}, 0) < {{ var('interval_min_effective') }} then 'none_few_effective'
        {%- endif %}
        when {{ variance }} > {{ least_variance() }} then '{{ name }}'
        else 'none_no_variance'
    end
{%- endmacro %}

{# Relation of the reporting windows, which end at the data's own clock: its newest valid post. #}
{% macro reporting_windows() -%}
    (
        select
            windows.window_name,
            clock.window_end,
            case
                when windows.window_name = '24h' then clock.window_end - interval '24 hours'
                when windows.window_name = '7d' then clock.window_end - interval '7 days'
                else clock.first_posted_at - interval '1 second'
            end as window_start
        from (
            select '24h' as window_name
            union all
            select '7d' as window_name
            union all
            select 'all' as window_name
        ) as windows
        cross join (
            select
                max(posted_at) as window_end,
                min(posted_at) as first_posted_at
            from {{ ref('validated_tweets') }}
        ) as clock
        where clock.window_end is not null
    )
{%- endmacro %}

{# Columns of signal_bars: whether its interval is honest, and the weighted spread of its posts. #}
{% macro has_interval() -%}
    n_voices >= {{ var('interval_min_authors') }}
    and n_effective >= {{ var('interval_min_effective') }}
    and variance > {{ least_variance() }}
{%- endmacro %}
{% macro post_std() %}sqrt(greatest(0, post_mean_square - post_mean * post_mean)){% endmacro %}

{#
  Sum of doubles that does not depend on the order of rows: each value is rounded once, and decimals
  add up exactly. Parallel sums of doubles differ in their last digits from run to run. With 15 decimals,
  sums below 9 are whole numbers that a double holds, and become one thirty times as fast as with 24.
#}
{% macro exact(value, decimals=15) -%}
    cast({{ value }} as decimal(38, {{ decimals }}))
{%- endmacro %}

{% macro exact_sum(value, decimals=15, over=none) -%}
    cast(sum({{ exact(value, decimals) }}){{ ' over ' ~ over if over }} as double)
{%- endmacro %}

{#
  The same for values below 9 (with 12 decimals, 9 million): as whole parts of 10^-decimals, which add up
  several times as fast; and the sum as a double again.
#}
{% macro parts(value, decimals=18) -%}
    {{ rounded('(' ~ value ~ ') * 1e' ~ decimals) }}
{%- endmacro %}

{% macro of_parts(total, decimals=18) -%}
    (cast({{ total }} as double) / 1e{{ decimals }})
{%- endmacro %}

{% macro exact_avg(value) -%}
    ({{ exact_sum(value) }} / count({{ value }}))
{%- endmacro %}

{#
  Quantile of a beta distribution at the upper-tail normal deviate z, in closed form (Abramowitz and
  Stegun 26.5.22): at 2.5 % and 97.5 % within 0.004 of the exact one where a and b are at least 2.
#}
{% macro beta_quantile(a, b, z) -%}
    {%- set harmonic -%} (2 / (1 / (2 * {{ a }} - 1) + 1 / (2 * {{ b }} - 1))) {%- endset -%}
    {%- set lambda -%} (({{ z }} * {{ z }} - 3) / 6) {%- endset -%}
    {%- set w -%}
    (
        {{ z }} * sqrt({{ harmonic }} + {{ lambda }}) / {{ harmonic }}
        - (1 / (2 * {{ b }} - 1) - 1 / (2 * {{ a }} - 1)) * ({{ lambda }} + 5.0 / 6 - 2 / (3 * {{ harmonic }}))
    )
    {%- endset -%}
    ({{ a }} / ({{ a }} + {{ b }} * exp(2 * {{ w }})))
{%- endmacro %}
