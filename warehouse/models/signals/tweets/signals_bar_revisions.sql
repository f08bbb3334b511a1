-- One row per bar and version of it that a published file held and a later build changed.
-- The published file is the memory: its own revisions are carried over.

{% set values = [
    'n_posts', 'n_authors', 'n_effective', 'score', 'se', 'ci_low', 'ci_high', 'score_one_vote', 'dispersion',
    'top_author_share', 'z_score', 'buzz', 'delta', 'score_available_at', 'available_at', 'model_version',
] %}
{% set keys = ['channel', 'instrument', 'bar_interval', 'bar_start'] %}
{% set published_bars = published('marts.signal_bars', keys + values) %}
{% set published_revisions = published(
    'signals.bar_revisions', keys + values + ['superseded_at', 'reason']
) %}

with

bars as (

    select * from {{ ref('marts_signal_bars') }}

),

published_bars as (

    {% if published_bars is none %}
        select * from bars
        where false
    {% else %}
    select * from {{ published_bars }}
    {% endif %}

),

changed as (

    select
        {% for column in keys + values %}
            published_bars.{{ column }},
        {% endfor %}
        {{ instant(run_started_at.strftime('%Y-%m-%d %H:%M:%S.%f+00')) }} as superseded_at,
        case
            when bars.channel is null then 'withdrawn'
            when bars.n_posts <> published_bars.n_posts then 'n_posts'
            when bars.model_version <> published_bars.model_version then 'model_version'
            else 'values'
        end as reason
    from published_bars
    left join bars
        on
            published_bars.channel = bars.channel
            and published_bars.instrument = bars.instrument
            and published_bars.bar_interval = bars.bar_interval
            and published_bars.bar_start = bars.bar_start
    where
        bars.channel is null
        {% for column in values if column != 'model_version' %}
            or published_bars.{{ column }} is distinct from bars.{{ column }}
        {% endfor %}

)

select
    {% for column in keys + values %}
        {{ column }},
    {% endfor %}
    superseded_at,
    reason
from changed
{% if published_revisions is not none %}

union all

select
    {% for column in keys + values %}
    {{ column }},
    {% endfor %}
    superseded_at,
    reason
from {{ published_revisions }}
{% endif %}
