"""Who posted what: post ids, the time inside them, handles, and an id for posts without one."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import UTC, datetime, timedelta

# Ids from November 2010 on carry their time: milliseconds after this instant, shifted by 22 bits.
_ID_EPOCH = datetime(2010, 11, 4, 1, 42, 54, 657_000, tzinfo=UTC)
_FIRST_TIMED_ID = 29_700_859_247

_STATUS_URL = re.compile(r"/status(?:es)?/(\d{1,19})(?!\d)", re.IGNORECASE)
_PREFIXED_ID = re.compile(r"(?:[^\W\d]{1,10}[ _:-]|')?(\d{1,19})", re.ASCII)
_FLOAT_ID = re.compile(r"(\d{1,19})\.0+|(\d)\.(\d{6,18})e\+?18", re.IGNORECASE)
_HANDLE = re.compile(r"[@/]?([A-Za-z0-9_]{1,15})")
_PROFILE_URL = re.compile(
    r"(?:https?://)?(?:www\.|mobile\.|m\.)?(?:x|twitter)\.com/@?([A-Za-z0-9_]{1,15})(?:[/?#].*)?",
    re.IGNORECASE,
)
_URL = re.compile(r"https?:\s?//\s?\S+|\b(?:www\.|pic\.twitter\.com/|t\.co/)\S+")
_MENTION = re.compile(r"@\w+")
_LARGEST_EXACT_FLOAT = 2**53


def time_of_id(tweet_id: str) -> datetime | None:
    """Return when the post with this id was made, to the millisecond; None for ids before late 2010."""
    number = int(tweet_id)
    if number < _FIRST_TIMED_ID:
        return None
    return _ID_EPOCH + timedelta(milliseconds=number >> 22)


def read_tweet_id(value: object) -> tuple[str, bool] | None:
    """Return (id, whether its last digits were lost) from an id, a link to the post, or a float.

    None where the value holds no id. A rounded id names another post, but its time is right
    to the millisecond.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return (str(value), False) if 0 < value < 2**63 else None
    if isinstance(value, float):
        whole = 0 < value < 2**63 and value.is_integer()
        return (str(int(value)), value > _LARGEST_EXACT_FLOAT) if whole else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    if match := _STATUS_URL.search(text) or _PREFIXED_ID.fullmatch(text):
        number = int(match[1])
        return (str(number), False) if 0 < number < 2**63 else None
    if match := _FLOAT_ID.fullmatch(text):
        if match[1]:
            return match[1], int(match[1]) > _LARGEST_EXACT_FLOAT
        if len(match[3]) >= 14:  # fewer digits than 15 do not fix the second
            return match[2] + match[3].ljust(18, "0"), True
    return None


def read_handle(value: object) -> str | None:
    """Return a screen name without '@' from ``name``, ``@name``, ``/name`` or a profile link, else None."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    match = _HANDLE.fullmatch(text) or _PROFILE_URL.fullmatch(text)
    return match[1] if match else None


def derived_id(
    handle: str | None, name: str | None, posted_at: datetime | None, text: str | None
) -> str | None:
    """Return 'h' + 24 hex digits for a post without id; None where too little is known to tell posts apart.

    Equal for the same author, second and first 64 letters or digits of the text, whatever
    links, mentions, spacing or punctuation the scraper kept. Without a time, posts that begin
    alike are not one, so that all letters count. Needs text, or author and time.
    """
    author = " ".join(unicodedata.normalize("NFKC", handle or name or "").casefold().split())
    second = str(int(posted_at.timestamp())) if posted_at else ""
    folded = unicodedata.normalize("NFKC", text or "").casefold()
    folded = _MENTION.sub(" ", _URL.sub(" ", folded))
    letters = "".join(filter(str.isalnum, folded))[: 64 if posted_at else None]
    if not letters and not (author and second):
        return None
    key = "\x1f".join((author, second, letters))
    return "h" + hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:24]
