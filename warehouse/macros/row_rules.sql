{#
  Row rules: a rule's name is the reason that a rejected row carries, its predicate is true for a
  row that breaks it. One place; the verdict models apply every rule, and a unit test breaks each.
#}
{% macro tweet_row_rules() %}
    {%- set counts = [
        'like_count', 'retweet_count', 'reply_count', 'quote_count', 'view_count', 'bookmark_count'
    ] -%}
    {{ return({
        'tweet_id_malformed': 'not ' ~ matches('tweet_id', '^([0-9]{1,20}|h[0-9a-f]{24})$'),
        'text_empty': "text_normalised = ''",
        'text_without_words': "text_normalised <> '' and not " ~ matches('text_normalised', '[\\p{L}\\p{N}\\p{So}]'),
        'text_unreadable':
            "length(text_normalised) - length(replace(text_normalised, '\ufffd', '')) > 0.1 * length(text_normalised)",
        'text_too_long': 'length(text_normalised) > 25000',
        'posted_at_unknown': 'posted_at is null',
        'posted_before_x': "posted_at < " ~ instant('2006-03-21 00:00:00+00'),
        'posted_in_future': "posted_at > coalesce(first_seen_at, first_landed_at) + interval '5 minutes'",
        'count_negative': 'least(' ~ zero_if_null(counts) ~ ') < 0',
        'count_absurd': 'greatest(' ~ zero_if_null(counts) ~ ') > 10000000000',
    }) }}
{% endmacro %}

{% macro price_bar_row_rules() %}
    {{ return({
        'price_missing': 'open is null or high is null or low is null or close is null',
        'price_not_positive': 'least(open, high, low, close) <= 0',
        'high_below_others': 'high < greatest(open, low, close)',
        'low_above_others': 'low > least(open, high, close)',
        'volume_negative': 'volume < 0',
        'bar_in_future': 'bar_start > first_landed_at',
    }) }}
{% endmacro %}

{# List of the reasons for which a row fails. #}
{% macro broken_rules(rules) %}
    {%- set reasons = [] -%}
    {%- for name, predicate in rules.items() -%}
        {%- do reasons.append("case when " ~ predicate ~ " then '" ~ name ~ "' end") -%}
    {%- endfor -%}
    {{ return(list_without_nulls(reasons)) }}
{% endmacro %}

{% macro zero_if_null(columns) %}
    {%- set parts = [] -%}
    {%- for column in columns -%}{%- do parts.append('coalesce(' ~ column ~ ', 0)') -%}{%- endfor -%}
    {{ return(parts | join(', ')) }}
{% endmacro %}
