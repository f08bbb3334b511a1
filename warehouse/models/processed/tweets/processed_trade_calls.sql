-- One row per post and trade call in it. Copies are parsed once.
-- depends_on: {{ ref('instrument_aliases') }}

with

texts as (

    select
        content_hash,
        min(text_normalised) as text_normalised
    from {{ ref('processed_tweets') }}
    group by content_hash

),

parsed as (

    select
        content_hash,
        {{ each('mi_parse_trade_calls(text_normalised)') }} as trade
    from texts

),

calls as (

    select
        content_hash,
        trade.instrument as instrument,
        trade.side as side,
        trade.leg as leg,
        trade.strike as strike,
        trade.entry_low as entry_low,
        trade.entry_high as entry_high,
        trade.stop as stop,
        trade.targets as targets,
        row_number() over (
            partition by content_hash
            order by
                trade.instrument, trade.strike, trade.leg, trade.side,
                trade.entry_low, trade.entry_high, trade.stop, trade.targets
        ) as call_number
    from parsed

)

select
    tweets.tweet_id,
    calls.call_number,
    calls.instrument,
    calls.side,
    calls.leg,
    calls.strike,
    calls.entry_low,
    calls.entry_high,
    calls.stop,
    calls.targets,
    tweets.posted_at
from calls
inner join {{ ref('processed_tweets') }} as tweets on calls.content_hash = tweets.content_hash
