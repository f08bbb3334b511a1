"""What a collection has done, in ``ingest.sqlite``: slices, requests, and pages that have not landed yet.

Every answer is written before it counts, page and low mark in one transaction: a run that is killed at
any moment goes on from its last page, and knows how many requests the account has made.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from ingest.runs import count_requests
from ingest.search import Answer, Ask, Rate
from ingest.search.plan import Interval

_TABLES = """
create table if not exists search_slices (
    slice_id integer primary key, source text not null, terms text not null,
    since integer not null, until integer not null, low_id integer, proof text, run_id text
);
create table if not exists search_requests (
    request_id integer primary key, run_id text not null, source text not null, account text not null,
    asked text not null, requested_at real not null, answered_at real, n_requests integer not null,
    fault text, n_posts integer, rate_limit integer, rate_remaining integer, rate_reset_at real,
    rate_ahead real
);
create index if not exists search_requests_by_account on search_requests (account, requested_at);
create table if not exists search_pages (
    page_id integer primary key, source text not null, terms text not null,
    observed_at text not null, body blob not null
);
"""


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice that is still to be walked, from ``low_id`` down where it was begun."""

    slice_id: int
    terms: str
    since: int
    until: int
    low_id: int | None


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A page that has not landed."""

    page_id: int
    terms: str
    observed_at: datetime
    body: bytes


class Journal:
    """The state of one source's collections. Safe to use from several threads."""

    def __init__(self, connection: sqlite3.Connection, source: str, run_id: str) -> None:
        """Use ``connection``, which must be in autocommit mode and open to all threads."""
        self._connection, self._source, self._run_id = connection, source, run_id
        self._lock = threading.Lock()
        with self._lock:
            connection.executescript(_TABLES)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("begin immediate")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("rollback")
                raise
            self._connection.execute("commit")

    # ---- Slices -----------------------------------------------------------------------------------

    def covered(self, terms: str) -> list[Interval]:
        """The intervals that slices hold, complete or begun."""
        with self._lock:
            return self._connection.execute(
                "select since, until from search_slices where source = ? and terms = ?", (self._source, terms)
            ).fetchall()

    def add_slices(self, terms: str, intervals: list[Interval]) -> None:
        """Take slices into the plan."""
        with self._transaction() as state:
            state.executemany(
                "insert into search_slices (source, terms, since, until) values (?, ?, ?, ?)",
                ((self._source, terms, since, until) for since, until in intervals),
            )

    def forget_slices(self, terms: str, window: Interval, *, only_empty: bool = False) -> None:
        """Drop what lies in ``window`` from the plan, so that it is collected anew.

        With ``only_empty``, slices that gave nothing at all: an account that is quietly shut out sees that.
        """
        with self._transaction() as state:
            state.execute(
                "delete from search_slices where source = ? and terms = ? and until > ? and since < ?"
                + (" and proof = 'empty'" if only_empty else ""),
                (self._source, terms, *window),
            )

    def open_slices(self, groups: list[str]) -> list[Slice]:
        """The slices of these groups that no proof closes yet."""
        marks = ", ".join("?" * len(groups))
        with self._lock:
            rows = self._connection.execute(
                "select slice_id, terms, since, until, low_id from search_slices"
                f" where source = ? and proof is null and terms in ({marks})",
                (self._source, *groups),
            ).fetchall()
        return [Slice(*row) for row in rows]

    def split(self, piece: Slice, middle: int) -> Slice:
        """Cut ``piece`` at ``middle``: it keeps the newer part, the older one is returned."""
        with self._transaction() as state:
            state.execute("update search_slices set since = ? where slice_id = ?", (middle, piece.slice_id))
            added = state.execute(
                "insert into search_slices (source, terms, since, until) values (?, ?, ?, ?)",
                (self._source, piece.terms, piece.since, middle),
            ).lastrowid
        assert added is not None
        return Slice(added, piece.terms, piece.since, middle, None)

    def advance(self, slice_id: int, low_id: int, proof: str | None) -> None:
        """Lower a slice's mark, where another slice's walk has come into it."""
        with self._transaction() as state:
            _advance(state, slice_id, low_id, proof, self._run_id)

    def proofs(self, window: Interval, groups: list[str]) -> dict[str | None, int]:
        """Slices that reach into ``window`` by proof; None counts the incomplete ones."""
        marks = ", ".join("?" * len(groups))
        with self._lock:
            return dict(
                self._connection.execute(
                    "select proof, count(*) from search_slices where source = ? and until > ? and since < ?"
                    f" and terms in ({marks}) group by proof",
                    (self._source, *window, *groups),
                ).fetchall()
            )

    # ---- Requests ---------------------------------------------------------------------------------

    def asking(self, account: str, ask: Ask) -> int:
        """Write a request down before it is made; returns its id."""
        asked = f"{ask.terms} [{ask.since}, {ask.until}) {ask.max_id or ''}".strip()
        with self._transaction() as state:
            added = state.execute(
                "insert into search_requests (run_id, source, account, asked, requested_at, n_requests)"
                " values (?, ?, ?, ?, ?, 1)",
                (self._run_id, self._source, account, asked, time.time()),
            ).lastrowid
        assert added is not None
        return added

    def took(
        self, request_id: int, answer: Answer, piece: Slice, low_id: int | None, proof: str | None
    ) -> int | None:
        """Write down at once what became of a request: its page, and the slice's new mark.

        Returns the page's id; None where there is nothing to land.
        """
        page_id = None
        with self._transaction() as state:
            _answered(state, request_id, answer)
            count_requests(
                state,
                self._run_id,
                answer.n_requests,
                int(answer.fault is not None and answer.n_requests > 0),
            )
            if answer.page and answer.page.items:
                page_id = state.execute(
                    "insert into search_pages (source, terms, observed_at, body) values (?, ?, ?, ?)",
                    (
                        self._source,
                        piece.terms,
                        answer.page.observed_at.isoformat(),
                        zlib.compress(answer.page.body),
                    ),
                ).lastrowid
            _advance(state, piece.slice_id, low_id, proof, self._run_id)
        return page_id

    def made_since(self, account: str, moment: float) -> int:
        """Requests the account has made since ``moment`` (epoch seconds)."""
        with self._lock:
            (made,) = self._connection.execute(
                "select coalesce(sum(n_requests), 0) from search_requests"
                " where account = ? and requested_at >= ?",
                (account, moment),
            ).fetchone()
        return int(made)

    def last_rate(self, account: str) -> tuple[Rate, int] | None:
        """What the site last said of the account's quota, and the requests made since it was asked then."""
        with self._lock:
            row = self._connection.execute(
                "select rate_limit, rate_remaining, rate_reset_at, request_id, run_id, requested_at"
                " from search_requests where account = ? and rate_remaining is not null"
                " order by rate_reset_at desc, rate_remaining limit 1",
                (account,),
            ).fetchone()
            if row is None:
                return None
            limit, remaining, reset_at, request_id, run_id, requested_at = row
            # Those that were under way with it too: the site may have counted them later.
            (since,) = self._connection.execute(
                "select coalesce(sum(n_requests), 0) from search_requests"
                " where account = ?1 and rate_remaining is null and (request_id > ?2"
                " or run_id = ?3 and coalesce(answered_at, ?4) >= ?4)",
                (account, request_id, run_id, requested_at),
            ).fetchone()
            (ahead,) = self._connection.execute(
                "select min(rate_ahead) from search_requests where run_id = ?", (run_id,)
            ).fetchone()
        return Rate(limit, remaining, reset_at, ahead or 0.0), int(since)

    def made_in_this_run(self) -> tuple[int, int]:
        """Requests of this run, and those among them that ended in a fault."""
        with self._lock:
            made, faults = self._connection.execute(
                "select coalesce(sum(n_requests), 0), count(fault) filter (where n_requests > 0)"
                " from search_requests where run_id = ?",
                (self._run_id,),
            ).fetchone()
        return int(made), int(faults)

    # ---- Pages ------------------------------------------------------------------------------------

    def stored_pages(self) -> list[int]:
        """Ids of the pages that have not landed, oldest first."""
        with self._lock:
            rows = self._connection.execute(
                "select page_id from search_pages where source = ? order by page_id", (self._source,)
            ).fetchall()
        return [page_id for (page_id,) in rows]

    def stored_page(self, page_id: int) -> StoredPage:
        """One of them."""
        with self._lock:
            terms, observed_at, body = self._connection.execute(
                "select terms, observed_at, body from search_pages where page_id = ?", (page_id,)
            ).fetchone()
        return StoredPage(page_id, terms, datetime.fromisoformat(observed_at), zlib.decompress(body))

    def landed(self, page_id: int) -> None:
        """Drop a page whose records have all landed."""
        with self._transaction() as state:
            state.execute("delete from search_pages where page_id = ?", (page_id,))


def _advance(
    state: sqlite3.Connection, slice_id: int, low_id: int | None, proof: str | None, run_id: str
) -> None:
    state.execute(
        "update search_slices set low_id = min(coalesce(low_id, ?1), ?1), proof = coalesce(proof, ?2),"
        " run_id = ?3 where slice_id = ?4",
        (low_id, proof, run_id, slice_id),
    )


def _answered(state: sqlite3.Connection, request_id: int, answer: Answer) -> None:
    rate = answer.rate
    state.execute(
        "update search_requests set answered_at = ?, n_requests = ?, fault = ?, n_posts = ?,"
        " rate_limit = ?, rate_remaining = ?, rate_reset_at = ?, rate_ahead = ? where request_id = ?",
        (
            time.time(), answer.n_requests, answer.fault, len(answer.page.ids) if answer.page else None,
            rate.limit if rate else None, rate.remaining if rate else None,
            rate.reset_at if rate else None, rate.ahead if rate else None, request_id,
        ),
    )  # fmt: skip
