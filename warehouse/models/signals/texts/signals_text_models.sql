-- One row: the fitted models that score texts in this build. The topic basis is fitted here on a
-- root's first build, on the texts with the least hashes, which is a sample that no order of arrival
-- changes.

with

texts as (

    select distinct
        content_hash,
        text_normalised
    from {{ ref('validated_tweets') }}

),

sampled as (

    select * from texts
    order by content_hash
    limit {{ var('topic_sample_texts') }}

),

fitted as (

    select
        mi_fit_topics({{ collect_ordered('text_normalised', 'content_hash') }}) as topic_version,
        count(*) as n_texts
    from sampled

)

select
    topic_version,
    mi_model_version(topic_version) as model_version
from fitted
where n_texts > 0
