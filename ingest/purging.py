"""Purges: posts that are removed from the data root, and kept out of it.

    raw/purges ──> who and what is purged ──> records, rows and payloads that hold it ──> gone

A landed purge is the whole instruction: ``apply`` brings every file in line with all of them and
can be repeated at any time. It remembers the files that it has seen clean, so that what was
restored or dropped in by hand, or left over when a purge was killed, is all that it reads again.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from config import Settings
from ingest.entities.purges.schema import ENTITY as PURGES
from ingest.entities.tweets.capture import canonical_json, dig, digits
from ingest.entities.tweets.identity import read_handle, read_tweet_id
from ingest.entities.tweets.schema import ENTITY as TWEETS
from ingest.entities.tweets.tabular import means
from ingest.files import atomic_file, landed_files

# A topic basis of fewer texts may hold a word that one post alone had (ml.topics.fit).
_RARE_WORDS_BELOW = 1000

_MARKS = """
create table if not exists scrubbed_files (path text primary key, stamp text not null) without rowid
"""
_ROW_COLUMNS = ("tweet_id", "retweeted_tweet_id", "author_id", "author_handle", "text", "edit_tweet_ids")
_ROWS = 4096  # of payloads held in memory at a time
_WORDS = re.compile(rb"[a-z0-9_]+")
# A handle where nothing can be parsed: after '@' or '/', or alone between quotes or separators.
_MARKED = re.compile(
    rb"[@/]([a-z0-9_]{1,15})(?![a-z0-9_])"
    rb"|(?:^|(?<=[\"',;\t|>]))[ ]?([a-z0-9_]{1,15})[ ]?(?=[\"',;\t|<]|$)",
    re.MULTILINE,
)
_LINKED_HANDLE = re.compile(r"\.com/([A-Za-z0-9_]{1,15})/status")
_NUMBERS = re.compile(rb"[0-9]+")
_REPOST = re.compile(r"RT @(?P<handle>[A-Za-z0-9_]{1,15}):")
_REPOSTED = ("retweeted_status_result", "retweeted_status", "retweetedTweet")
_REFERENCE = {"id", "id_str", "rest_id", "type", "__typename"}
_SMALLEST_ID = 10**8  # a bare number below it is a count


@dataclass(frozen=True)
class Purged:
    """What is purged: ids of posts, and ids and lower-cased handles of authors."""

    posts: frozenset[str] = frozenset()
    author_ids: frozenset[str] = frozenset()
    handles: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.posts or self.author_ids or self.handles)

    @cached_property
    def version(self) -> str:
        """Hash of all that is purged."""
        named = [sorted(self.posts), sorted(self.author_ids), sorted(self.handles)]
        return hashlib.sha256(json.dumps(named).encode()).hexdigest()[:16]

    @cached_property
    def _words(self) -> frozenset[bytes]:
        return frozenset(word.encode() for word in self.posts | self.author_ids | self.handles)

    def may_be_in(self, payload: bytes) -> bool:
        """Whether an original names anything that is purged: a quick look that never misses."""
        folded = payload.replace(b"\0", b"").lower()  # UTF-16 of ASCII, read as ASCII
        return not self._words.isdisjoint(_WORDS.findall(folded))

    def _is_marked_in(self, payload: bytes) -> bool:
        folded = payload.replace(b"\0", b"").lower()
        numbers = {number.decode() for number in _NUMBERS.findall(folded)}
        marked = {(named or alone).decode() for named, alone in _MARKED.findall(folded)}
        return not ((self.posts | self.author_ids).isdisjoint(numbers) and self.handles.isdisjoint(marked))

    def covers_rows(
        self, rows: pa.Table | pa.RecordBatch, payload_hashes: Collection[str] = ()
    ) -> pa.BooleanArray:
        """Which rows of the tweet entity are purged posts or reposts of them; one value a row.

        Rows whose original is among ``payload_hashes`` are, too.
        """
        held = {name: _array(rows, name) for name in rows.schema.names}
        covered = pa.array([False] * rows.num_rows, pa.bool_())
        for name, values in (
            ("tweet_id", self.posts),
            ("retweeted_tweet_id", self.posts),
            ("author_id", self.author_ids),
            ("payload_hash", payload_hashes),
        ):
            if name in held and values:
                covered = pc.or_(covered, _is_among(held[name], values))
        if "author_handle" in held and self.handles:
            covered = pc.or_(covered, _is_among(pc.utf8_lower(held["author_handle"]), self.handles))
        if "text" in held and self.handles:
            reposted = pc.struct_field(pc.extract_regex(held["text"], f"^{_REPOST.pattern}"), "handle")
            covered = pc.or_(covered, _is_among(pc.utf8_lower(reposted), self.handles))
        if "edit_tweet_ids" in held and self.posts:
            versions = held["edit_tweet_ids"]
            hits = pc.filter(
                pc.list_parent_indices(versions), _is_among(pc.list_flatten(versions), self.posts)
            )
            covered = pc.or_(covered, pc.is_in(pa.array(range(rows.num_rows)), value_set=hits.cast("int64")))
        return covered

    def covers(self, record: Mapping[str, Any]) -> bool:
        """Whether a JSON object is a purged post, another version of one, or a repost of one."""
        record = _unwrapped(record)
        text = _text(record)
        is_post = text is not None or isinstance(record.get("note_tweet"), dict)
        if not self.posts.isdisjoint(_ids(record)) and not (
            _REFERENCE.issuperset(record) or (_is_user(record) and not is_post)
        ):
            return True
        if is_post:
            ids, handles = _author(record)
            if not (self.author_ids.isdisjoint(ids) and self.handles.isdisjoint(handles)):
                return True
            if (repost := _REPOST.match(text or "")) and repost[1].lower() in self.handles:
                return True
        return not self.posts.isdisjoint(_reposted_ids(record)) or any(map(self.covers, _reposted(record)))

    def covers_payload(self, payload: bytes) -> bool:
        """Whether an original is, as a whole, a purged post or a repost of one."""
        if not self.may_be_in(payload):
            return False
        record = _parsed(payload)
        return isinstance(record, dict) and self.covers(record)


def purged_in(settings: Settings) -> Purged:
    """All that the landed purges name; read again only where a purge has landed since."""
    return _read(tuple(landed_files(settings, PURGES)))


@lru_cache(maxsize=8)
def _read(files: tuple[Path, ...]) -> Purged:
    posts: set[str | None] = set()
    author_ids: set[str | None] = set()
    handles: set[str | None] = set()
    for path in files:
        columns = ["scope", "tweet_id", "author_id", "author_handle"]
        for row in pq.read_table(path, columns=columns).to_pylist():
            if row["scope"] == "post":
                posts.add(row["tweet_id"])
            else:
                author_ids.add(row["author_id"])
                handles.add(row["author_handle"])
    return Purged(*(frozenset(filter(None, found)) for found in (posts, author_ids, handles)))


# ---- JSON -----------------------------------------------------------------------------------------


def scrub(value: Any, purged: Purged) -> Any:
    """Return parsed JSON without the purged posts: itself where it holds none, None where it is one.

    A post that stands in a list leaves it; one that stands elsewhere becomes a tombstone with its
    id, which parsers know from X itself. A flat record that names a purged post or author beside
    its own goes whole. JSON inside a string is scrubbed, too.
    """
    if isinstance(value, dict):
        if purged.covers(value) or (_is_flat(value) and _names_another(value, purged)):
            return None
        if _is_link_to(value, purged):
            return None
        kept = {key: scrub(inner, purged) for key, inner in value.items()}
        if all(kept[key] is value[key] for key in value):
            return value
        return {
            key: _tombstone(value[key]) if inner is None and value[key] is not None else inner
            for key, inner in kept.items()
        }
    if isinstance(value, list):
        items = [scrub(item, purged) for item in value]
        if all(item is was for item, was in zip(items, value, strict=True)):
            return value
        return [item for item, was in zip(items, value, strict=True) if item is not None or was is None]
    if isinstance(value, str) and value[:1] in ("{", "["):
        inner = _parsed(value)
        cut = scrub(inner, purged) if isinstance(inner, dict | list) else inner
        if cut is not inner:
            return "" if cut is None else canonical_json(cut).decode()
    return value


def _tombstone(post: Mapping[str, Any]) -> dict[str, str]:
    tweet_id = next(_ids(_unwrapped(post)), None)
    return {"__typename": "TweetTombstone", **({"id": tweet_id} if tweet_id else {})}


def scrub_payload(payload: bytes, purged: Purged) -> bytes | None:
    """Return an original without the purged posts: itself where it holds none, None where it must go.

    It must go where it is one, and where it names one and is no JSON that could be cut.
    """
    if not purged.may_be_in(payload):
        return payload
    value = _parsed(payload)
    if not isinstance(value, dict | list):
        return None if purged._is_marked_in(payload) else payload
    try:
        kept = scrub(value, purged)
    except RecursionError:
        return None
    return payload if kept is value else None if kept is None else canonical_json(kept)


def _parsed(payload: bytes | str) -> object:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return None


def _unwrapped(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The post behind the wrapper that X puts around one of limited visibility."""
    while isinstance(inner := record.get("tweet"), dict) and "rest_id" not in record:
        record = inner
    return record


def _text(record: Mapping[str, Any]) -> str | None:
    for place in (record, record.get("legacy")):
        for key, value in place.items() if isinstance(place, dict) else ():
            if isinstance(value, str) and means(key, "text"):
                return value
    return None


def _is_user(record: Mapping[str, Any]) -> bool:
    names = ("screen_name", "username")
    places = (record, record.get("legacy"), record.get("core"))
    is_named = any(name in place for place in places if isinstance(place, dict) for name in names)
    return record.get("__typename") == "User" or is_named


def _ids(record: Mapping[str, Any]) -> Iterator[str]:
    """The ids of a post's versions, under whatever name they stand."""
    for key, value in record.items():
        if (means(key, "tweet_id") or means(key, "status_url")) and (found := read_tweet_id(value)):
            yield found[0]
        elif means(key, "edit_tweet_ids") and isinstance(value, list):
            yield from filter(None, map(digits, value))
    if legacy_id := digits(dig(record, "legacy", "id_str")):
        yield legacy_id
    control = record.get("edit_control")
    for holder in (control, dig(control, "edit_control_initial")):
        versions = dig(holder, "edit_tweet_ids")
        yield from filter(None, map(digits, versions if isinstance(versions, list) else ()))


def _author(record: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """The ids and lower-cased handles by which a record names its author."""
    user = dig(record, "core", "user_results", "result")
    ids: set[object] = {digits(dig(user, "rest_id")), digits(dig(record, "legacy", "user_id_str"))}
    handles: set[object] = {dig(user, "core", "screen_name"), dig(user, "legacy", "screen_name")}
    for key, value in record.items():
        if means(key, "author_id") and not isinstance(value, dict | list):
            ids.add(digits(value))
        elif means(key, "author_handle"):
            if isinstance(value, dict):
                ids |= {digits(inner) for name, inner in value.items() if means(name, "tweet_id")}
                handles |= {
                    inner
                    for name, inner in value.items()
                    if isinstance(inner, str) and means(name, "author_handle")
                }
            elif isinstance(value, str):
                handles.add(value)
    known = {handle.lower() for value in handles if (handle := read_handle(value))}
    return {found for found in ids if isinstance(found, str)}, known


def _reposted(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for place in (record, record.get("legacy")):
        for key in _REPOSTED:
            inner = dig(place, key)
            inner = inner.get("result", inner) if isinstance(inner, dict) else inner
            if isinstance(inner, dict):
                yield inner


def _reposted_ids(record: Mapping[str, Any]) -> Iterator[str]:
    for place in (record, record.get("legacy")):
        for key, value in place.items() if isinstance(place, dict) else ():
            if means(key, "retweeted_tweet_id") and (found := read_tweet_id(value)):
                yield found[0]
    listed = record.get("referenced_tweets")
    for item in listed if isinstance(listed, list) else ():
        if dig(item, "type") == "retweeted" and (tweet_id := digits(dig(item, "id"))):
            yield tweet_id


def _is_link_to(record: Mapping[str, Any], purged: Purged) -> bool:
    """Whether an object is X's link to a quoted post that is purged, or whose author is."""
    link = record.get("expanded")
    if not isinstance(link, str) or "display" not in record:
        return False
    found = read_tweet_id(link)
    handle = _LINKED_HANDLE.search(link)
    return (found is not None and found[0] in purged.posts) or (
        handle is not None and handle[1].lower() in purged.handles
    )


def _is_flat(record: Mapping[str, Any]) -> bool:
    """Whether a record is a row of a table: what it holds of another post stands among its own cells."""
    cells = [cell for value in record.values() for cell in (value if isinstance(value, list) else [value])]
    return _text(record) is not None and not any(isinstance(cell, dict | list) for cell in cells)


def _names_another(record: Mapping[str, Any], purged: Purged) -> bool:
    """Whether a cell of a flat record is a purged post's id or a purged author's handle, mentions aside."""
    for key, value in record.items():
        if isinstance(value, bool | list) or (isinstance(value, int | float) and value < _SMALLEST_ID):
            continue
        if (found := read_tweet_id(value)) and found[0] in purged.posts:
            return True
        if means(key, "mentions"):
            continue
        if (handle := read_handle(value)) and handle.lower() in purged.handles:
            return True
    return False


# ---- Files ----------------------------------------------------------------------------------------


@dataclass
class Removed:
    """What one ``apply`` took away."""

    sightings: int = 0
    payloads: int = 0
    payloads_cut: int = 0
    quarantined: int = 0
    pages: int = 0

    def __bool__(self) -> bool:
        return self != Removed()

    def line(self) -> str:
        """It as one line."""
        return (
            f"removed {self.sightings:,} sightings, {self.payloads:,} originals,"
            f" {self.quarantined:,} quarantined records and {self.pages:,} pages that had not landed;"
            f" cut purged posts out of {self.payloads_cut:,} originals of other posts"
        )


def apply(settings: Settings, connection: sqlite3.Connection) -> Removed:
    """Bring the data root in line with all landed purges; reads only files not known to be clean.

    ``connection`` is the root's ``ingest.sqlite`` in a write transaction: no one else lands or
    compacts meanwhile. What was killed half-way is done by the next call.
    """
    purged, removed = purged_in(settings), Removed()
    if not purged:
        return removed
    connection.execute(_MARKS)
    seen = dict(connection.execute("select path, stamp from scrubbed_files"))
    dirty = {path for path in _files(settings) if seen.get(_name(settings, path)) != _stamp(path, purged)}
    if dirty:
        _scrub_files(settings, purged, dirty, removed)
        for left in (settings.raw, settings.payloads, settings.quarantine):
            for unfinished in left.rglob(".*.tmp"):  # of a process that was killed while it wrote
                unfinished.unlink(missing_ok=True)
        connection.execute("delete from scrubbed_files")
        connection.executemany(
            "insert into scrubbed_files values (?, ?)",
            ((_name(settings, path), _stamp(path, purged)) for path in _files(settings)),
        )
    _scrub_stored_pages(connection, purged, removed)
    return removed


def known_names(settings: Settings, ids: Collection[str], handles: Collection[str]) -> set[tuple[str, str]]:
    """The (id, lower-cased handle) pairs under which landed posts know these authors, renamings included."""
    columns = ["author_id", "author_handle"]
    pairs = {
        (row["author_id"], row["author_handle"].lower())
        for path in landed_files(settings, TWEETS)
        for row in pq.read_table(path, columns=columns)
        .drop_null()
        .group_by(columns)
        .aggregate([])
        .to_pylist()
    }
    same = {author_id for author_id, handle in pairs if author_id in ids or handle in handles}
    return {pair for pair in pairs if pair[0] in same}


def landed_rows(settings: Settings, purged: Purged) -> tuple[int, int]:
    """How many landed sightings, of how many posts, the purge would remove by their columns."""
    sightings, posts = 0, set()
    for path in landed_files(settings, TWEETS):
        table = (file := pq.ParquetFile(path)).read(_present(file, _ROW_COLUMNS))
        rows = table.filter(purged.covers_rows(table))
        sightings += rows.num_rows
        posts |= set(rows["tweet_id"].to_pylist())
    return sightings, len(posts)


def _files(settings: Settings) -> list[Path]:
    """Every file that may hold a post, in path order."""
    return sorted(
        [
            *landed_files(settings, TWEETS),
            *settings.payloads.glob(f"{TWEETS}/dt=*/*.parquet"),
            *settings.quarantine.glob("*/dt=*/*.jsonl.gz"),
            *settings.quarantine.glob(f"{TWEETS}/batches/*.parquet"),
        ]
    )


def _name(settings: Settings, path: Path) -> str:
    return path.relative_to(settings.data).as_posix()


def _stamp(path: Path, purged: Purged) -> str:
    status = path.stat()
    return f"{purged.version} {status.st_size} {status.st_mtime_ns}"


def _scrub_files(settings: Settings, purged: Purged, dirty: set[Path], removed: Removed) -> None:
    """Records before originals: should we be killed, the originals still tell which records go."""
    raw = landed_files(settings, TWEETS)
    payloads = sorted(settings.payloads.glob(f"{TWEETS}/dt=*/*.parquet"))
    gone = _covered_payloads((path for path in payloads if path in dirty), purged)
    before = removed.sightings
    for path in raw:
        if gone or path in dirty:
            _scrub_rows(path, purged, gone, removed, before=lambda: _forget_builds(settings))
    if removed.sightings > before:
        dirty = dirty | set(payloads)  # their originals may stand in any file
    if any(path in dirty for path in payloads):
        held = _payload_hashes(raw)
        for path in payloads:
            if path in dirty:
                _scrub_payloads(path, purged, held, removed)
    for path in sorted(settings.quarantine.glob("*/dt=*/*.jsonl.gz")):
        if path in dirty:
            _scrub_lines(path, purged, removed)
    for path in sorted(settings.quarantine.glob(f"{TWEETS}/batches/*.parquet")):
        originals = path.with_name(f"{path.stem}-payloads.parquet")
        if not path.stem.endswith("-payloads") and not dirty.isdisjoint((path, originals)):
            _scrub_refused_batch(path, originals, purged, removed)


def _forget_builds(settings: Settings) -> None:
    """Delete what was derived from posts and keeps their words, in free blocks, too.

    A build that is running loses its file, and with it the way to publish what it has read.
    """
    for folder in (settings.build, settings.charts, settings.reports):
        shutil.rmtree(folder, ignore_errors=True)
    for unpublished in settings.data.glob(f".{settings.published_db.name}.*"):
        unpublished.unlink(missing_ok=True)
    for about in settings.models.glob("topics/*/model.json"):
        if json.loads(about.read_text(encoding="utf-8"))["n_texts"] < _RARE_WORDS_BELOW:
            shutil.rmtree(about.parent)


def _covered_payloads(paths: Iterable[Path], purged: Purged) -> set[str]:
    """Hashes of the originals that are purged posts or reposts of them."""
    return {
        row["payload_hash"]
        for path in paths
        for batch in pq.ParquetFile(path).iter_batches(_ROWS, columns=["payload_hash", "payload"])
        for row in batch.to_pylist()
        if purged.covers_payload(row["payload"])
    }


def _payload_hashes(paths: Iterable[Path]) -> set[bytes]:
    """Hashes, as bytes, of the originals that landed records refer to."""
    return {
        bytes.fromhex(value)
        for path in paths
        for value in pq.read_table(path, columns=["payload_hash"])["payload_hash"].to_pylist()
    }


def _scrub_rows(
    path: Path, purged: Purged, gone: set[str], removed: Removed, before: Callable[[], None]
) -> None:
    """Rewrite a file of tweet rows without the purged ones; ``before`` is called if there are any."""
    file = pq.ParquetFile(path)
    columns = [*_present(file, _ROW_COLUMNS), "payload_hash"]
    covered = pc.sum(purged.covers_rows(file.read(columns), gone)).as_py() or 0
    if covered:
        before()
        _rewrite(path, "snappy", lambda batch: batch.filter(pc.invert(purged.covers_rows(batch, gone))))
        removed.sightings += covered


def _scrub_payloads(path: Path, purged: Purged, held: Collection[bytes], removed: Removed) -> None:
    """Rewrite a file of originals: without those that no record refers to, the others scrubbed."""
    file = pq.ParquetFile(path)
    dropped = cut = 0

    def kept(batch: pa.RecordBatch) -> pa.RecordBatch:
        nonlocal dropped, cut
        rows = []
        for row in batch.to_pylist():
            is_held = bytes.fromhex(row["payload_hash"]) in held
            payload = scrub_payload(row["payload"], purged) if is_held else None
            dropped += payload is None
            cut += payload is not None and payload is not row["payload"]
            if payload is not None:
                rows.append({**row, "payload": payload})
        return pa.RecordBatch.from_pylist(rows, schema=batch.schema)

    for batch in file.iter_batches(_ROWS):
        kept(batch)
    if dropped or cut:
        removed.payloads += dropped
        removed.payloads_cut += cut
        _rewrite(path, "zstd", kept)


def _rewrite(path: Path, compression: str, kept: Callable[[pa.RecordBatch], pa.RecordBatch]) -> None:
    file = pq.ParquetFile(path)
    with (
        atomic_file(path) as temporary,
        pq.ParquetWriter(temporary, file.schema_arrow, compression=compression) as writer,
    ):
        for batch in file.iter_batches(_ROWS):
            writer.write_batch(kept(batch))


def _scrub_lines(path: Path, purged: Purged, removed: Removed) -> None:
    """Rewrite a quarantine file without the records that hold a purged post."""
    with gzip.open(path, "rb") as stream:
        lines = stream.readlines()
    kept = [line for line in lines if not is_in_quarantined(json.loads(line), purged)]
    if len(kept) < len(lines):
        removed.quarantined += len(lines) - len(kept)
        with atomic_file(path) as temporary, gzip.open(temporary, "wb") as stream:
            stream.writelines(kept)


def is_in_quarantined(line: Mapping[str, str], purged: Purged) -> bool:
    """Whether a line of a quarantine file holds a purged post, or a part of one that names it."""
    if "payload_base64" in line:
        payload = base64.b64decode(line["payload_base64"])
    else:
        payload = line["payload"].encode("utf-8", "surrogatepass")
    return scrub_payload(payload, purged) is not payload


def _scrub_refused_batch(path: Path, originals: Path, purged: Purged, removed: Removed) -> None:
    """Rewrite a batch that was set aside whole; without rows it goes, report included."""
    gone = _covered_payloads([originals] if originals.exists() else [], purged)
    counted = Removed()
    _scrub_rows(path, purged, gone, counted, before=lambda: None)
    removed.quarantined += counted.sightings
    if pq.read_metadata(path).num_rows == 0:
        for file in (originals, path.with_suffix(".json"), path):
            file.unlink(missing_ok=True)
    elif originals.exists():
        _scrub_payloads(originals, purged, _payload_hashes([path]), Removed())


def _scrub_stored_pages(connection: sqlite3.Connection, purged: Purged, removed: Removed) -> None:
    """Scrub the pages that a collection has stored and not landed, where there are any."""
    if not connection.execute("select 1 from sqlite_master where name = 'search_pages'").fetchone():
        return
    for page_id, body in connection.execute("select page_id, body from search_pages").fetchall():
        page = zlib.decompress(body)
        # The cards of a page that could not be read are HTML, which cannot be cut.
        is_html = b'"visible_cards":' in page and purged._is_marked_in(page)
        kept = None if is_html else scrub_payload(page, purged)
        if kept is None:
            removed.pages += 1
            connection.execute("delete from search_pages where page_id = ?", (page_id,))
        elif kept is not page:
            removed.payloads_cut += 1
            stored = zlib.compress(kept)
            connection.execute("update search_pages set body = ? where page_id = ?", (stored, page_id))


def _present(file: pq.ParquetFile, columns: Iterable[str]) -> list[str]:
    """Those columns that a file has: one of an older schema may lack some."""
    return [name for name in columns if name in file.schema_arrow.names]


def _array(rows: pa.Table | pa.RecordBatch, name: str) -> pa.Array:
    column = rows.column(name)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _is_among(values: pa.Array, wanted: Collection[str]) -> pa.BooleanArray:
    return pc.is_in(values, value_set=pa.array(sorted(wanted), pa.string()))
