"""Build one item of the tweet entity: canonical payload, clean strings, known warnings.

Every parser of the entity ends here, so that what the landing zone receives has one shape
whatever format it was read from.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from typing import Any

from ingest.entities import Captured, Origin
from ingest.entities.tweets.counts import parse_count
from ingest.entities.tweets.identity import time_of_id
from ingest.entities.tweets.schema import ENTITY
from ingest.entities.tweets.times import parse_time

PARSE_WARNINGS: Mapping[str, str] = {
    "card_quote_cut": "A quoted post stood inside a captured card; its text was left out.",
    "card_text": "The text column held a whole card; name, handle, age and counts were cut off.",
    "count_unreadable": "A count is not a number; it is null.",
    "count_untrusted": "The counts cannot be told apart or contradict the card; they are null.",
    "counts_from_card": "Replies, reposts, likes and views were read from the card's last four numbers.",
    "encoding_guessed": "The bytes are not UTF-8; they were read as Windows-1252.",
    "handle_unreadable": "The author's handle is not a valid screen name; it is null.",
    "id_lost_precision": "The id was rounded by a spreadsheet or float; only its time was used.",
    "id_unreadable": "The id is no post id; a derived id was used.",
    "list_untidy": "A list of tags, handles or links held other words; they were left out.",
    "naive_time_assumed_utc": "A time without zone was taken as UTC.",
    "read_from_html": "Read from the rendered card, not from the site's data.",
    "reference_lost_precision": "The id of another post was rounded by a spreadsheet or float; it is null.",
    "repost_shown_as_original": "The card shows a post that someone reposted; the record is that post.",
    "retweet_text_cut": "A repost without its original; the text may end in an ellipsis.",
    "stated_time_differs": "The stated time is over a minute from the id's time; the id's was kept.",
    "text_from_count_columns": "Lines of text stood in the count columns; they were joined to the text.",
    "text_repaired": "Broken Unicode was replaced by U+FFFD.",
    "text_truncated": "The capture ended at 'Show more'; the rest of the text is missing.",
    "time_ambiguous_day_first": "Day and month could be swapped; the day was taken first.",
    "time_is_date_only": "The time is a date: its midnight was taken, or for an observation the next.",
    "time_out_of_range": "The time is before X existed or after 2100; it is null.",
    "time_unreadable": "A time could not be read; it is null.",
}

COUNTS = ("like_count", "retweet_count", "reply_count", "quote_count", "view_count", "bookmark_count")


def canonical_json(record: object) -> bytes:
    """Return ``record`` as JSON bytes that are equal for equal records, valid for any JSON value.

    Keys are sorted, no spaces, UTF-8. A lone surrogate, which UTF-8 cannot hold, makes the
    whole text ASCII with escapes. NaN and infinities become null, and so does a record nested
    deeper than Python's stack.
    """
    try:
        try:
            text = _ENCODER.encode(record)
        except ValueError:  # NaN or an infinity
            text = _ENCODER.encode(_finite(record))
    except RecursionError:
        return b"null"
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(json.loads(text), separators=(",", ":")).encode()


def _plain(value: object) -> object:
    """Return a JSON value for what Parquet holds and JSON does not."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain
)


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def captured(
    fields: Mapping[str, Any], *, warnings: Iterable[str], payload: bytes, origin: Origin
) -> Captured:
    """Return a ``Captured`` tweet: no null columns, no broken Unicode, warnings sorted and distinct."""
    codes = set(warnings)
    clean: dict[str, Any] = {}
    for name, value in fields.items():
        if value is None:
            continue
        if isinstance(value, str):
            if not value.isascii() and (value := mended(value)) != fields[name]:
                codes.add("text_repaired")
        elif isinstance(value, list):
            whole = [item if item.isascii() else mended(item) for item in value]
            if whole != value:
                codes.add("text_repaired")
            value = whole
        clean[name] = value
    clean["parse_warnings"] = sorted(codes)
    return Captured(ENTITY, clean, payload, origin)


def mended(text: str) -> str:
    """Return ``text`` without lone surrogates, which UTF-8 cannot hold: each becomes U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        # A pair of halves is one character; a half alone is lost.
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def unescaped(text: str) -> str:
    """Undo the three HTML entities X's interfaces write into text; others are the author's own."""
    if "&" not in text:
        return text
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def dig(value: object, *path: str) -> Any:
    """Return what stands at ``path`` in nested objects, or None where the path ends early."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def string(value: object) -> str | None:
    """Return a non-blank string as it is, anything else as None."""
    return value if isinstance(value, str) and value.strip() else None


def digits(value: object) -> str | None:
    """Return an id (1 to 19 decimal digits, from a string or a whole number) as a string, else None."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if 0 < value < 2**63 else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 19:
        return value.lstrip("0") or None
    return None


def id_list(value: object) -> list[str] | None:
    """Return the versions of an edited post, oldest first; None for a post never edited."""
    ids = [found for item in value if (found := digits(item))] if isinstance(value, list) else []
    return sorted(ids, key=int) if len(ids) > 1 else None


def parts(value: object, *keys: str) -> list[str] | None:
    """Return, of a list of objects, each one's first string among ``keys``; None if there is no list."""
    if not isinstance(value, list):
        return None
    return [found for item in value if (found := _first(item, keys))]


def _first(item: object, keys: tuple[str, ...]) -> str | None:
    if isinstance(item, str):
        return string(item)
    return next((found for key in keys if (found := string(dig(item, key)))), None)


def posted_time(tweet_id: str, stated: object, warnings: list[str]) -> tuple[datetime | None, str | None]:
    """Return (when a post was made, whether its 'id' says so or it is 'stated'); None where nothing does."""
    if at := time_of_id(tweet_id):
        return at, "id"
    if stated is None:
        return None, None
    try:
        return parse_time(stated).at, "stated"
    except ValueError:
        warnings.append("time_unreadable")
        return None, None


def read_counts(pairs: Iterable[tuple[str, object]], warnings: list[str]) -> Iterator[tuple[str, int | None]]:
    """Yield (column, count) for stated values; an unreadable one is null and adds a warning."""
    for name, value in pairs:
        try:
            yield name, parse_count(value)
        except ValueError:
            warnings.append("count_unreadable")
            yield name, None
