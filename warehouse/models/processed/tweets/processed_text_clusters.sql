-- One row per word 3-gram set that has a near copy, with its cluster: the connected component of
-- processed.text_pairs, named by the least set hash in it.

select
    node as set_hash,
    component as cluster_hash
from ({{ connected_components(ref('processed_text_pairs'), 'source_hash', 'target_hash') }}) as found  -- noqa: PRS
