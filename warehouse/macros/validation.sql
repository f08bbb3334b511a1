{# Pearson's correlation from a count and sums; null of nothing and where either side does not vary. #}
{% macro correlation(n, x, y, xx, yy, xy) -%}
    (
        ({{ xy }} - {{ x }} * {{ y }} / nullif({{ n }}, 0))
        / nullif(sqrt(
            greatest(0, {{ xx }} - {{ x }} * {{ x }} / nullif({{ n }}, 0))
            * greatest(0, {{ yy }} - {{ y }} * {{ y }} / nullif({{ n }}, 0))
        ), 0)
    )
{%- endmacro %}

{# Fisher's z of a correlation, null of ±1, and back. #}
{% macro fisher_z(correlation) -%}
    (0.5 * ln(nullif(1 + {{ correlation }}, 0) / nullif(1 - {{ correlation }}, 0)))
{%- endmacro %}
{% macro from_fisher_z(z) -%}
    (1 - 2 / (exp(2 * ({{ z }})) + 1))
{%- endmacro %}

{#
  Twice the average rank of a value within its group, less the mean: an integer, so that sums of products
  are exact in any order of rows.
#}
{% macro centred_rank(value, group) -%}
    2 * rank() over (partition by {{ group }} order by {{ value }})
    + count(*) over (partition by {{ group }}, {{ value }})
    - count(*) over (partition by {{ group }}) - 2
{%- endmacro %}

{# Degrees of freedom of a mean over so many clusters: whole, as in seeds.student_t_quantiles. #}
{% macro degrees_of_freedom(clusters) -%}
    least(1000, greatest(1, cast(round({{ clusters }} - 1) as integer)))
{%- endmacro %}
