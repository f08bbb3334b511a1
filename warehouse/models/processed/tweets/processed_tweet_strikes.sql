-- One row per post, instrument, strike and leg of an option that it names.
-- depends_on: {{ ref('instrument_aliases') }}

with

named as (

    select
        tweet_id,
        {{ each('mi_read_instruments(text_normalised)') }} as entry
    from {{ ref('processed_tweets') }}

)

select
    tweet_id,
    entry.instrument as instrument,
    entry.strike as strike,
    entry.leg as leg
from named
where entry.strike is not null
