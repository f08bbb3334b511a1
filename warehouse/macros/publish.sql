{#
  Runs at the end of every dbt command. A whole `dbt build` of which nothing failed is copied to a
  new file that replaces the published one in a single rename; anything else leaves the published
  file as it was and says why.
#}
{% macro publish() %}
    {%- if execute and flags.WHICH == 'build' and target.type == 'duckdb' -%}
        {%- set root = data_root() -%}
        {%- set published = root ~ '/market_intel.duckdb' -%}
        {%- set done = results | map(attribute='node.unique_id') | list -%}
        {%- set failed = results | rejectattr('status', 'in', ['success', 'pass', 'warn', 'no-op']) | list -%}
        {%- set left_out = [] -%}
        {%- for node in graph.nodes.values() if node.resource_type in ('model', 'seed', 'test') and node.unique_id not in done -%}
            {%- do left_out.append(node.name) -%}
        {%- endfor -%}

        {%- if flags.EMPTY or flags.SAMPLE -%}
            {%- do log('NOT PUBLISHED: --empty and --sample build less than the data', info=true) -%}
        {%- elif failed -%}
            {%- do log('NOT PUBLISHED: ' ~ published ~ ' stays as it was, because these did not pass:', info=true) -%}
            {%- for result in failed if result.status != 'skipped' -%}
                {%- do log('  ' ~ result.status ~ ' ' ~ result.node.name ~ ': ' ~ (result.message or '') | trim, info=true) -%}
                {%- if result.node.name == 'assert_no_check_of_data_quality_fails' and result.status == 'fail' -%}
                    {%- do print_checks("status = 'fail'") -%}
                {%- endif -%}
            {%- endfor -%}
        {%- elif left_out -%}
            {%- do log('NOT PUBLISHED: a partial build (' ~ left_out | length ~ ' nodes left out, such as ' ~ left_out[0]
                ~ '); run dbt build without a selection to publish', info=true) -%}
        {%- else -%}
            {%- do drop_strangers() -%}
            {#- After a checkpoint the build's file is whole without its log, and a copy of it is a snapshot. -#}
            {%- do run_query('checkpoint') -%}
            {%- do run_query("select mi_publish('" ~ root ~ "/build/warehouse.duckdb', '" ~ published ~ "')") -%}
            {%- do print_checks("check_name like 'every %' or status <> 'pass'") -%}
            {%- do log('PUBLISHED ' ~ published, info=true) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

{# Checks of the data as lines of the build's output; one that fails says what it counts. #}
{% macro print_checks(condition) %}
    {%- set checks = run_query(
        "select status, entity, check_name, expected, observed, meaning from "
        ~ graph.nodes['model.market_intel.marts_data_quality'].relation_name
        ~ " where " ~ condition ~ " order by status, entity, check_name"
    ) -%}
    {%- for status, entity, name, expected, observed, meaning in checks.rows -%}
        {%- do log(
            status ~ ' ' ~ entity ~ ': ' ~ name ~ ' (expected ' ~ readable(expected) ~ ', found ' ~ readable(observed) ~ ')'
            ~ (': ' ~ meaning if status == 'fail' else ''), info=true
        ) -%}
    {%- endfor -%}
{% endmacro %}

{% macro readable(number) %}
    {{ return('nothing' if number is none else '{:,}'.format(number | int) if number == number | int else '{:.4f}'.format(number)) }}
{% endmacro %}

{# What an older version of the project left in the build's file is no part of this build. #}
{% macro drop_strangers() %}
    {%- set ours = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type in ('model', 'seed') -%}
        {%- do ours.append(node.schema ~ '.' ~ node.alias) -%}
    {%- endfor -%}
    {%- set found = run_query(
        "select 'table', schema_name, table_name from duckdb_tables() where database_name = '" ~ target.database ~ "'"
        ~ " union all select 'view', schema_name, view_name from duckdb_views()"
        ~ " where not internal and database_name = '" ~ target.database ~ "'"
    ) -%}
    {%- for kind, schema, name in found.rows if schema ~ '.' ~ name not in ours -%}
        {%- do run_query('drop ' ~ kind ~ ' "' ~ schema ~ '"."' ~ name ~ '"') -%}
    {%- endfor -%}
{% endmacro %}
