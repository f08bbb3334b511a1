{# A model's folder is its schema, and its table is its name without the schema: raw_tweets → raw.tweets. #}
{% macro generate_schema_name(custom_schema_name, node) %}
    {{- custom_schema_name or target.schema -}}
{% endmacro %}

{% macro generate_alias_name(custom_alias_name, node) %}
    {%- set prefix = (node.config.schema or '') ~ '_' -%}
    {%- if custom_alias_name -%}
        {{ custom_alias_name }}
    {%- elif node.resource_type == 'model' and node.name.startswith(prefix) -%}
        {{ node.name[prefix | length:] }}
    {%- else -%}
        {{ node.name }}
    {%- endif -%}
{% endmacro %}
