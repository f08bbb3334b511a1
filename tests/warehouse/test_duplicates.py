"""Duplicate clusters against brute force, on demo posts and on real ones."""

from __future__ import annotations

from collections import defaultdict

import pytest

from config import Settings
from tests.warehouse.conftest import rows

THRESHOLD = 0.85
Pairs = dict[tuple[str, str], float]


def shingles(text: str) -> frozenset[str]:
    words = text.lower().split(" ")
    if len(words) < 3:
        return frozenset([text.lower()])
    return frozenset(" ".join(words[i : i + 3]) for i in range(len(words) - 2))


def brute_force(texts: dict[str, str]) -> Pairs:
    """Every pair of posts whose Jaccard reaches the threshold. Only sets that share nothing are skipped."""
    sets = {tweet_id: shingles(text) for tweet_id, text in texts.items()}
    holders = defaultdict(list)
    for tweet_id, found in sets.items():
        for shingle in found:
            holders[shingle].append(tweet_id)
    pairs: Pairs = {}
    for tweet_id, found in sets.items():
        shared: dict[str, int] = defaultdict(int)
        for shingle in found:
            for other in holders[shingle]:
                if other > tweet_id:
                    shared[other] += 1
        for other, n in shared.items():
            union = len(found) + len(sets[other]) - n
            if 100 * n >= round(100 * THRESHOLD) * union:
                pairs[tweet_id, other] = n / union
    return pairs


def clusters(pairs: Pairs) -> set[frozenset[str]]:
    parent: dict[str, str] = {}

    def find(node: str) -> str:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    for a, b in pairs:
        parent[find(a)] = find(b)
    groups = defaultdict(set)
    for node in parent:
        groups[find(node)].add(node)
    return {frozenset(group) for group in groups.values()}


@pytest.mark.parametrize("name", ["demo", "real"])
def test_clusters_equal_brute_force(name: str, request: pytest.FixtureRequest) -> None:
    root: Settings = request.getfixturevalue(name)
    texts = {
        str(tweet_id): str(text)
        for tweet_id, text in rows(
            root,
            "select tweet_id, text_normalised from validated.tweets",
        )
    }
    pairs = brute_force(texts)
    found = defaultdict(set)
    for tweet_id, cluster_id in rows(root, "select tweet_id, cluster_id from processed.tweet_duplicates"):
        found[cluster_id].add(str(tweet_id))
    assert {frozenset(group) for group in found.values()} == clusters(pairs)
    assert len(found) > 20, "too few clusters to prove anything"
    links = rows(
        root,
        """
        select tweet_id, duplicate_of, similarity from processed.tweet_duplicates
        where duplicate_of is not null
        """,
    )
    assert len(links) > 50
    for tweet_id, other, similarity in links:
        a, b = sorted([str(tweet_id), str(other)])
        assert pairs[a, b] == pytest.approx(float(str(similarity)), abs=1e-12)
