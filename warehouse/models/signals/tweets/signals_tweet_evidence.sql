-- One row per validated post, score and term: what moved the score most, as of the post's latest sighting.

with

tweets as (

    select
        tweet_id,
        content_hash
    from {{ ref('validated_tweets') }}

),

scores as (

    select
        content_hash,
        model_version,
        evidence
    from {{ ref('signals_text_scores') }}

),

models as (

    select model_version from {{ ref('signals_text_models') }}

),

parts as (

    select
        scores.content_hash,
        scores.model_version,
        {{ each('scores.evidence') }} as part
    from scores
    inner join models on scores.model_version = models.model_version

),

ranked as (

    select
        content_hash,
        model_version,
        part.score as score,
        part.source as source,
        part.term as term,
        part.log_odds as log_odds,
        row_number() over (
            partition by content_hash, part.score
            order by abs(part.log_odds) desc, part.source asc, part.term asc
        ) as evidence_rank
    from parts

)

select
    tweets.tweet_id,
    ranked.score,
    ranked.evidence_rank,
    ranked.source,
    ranked.term,
    ranked.log_odds,
    ranked.model_version
from tweets
inner join ranked on tweets.content_hash = ranked.content_hash
