"""Tell what kind of post record a JSON value holds, however it is wrapped, and parse it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from ingest.entities import Item, Origin, Quarantined
from ingest.entities.tweets.api_objects import parse_collector_tweet, parse_v1_status, parse_v2_page
from ingest.entities.tweets.capture import canonical_json
from ingest.entities.tweets.payload import find_instructions, parse_result, parse_search_response
from ingest.entities.tweets.schema import ENTITY
from ingest.entities.tweets.tabular import Table, flatten, is_a_post, names_a_post, parse_row
from ingest.entities.tweets.times import parse_time
from ingest.sources.archive.json_text import load

_DEPTH = 8  # of wrappers around a record
_SEEN_AT = ("observed_at", "captured_at", "fetched_at", "scraped_at", "retrieved_at", "collected_at")
_QUERY = ("search_query", "query", "raw_query", "rawQuery", "q")
_V2_MARKS = frozenset({"public_metrics", "edit_history_tweet_ids", "referenced_tweets", "edit_controls"})
_V2_FIELDS = frozenset(
    {"id", "text", "author_id", "created_at", "conversation_id", "lang", "entities", "attachments", "geo"}
    | {"source", "withheld", "possibly_sensitive", "reply_settings", "in_reply_to_user_id"}
    | {"context_annotations"}
)


@dataclass(frozen=True, slots=True)
class Record:
    """A value of a known kind, with the wrapper's word on when and how it was found.

    ``kind`` is a ``source_format`` of the entity ("tabular" for a flat record), or "v1_page"
    or "x_result" for parts of one, or None for what is no record of a post.
    """

    kind: str | None
    value: Any
    wrapper: Mapping[str, object]


def records_in(
    value: object, wrapper: Mapping[str, object] | None = None, depth: int = _DEPTH
) -> Iterator[Record]:
    """Yield the records in a JSON value: itself, or those its wrappers hold, in order."""
    wrapper = wrapper or {}
    if kind := _kind_of(value):
        yield Record(kind, value, wrapper)
    elif isinstance(value, list) and depth:
        for item in value:
            yield from records_in(item, wrapper, depth - 1)
    elif isinstance(value, dict) and depth:
        flat = flatten(value)
        inner = [] if is_a_post(flat) else list(_wrapped(value, wrapper, depth))
        is_flat = names_a_post(flat) and not any(map(_is_known, inner))
        if is_flat or not inner:
            inner = [Record("tabular" if is_flat else None, value, wrapper)]
        yield from inner
    else:
        yield Record(None, value, wrapper)


def _is_known(record: Record) -> bool:
    return record.kind is not None and (record.kind != "tabular" or is_a_post(flatten(record.value)))


def _wrapped(value: dict[str, object], wrapper: Mapping[str, object], depth: int) -> Iterator[Record]:
    """Yield the records under a wrapper's keys; a list that holds any is yielded whole."""
    wrapper = {**wrapper, **{key: value[key] for key in (*_SEEN_AT, *_QUERY) if key in value}}
    for inner in value.values():
        if isinstance(inner, str):
            inner = _body(inner)
        if isinstance(inner, dict | list):
            found = list(records_in(inner, wrapper, depth - 1))
            if any(record.kind for record in found):
                yield from found


def _body(text: str) -> object:
    """Return the response a network capture stored as text, if it is one."""
    if text[:1] not in ("{", "[") or '"instructions"' not in text:
        return None
    try:
        return load(text)
    except ValueError:
        return None


def _kind_of(value: object) -> str | None:
    if not isinstance(value, dict):
        return None
    keys = value.keys()
    if "data" in keys and find_instructions(value) is not None:
        return "x_graphql"
    if "rest_id" in keys and ("legacy" in keys or "note_tweet" in keys) and "core" in keys:
        return "x_result"
    if isinstance(value.get("statuses"), list):
        return "v1_page"
    if _is_v2_page(value) or _is_v2_post(value):
        return "x_api_v2"
    user = value.get("user")
    if isinstance(user, dict):
        if (
            "screen_name" in user
            and ("id_str" in keys or "id" in keys)
            and ("full_text" in keys or "text" in keys)
        ):
            return "x_api_v1"
        if "username" in user and ("rawContent" in keys or {"content", "date"} <= keys):
            return "twscrape" if "id_str" in keys else "snscrape"
    return None


def _is_v2_page(value: Mapping[str, object]) -> bool:
    data, meta = value.get("data"), value.get("meta")
    if data is None:
        return isinstance(meta, dict) and meta.get("result_count") == 0
    posts = data if isinstance(data, list) else [data]
    return any(isinstance(post, dict) and not _V2_MARKS.isdisjoint(post) for post in posts) or (
        bool(posts) and all(_is_v2_post(post, in_page=True) for post in posts)
    )


def _is_v2_post(value: object, *, in_page: bool = False) -> bool:
    if not (isinstance(value, dict) and {"id", "text"} <= value.keys()):
        return False
    return not _V2_MARKS.isdisjoint(value) or (
        (in_page or "author_id" in value) and _V2_FIELDS.issuperset(value)
    )


def items_of(record: Record, table: Table | None, origin: Origin, zone: tzinfo = UTC) -> Iterator[Item]:
    """Yield the items of a record; ``table`` says how to read flat ones."""
    known: dict[str, Any] = {
        "observed_at": _seen_at(record.wrapper, zone),
        "search_query": _query(record.wrapper),
        "origin": origin,
    }
    value = record.value
    if record.kind == "x_graphql":
        yield from parse_search_response(value, **known)
    elif record.kind == "x_result":
        yield from parse_result(value, **known, seen=set())
    elif record.kind == "x_api_v2":
        yield from parse_v2_page(value, **known)
    elif record.kind == "x_api_v1":
        yield from parse_v1_status(value, **known)
    elif record.kind == "v1_page":
        seen: set[str] = set()
        for number, status in enumerate(value["statuses"], 1):
            where = Origin(origin.file, f"{origin.position} item {number}".strip())
            yield from parse_v1_status(status, **{**known, "origin": where}, seen=seen)
    elif record.kind in ("twscrape", "snscrape"):
        yield from parse_collector_tweet(value, **known)
    elif record.kind == "tabular" and table is not None and table.problem is None:
        yield parse_row(flatten(value), table, origin=origin, record=value)
    else:
        yield Quarantined(ENTITY, "unrecognised_record", canonical_json(value), origin)


def _seen_at(wrapper: Mapping[str, object], zone: tzinfo) -> datetime | None:
    for value in (wrapper[key] for key in _SEEN_AT if key in wrapper):
        try:
            return parse_time(value, zone=zone).at
        except ValueError:
            continue
    return None


def _query(wrapper: Mapping[str, object]) -> str | None:
    return next(
        (found for key in _QUERY if isinstance(found := wrapper.get(key), str) and found.strip()), None
    )
