"""Collect what a window is missing: workers walk slices, their pages come out as one stream of items.

    slices ──> workers (one fetcher each) ── pages ──> journal ──> queue ──> items, in the caller's thread
                    └────────── one budget ──────────┘

Nothing is lost by stopping: a page is in the journal before its items come out, and goes from there
once they have landed.
"""

from __future__ import annotations

import argparse
import logging
import os
import queue
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import pyarrow.parquet as pq

from config import Settings
from ingest.entities import Captured, Item
from ingest.entities.tweets.schema import ENTITY as TWEETS
from ingest.files import landed_files
from ingest.runs import Checkpoint, Run, SourceError, open_state
from ingest.search import NO_ANSWER, AccountStopped, Answer, Ask, Fetcher, Page, Reader
from ingest.search.budget import Budget, DayCapReached
from ingest.search.journal import Journal, Slice
from ingest.search.plan import Interval, by_density, missing, slices, term_groups
from ingest.search.walk import Walk, second_of

log = logging.getLogger(__name__)

TICK_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 120.0
SMALLEST_SPLIT_SECONDS = 120
# Faults of all workers in a row after which the site is left alone: less, where it has given nothing yet.
FAULTS_BEFORE_LEAVING, FAULTS_AT_FIRST = 20, 6
LEAST_BACK_OFF_SECONDS = 0.5


class SiteSilent(SourceError):
    """The site answered nothing; trying again later may help."""

    is_usage = False


@dataclass(frozen=True, slots=True)
class Site:
    """What a source brings: who asks, how, how answers are read, and how far back the site can be asked.

    A site without ``has_pauses`` is asked again at once, unless a request failed.
    """

    source: str
    account: str
    connect: Callable[[threading.Event], Fetcher]
    read: Reader
    workers: int
    seconds_back: int | None = None
    has_pauses: bool = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to collect: groups of terms in a window; ``max_posts`` ends it early, ``refresh`` asks anew."""

    groups: list[str]
    window: Interval
    max_posts: int | None = None
    refresh: bool = False


def wanted(settings: Settings, hours: float, max_posts: int | None, *, refresh: bool) -> Wanted:
    """The settings' terms in the last ``hours``, up to the age at which a post can be found."""
    groups = term_groups(settings.x_terms)
    if not groups:
        raise SourceError("MARKET_INTEL_X_TERMS names nothing to search for. See .env.example.")
    until = int(time.time() - settings.x_settle_seconds)
    return Wanted(groups, (until - int(hours * 3600), until), max_posts, refresh)


def hours(text: str) -> float:
    """An argument: how far back, in hours."""
    number = float(text)
    if not 0 < number < 24 * 366:
        raise argparse.ArgumentTypeError("must be a number of hours above 0, and at most a year")
    return number


def at_least_one(text: str) -> int:
    """An argument: a number of posts."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def planned_intervals(settings: Settings, source: str, want: Wanted) -> dict[str, list[Interval]]:
    """What a run would walk, by group and oldest first, without planning it."""
    minutes = settings.x_session_slice_minutes, settings.x_overnight_slice_minutes
    if want.refresh or not settings.ingest_db.exists():
        return {terms: slices(want.window, *minutes) for terms in want.groups}
    found = {}
    with closing(open_state(settings)) as state:
        journal = Journal(state, source, "")
        for terms in want.groups:
            begun = [(p.since, p.until) for p in journal.open_slices([terms]) if p.until > want.window[0]]
            gaps = missing(want.window, journal.covered(terms))
            found[terms] = sorted([*begun, *(cut for gap in gaps for cut in slices(gap, *minutes))])
    return found


def planned(settings: Settings, journal: Journal, want: Wanted) -> list[Slice]:
    """Add what the window is missing to the plan; returns all that is still to be walked, densest first."""
    for terms in want.groups:
        journal.forget_slices(terms, want.window, only_empty=not want.refresh)
        for gap in missing(want.window, journal.covered(terms)):
            cut = slices(gap, settings.x_session_slice_minutes, settings.x_overnight_slice_minutes)
            journal.add_slices(terms, cut)
    return sorted(
        (piece for piece in journal.open_slices(want.groups) if piece.until > want.window[0]),
        key=lambda piece: by_density((piece.since, piece.until)),
    )


def collect(run: Run, site: Site, want: Wanted) -> Iterator[Item | Checkpoint]:
    """Yield every record of the window that was not collected before.

    Raises:
        AccountStopped: the site refuses the account; what was read has been yielded.
        SourceError: the site cannot be reached, or another run is collecting with this source.
    """
    state = run.at_end.enter_context(closing(open_state(run.settings, any_thread=True)))
    _refuse_company(state, site.source, run.run_id)
    journal = Journal(state, site.source, run.run_id)
    collection = _Collection(run, site, want, journal)
    for page_id in journal.stored_pages():
        stored = journal.stored_page(page_id)
        page = site.read(stored.body, stored.observed_at, stored.terms)
        collection.note_posts(page)
        yield from page.items
        yield Checkpoint(partial(journal.landed, page_id))
    yield from collection.items()


def _landed_posts(settings: Settings, source: str, want: Wanted) -> set[str]:
    """Ids of the window's posts that the source has landed; no post lands before it is made."""
    oldest = f"dt={datetime.fromtimestamp(want.window[0], UTC):%Y-%m-%d}"
    found: set[str] = set()
    since, until = (datetime.fromtimestamp(second, UTC) for second in want.window)
    wanted = [
        ("posted_at", ">=", since), ("posted_at", "<", until), ("search_query", "in", want.groups),
    ]  # fmt: skip
    for path in landed_files(settings, TWEETS):
        if path.parent.name >= oldest and path.name.startswith(f"{source}-"):
            rows = pq.read_table(path, columns=["tweet_id"], filters=wanted)
            found.update(rows["tweet_id"].to_pylist())
    return found


def _is_in(window: Interval, moment: datetime | None) -> bool:
    return moment is not None and window[0] <= moment.timestamp() < window[1]


def _refuse_company(state: sqlite3.Connection, source: str, run_id: str) -> None:
    # Containers give every process the same number: one with ours is gone.
    company = state.execute(
        "select run_id, pid from runs where source = ? and status = 'running' and run_id != ? and pid != ?",
        (source, run_id, os.getpid()),
    ).fetchone()
    if company:
        raise SourceError(
            f"Run {company[0]} (process {company[1]}) is collecting with {source!r} under this data root, and"
            " two would share one quota. Wait for it, or stop it: the next run goes on where it stopped."
        )


class _Collection:
    """One collection: its workers, and what they have come to."""

    def __init__(self, run: Run, site: Site, want: Wanted, journal: Journal) -> None:
        self._run, self._site, self._want, self._journal = run, site, want, journal
        self._settings = run.settings
        self._stop = threading.Event()
        self._budget = Budget(
            journal, site.account, self._settings.x_reserve_requests, self._settings.x_requests_per_day,
            self._stop,
        )  # fmt: skip
        self._pages: queue.SimpleQueue[tuple[Page, int | None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._pending = planned(self._settings, journal, want)
        self._total = len(self._pending)
        self._walking: dict[int, Slice] = {}  # by thread
        self._n_pages = self._faults_in_a_row = 0
        self._last_fault = ""
        self._read: set[str] = set()  # ids of posts, by this run
        self._known = _landed_posts(self._settings, site.source, want)  # those of the window, by any
        self._why_stopped: str | None = None

    def items(self) -> Iterator[Item | Checkpoint]:
        """Start the workers; yield what they read until they are done or one has to stop them all."""
        if not self._pending:
            self._run.notes.append(
                "Everything in this window has been collected before; --refresh asks for it again."
            )
            return
        n_workers = min(self._site.workers, len(self._pending))
        try:
            with ThreadPoolExecutor(n_workers, thread_name_prefix=self._site.source) as pool:
                workers = [pool.submit(self._work) for _ in range(n_workers)]
                try:
                    yield from self._read_by(workers)
                except BaseException:
                    self._end("it was stopped")
                    raise
        finally:
            self._conclude()
        if failure := _first_failure(workers) or self._silence():
            raise failure

    def _silence(self) -> SourceError | None:
        """What to say of a site that answered nothing at all."""
        requests, faults = self._journal.made_in_this_run()
        if self._n_pages or not faults:
            return None
        return SiteSilent(
            f"not one of {requests:,} requests was answered; the last fault was {self._last_fault}. Look at"
            " the site and at your network, and run the same command again later."
        )

    def _read_by(self, workers: list[Future[None]]) -> Iterator[Item | Checkpoint]:
        while not all(worker.done() for worker in workers) or not self._pages.empty():
            self._show()
            try:
                page, page_id = self._pages.get(timeout=TICK_SECONDS)
            except queue.Empty:
                continue
            yield from page.items
            if page_id is not None:
                yield Checkpoint(partial(self._journal.landed, page_id))

    def _show(self) -> None:
        progress = self._run.progress
        target = self._want.max_posts or self._settings.x_target_posts
        progress.position("posts", len(self._known), max(target, len(self._known) + 1))
        with self._lock:
            done = self._total - len(self._pending) - len(self._walking)
        progress.position("slices", done, self._total + 1)
        waits_until = self._budget.waits_until
        progress.countdown("waiting for the quota", waits_until - time.time() if waits_until else 0.0)
        if self._faults_in_a_row:
            progress.note("faults in a row", f"{self._faults_in_a_row}, the last: {self._last_fault}")

    def _end(self, why: str) -> None:
        with self._lock:
            self._why_stopped = self._why_stopped or why
        self._stop.set()

    # ---- In the workers' threads ------------------------------------------------------------------

    def _work(self) -> None:
        fetcher = None
        try:
            while (piece := self._take()) is not None:
                fetcher = fetcher or self._site.connect(self._stop)
                self._walk(fetcher, piece)
        except DayCapReached:
            self._end(
                f"the account made {self._settings.x_requests_per_day} requests in 24 hours"
                " (MARKET_INTEL_X_REQUESTS_PER_DAY); go on tomorrow"
            )
        except BaseException as error:
            self._end(str(error).rstrip("."))
            raise
        finally:
            if fetcher:
                fetcher.close()

    def _take(self) -> Slice | None:
        while not self._stop.is_set():
            with self._lock:
                if self._pending:
                    piece = next(filter(self._is_nobodys, self._pending), self._pending[0])
                    self._pending.remove(piece)
                    self._walking[threading.get_ident()] = piece
                    return piece
                if not self._walking:
                    return None
            # A slice that another worker walks may be split yet.
            self._stop.wait(TICK_SECONDS)
        return None

    def _is_nobodys(self, piece: Slice) -> bool:
        """Whether no worker is on its way into it: the one that walks the next newer slice will be."""
        return all(
            (other.terms, other.since) != (piece.terms, piece.until) for other in self._walking.values()
        )

    def _walk(self, fetcher: Fetcher, piece: Slice) -> None:
        """Walk a slice, and the older ones that nobody has begun, as long as one leads into the next."""
        walk = Walk(piece.terms, piece.since, piece.until, piece.low_id, self._settings.x_full_slice_posts)
        try:
            while self._step(fetcher, walk, piece):
                if walk.cause:
                    log.warning("slice %d is given up for now: %s", piece.slice_id, walk.cause)
                    return
                if walk.proof:
                    log.info(
                        "slice %d [%d, %d) is complete: %s",
                        piece.slice_id,
                        piece.since,
                        piece.until,
                        walk.proof,
                    )
                    if (older := self._next_older(walk, piece)) is None:
                        return
                    walk.enter(older.since, older.until)
                    piece = older
        finally:
            with self._lock:
                del self._walking[threading.get_ident()]

    def _step(self, fetcher: Fetcher, walk: Walk, piece: Slice) -> bool:
        """Make one request of a walk; False when the run is stopped."""
        self._stop.wait(self._pause(walk.faults_in_a_row))
        if self._site.seconds_back:
            walk.bound(int(time.time()) - self._site.seconds_back)
            if walk.is_over:
                return True
        anew = walk.next()
        request_id = self._budget.acquire(anew or Ask(walk.terms, walk.since, walk.until, walk.low_id))
        if request_id is None:
            return False
        try:
            answer = fetcher.open(anew) if anew else fetcher.more()
        except SourceError:
            refused = Answer(fault="refused")
            self._budget.settle(request_id, refused)
            self._journal.took(request_id, refused, piece, walk.low_id, None)
            raise
        self._budget.settle(request_id, answer)
        if answer.page and not answer.fault:
            with self._lock:
                self._n_pages, self._faults_in_a_row = self._n_pages + 1, 0
            walk.answered(answer.page)
        elif self._stop.is_set():
            return False
        else:
            walk.failed(answer.fault or NO_ANSWER)
            self._note_fault(piece, answer.fault or NO_ANSWER)
        page_id = self._journal.took(request_id, answer, piece, walk.low_id, walk.proof)
        if answer.page:
            self._count(answer.page)
            self._pages.put((answer.page, page_id))
        if walk.is_full and not walk.proof:
            self._split(walk, piece)
        return True

    def note_posts(self, page: Page) -> None:
        """Count a page's posts among those of the window that are known."""
        posts = [item.fields for item in page.items if isinstance(item, Captured)]
        with self._lock:
            self._known |= {
                post["tweet_id"] for post in posts if _is_in(self._want.window, post.get("posted_at"))
            }

    def _count(self, page: Page) -> None:
        """Count a page's posts; when enough have been read, nothing more is asked."""
        self.note_posts(page)
        with self._lock:
            self._read.update(item.fields["tweet_id"] for item in page.items if isinstance(item, Captured))
            is_enough = self._want.max_posts and len(self._read) >= self._want.max_posts
        if is_enough:
            self._end(f"--max-posts {self._want.max_posts:,} is reached")

    def _pause(self, faults_in_a_row: int) -> float:
        """Seconds before the next request: a person's, and longer after every fault in a row."""
        if not (self._site.has_pauses or faults_in_a_row):
            return 0.0
        pause = random.uniform(self._settings.x_delay_seconds_min, self._settings.x_delay_seconds_max)
        if faults_in_a_row:
            pause = max(pause, LEAST_BACK_OFF_SECONDS) * 2.0**faults_in_a_row
        return min(pause, LONGEST_PAUSE_SECONDS)

    def _note_fault(self, piece: Slice, fault: str) -> None:
        log.warning("slice %d: %s", piece.slice_id, fault)
        with self._lock:
            self._last_fault = fault
            self._faults_in_a_row += 1
            most = FAULTS_BEFORE_LEAVING if self._n_pages else FAULTS_AT_FIRST
            is_hopeless = self._faults_in_a_row >= most
        if is_hopeless:
            self._end(f"{most} requests in a row failed, the last with {fault}; try later")

    def _split(self, walk: Walk, piece: Slice) -> None:
        """Give the older half of what is left to another worker, where one has nothing to do."""
        assert walk.low_id is not None
        middle = (walk.since + second_of(walk.low_id)) // 2
        with self._lock:
            if self._pending or len(self._walking) >= self._site.workers:
                return
            if middle - walk.since < SMALLEST_SPLIT_SECONDS:
                return
            older = self._journal.split(
                Slice(piece.slice_id, piece.terms, walk.since, walk.until, None), middle
            )
            self._pending.append(older)
            self._total += 1
        walk.since = middle
        log.info("slice %d fills: its part before %d is slice %d", piece.slice_id, middle, older.slice_id)

    def _next_older(self, walk: Walk, piece: Slice) -> Slice | None:
        """The slice that a walk has come into, if nobody has begun it; those it has crossed are complete."""
        if walk.proof != "crossed" or walk.low_id is None:
            return None
        edge = walk.since
        while True:
            wanted = (piece.terms, edge, None)
            with self._lock:
                following = [p for p in self._pending if (p.terms, p.until, p.low_id) == wanted]
                if not following:
                    return None
                piece = following[0]
                self._pending.remove(piece)
                self._walking[threading.get_ident()] = piece
            edge = piece.since
            is_crossed = second_of(walk.low_id) < piece.since
            self._journal.advance(piece.slice_id, walk.low_id, "crossed" if is_crossed else None)
            if not is_crossed:
                return piece

    # ---- At the end -------------------------------------------------------------------------------

    def _conclude(self) -> None:
        """Say what was reached, and what not and why."""
        requests, faults = self._journal.made_in_this_run()
        proofs = self._journal.proofs(self._want.window, self._want.groups)
        n_open, n_empty = proofs.pop(None, 0), proofs.pop("empty", 0)
        n_complete = sum(proofs.values())
        target, known = self._settings.x_target_posts, len(self._known)
        why = self._why_stopped
        if known >= target:
            reached = f"the target of {target:,} is reached"
        else:
            left = n_open + n_empty
            cause = why or (
                f"{left} of the slices are not complete" if left else "the search has no more of them"
            )
            reached = f"{target - known:,} short of the target of {target:,}: {cause}"
        how = ", ".join(f"{n} {proof}" for proof, n in proofs.items())
        notes = [
            f"{known:,} posts of the window are known, {len(self._read):,} were read by this run; {reached}.",
            f"{n_complete} of {n_complete + n_open + n_empty} slices are proven complete"
            f"{f' ({how})' if how else ''}; {requests:,} requests, {faults:,} of them faulty.",
        ]
        if n_open or n_empty:
            ended = f"It ended early: {why}. " if why and known >= target else ""
            emptily = f" ({n_empty} gave nothing at all)" if n_empty else ""
            notes.append(f"{ended}The next run goes on with {n_open + n_empty} slices{emptily}.")
        self._run.notes.extend(notes)
        for note in notes:
            log.info("%s", note)
        for name in ("posts", "slices"):
            self._run.progress.position(name, 1, 1)


def _first_failure(workers: list[Future[None]]) -> BaseException | None:
    failures = [error for worker in workers if (error := worker.exception())]
    return next(
        (error for error in failures if isinstance(error, AccountStopped)), next(iter(failures), None)
    )
