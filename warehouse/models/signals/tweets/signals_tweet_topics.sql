-- One row per validated post: its text's 50 TF-IDF/SVD components.

select
    tweets.tweet_id,
    scores.components,
    scores.model_version
from {{ ref('validated_tweets') }} as tweets
inner join {{ ref('signals_text_scores') }} as scores on tweets.content_hash = scores.content_hash
inner join {{ ref('signals_text_models') }} as models on scores.model_version = models.model_version
