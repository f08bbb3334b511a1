-- The metric history must hold every landed sighting, and every post must know how many it has.
with

raw_tweets as (

    select count(*) as n_sightings from {{ ref('raw_tweets') }}

),

history as (

    select count(*) as n_sightings from {{ ref('processed_tweet_sightings') }}

),

posts as (

    select coalesce(sum(n_sightings), 0) as n_sightings from {{ ref('processed_tweets') }}

)

select
    raw_tweets.n_sightings as landed,
    history.n_sightings as in_history,
    posts.n_sightings as on_posts
from raw_tweets
cross join history
cross join posts
where raw_tweets.n_sightings <> history.n_sightings or raw_tweets.n_sightings <> posts.n_sightings
