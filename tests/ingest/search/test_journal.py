"""The journal: what is written together stays together, whenever the process dies."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config import ROOT, Settings
from ingest.entities import Excluded, Origin
from ingest.runs import open_state
from ingest.search import Answer, Ask, Page, Rate
from ingest.search.journal import Journal, Slice, StoredPage

ITEM = Excluded("tweets", "promoted_entry", Origin("test"))
SEEN_AT = datetime(2026, 6, 1, 4, 30, 15, 123456, tzinfo=UTC)
ASK = Ask("#a", 0, 1800)


def answer(body: bytes = b"{}", *, items: int = 1, rate: Rate | None = None) -> Answer:
    return Answer(Page(SEEN_AT, body, (ITEM,) * items, (7,), None), rate=rate)


@pytest.fixture
def state(root: Settings) -> Iterator[sqlite3.Connection]:
    with closing(open_state(root, any_thread=True)) as connection:
        yield connection


@pytest.fixture
def journal(state: sqlite3.Connection) -> Journal:
    return Journal(state, "x", "run-1")


def only(journal: Journal, groups: tuple[str, ...] = ("#a",)) -> Slice:
    (piece,) = journal.open_slices(list(groups))
    return piece


def test_a_slice_is_open_until_a_proof_closes_it(journal: Journal) -> None:
    journal.add_slices("#a", [(0, 1800), (1800, 3600)])
    first, second = journal.open_slices(["#a"])
    journal.took(journal.asking("me", ASK), answer(), first, 100, None)
    assert journal.open_slices(["#a"]) == [Slice(first.slice_id, "#a", 0, 1800, 100), second]
    journal.took(journal.asking("me", ASK), answer(), first, 50, "crossed")
    assert journal.open_slices(["#a"]) == [second]
    assert journal.covered("#a") == [(0, 1800), (1800, 3600)]
    assert journal.proofs((0, 3600), ["#a"]) == {"crossed": 1, None: 1}


def test_a_mark_only_sinks_and_a_proof_stays(journal: Journal) -> None:
    journal.add_slices("#a", [(0, 1800)])
    piece = only(journal)
    for low_id in (100, 300, None, 80):
        journal.took(journal.asking("me", ASK), answer(), piece, low_id, None)
    assert only(journal).low_id == 80
    journal.advance(piece.slice_id, 90, "crossed")
    journal.took(journal.asking("me", ASK), answer(), piece, 90, None)
    assert journal.proofs((0, 1800), ["#a"]) == {"crossed": 1}


def test_sources_and_groups_do_not_see_each_other(state: sqlite3.Connection, journal: Journal) -> None:
    other = Journal(state, "x_api", "run-1")
    journal.add_slices("#a", [(0, 10)])
    journal.add_slices("#b", [(0, 20)])
    other.add_slices("#a", [(0, 30)])
    assert (journal.covered("#a"), journal.covered("#b"), other.covered("#a")) == (
        [(0, 10)],
        [(0, 20)],
        [(0, 30)],
    )
    assert {piece.until for piece in journal.open_slices(["#a", "#b"])} == {10, 20}
    other.took(other.asking("me", ASK), answer(), only(other), 1, None)
    assert journal.stored_pages() == []
    journal.forget_slices("#a", (0, 100))
    assert (journal.covered("#a"), other.covered("#a")) == ([], [(0, 30)])


def test_a_split_tiles_and_both_parts_stay_open(journal: Journal) -> None:
    journal.add_slices("#a", [(0, 1800)])
    piece = only(journal)
    journal.took(journal.asking("me", ASK), answer(), piece, 100, None)
    older = journal.split(piece, 600)
    assert (older.since, older.until, older.low_id) == (0, 600, None)
    assert journal.open_slices(["#a"]) == [Slice(piece.slice_id, "#a", 600, 1800, 100), older]


def test_forgetting_drops_what_reaches_into_the_window(journal: Journal) -> None:
    journal.add_slices("#a", [(0, 10), (10, 20), (20, 30), (30, 40)])
    journal.forget_slices("#a", (15, 30))
    assert journal.covered("#a") == [(0, 10), (30, 40)]


def test_a_page_is_stored_as_it_came_until_it_has_landed(journal: Journal) -> None:
    journal.add_slices("#a", [(0, 1800)])
    body = b'{"text": "\xe0\xa4\xa4 ' + bytes(range(256)) + b'"}'
    page_id = journal.took(journal.asking("me", ASK), answer(body), only(journal), None, None)
    assert page_id is not None
    assert journal.stored_pages() == [page_id]
    assert journal.stored_page(page_id) == StoredPage(page_id, "#a", SEEN_AT, body)
    journal.landed(page_id)
    assert journal.stored_pages() == []


def test_a_page_with_nothing_to_land_is_not_kept(journal: Journal) -> None:
    journal.add_slices("#a", [(0, 1800)])
    assert journal.took(journal.asking("me", ASK), answer(items=0), only(journal), None, "empty") is None
    assert journal.stored_pages() == []
    assert journal.proofs((0, 1800), ["#a"]) == {"empty": 1}


def test_requests_are_counted_from_before_they_are_made(journal: Journal) -> None:
    journal.add_slices("#a", [(0, 1800)])
    asked = [journal.asking("me", ASK) for _ in range(3)]
    journal.asking("another", ASK)
    assert journal.made_since("me", 0) == 3
    journal.took(asked[0], Answer(fault="503", n_requests=4), only(journal), None, None)
    assert journal.made_since("me", 0) == 6
    assert journal.made_in_this_run() == (7, 1)
    assert journal.made_since("me", 4e9) == 0
    assert journal.last_rate("me") is None


def test_the_last_word_on_a_quota_is_the_newest_windows_least(journal: Journal) -> None:
    journal.add_slices("#a", [(0, 1800)])
    for remaining, reset_at in ((3, 1000.0), (40, 2000.0), (38, 2000.0), (39, 2000.0), (2, 1000.0)):
        rate = Rate(50, remaining, reset_at)
        journal.took(journal.asking("me", ASK), answer(rate=rate), only(journal), None, None)
    assert journal.last_rate("me") == (Rate(50, 38, 2000.0), 0)


def test_a_page_and_its_mark_are_written_together_or_not_at_all(
    state: sqlite3.Connection, journal: Journal, root: Settings
) -> None:
    journal.add_slices("#a", [(0, 1800)])
    piece, request_id = only(journal), journal.asking("me", ASK)
    # The mark is the last to be written; it fails.
    state.execute(
        "create trigger full_disk before update on search_slices begin select raise(abort, 'disk full'); end"
    )
    with pytest.raises(sqlite3.IntegrityError, match="disk full"):
        journal.took(request_id, answer(rate=Rate(50, 9, 1.0)), piece, 100, "crossed")
    assert journal.stored_pages() == []
    assert journal.last_rate("me") is None
    state.execute("drop trigger full_disk")
    journal.took(request_id, answer(), piece, 100, "crossed")
    assert len(journal.stored_pages()) == 1


KILLED = """
import os, sys, threading
from pathlib import Path
sys.path.insert(0, {root!r})
from config import Settings
from ingest.runs import open_state
from ingest.search.journal import Journal
sys.path.insert(0, {tests!r})
from test_journal import ASK, answer
journal = Journal(open_state(Settings(data=Path({data!r})), any_thread=True), "x", "run-1")
pieces = journal.open_slices(["#a"])
def work(piece):
    for n in range(100_000):
        journal.took(journal.asking("me", ASK), answer(b"%d" % n), piece, 100_000 - n, None)
        if n == 30:
            print(flush=True)
for piece in pieces:
    threading.Thread(target=work, args=(piece,), daemon=True).start()
sys.stdin.read()
os._exit(9)
"""


def test_a_killed_process_leaves_a_page_for_every_step_of_its_marks(root: Settings, journal: Journal) -> None:
    journal.add_slices("#a", [(0, 10), (10, 20), (20, 30)])
    script = KILLED.format(root=str(ROOT), tests=str(Path(__file__).parent), data=str(root.data))
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    assert process.stdout.readline() == "\n"
    process.kill()
    process.communicate()
    marks = [piece.low_id for piece in journal.open_slices(["#a"])]
    steps = [100_001 - mark for mark in marks if mark is not None]
    assert sum(steps) == len(journal.stored_pages()) > 30
    # Each was written down before; at most one per thread is without an answer.
    assert 0 <= journal.made_since("me", 0) - sum(steps) <= 3


def test_threads_take_turns(journal: Journal) -> None:
    journal.add_slices("#a", [(0, 1800)])
    piece = only(journal)

    def work() -> None:
        for n in range(40):
            page_id = journal.took(journal.asking("me", ASK), answer(), piece, 1000 - n, None)
            assert page_id is not None
            journal.stored_page(page_id)
            journal.landed(page_id)

    failures: list[BaseException] = []
    threads = [threading.Thread(target=_kept, args=(work, failures)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert journal.made_since("me", 0) == 160
    assert journal.stored_pages() == []


def _kept(work: object, failures: list[BaseException]) -> None:
    try:
        work()  # type: ignore[operator]
    except BaseException as error:
        failures.append(error)
