"""Read a count as people, apps and data frames write it: 1.2K, 12.3L, 3 lakh, 1,23,456, 2.0."""

from __future__ import annotations

import math
import re
import unicodedata
from decimal import Decimal

_UNITS = {
    "": 1,
    **dict.fromkeys(("k", "thousand", "हज़ार", "हजार"), 10**3),
    **dict.fromkeys(("l", "lac", "lacs", "lakh", "lakhs", "लाख"), 10**5),
    **dict.fromkeys(("m", "mn", "million", "millions"), 10**6),
    **dict.fromkeys(("cr", "crs", "crore", "crores", "करोड़"), 10**7),
    **dict.fromkeys(("b", "bn", "billion", "billions"), 10**9),
}
# NFKC splits the dotted Devanagari letters; the units are compared in that form.
_SCALE = {unicodedata.normalize("NFKC", unit): scale for unit, scale in _UNITS.items()}
_LABEL = (
    r"likes?|favou?rites?|views?|impressions?|retweets?|reposts?|shares?|repl(?:y|ies)|comments?"
    r"|quotes?|bookmarks?|followers?"
)
_COUNT = re.compile(
    r"(?P<whole>\d+|\d{1,3}(?:,\d{3})+|\d{1,3}(?: \d{3})+|\d{1,2}(?:,\d{2})*,\d{3}|\d{1,2}(?: \d{2})* \d{3})"
    r"(?P<part>\.\d+)?(?P<power>e\+?\d{1,2})?"
    rf" ?(?P<unit>{'|'.join(sorted(filter(None, _SCALE), key=len, reverse=True))}|)\+?"
    rf"(?: (?:{_LABEL}))?"
)
_NULLS = frozenset({"", "-", "–", "—", "nan", "none", "null", "n/a", "na", "<na>", "nil", "unknown"})
_LARGEST = 2**63 - 1


def parse_count(value: object) -> int | None:
    """Return a count (0 or more, below 2**63), or None where nothing is stated.

    A decimal comma is read only before a unit ("1,2K"). Raises ValueError for what states
    something that is not a count: text, a negative number, a fraction without a unit.
    """
    if value is None:
        return None
    if isinstance(value, bool):
        raise ValueError("a truth value is not a count")
    if isinstance(value, int):
        return _checked(value)
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if not value.is_integer():  # also for infinities
            raise ValueError(f"not a whole number: {value}")
        return _checked(int(value))
    if isinstance(value, Decimal):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(f"not a count: {type(value).__name__}")
    if value.isascii() and value.isdigit() and len(value) <= 19:  # the common case, without a pattern
        return _checked(int(value))
    return _parse_text(value)


def _parse_text(value: str) -> int | None:
    text = " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    if text in _NULLS:
        return None
    text = re.sub(r"^(\d+),(\d)(?= ?[^\d, ])", r"\1.\2", text)
    match = _COUNT.fullmatch(text)
    if not match:
        raise ValueError(f"not a count: {value[:40]!r}")
    number = Decimal(re.sub(r"[ ,]", "", match["whole"]) + (match["part"] or "") + (match["power"] or ""))
    number *= _SCALE[match["unit"]]
    if number != number.to_integral_value() and not match["unit"]:
        raise ValueError(f"not a whole number: {value[:40]!r}")
    return _checked(int(number))


def _checked(number: int) -> int:
    if not 0 <= number <= _LARGEST:
        raise ValueError(f"not a count: {number}")
    return number
