"""Read a row of any table of posts: guess what its columns mean, prove it on values, then parse.

``map_columns`` looks at sample rows once per file and says which column is which field, and
why; ``parse_row`` then reads one row. Rows are flat mappings of column to value; ``flatten``
makes them from nested records. Pure: no files, no clock.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

from ingest.entities import Excluded, Item, Origin, Quarantined
from ingest.entities.tweets.capture import COUNTS, canonical_json, captured, read_counts, unescaped
from ingest.entities.tweets.cards import Card, read_card
from ingest.entities.tweets.counts import parse_count
from ingest.entities.tweets.identity import derived_id, read_handle, read_tweet_id, time_of_id
from ingest.entities.tweets.schema import ENTITY
from ingest.entities.tweets.times import (
    OutOfRange,
    day_first_evidence,
    is_finer_than_milliseconds,
    parse_time,
)

# Column names per field, the surest first, in the folded form of ``_folded``. Fields are
# settled in this order, so that a screen name takes "username" before a display name can.
_NAMES = {
    field: tuple(names.split())
    for field, names in {
        "tweet_id": "id tweetid statusid postid restid twitterid",
        "status_url": "url link permalink tweeturl tweetlink posturl statusurl",
        "text": "text fulltext rawcontent content tweettext tweetcontent tweet body message post posttext"
        " caption cleantext cleanedtext cleanedcontent contentcleaned cleancontent processedtext",
        "author_handle": "screenname handle userscreenname userhandle authorhandle authorusername"
        " userusername username authorscreenname twitterhandle author user account",
        "author_name": "displayname authorname userdisplayname authordisplayname fullname name username"
        " author user nickname",
        "author_id": "userid authorid accountid",
        "author_followers": "followers userfollowers authorfollowers follower",
        "posted_at": "createdat postedat publishedat tweetedat timestamp datetime date time tweetdate"
        " tweettime postdate posttime dateposted datecreated createdtime createdatutc timestamputc created"
        " published timestampms epoch ts",
        "posted_time": "time",
        "observed_at": "observedat scrapedat collectedat capturedat crawledat fetchedat retrievedat"
        " extractedat downloadedat scrapetime scrapetimestamp scrapedtime scrapedate collectiontime"
        " fetchtime crawltime",
        "like_count": "like likes favorite favorites favourite favourites fav favs hearts",
        "retweet_count": "retweet retweets repost reposts rt rts shares share",
        "reply_count": "reply replies comment comments",
        "quote_count": "quote quotes",
        "view_count": "view views impression impressions",
        "bookmark_count": "bookmark bookmarks bookmarked",
        "search_query": "searchquery query searchterm searchkeyword keyword sourcehashtag searchhashtag"
        " searchedhashtag hashtagsource sourcequery sourcekeyword hashtag",
        "hashtags": "hashtags tags entitieshashtags hashtag",
        "mentions": "mentions usermentions mentionedusers entitiesmentions entitiesusermentions",
        "cashtags": "cashtags symbols entitiessymbols entitiescashtags",
        "urls": "urls links outlinks expandedurls extractedurls entitiesurls",
        "lang": "lang language tweetlang tweetlanguage detectedlanguage languagecode",
        "conversation_id": "conversationid threadid",
        "in_reply_to_tweet_id": "inreplytoid inreplytotweetid inreplytostatusid replytoid",
        "quoted_tweet_id": "quotedid quotedtweetid quotedstatusid",
        "retweeted_tweet_id": "retweetedid retweetedtweetid retweetedstatusid retweetid",
        "edit_tweet_ids": "edithistoryids edithistorytweetids",
    }.items()
}
FIELDS = tuple(_NAMES)
_IDENTIFYING = frozenset((*_NAMES["text"], *_NAMES["tweet_id"]))
_ACCOMPANYING = frozenset((*_NAMES["tweet_id"], *_NAMES["author_handle"], *_NAMES["posted_at"]))
_DEPTH = 16  # of nested records whose inner columns are looked at

# Words of column names that tell no field apart.
_NOISE = frozenset(
    {"tweet", "post", "status", "twitter", "x", "count", "counts", "number", "num", "nr", "no", "of", "total"}
    | {"engagement", "metrics", "metric", "public", "stats", "stat", "str", "the", "data"}
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_NULLS = frozenset({"", "nan", "none", "null", "n/a", "<na>", "nat", "unknown", "undefined", "-"})
_NULL_TEXTS = frozenset({"", "nan", "none", "null", "<na>"})
_ID_COLUMNS = (
    *("conversation_id", "in_reply_to_tweet_id", "quoted_tweet_id", "retweeted_tweet_id"),
    "author_id",
)
_LIST_KEYS = ("text", "tag", "screen_name", "username", "expanded_url", "url", "name")
_CLOCK = re.compile(r"\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[APap][Mm])?")
_TOKEN = re.compile(r"[,;|\s]+")
_MENTION = re.compile(r"@?([A-Za-z0-9_]{1,15})")
_LARGEST_ROW_NUMBER = 10**8  # ids this small are from 2006 to 2008; row numbers are far likelier


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """What a column is taken for: a field of the entity, or nothing, and the reason in words."""

    column: str
    field: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Table:
    """How to read one file's rows. ``problem`` says why it holds no posts, if it holds none."""

    uses: tuple[ColumnUse, ...]
    columns: Mapping[str, str]
    problem: str | None
    zone: tzinfo
    day_first: Mapping[str, bool | None]
    ids_are_rounded: bool
    counts_are_card_lines: bool


def flatten(record: Mapping[str, object], depth: int = _DEPTH) -> dict[str, object]:
    """Return a nested record with dotted column names; lists, and what lies too deep, stay as they are."""
    flat: dict[str, object] = {}
    for key, value in record.items():
        if isinstance(value, dict) and depth:
            flat |= {f"{key}.{inner}": item for inner, item in flatten(value, depth - 1).items()}
        else:
            flat[key] = value
    return flat


def means(column: str, field: str) -> bool:
    """Return whether a column's name is one that tables and APIs use for ``field``, one of ``FIELDS``."""
    return _folded(column) in _NAMES[field]


def names_a_post(columns: Iterable[str]) -> bool:
    """Return whether a record has, by its column names alone, a post's text or id."""
    return not _IDENTIFYING.isdisjoint(map(_folded, columns))


def is_a_post(record: Mapping[str, object]) -> bool:
    """Return whether a flat record holds a text and, by name, an id, an author or a time."""
    texts = (value for name, value in record.items() if _folded(name) in _NAMES["text"])
    return any(isinstance(text, str) for text in texts) and not _ACCOMPANYING.isdisjoint(map(_folded, record))


def map_columns(
    rows: Sequence[Mapping[str, object]],
    *,
    column_map: Mapping[str, str] | None = None,
    zone: tzinfo = UTC,
) -> Table:
    """Return how to read a table, from sample rows (a thousand or more where the file has them).

    ``column_map`` (column to field, ``-`` to ignore) overrides every guess; fields are those
    in ``FIELDS``. ``zone`` is for times that state none.
    """
    names = list(dict.fromkeys(column for row in rows for column in row))
    samples = {name: [v for row in rows if (v := _stated(row.get(name))) is not None] for name in names}
    uses: dict[str, ColumnUse] = {}
    taken: dict[str, str] = {}
    given = {_matching(column, names): field for column, field in (column_map or {}).items()}
    for column, field in given.items():
        if column is not None:
            uses[column] = ColumnUse(column, None if field == "-" else field, "given by --map")
            if field != "-":
                taken[field] = column
    folded = {name: _folded(name) for name in names}
    for field, synonyms in _NAMES.items():
        if field in taken:
            continue
        # Where a scraper cut cards by position, the last lines stand in the count columns.
        may_hold_lines = field in COUNTS and _are_cards(samples.get(taken.get("text", ""), []))
        for column in _candidates(names, folded, synonyms):
            if column in given or (column in uses and uses[column].field):
                continue
            objection = _objection(field, column, samples[column], folded)
            if objection and not may_hold_lines:
                uses.setdefault(column, ColumnUse(column, None, f"not {field}: {objection}"))
            else:
                uses[column] = ColumnUse(column, field, _praise(column, samples[column]))
                taken[field] = column
                break
    _move_capture_clock(uses, taken, samples)
    for name in names:
        uses.setdefault(name, ColumnUse(name, None, "no field of this name"))
    return Table(
        uses=tuple(uses[name] for name in names),
        columns=taken,
        problem=_problem(taken, bool(column_map)),
        zone=zone,
        day_first={
            field: day_first_evidence(samples[taken[field]])
            for field in ("posted_at", "observed_at")
            if field in taken
        },
        ids_are_rounded=_are_rounded(samples.get(taken.get("tweet_id", ""), [])),
        counts_are_card_lines=_hold_card_lines(rows, taken),
    )


def _candidates(names: Sequence[str], folded: Mapping[str, str], synonyms: Sequence[str]) -> list[str]:
    """Return the columns of these names, the surest first; id_str, never rounded, before id."""
    found = [name for name in names if folded[name] in synonyms]
    return sorted(found, key=lambda name: (synonyms.index(folded[name]), not name.endswith("_str")))


@lru_cache(maxsize=4096)  # the names may be data: keys of a nested record
def _folded(column: str) -> str:
    """Return a column's name without case, separators and words that tell nothing: likeCount is like."""
    words = [word.casefold() for part in column.split(".") for word in _WORD.findall(part)]
    telling = [word for word in words if word not in _NOISE] or words
    return re.sub(r"(?<=\w)(?:count|counts)$", "", "".join(telling)) or "".join(telling)


def _matching(column: str, names: Sequence[str]) -> str | None:
    if column in names:
        return column
    return next((name for name in names if name.casefold() == column.casefold()), None)


def _stated(value: object) -> object:
    """Return a cell's value, None for every way to write that there is none."""
    if value is None or value != value:  # NaN alone differs from itself
        return None
    if isinstance(value, str):
        return None if value.strip().casefold() in _NULLS else value
    return value


def _share(values: Sequence[object], reads: Callable[[object], object]) -> float:
    return sum(1 for value in values if reads(value)) / len(values) if values else 1.0


def _is_time(value: object) -> bool:
    try:
        parse_time(value)
    except ValueError:
        return False
    return True


def _is_count(value: object) -> bool:
    try:
        parse_count(value)
    except ValueError:
        return False
    return True


def _objection(
    field: str,
    column: str,
    values: Sequence[object],
    folded: Mapping[str, str],
) -> str | None:
    """Return why a column's values cannot be the field its name suggests; None if they can."""
    if field == "tweet_id":
        ids = [found[0] for value in values if (found := read_tweet_id(value))]
        if len(ids) < 0.5 * len(values):
            return f"{len(ids) / len(values):.0%} of its values are post ids"
        if ids and max(map(int, ids)) < _LARGEST_ROW_NUMBER:
            return "its values are row numbers"
    elif field == "status_url":
        share = _share(values, lambda value: isinstance(value, str) and "/status" in value)
        if share < 0.5:
            return f"{share:.0%} of its values link to a post"
    elif field == "author_handle":
        share = _share(values, read_handle)
        if share < 0.9:
            return f"{share:.0%} of its values are screen names"
    elif field == "text":
        share = _share(values, lambda value: isinstance(value, str) and not value.strip().isdigit())
        if share < 0.5:
            return f"{share:.0%} of its values are text"
    elif field in ("posted_at", "observed_at"):
        share = _share(values, _is_time)
        if share < 0.5:
            return f"{share:.0%} of its values are times"
    elif field == "posted_time":
        share = _share(values, lambda value: _CLOCK.fullmatch(str(value).strip()))
        if share < 0.5:
            return f"{share:.0%} of its values are times of day"
    elif field in COUNTS or field == "author_followers":
        share = _share(values, _is_count)
        if share < 0.2:
            return f"{share:.0%} of its values are counts"
    elif field in _ID_COLUMNS:
        share = _share(values, read_tweet_id)
        if share < 0.5:
            return f"{share:.0%} of its values are ids"
    elif field == "search_query" and folded[column] == "hashtag":
        is_single = _share(values, lambda value: isinstance(value, str) and len(value.split()) == 1) == 1
        is_repeated = len(set(map(str, values))) <= 0.2 * len(values)
        if not (is_single and (is_repeated or "hashtags" in folded.values())):
            return "its values are the post's own tags"
    elif field == "lang":
        share = _share(values, lambda value: isinstance(value, str) and len(value) <= 12)
        if share < 0.9:
            return f"{share:.0%} of its values are language codes"
    return None


def _praise(column: str, values: Sequence[object]) -> str:
    return f"its name, and {len(values):,} sampled values agree" if values else "its name; no values to check"


def _move_capture_clock(
    uses: dict[str, ColumnUse], taken: dict[str, str], samples: Mapping[str, Sequence[object]]
) -> None:
    """Take a "post time" with microseconds for what it is: the clock of the scraper, row by row."""
    column = taken.get("posted_at")
    if column is None or "observed_at" in taken or uses[column].reason == "given by --map":
        return
    values = samples[column]
    if values and _share(values, is_finer_than_milliseconds) > 0.8 and len(set(values)) > 0.9 * len(values):
        del taken["posted_at"]
        taken["observed_at"] = column
        reason = "microseconds, one per row: when the scraper ran, not when it was posted"
        uses[column] = ColumnUse(column, "observed_at", reason)


def _problem(taken: Mapping[str, str], is_given: bool) -> str | None:
    if "text" not in taken and "tweet_id" not in taken and "status_url" not in taken:
        return "no column holds a post's text or id"
    others = set(taken) - {"text", "search_query", "lang", "urls"}
    if not others and not is_given:
        return "a column of text alone, with no author, time, id or count, is no table of posts"
    return None


def _are_rounded(values: Sequence[object]) -> bool:
    """Return whether a spreadsheet or JavaScript rounded the ids: all long ones end in two zeros."""
    ids = [found[0] for value in values if (found := read_tweet_id(value)) and len(found[0]) >= 17]
    return len(ids) >= 5 and all(tweet_id.endswith("00") for tweet_id in ids)


def _are_cards(texts: Sequence[object]) -> bool:
    cards = sum(1 for text in texts if isinstance(text, str) and read_card(text, (), None))
    return cards > 0.5 * len(texts)


def _hold_card_lines(rows: Sequence[Mapping[str, object]], taken: Mapping[str, str]) -> bool:
    """Return whether a scraper cut cards by position, so that their last lines are the count columns."""
    cards = words = 0
    for row in rows:
        text = row.get(taken.get("text", ""))
        if isinstance(text, str) and read_card(text, (), None):
            cards += 1
            words += any(not _is_count(cell) for cell in _count_cells(row, taken))
    return words > 0.1 * cards


def _count_cells(row: Mapping[str, object], columns: Mapping[str, str]) -> list[object]:
    """Return the row's count cells in the file's order, which is the order of the card's lines."""
    names = {columns[field] for field in COUNTS if field in columns}
    return [value for column, value in row.items() if column in names]


def parse_row(
    row: Mapping[str, object],
    table: Table,
    *,
    origin: Origin,
    record: object = None,
    warnings: Iterable[str] = (),
) -> Item:
    """Return the item of one row: Captured; Excluded for an advert's card; Quarantined without identity.

    ``record`` is the original if it is not the row itself (a nested one that was flattened).
    """
    codes = list(warnings)
    payload = canonical_json(row if record is None else record)
    cells = {field: _stated(row.get(column)) for field, column in table.columns.items()}
    tweet_id, id_time = _identify(cells, table, codes)
    stated_at = _read_time(cells, "posted_at", table, [] if id_time else codes)
    posted_at = id_time or stated_at
    if id_time and stated_at and abs((id_time - stated_at).total_seconds()) > 60:
        codes.append("stated_time_differs")
    text = _read_text(row.get(table.columns.get("text", "")))
    lines = _card_lines(row, table)
    card = read_card(text, lines or (), posted_at) if text else None
    if card and card.is_promoted and posted_at is None:
        return Excluded(ENTITY, "promoted_entry", origin)
    if card and card.is_promoted:  # an advert's card has no time: this one only begins like it
        card = None
    if card:
        text = card.text or None
        counts = _card_counts(card, cells, lines is not None, codes)
    else:
        counts = _read_counts(cells, COUNTS, codes)
    handle = _read_handle(cells, card, codes)
    name = _read_name(cells, card)
    is_derived_id = tweet_id is None
    if tweet_id is None:
        tweet_id = derived_id(handle, name, posted_at, text)
        if tweet_id is None:
            return Quarantined(ENTITY, "no_identity", payload, origin)
    fields: dict[str, Any] = {
        "tweet_id": tweet_id,
        "is_derived_id": is_derived_id,
        "author_handle": handle,
        "author_name": name,
        "text": text,
        "posted_at": posted_at,
        "posted_at_basis": ("id" if id_time else "stated") if posted_at else None,
        "observed_at": _read_time(cells, "observed_at", table, codes),
        "source_format": "tabular",
        **_read_counts(cells, ("author_followers",), codes),
        **counts,
    }
    for field in ("hashtags", "mentions", "cashtags", "urls"):
        if (value := cells.get(field)) is not None:
            fields[field] = _read_list(value, field, codes)
    if handle and fields.get("mentions") and (card or "list_untidy" in codes):
        # A dump of the card names its own author, who is not mentioned.
        fields["mentions"] = [name for name in fields["mentions"] if name.casefold() != handle.casefold()]
    for field in _ID_COLUMNS:
        if (value := cells.get(field)) is not None and (found := read_tweet_id(value)):
            fields[field] = None if found[1] else found[0]
            if found[1]:
                codes.append("reference_lost_precision")
    if (value := cells.get("edit_tweet_ids")) is not None:
        versions = [found[0] for item in _items(value) if (found := read_tweet_id(item))]
        fields["edit_tweet_ids"] = sorted(versions, key=int) if len(versions) > 1 else None
    for field in ("lang", "search_query"):
        if isinstance(value := cells.get(field), str):
            fields[field] = value.strip()
    return captured(fields, warnings=codes, payload=payload, origin=origin)


def _identify(
    cells: Mapping[str, object], table: Table, codes: list[str]
) -> tuple[str | None, datetime | None]:
    """Return the row's id, if it is a whole one, and the time the id carries."""
    rounded = None
    for name in ("tweet_id", "status_url"):
        found = read_tweet_id(cells.get(name))
        if found is None:
            continue
        if not found[1] and not (name == "tweet_id" and table.ids_are_rounded):
            return found[0], time_of_id(found[0])
        rounded = rounded or found[0]
    if rounded:
        codes.append("id_lost_precision")
        return None, time_of_id(rounded)
    if cells.get("tweet_id") is not None:
        codes.append("id_unreadable")
    return None, None


def _read_time(cells: Mapping[str, object], name: str, table: Table, codes: list[str]) -> datetime | None:
    value = cells.get(name)
    if value is None:
        return None
    try:
        read = parse_time(value, zone=table.zone, day_first=table.day_first.get(name))
        if read.is_date_only and name == "posted_at" and (clock := cells.get("posted_time")) is not None:
            value = f"{value} {str(clock).strip()}"
            read = parse_time(value, zone=table.zone, day_first=table.day_first.get(name))
    except OutOfRange:
        codes.append("time_out_of_range")
        return None
    except ValueError:
        codes.append("time_unreadable")
        return None
    if read.is_naive and table.zone is UTC:
        codes.append("naive_time_assumed_utc")
    at = read.at
    if read.is_date_only:
        codes.append("time_is_date_only")
        if name == "observed_at":
            # Seen at some time of the day: known for certain only when it was over.
            at += timedelta(days=1)
    if read.is_ambiguous:
        codes.append("time_ambiguous_day_first")
    return at


def _read_text(value: object) -> str | None:
    if not isinstance(value, str) or value.strip().casefold() in _NULL_TEXTS:
        return None
    return unescaped(value)


def _read_counts(
    cells: Mapping[str, object], names: Iterable[str], codes: list[str]
) -> dict[str, int | None]:
    return dict(read_counts(((name, cells[name]) for name in names if name in cells), codes))


def _card_lines(row: Mapping[str, object], table: Table) -> list[str] | None:
    """Return the row's count cells if, should its text be a card, they hold the card's last lines."""
    cells = _count_cells(row, table.columns)
    if table.counts_are_card_lines or any(not _is_count(cell) for cell in cells):
        return ["" if cell is None else str(cell) for cell in cells]
    return None


def _card_counts(
    card: Card, cells: Mapping[str, object], cells_are_lines: bool, codes: list[str]
) -> dict[str, int | None]:
    """Return the row's counts in the light of its card, which shows those that are not zero."""
    codes.append("card_text")
    if card.took_cells:
        codes.append("text_from_count_columns")
    if card.is_truncated:
        codes.append("text_truncated")
    if card.has_quote:
        codes.append("card_quote_cut")
    if card.counts is not None and len(card.counts) == 4:
        codes.append("counts_from_card")
        names = ("reply_count", "retweet_count", "like_count", "view_count")
        return dict(zip(names, map(parse_count, card.counts), strict=True))
    if not cells_are_lines and card.counts is not None and len(card.counts) < 2:
        # At most the views are shown: the others are zero, and the columns may say so.
        return _read_counts(cells, COUNTS, codes)
    if card.counts or any(cells.get(name) is not None for name in COUNTS):
        codes.append("count_untrusted")
    return {}


def _read_handle(cells: Mapping[str, object], card: Card | None, codes: list[str]) -> str | None:
    value = cells.get("author_handle")
    handle = read_handle(value)
    if value is not None and handle is None:
        codes.append("handle_unreadable")
    if handle is None and isinstance(url := cells.get("status_url") or cells.get("tweet_id"), str):
        handle = read_handle(url) if "/status" in url and "/i/" not in url else None
    return handle or (card.handle if card else None)


def _read_name(cells: Mapping[str, object], card: Card | None) -> str | None:
    value = cells.get("author_name")
    if value is not None and not isinstance(value, list | dict):
        return str(value).strip()
    return card.name if card else None


def _items(value: object) -> list[object]:
    """Return a list cell's items: a list, or text that writes one in JSON, Python or NumPy."""
    if isinstance(value, list | tuple):
        return list(value)
    if not isinstance(value, str):
        return []
    text = value.strip()
    if text[:1] + text[-1:] in ("[]", "()", "{}"):
        for parse in (json.loads, ast.literal_eval):
            try:
                found = parse(text)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            # NumPy writes ['a' 'b'], which Python reads as one joined string.
            if isinstance(found, list | tuple | set) and "' '" not in text:
                return list(found)
        quoted = re.findall(r"'([^']*)'|\"([^\"]*)\"", text)
        return [first or second for first, second in quoted]
    return [text]


def _read_list(value: object, field: str, codes: list[str]) -> list[str]:
    texts = list(_texts(_items(value)))
    if field == "urls":
        return [url for text in texts for url in re.split(r"[\s|]+|,(?=\s*https?:)", text) if url]
    if field == "mentions":
        return _mentions(texts, codes)
    mark = "#" if field == "hashtags" else "$"
    return [tag for text in texts for token in _TOKEN.split(text) if (tag := token.strip(mark))]


def _texts(items: Iterable[object]) -> Iterator[str]:
    for item in items:
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            yield from [text for key in _LIST_KEYS if isinstance(text := item.get(key), str)][:1]
        elif item is not None:
            yield str(item)


def _mentions(texts: Sequence[str], codes: list[str]) -> list[str]:
    """Return the mentioned handles; where some words carry an '@', the others are no handles."""
    tokens = [token for text in texts for token in _TOKEN.split(text) if token]
    marked = [token for token in tokens if token.startswith("@")]
    found = [match[1] for token in (marked or tokens) if (match := _MENTION.fullmatch(token))]
    if len(found) < len(tokens):
        codes.append("list_untidy")
    return found
