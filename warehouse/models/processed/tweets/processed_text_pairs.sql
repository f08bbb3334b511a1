-- One row per pair of word 3-gram sets that are near copies, source before target: their Jaccard is at
-- least var('near_duplicate_jaccard'). Exact, by prefix filtering: two sets that are that alike share
-- one of the rarest n - ceil(t n) + 1 elements of each, so only texts that share such an element are
-- compared at all.
{% set t = var('near_duplicate_jaccard') %}

with

sets as (

    select
        set_hash,
        shingles,
        {{ list_length('shingles') }} as n_shingles
    from {{ ref('processed_text_shingles') }}
    where content_hash = set_hash

),

elements as (

    select
        set_hash,
        n_shingles,
        {{ each('shingles') }} as shingle
    from sets

),

frequencies as (

    select
        shingle,
        count(*) as n_sets
    from elements
    group by shingle
    having count(*) > 1

),

-- Rare first. Elements of one set only cannot match, yet they hold the first places.
ranked as (

    select
        elements.set_hash,
        elements.n_shingles,
        elements.shingle,
        row_number() over (
            partition by elements.set_hash order by coalesce(frequencies.n_sets, 1), elements.shingle
        ) as place,
        frequencies.n_sets is not null as is_shared
    from elements
    left join frequencies on elements.shingle = frequencies.shingle

),

prefixes as (

    select * from ranked
    where is_shared and place <= n_shingles - ceil({{ t }} * n_shingles) + 1

),

candidates as (

    select
        a.set_hash as source_hash,
        b.set_hash as target_hash,
        min(a.n_shingles) as source_size,
        min(b.n_shingles) as target_size,
        min(a.place) as source_place,
        min(b.place) as target_place
    from prefixes as a
    inner join prefixes as b
        on
            a.shingle = b.shingle
            and a.set_hash < b.set_hash
            and a.n_shingles >= {{ t }} * b.n_shingles
            and b.n_shingles >= {{ t }} * a.n_shingles
    group by a.set_hash, b.set_hash

),

-- From the first shared element on, no more can be shared than the shorter rest.
promising as (

    select
        source_hash,
        target_hash,
        source_size,
        target_size
    from candidates
    where
        (1 + {{ t }}) * (1 + least(source_size - source_place, target_size - target_place))
        >= {{ t }} * (source_size + target_size)

),

measured as (

    select
        promising.source_hash,
        promising.target_hash,
        promising.source_size + promising.target_size as n_both,
        {{ list_overlap('a.shingles', 'b.shingles') }} as n_shared
    from promising
    inner join sets as a on promising.source_hash = a.set_hash
    inner join sets as b on promising.target_hash = b.set_hash

)

select
    source_hash,
    target_hash,
    n_shared / cast(n_both - n_shared as double) as similarity
from measured
where n_shared >= {{ t }} * (n_both - n_shared)
