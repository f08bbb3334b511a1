"""Pages of a search: positions, cursors, stalls, and the faults that change a page's content."""

import base64
import binascii
import random
import struct
import zlib
from bisect import bisect_right
from dataclasses import dataclass, replace

from tests.replica import payloads
from tests.replica.corpus import Corpus, Post
from tests.replica.query import MAX_ID, parse

_PREFIX = "DAADDAABCgAB"
_PACKED = struct.Struct(">QIIB")


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a query's results: the next result has id < `below_id`; `served` came before it."""

    below_id: int
    served: int
    query_hash: int
    skips: int = 0  # how many empty pages were passed at this place

    def encode(self, *, is_top: bool = False) -> str:
        """Return the opaque text that a payload carries."""
        packed = _PACKED.pack(self.below_id, self.served, self.query_hash, self.skips + 128 * is_top)
        return _PREFIX + base64.urlsafe_b64encode(packed).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """Read a cursor back; ValueError when it is none of ours."""
        if not text.startswith(_PREFIX):
            raise ValueError(f"not a cursor: {text!r}")
        try:
            packed = base64.urlsafe_b64decode(text[len(_PREFIX) :] + "==")
            below_id, served, query_hash, skips = _PACKED.unpack(packed)
        except (binascii.Error, struct.error) as error:
            raise ValueError(f"not a cursor: {text!r}") from error
        return cls(below_id, served, query_hash, skips & 127)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one request stands: its cursor, the results from there on, and the faults that can apply."""

    raw_query: str
    cursor: Cursor
    is_first: bool
    results: list[Post]
    index: int
    is_stalled: bool
    paging_faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One answer's body and the ids of the results in it."""

    body: bytes
    ids: tuple[str, ...]


class Search:
    """Answers queries over a corpus; the caller serialises the calls."""

    def __init__(self, corpus: Corpus, seed: int, page_size: int, stall_after: int | None) -> None:
        self._corpus = corpus
        self._seed = seed
        self._page_size = page_size
        self._stall_after = stall_after
        self._encoder = payloads.Encoder()
        self._results: dict[str, list[Post]] = {}
        self._version = corpus.version
        self._stalled_below: dict[str, int] = {}

    def place(self, raw_query: str, cursor_text: str | None) -> Place:
        """Find where a request stands; ValueError for a cursor that is none of ours."""
        cursor = (
            Cursor(MAX_ID, 0, zlib.crc32(raw_query.encode()))
            if cursor_text is None
            else Cursor.decode(cursor_text)
        )
        results = self._matching(raw_query)
        index = bisect_right(results, -cursor.below_id, key=lambda post: -post.id)
        stalled_below = self._stalled_below.get(raw_query, -1)
        is_stalled = cursor.served >= self._stall_limit(raw_query) or cursor.below_id <= stalled_below
        paging_faults: tuple[str, ...] = ()
        if not is_stalled and index < len(results):
            paging_faults = ("short_page",) if len(results) - index > 1 else ()
            if cursor_text is not None:
                paging_faults += ("empty", "repeated", "early_stall")
            if index >= 2 * self._page_size:
                paging_faults += ("cyclic",)
        return Place(raw_query, cursor, cursor_text is None, results, index, is_stalled, paging_faults)

    def page(self, place: Place, fault: str | None) -> Page:
        """Write the page of one place; `fault` is one of `place.paging_faults`, or None."""
        cursor, index = place.cursor, place.index
        rng = random.Random(f"page:{self._seed}:{place.raw_query}:{cursor.below_id}")
        if fault == "early_stall":
            self._stalled_below[place.raw_query] = cursor.below_id
        if place.is_stalled or fault in ("empty", "early_stall") or index >= len(place.results):
            bottom = replace(cursor, skips=cursor.skips % 127 + 1) if fault == "empty" else cursor
            return self._write(place, [], [], bottom)
        size = rng.randint(max(1, self._page_size // 2), max(1, self._page_size - 1))
        size = size if fault == "short_page" else self._page_size
        shown = place.results[index : index + size]
        bottom = Cursor(shown[-1].id, cursor.served + len(shown), cursor.query_hash)
        if fault == "repeated":
            bottom = cursor
        elif fault == "cyclic":
            back = min(rng.randint(1, 3), index // self._page_size - 1) * self._page_size
            above = place.results[index - back - 1].id
            bottom = Cursor(above, max(0, cursor.served - back), cursor.query_hash)
        style = rng.choice((*payloads.GENERATIONS, "mixed"))
        entries = [
            self._encoder.entry(post, payloads.GENERATIONS[post.author.id % 3] if style == "mixed" else style)
            for post in shown
        ]
        generation = "core" if style == "mixed" else style
        if rng.random() < 0.08:
            gone = rng.choice(self._corpus.tombstones)
            entries.insert(rng.randint(0, len(entries)), payloads.tombstone_entry(gone, rng.randrange(4)))
        if rng.random() < 0.5:
            for position in (3, 14)[: rng.randint(1, 2)]:
                advertisement = rng.choice(self._corpus.promoted)
                entries.insert(position, payloads.promoted_entry(advertisement, generation, rng))
        return self._write(place, shown, entries, bottom)

    def _write(self, place: Place, shown: list[Post], entries: list[bytes], bottom: Cursor) -> Page:
        newest = place.results[0].id if place.results else 0
        top = Cursor(newest, 0, place.cursor.query_hash).encode(is_top=True)
        write = payloads.first_page if place.is_first else payloads.later_page
        return Page(write(entries, top, bottom.encode()), tuple(str(post.id) for post in shown))

    def _matching(self, raw_query: str) -> list[Post]:
        if self._version != self._corpus.version:
            self._version = self._corpus.version
            self._results.clear()
            self._encoder.forget()
        if raw_query not in self._results:
            query = parse(raw_query)
            found = self._corpus.newest_first(query.above_id, query.below_id)
            self._results[raw_query] = [post for post in found if query.matches(post)]
        return self._results[raw_query]

    def _stall_limit(self, raw_query: str) -> float:
        """Return after how many results this query stalls: `stall_after`, give or take 12 %."""
        if self._stall_after is None:
            return float("inf")
        spread = random.Random(f"stall:{self._seed}:{raw_query}").uniform(0.88, 1.12)
        return self._stall_after * spread
