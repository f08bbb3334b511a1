{#
  Everything that DuckDB and Spark spell differently, and nothing else. Each macro is dispatched:
  the plain name is what models call.
#}

{# The data root, for use within quotes. #}
{% macro data_root() %}{{ return(env_var('MARKET_INTEL_DATA', 'data') | replace("'", "''")) }}{% endmacro %}

{# Relation over an entity's landed Parquet files; a typed empty one where nothing has landed. #}
{% macro landed(entity) %}{{ return(adapter.dispatch('landed', 'market_intel')(entity)) }}{% endmacro %}

{% macro duckdb__landed(entity) %}
    {%- set pattern = data_root() ~ '/raw/' ~ entity ~ '/dt=*/*.parquet' -%}
    {%- set found = run_query("select count(*) from glob('" ~ pattern ~ "')") if execute else none -%}
    {%- set files = ["'" ~ data_root() ~ '/build/empty/' ~ entity ~ ".parquet'"] -%}
    {%- if not found or found.columns[0].values()[0] > 0 -%}
        {%- do files.append("'" ~ pattern ~ "'") -%}
    {%- endif -%}
    {#- The empty file holds today's schema: columns that older files lack are null. -#}
    read_parquet([{{ files | join(', ') }}], hive_partitioning = false, union_by_name = true)
{%- endmacro %}

{% macro spark__landed(entity) %}
    {%- set pattern = data_root() ~ '/raw/' ~ entity ~ '/dt=*/*.parquet' -%}
    parquet.`{{ pattern }}`
{%- endmacro %}

{# In an incremental run. Spelt out, since compiling for an engine that is not there must not ask it. #}
{% macro is_incremental_run() %}
    {{ return(flags.WHICH in ('run', 'build') and is_incremental()) }}
{% endmacro %}

{# Aggregate: the value of the row with the greatest rank among rows where it is known. #}
{% macro latest(column, rank) %}{{ return(adapter.dispatch('latest', 'market_intel')(column, rank)) }}{% endmacro %}
{% macro duckdb__latest(column, rank) %}arg_max({{ column }}, {{ rank }}){% endmacro %}
{% macro spark__latest(column, rank) %}max_by({{ column }}, {{ rank }}) filter (where {{ column }} is not null){% endmacro %}

{# Aggregate, in a window too: the median. #}
{% macro median(column) %}{{ return(adapter.dispatch('median', 'market_intel')(column)) }}{% endmacro %}
{% macro duckdb__median(column) %}median({{ column }}){% endmacro %}
{% macro spark__median(column) %}percentile({{ column }}, 0.5){% endmacro %}

{# IST wall clock of an instant, and back. India has had no daylight saving since 1945. #}
{% macro to_ist(instant) %}{{ return(adapter.dispatch('to_ist', 'market_intel')(instant)) }}{% endmacro %}
{% macro duckdb__to_ist(instant) %}timezone('Asia/Kolkata', {{ instant }}){% endmacro %}
{% macro spark__to_ist(instant) %}cast(from_utc_timestamp({{ instant }}, 'Asia/Kolkata') as timestamp_ntz){% endmacro %}

{% macro from_ist(wall_clock) %}{{ return(adapter.dispatch('from_ist', 'market_intel')(wall_clock)) }}{% endmacro %}
{% macro duckdb__from_ist(wall_clock) %}timezone('Asia/Kolkata', cast({{ wall_clock }} as timestamp)){% endmacro %}
{% macro spark__from_ist(wall_clock) %}to_utc_timestamp({{ wall_clock }}, 'Asia/Kolkata'){% endmacro %}

{# A wall clock from a date and 'HH:MM'. #}
{% macro at_clock(day, clock) %}{{ return(adapter.dispatch('at_clock', 'market_intel')(day, clock)) }}{% endmacro %}
{% macro duckdb__at_clock(day, clock) %}({{ day }} + cast({{ clock }} as time)){% endmacro %}
{% macro spark__at_clock(day, clock) %}to_timestamp(concat({{ day }}, ' ', {{ clock }})){% endmacro %}

{# Minutes since midnight of a wall clock. #}
{% macro minute_of_day(wall_clock) -%}
    (extract(hour from {{ wall_clock }}) * 60 + extract(minute from {{ wall_clock }}))
{%- endmacro %}

{# Start of the bar of so many minutes that holds an instant; bars are anchored at 09:15 IST. #}
{% macro bar_start(instant, minutes) %}{{ return(adapter.dispatch('bar_start', 'market_intel')(instant, minutes)) }}{% endmacro %}
{% macro duckdb__bar_start(instant, minutes) -%}
    time_bucket(interval '{{ minutes }} minutes', {{ instant }}, timestamptz '2000-01-03 03:45:00+00')
{%- endmacro %}
{% macro spark__bar_start(instant, minutes) -%}
    timestamp_seconds(floor((unix_timestamp({{ instant }}) - 946871100) / ({{ minutes }} * 60)) * ({{ minutes }} * 60) + 946871100)
{%- endmacro %}

{# One row per day from first to last, both included. #}
{% macro days_between(first_day, last_day) %}{{ return(adapter.dispatch('days_between', 'market_intel')(first_day, last_day)) }}{% endmacro %}
{% macro duckdb__days_between(first_day, last_day) -%}
    unnest(cast(range({{ first_day }}, {{ last_day }} + interval '1 day', interval '1 day') as date[]))
{%- endmacro %}
{% macro spark__days_between(first_day, last_day) -%}
    explode(sequence({{ first_day }}, {{ last_day }}, interval '1 day'))
{%- endmacro %}

{# Table function in select: a row per element. #}
{% macro each(list) %}{{ return(adapter.dispatch('each', 'market_intel')(list)) }}{% endmacro %}
{% macro duckdb__each(list) %}unnest({{ list }}){% endmacro %}
{% macro spark__each(list) %}explode({{ list }}){% endmacro %}

{# List literal without its nulls. #}
{% macro list_without_nulls(expressions) %}{{ return(adapter.dispatch('list_without_nulls', 'market_intel')(expressions)) }}{% endmacro %}
{% macro duckdb__list_without_nulls(expressions) -%}
    list_filter([{{ expressions | join(', ') }}], lambda x: x is not null)
{%- endmacro %}
{% macro spark__list_without_nulls(expressions) -%}
    filter(array({{ expressions | join(', ') }}), x -> x is not null)
{%- endmacro %}

{# Sorted, distinct, without nulls. #}
{% macro list_sorted_distinct(list) %}{{ return(adapter.dispatch('list_sorted_distinct', 'market_intel')(list)) }}{% endmacro %}
{% macro duckdb__list_sorted_distinct(list) %}list_sort(list_distinct({{ list }})){% endmacro %}
{% macro spark__list_sorted_distinct(list) %}array_sort(array_distinct(array_compact({{ list }}))){% endmacro %}

{# An empty list where there is none. #}
{% macro empty_if_null(list) %}{{ return(adapter.dispatch('empty_if_null', 'market_intel')(list)) }}{% endmacro %}
{% macro duckdb__empty_if_null(list) %}coalesce({{ list }}, []){% endmacro %}
{% macro spark__empty_if_null(list) %}coalesce({{ list }}, array()){% endmacro %}

{% macro list_concat(first, second) %}{{ return(adapter.dispatch('list_concat', 'market_intel')(first, second)) }}{% endmacro %}
{% macro duckdb__list_concat(first, second) %}list_concat({{ first }}, {{ second }}){% endmacro %}
{% macro spark__list_concat(first, second) %}concat(coalesce({{ first }}, array()), coalesce({{ second }}, array())){% endmacro %}

{% macro list_length(list) %}{{ return(adapter.dispatch('list_length', 'market_intel')(list)) }}{% endmacro %}
{% macro duckdb__list_length(list) %}len({{ list }}){% endmacro %}
{% macro spark__list_length(list) %}size({{ list }}){% endmacro %}

{# First element; null of an empty list. #}
{% macro list_first(list) %}{{ return(adapter.dispatch('list_first', 'market_intel')(list)) }}{% endmacro %}
{% macro duckdb__list_first(list) %}{{ list }}[1]{% endmacro %}
{% macro spark__list_first(list) %}(case when size({{ list }}) > 0 then {{ list }}[0] end){% endmacro %}

{% macro list_overlap(first, second) %}{{ return(adapter.dispatch('list_overlap', 'market_intel')(first, second)) }}{% endmacro %}
{% macro duckdb__list_overlap(first, second) %}len(list_intersect({{ first }}, {{ second }})){% endmacro %}
{% macro spark__list_overlap(first, second) %}size(array_intersect({{ first }}, {{ second }})){% endmacro %}

{# Aggregate: distinct known values as a sorted list. #}
{% macro collect_distinct(column) %}{{ return(adapter.dispatch('collect_distinct', 'market_intel')(column)) }}{% endmacro %}
{% macro duckdb__collect_distinct(column) -%}
    coalesce(list(distinct {{ column }} order by {{ column }}) filter (where {{ column }} is not null), [])
{%- endmacro %}
{% macro spark__collect_distinct(column) %}array_sort(collect_set({{ column }})){% endmacro %}

{# Aggregate: values as a list in a stated order. #}
{% macro collect_ordered(column, order) %}{{ return(adapter.dispatch('collect_ordered', 'market_intel')(column, order)) }}{% endmacro %}
{% macro duckdb__collect_ordered(column, order) %}list({{ column }} order by {{ order }}){% endmacro %}
{% macro spark__collect_ordered(column, order) -%}
    transform(array_sort(collect_list(struct({{ order }} as o, {{ column }} as v))), x -> x.v)
{%- endmacro %}

{# All matches of a pattern's first group, lower-cased. #}
{% macro extract_all(text, pattern) %}{{ return(adapter.dispatch('extract_all', 'market_intel')(text, pattern)) }}{% endmacro %}
{% macro duckdb__extract_all(text, pattern) %}regexp_extract_all(lower({{ text }}), '{{ pattern }}', 1){% endmacro %}
{% macro spark__extract_all(text, pattern) %}regexp_extract_all(lower({{ text }}), r'{{ pattern }}', 1){% endmacro %}

{% macro matches(text, pattern) %}{{ return(adapter.dispatch('matches', 'market_intel')(text, pattern)) }}{% endmacro %}
{% macro duckdb__matches(text, pattern) %}regexp_matches({{ text }}, '{{ pattern }}'){% endmacro %}
{% macro spark__matches(text, pattern) %}({{ text }} rlike r'{{ pattern }}'){% endmacro %}

{% macro sha256_hex(text) %}{{ return(adapter.dispatch('sha256_hex', 'market_intel')(text)) }}{% endmacro %}
{% macro duckdb__sha256_hex(text) %}sha256({{ text }}){% endmacro %}
{% macro spark__sha256_hex(text) %}sha2({{ text }}, 256){% endmacro %}

{# Array of a fixed length of 32-bit floats. #}
{% macro float_array(list, length) %}{{ return(adapter.dispatch('float_array', 'market_intel')(list, length)) }}{% endmacro %}
{% macro duckdb__float_array(list, length) %}cast({{ list }} as float[{{ length }}]){% endmacro %}
{% macro spark__float_array(list, length) %}cast({{ list }} as array<float>){% endmacro %}

{#
  Distinct word 3-grams of a text as 64-bit hashes; of fewer than three words, the text itself.
  A word is what stands between spaces, lower-cased.
#}
{% macro shingles(text) %}{{ return(adapter.dispatch('shingles', 'market_intel')(text)) }}{% endmacro %}
{% macro duckdb__shingles(text) -%}
    {%- set words = "string_split(lower(" ~ text ~ "), ' ')" -%}
    list_sort(list_distinct(
        case
            when len({{ words }}) < 3 then [hash(lower({{ text }}))]
            else list_transform(
                range(1, len({{ words }}) - 1),
                lambda i: hash({{ words }}[i] || ' ' || {{ words }}[i + 1] || ' ' || {{ words }}[i + 2])
            )
        end
    ))
{%- endmacro %}
{% macro spark__shingles(text) -%}
    {%- set words = "split(lower(" ~ text ~ "), ' ')" -%}
    array_sort(array_distinct(
        case
            when size({{ words }}) < 3 then array(xxhash64(lower({{ text }})))
            else transform(
                sequence(0, size({{ words }}) - 3),
                i -> xxhash64({{ words }}[i] || ' ' || {{ words }}[i + 1] || ' ' || {{ words }}[i + 2])
            )
        end
    ))
{%- endmacro %}

{#
  Connected components of an undirected graph: (node, component), where the component is its
  smallest node. `edges` is a relation, `source` and `target` its columns.
#}
{% macro connected_components(edges, source, target) %}{{ return(adapter.dispatch('connected_components', 'market_intel')(edges, source, target)) }}{% endmacro %}
{% macro duckdb__connected_components(edges, source, target) -%}
    with recursive arcs as (
        select {{ source }} as a, {{ target }} as b from {{ edges }}
        union all
        select {{ target }} as a, {{ source }} as b from {{ edges }}
    ),

    reached (node, component) using key (node) as (
        select a as node, min(least(a, b)) as component from arcs group by a

        union

        -- Grouped before the comparison: DuckDB takes a recursion's tables for short, and would pair all nodes.
        select
            offered.node,
            offered.component
        from (
            select arcs.b as node, min(reached.component) as component
            from reached inner join arcs on reached.node = arcs.a
            group by arcs.b
        ) as offered
        inner join recurring.reached as known on offered.node = known.node
        where offered.component < known.component
    )

    select node, component from reached
{%- endmacro %}
{# Parses, and does not run yet: Spark 4.3 allows only `union all` in a recursive query. #}
{% macro spark__connected_components(edges, source, target) -%}
    with recursive arcs as (
        select {{ source }} as a, {{ target }} as b from {{ edges }}
        union all
        select {{ target }} as a, {{ source }} as b from {{ edges }}
    ),

    reached (node, component) as (
        select a as node, a as component from arcs
        union
        select arcs.b as node, reached.component
        from reached inner join arcs on reached.node = arcs.a
        where reached.component < arcs.b
    )

    select node, min(component) as component from reached group by node
{%- endmacro %}

{# Tags as stated by a capture: lower-cased, and only what can be a tag. #}
{% macro stated_tags(list) %}{{ return(adapter.dispatch('stated_tags', 'market_intel')(list)) }}{% endmacro %}
{% macro duckdb__stated_tags(list) -%}
    list_filter(
        list_transform(coalesce({{ list }}, []), lambda x: lower(x)),
        lambda x: regexp_full_match(x, '[\p{L}\p{M}\p{N}_]+')
    )
{%- endmacro %}
{% macro spark__stated_tags(list) -%}
    filter(transform(coalesce({{ list }}, array()), x -> lower(x)), x -> x rlike r'^[\p{L}\p{M}\p{N}_]+$')
{%- endmacro %}

{# Minutes since midnight of 'HH:MM'. #}
{% macro minute_of_clock(clock) -%}
    (cast(substr({{ clock }}, 1, 2) as integer) * 60 + cast(substr({{ clock }}, 4, 2) as integer))
{%- endmacro %}

{# Monday to Friday. #}
{% macro is_weekday(day) %}{{ return(adapter.dispatch('is_weekday', 'market_intel')(day)) }}{% endmacro %}
{% macro duckdb__is_weekday(day) %}(isodow({{ day }}) <= 5){% endmacro %}
{% macro spark__is_weekday(day) %}(weekday({{ day }}) <= 4){% endmacro %}

{# Literal instant. #}
{% macro instant(text) %}{{ return(adapter.dispatch('instant', 'market_intel')(text)) }}{% endmacro %}
{% macro duckdb__instant(text) %}timestamptz '{{ text }}'{% endmacro %}
{% macro spark__instant(text) %}timestamp '{{ text }}'{% endmacro %}

{# In select: a row per position of two lists of one length. #}
{% macro each_pair(first, second, first_name, second_name) %}{{ return(adapter.dispatch('each_pair', 'market_intel')(first, second, first_name, second_name)) }}{% endmacro %}
{% macro duckdb__each_pair(first, second, first_name, second_name) -%}
    unnest({{ first }}) as {{ first_name }},
        unnest({{ second }}) as {{ second_name }}
{%- endmacro %}
{% macro spark__each_pair(first, second, first_name, second_name) -%}
    explode(map_from_arrays({{ first }}, {{ second }})) as ({{ first_name }}, {{ second_name }})
{%- endmacro %}

{# The nearest whole number below 9e18 in size, of a type whose sums do not overflow. #}
{% macro rounded(value) %}{{ return(adapter.dispatch('rounded', 'market_intel')(value)) }}{% endmacro %}
{% macro duckdb__rounded(value) %}cast({{ value }} as bigint){% endmacro %}
{% macro spark__rounded(value) %}cast({{ value }} as decimal(19, 0)){% endmacro %}

{# Seconds from one instant to another, as a double. #}
{% macro seconds_between(first, last) %}{{ return(adapter.dispatch('seconds_between', 'market_intel')(first, last)) }}{% endmacro %}
{% macro duckdb__seconds_between(first, last) %}((epoch_us({{ last }}) - epoch_us({{ first }})) / 1e6){% endmacro %}
{% macro spark__seconds_between(first, last) %}(cast({{ last }} as double) - cast({{ first }} as double)){% endmacro %}

{#
  A table as the published file has it, before this build replaces that; null where there is none, or where it
  lacks one of the columns.
#}
{% macro published(table, columns) %}{{ return(adapter.dispatch('published', 'market_intel')(table, columns)) }}{% endmacro %}
{% macro duckdb__published(table, columns) %}
    {%- if execute and flags.WHICH in ('build', 'run') -%}
        {%- set file = data_root() ~ '/market_intel.duckdb' -%}
        {%- if run_query("select count(*) from glob('" ~ file ~ "')").rows[0][0] -%}
            {%- do run_query("attach if not exists '" ~ file ~ "' as published (read_only)") -%}
            {%- set found = run_query(
                "select count(*) from duckdb_columns() where database_name = 'published' and schema_name || '.' || table_name = '"
                ~ table ~ "' and column_name in ('" ~ columns | join("', '") ~ "')"
            ).rows[0][0] -%}
            {%- if found == columns | length -%}{{ return('published.' ~ table) }}{%- endif -%}
        {%- endif -%}
    {%- endif -%}
    {{ return(none) }}
{% endmacro %}
{% macro spark__published(table, columns) %}{{ return(none) }}{% endmacro %}
