-- A call that cannot be judged says why; one that vanished would flatter its author.
with

calls as (

    select count(*) as n_calls
    from {{ ref('processed_trade_calls') }} as trade_calls
    inner join {{ ref('validated_tweets') }} as tweets on trade_calls.tweet_id = tweets.tweet_id

),

outcomes as (

    select count(*) as n_outcomes from {{ ref('marts_call_outcomes') }}

)

select
    calls.n_calls,
    outcomes.n_outcomes
from calls
cross join outcomes
where calls.n_calls <> outcomes.n_outcomes
