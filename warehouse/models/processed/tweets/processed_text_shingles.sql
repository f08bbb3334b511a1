-- One row per distinct text that is not empty, with the set of its word 3-grams. Texts that differ
-- in case only share a set, named by the least of their hashes.

with

texts as (

    select distinct
        content_hash,
        text_normalised
    from {{ ref('processed_tweets') }}
    where text_normalised <> ''

),

shingled as (

    select
        content_hash,
        {{ shingles('text_normalised') }} as shingles
    from texts

)

select
    content_hash,
    min(content_hash) over (partition by shingles) as set_hash,
    shingles
from shingled
