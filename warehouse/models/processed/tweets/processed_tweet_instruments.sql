-- One row per post and instrument that it names.
-- depends_on: {{ ref('instrument_aliases') }}

with

named as (

    select
        tweet_id,
        {{ each('mi_match_instruments(text_normalised)') }} as instrument
    from {{ ref('processed_tweets') }}

),

instruments as (

    select
        instrument,
        kind
    from {{ ref('instruments') }}

)

select
    named.tweet_id,
    named.instrument,
    instruments.kind as instrument_kind
from named
left join instruments on named.instrument = instruments.instrument
