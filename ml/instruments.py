"""Instruments that a post names.

The rule, on lower-cased normalised text:

1. A token is a run of letters, digits, marks, '&' and '_' that starts with no mark. '#', '$' or '@' right
   before it makes it a hashtag, cashtag or handle; else it is a plain word.
2. One to three plain words in a row match an alias of scope `any` whose words they are. At each word the
   longest alias wins and its words are used up: "bank nifty" is not Nifty, "hdfc life" not HDFC Bank.
3. A hashtag matches an alias of any scope with its spaces left out. In a post with four hashtags or more
   none counts: a pile is reach, not subject.
4. A cashtag matches an alias of any scope that is one word. Handles match nothing.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from ml.text import marks

ALIASES = Path(__file__).parents[1] / "warehouse" / "seeds" / "instrument_aliases.csv"
MAX_WORDS = 3
HASHTAG_PILE = 4


class Aliases(NamedTuple):
    """Alias -> instrument, one mapping per way of naming it."""

    plain: dict[str, str]
    """Words joined by single spaces, scope `any`."""
    openers: dict[str, int]
    """First word of a plain alias -> most words an alias that starts so has."""
    hashtags: dict[str, str]
    cashtags: dict[str, str]


@cache
def load_aliases(path: Path = ALIASES) -> Aliases:
    """Reads the seed: columns alias, instrument, scope (`any` or `tag`); others are ignored.

    Raises:
        ValueError: an alias has more than `MAX_WORDS` words, or its scope is neither `any` nor `tag`.
    """
    aliases = Aliases({}, {}, {}, {})
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            alias, instrument = row["alias"], row["instrument"]
            words = alias.split(" ")
            if len(words) > MAX_WORDS or row["scope"] not in ("any", "tag"):
                raise ValueError(f"{path.name}: {row}")
            if row["scope"] == "any":
                aliases.plain[alias] = instrument
                aliases.openers[words[0]] = max(aliases.openers.get(words[0], 0), len(words))
            aliases.hashtags[alias.replace(" ", "")] = instrument
            if len(words) == 1:
                aliases.cashtags[alias] = instrument
    return aliases


@cache
def _token_pattern() -> re.Pattern[str]:
    return re.compile(rf"[#$@]?[\w&][\w&{marks()}]*")


def match(text: str, path: Path = ALIASES) -> list[str]:
    """The instruments that a normalised text names, sorted, each once."""
    aliases = load_aliases(path)
    words = _token_pattern().findall(text.lower())
    cashtags = [word[1:] for word in words if word[0] == "$"]
    found = {aliases.cashtags[tag] for tag in cashtags if tag in aliases.cashtags}
    hashtags = [word[1:] for word in words if word[0] == "#"]
    if len(hashtags) < HASHTAG_PILE:
        found |= {aliases.hashtags[tag] for tag in hashtags if tag in aliases.hashtags}
    end = 0
    for start, word in enumerate(words):
        if start < end or word not in aliases.openers:
            continue
        for size in range(aliases.openers[word], 0, -1):
            if instrument := aliases.plain.get(" ".join(words[start : start + size])):
                found.add(instrument)
                end = start + size
                break
    return sorted(found)


def match_array(texts: pa.Array | pa.ChunkedArray, path: Path = ALIASES) -> pa.Array:
    """`match` over an Arrow string array: list<string> of the same length, no nulls (null reads as '')."""
    return pa.array([match(text or "", path) for text in texts.to_pylist()], pa.list_(pa.string()))
