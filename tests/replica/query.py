"""What a raw query finds: X's search syntax, as far as the replica honours it.

Factors are joined by AND; `OR` binds tighter; parentheses group; `-` negates; `"…"` is a phrase's words.
Operators: `since_time:` (>=, epoch s), `until_time:` (<), `since_id:` (>), `max_id:` (<=), `lang:`. Any other
`name:value` is a plain word, so it finds only posts whose text holds it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from tests.replica.corpus import SNOWFLAKE_EPOCH_MS, Post, words_of

MAX_ID = 1 << 63

Predicate = Callable[[Post], bool]

_TOKEN = re.compile(r'-?"[^"]*"|[()]|[^\s()]+')
_BOUND = re.compile(r"(since_time|until_time|since_id|max_id):(\d{1,19})$")


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query: `above_id` < id < `below_id`, and a predicate over the post."""

    above_id: int
    below_id: int
    matches: Predicate


def first_id_at(epoch_s: float) -> int:
    """Return the smallest id that a post of that moment can have."""
    return max(0, int(epoch_s * 1000) - SNOWFLAKE_EPOCH_MS) << 22


def _term(term: str) -> Predicate:
    """Match one hashtag or word, whatever its case."""
    term = term.lower()
    if term.startswith("#"):
        tag = term[1:]
        return lambda post: tag in post.tags
    return lambda post: term in words_of(post.text)


@lru_cache(maxsize=4096)
def parse(raw_query: str) -> Query:
    """Parse a raw query; a query of nothing but bounds finds every post in them."""
    bounds = [0, MAX_ID]
    tokens = _TOKEN.findall(raw_query)
    position = 0

    def bound(token: str) -> bool:
        found = _BOUND.match(token)
        if not found:
            return False
        name, value = found[1], int(found[2])
        if name == "since_time":
            bounds[0] = max(bounds[0], first_id_at(value) - 1)
        elif name == "until_time":
            bounds[1] = min(bounds[1], first_id_at(value))
        elif name == "since_id":
            bounds[0] = max(bounds[0], value)
        else:
            bounds[1] = min(bounds[1], value + 1)
        return True

    def factor() -> Predicate | None:
        nonlocal position
        token = tokens[position]
        position += 1
        if token == "(":
            inner = conjunction()
            position += 1  # the closing parenthesis, or past the end when it is missing
            return inner
        if bound(token):
            return None
        if token.startswith("lang:"):
            return lambda post: post.lang == token[5:]
        is_negated = token.startswith("-") and len(token) > 1
        matches = _all([_term(word) for word in token[is_negated:].strip('"').split()])
        return (lambda post: not matches(post)) if is_negated else matches

    def conjunction() -> Predicate:
        nonlocal position
        parts: list[Predicate] = []
        is_or = False
        while position < len(tokens) and tokens[position] != ")":
            if tokens[position] == "OR":
                is_or, position = bool(parts), position + 1
                continue
            part = factor()
            if part is None:
                continue
            parts.append(_either(parts.pop(), part) if is_or else part)
            is_or = False
        return _all(parts)

    predicates = []
    while position < len(tokens):
        predicates.append(conjunction())
        position += 1  # past a stray closing parenthesis
    return Query(bounds[0], bounds[1], _all(predicates))


def _all(parts: list[Predicate]) -> Predicate:
    return parts[0] if len(parts) == 1 else lambda post: all(part(post) for part in parts)


def _either(left: Predicate, right: Predicate) -> Predicate:
    return lambda post: left(post) or right(post)
