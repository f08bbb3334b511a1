-- One row per distinct text and model version. A text is scored once, whatever posts carry it;
-- what no post carries any more, or another version scored, goes.
{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    post_hook="delete from {{ this }} where content_hash not in (select content_hash from {{ ref('validated_tweets') }})
        or model_version not in (select model_version from {{ ref('signals_text_models') }})"
) }}

with

texts as (

    select distinct
        content_hash,
        text_normalised
    from {{ ref('validated_tweets') }}

),

models as (

    select * from {{ ref('signals_text_models') }}

),

unscored as (

    select
        texts.content_hash,
        texts.text_normalised,
        models.topic_version,
        models.model_version
    from texts
    cross join models
    {% if is_incremental_run() -%}
        left join {{ this }} as scored
            on texts.content_hash = scored.content_hash and models.model_version = scored.model_version
        where scored.content_hash is null
    {%- endif %}

),

scored as (

    select
        content_hash,
        model_version,
        mi_score_text(text_normalised, topic_version) as score
    from unscored

)

select
    content_hash,
    model_version,
    score.sentiment as sentiment,
    score.sentiment_label as sentiment_label,
    score.p_view as p_view,
    score.p_up as p_up,
    score.p_promo as p_promo,
    score.content_class as content_class,
    {{ float_array('score.components', 50) }} as components,
    score.terms as terms,
    score.term_weights as term_weights,
    score.evidence as evidence
from scored
