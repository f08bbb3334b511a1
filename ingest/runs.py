"""One ingest run: drive a source's items into the landing zone, count them, tell the story.

    items ── batch by entity ──> landing ── counts ──> ingest.sqlite ── at the end ──> raw/ingest_runs

The counting rule holds for every run and is checked before it is reported::

    records read = landed + unchanged + excluded + quarantined
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from types import FrameType, TracebackType
from typing import Any, Self

import psutil

from config import Settings
from ingest.entities import Captured, Excluded, Item, Origin, Quarantined
from ingest.entities.purges.schema import ENTITY as PURGES
from ingest.landing import LandingZone
from ingest.progress import Progress

log = logging.getLogger("ingest")

# A batch is flushed by rows or by the size of its originals, so that memory stays flat.
BATCH_PAYLOAD_BYTES = 64 * 1024 * 1024

_STATE = """
create table if not exists runs (
    run_id text primary key, source text not null, arguments text not null, status text not null,
    started_at text not null, finished_at text, pid integer not null, message text
);
create table if not exists run_counts (
    run_id text not null, entity text not null, records_read integer not null,
    records_landed integer not null, records_unchanged integer not null,
    records_quarantined integer not null, excluded_by_reason text not null,
    primary key (run_id, entity)
);
create table if not exists run_requests (
    run_id text primary key, requests integer not null, request_faults integer not null
);
create table if not exists errors (run_id text not null, at text not null, message text not null);
"""


@dataclass
class Counts:
    """Records of one entity in one run."""

    read: int = 0
    landed: int = 0
    unchanged: int = 0
    quarantined: int = 0
    excluded: Counter[str] = field(default_factory=Counter)
    quarantine_reasons: Counter[str] = field(default_factory=Counter)

    @property
    def accounted(self) -> int:
        """Records whose fate is known; equals ``read`` once every batch has landed."""
        return self.landed + self.unchanged + self.quarantined + self.excluded.total()

    def line(self) -> str:
        """The counting rule, as one line."""
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in sorted(self.excluded.items()))
        excluded = f"{self.excluded.total():,} excluded" + (f" ({reasons})" if reasons else "")
        return (
            f"{self.read:,} read = {self.landed:,} landed + {self.unchanged:,} unchanged + {excluded}"
            f" + {self.quarantined:,} quarantined"
        )


class SourceError(Exception):
    """The source cannot do what was asked; the message says what, where and what to do."""

    is_usage = True  # and trying again as it is would not help: exit status 2


@dataclass(frozen=True)
class Run:
    """The run that a source's items belong to. ``notes`` is what the source has to say when it ends."""

    run_id: str
    settings: Settings
    progress: Progress
    notes: list[str] = field(default_factory=list)
    at_end: ExitStack = field(default_factory=ExitStack)  # closed when the last batch has landed


@dataclass(frozen=True)
class Checkpoint:
    """``landed`` is called once every item that was yielded before is on disk, whatever became of it."""

    landed: Callable[[], None]


@dataclass(frozen=True)
class RunResult:
    """How a run ended."""

    run_id: str
    status: str
    counts: dict[str, Counts]
    problems: tuple[str, ...]
    message: str | None = None
    notes: tuple[str, ...] = ()


def open_state(settings: Settings, *, any_thread: bool = False) -> sqlite3.Connection:
    """The root's run state, created on first use; autocommit, waits for other writers.

    With ``any_thread`` the caller sees to it that its threads take turns.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        settings.ingest_db, timeout=120, isolation_level=None, check_same_thread=not any_thread
    )
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma secure_delete = on")  # a page that was purged leaves no bytes behind
    connection.executescript(_STATE)
    return connection


def count_requests(state: sqlite3.Connection, run_id: str, requests: int, faults: int) -> None:
    """Add to what a run has asked of a site, and how often in vain; at once, so that a kill keeps it."""
    state.execute(
        "insert into run_requests values (?, ?, ?) on conflict (run_id) do update set"
        " requests = requests + excluded.requests, request_faults = request_faults + excluded.request_faults",
        (run_id, requests, faults),
    )


def log_to_file(settings: Settings, name: str) -> None:
    """Send the log to ``<name>.log`` under the data root, rotating, at most 5 × 2 MB."""
    settings.logs.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(
        settings.logs / f"{name}.log", maxBytes=2_000_000, backupCount=4, encoding="utf-8"
    )
    # What these write below warnings holds whole requests, cookies and tokens included, or nothing of use.
    for talker in ("selenium", "httpx", "httpcore", "great_expectations"):
        logging.getLogger(talker).setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # it warns of every browser that has ended
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(settings.log_level)


def run(
    settings: Settings,
    source: str,
    arguments: str,
    items: Callable[[Run], Iterator[Item | Checkpoint]],
    progress: Progress,
) -> RunResult:
    """Drain ``items`` into the landing zone under a new run.

    Ctrl-C and SIGTERM land what is pending and end the run as ``interrupted``. An error of the
    source lands what is pending, ends the run as ``failed`` and is raised again, with what was
    reached by then as its notes.

    Raises:
        ingest.landing.RootError: the root holds records of the other kind (demo or real).
    """
    started_at = datetime.now(UTC)
    run_id = f"{started_at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    with closing(open_state(settings)) as state:
        _mark_lost(state)
        zone = LandingZone(settings, state, source, run_id)
        state.execute(
            "insert into runs values (?, ?, ?, 'running', ?, null, ?, null)",
            (run_id, source, arguments, started_at.isoformat(), os.getpid()),
        )
        log.info("run %s started: %s %s", run_id, source, arguments)
        status, message, failure = "succeeded", None, None
        this = Run(run_id, settings, progress)
        with this.at_end, _Interrupts() as interrupts:
            batches = _Batches(settings, zone, progress, interrupts)
            stream: Iterator[Item | Checkpoint] = iter(())
            try:
                stream = items(this)
                for item in stream:
                    batches.add(item)
            except KeyboardInterrupt:
                status, message = "interrupted", "stopped by the user"
            except Exception as error:
                failure = error
            with interrupts.held():
                if isinstance(stream, Generator):
                    stream.close()  # a source's threads and browsers end before the run does
                try:
                    batches.flush()
                except Exception as error:
                    failure = failure or error
                    batches.give_up()
                if failure:
                    status, message = "failed", f"{type(failure).__name__}: {failure}"
                elif batches.problems:
                    status, message = "failed", f"{len(batches.problems)} expectations refused a batch"
                _finish(state, zone, run_id, source, arguments, started_at, status, message, batches)
    notes = (*batches.notes, *this.notes)
    if failure:
        for entity, counts in sorted(batches.counts.items()):
            failure.add_note(f"{entity}: {counts.line()}")
        for note in notes:
            failure.add_note(note)
        raise failure
    return RunResult(run_id, status, batches.counts, tuple(batches.problems), message, notes)


class _Interrupts:
    """SIGINT and SIGTERM as KeyboardInterrupt, held back while a batch lands."""

    def __init__(self) -> None:
        self._is_held = self._is_pending = False

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._receive) for number in _STOP_SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._is_held:
            self._is_pending = True
            return
        # Once is enough: a second one must not break into what puts things in order after the first.
        self._is_held = True
        os.write(2, b"\nStopping; this can take some seconds.\n")
        raise KeyboardInterrupt

    @contextmanager
    def held(self) -> Iterator[None]:
        """Finish what is inside; ``raise_pending`` then says whether a signal came meanwhile."""
        before, self._is_held = self._is_held, True
        try:
            yield
        finally:
            self._is_held = before

    def raise_pending(self) -> None:
        """Raise the KeyboardInterrupt that was held back, if one was."""
        if self._is_pending:
            raise KeyboardInterrupt


_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Batches:
    """Pending records by entity, and what became of the landed ones."""

    def __init__(
        self, settings: Settings, zone: LandingZone, progress: Progress, interrupts: _Interrupts
    ) -> None:
        self._rows, self._zone, self._progress = settings.batch_rows, zone, progress
        self._interrupts = interrupts
        self._captured: dict[str, list[Captured]] = {}
        self._broken: dict[str, list[Quarantined]] = {}
        self._checkpoints: list[Checkpoint] = []
        self._bytes = 0
        self.counts: dict[str, Counts] = {}
        self.problems: list[str] = []
        self.notes: list[str] = []

    def add(self, item: Item | Checkpoint) -> None:
        if isinstance(item, Checkpoint):
            self._checkpoints.append(item)
            return
        counts = self.counts.setdefault(item.entity, Counts())
        counts.read += 1
        match item:
            case Excluded():
                counts.excluded[item.reason] += 1
            case Captured():
                self._captured.setdefault(item.entity, []).append(item)
                self._bytes += len(item.payload)
            case Quarantined():
                self._broken.setdefault(item.entity, []).append(item)
                self._bytes += len(item.payload)
        self._progress.count(item.entity, counts.read, counts.landed)
        if len(self._captured.get(item.entity, ())) >= self._rows or self._bytes >= BATCH_PAYLOAD_BYTES:
            with self._interrupts.held():
                self.flush()
            self._interrupts.raise_pending()

    def flush(self) -> None:
        while self._broken:
            entity, broken = self._broken.popitem()
            kept = self._zone.quarantine(entity, broken)
            counts = self.counts[entity]
            counts.quarantined += len(kept)
            counts.quarantine_reasons.update(f"{record.reason}, in {record.origin.file}" for record in kept)
            if len(kept) < len(broken):
                counts.excluded["purged"] += len(broken) - len(kept)
            for record in kept[:5]:
                log.warning(
                    "quarantined %s at %s %s: %s",
                    entity,
                    record.origin.file,
                    record.origin.position,
                    record.reason,
                )
        while self._captured:
            entity, captured = self._captured.popitem()
            outcome = self._zone.land(entity, captured)
            counts = self.counts[entity]
            counts.landed += outcome.landed
            counts.unchanged += outcome.unchanged
            counts.quarantined += outcome.quarantined
            if outcome.purged:
                counts.excluded["purged"] += outcome.purged
            for problem in outcome.problems:
                log.error("batch of %s quarantined: %s", entity, problem)
            self.problems.extend(f"{entity}: {problem}" for problem in outcome.problems)
            self._progress.count(entity, counts.read, counts.landed)
            if entity == PURGES and (removed := self._zone.apply_purges()):
                self.notes.append(removed.line())
        self._bytes = 0
        while self._checkpoints:
            self._checkpoints.pop(0).landed()

    def give_up(self) -> None:
        """Landing failed: what is pending was not read for good, and the next run reads it again."""
        self._captured, self._broken = {}, {}
        for entity, counts in self.counts.items():
            log.error(
                "%s: %d records were read and could not be landed", entity, counts.read - counts.accounted
            )
            counts.read = counts.accounted


def _finish(
    state: sqlite3.Connection,
    zone: LandingZone,
    run_id: str,
    source: str,
    arguments: str,
    started_at: datetime,
    status: str,
    message: str | None,
    batches: _Batches,
) -> None:
    """Record the run's end, and land it as a record of its own."""
    finished_at = datetime.now(UTC)
    asked = state.execute(
        "select requests, request_faults from run_requests where run_id = ?", (run_id,)
    ).fetchone()
    requests, request_faults = asked or (None, None)
    records = []
    for entity, counts in batches.counts.items():
        if counts.read != counts.accounted:
            raise AssertionError(f"run {run_id}, {entity}: {counts.line()} does not add up")
        state.execute(
            "insert into run_counts values (?, ?, ?, ?, ?, ?, ?)",
            (
                run_id, entity, counts.read, counts.landed, counts.unchanged, counts.quarantined,
                json.dumps(counts.excluded, sort_keys=True),
            ),
        )  # fmt: skip
        log.info("run %s, %s: %s", run_id, entity, counts.line())
        fields = {
            "entity": entity,
            "arguments": arguments,
            "status": status,
            "started_at": started_at,
            "finished_at": finished_at,
            "records_read": counts.read,
            "records_landed": counts.landed,
            "records_unchanged": counts.unchanged,
            "records_excluded": counts.excluded.total(),
            "records_quarantined": counts.quarantined,
            "excluded_by_reason": sorted(counts.excluded.items()),
            "requests": requests,
            "request_faults": request_faults,
            "message": message,
        }
        payload = json.dumps({"run_id": run_id, **fields}, default=str, sort_keys=True).encode()
        records.append(Captured("ingest_runs", fields, payload, Origin("ingest.sqlite", run_id)))
    for problem in batches.problems:
        state.execute("insert into errors values (?, ?, ?)", (run_id, finished_at.isoformat(), problem))
    zone.land("ingest_runs", records)
    state.execute(
        "update runs set status = ?, finished_at = ?, message = ? where run_id = ?",
        (status, finished_at.isoformat(), message, run_id),
    )
    log.info("run %s %s", run_id, status)


def _mark_lost(state: sqlite3.Connection) -> None:
    """A run whose process is gone did not finish; its landed records stay, and count as unchanged."""
    running = state.execute("select run_id, pid, started_at from runs where status = 'running'").fetchall()
    for run_id, pid, started_at in running:
        if not _is_running(pid, datetime.fromisoformat(started_at)):
            state.execute(
                "update runs set status = 'lost', message = 'process died' where run_id = ?", (run_id,)
            )


def _is_running(pid: int, since: datetime) -> bool:
    """Whether the process that began a run lives. Numbers are given out again: a younger one is another."""
    try:
        return bool(psutil.Process(pid).create_time() <= since.timestamp() + 1.0)
    except psutil.NoSuchProcess:
        return False


@dataclass(frozen=True)
class PastRun:
    """One entity of a past run; the entity and counts are missing where nothing was read."""

    run_id: str
    source: str
    arguments: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    message: str | None
    requests: int | None
    request_faults: int | None
    entity: str | None
    counts: Counts

    def line(self) -> str:
        """The run as one line."""
        took = (
            f"{(self.finished_at - self.started_at).total_seconds():.1f} s"
            if self.finished_at
            else "unfinished"
        )
        what = f"{self.entity}: {self.counts.line()}" if self.entity else "nothing read"
        why = f" – {self.message}" if self.message else ""
        asked = f"; {self.requests:,} requests, {self.request_faults:,} faulty" if self.requests else ""
        return f"{self.run_id}  {self.source} {self.arguments}  {self.status} ({took})  {what}{asked}{why}"


def history(settings: Settings, last: int) -> list[PastRun]:
    """The newest ``last`` runs, one entry per run and entity, newest first."""
    if not settings.ingest_db.exists():
        return []
    with closing(open_state(settings)) as state:
        _mark_lost(state)
        rows = state.execute(
            """
            select
                r.run_id, r.source, r.arguments, r.status, r.started_at, r.finished_at, r.message,
                q.requests, q.request_faults, c.entity,
                c.records_read, c.records_landed, c.records_unchanged, c.records_quarantined,
                c.excluded_by_reason
            from (select * from runs order by started_at desc limit ?) as r
            left join run_requests as q using (run_id)
            left join run_counts as c using (run_id)
            order by r.started_at desc, c.entity
            """,
            (last,),
        )
        return [_past_run(*row) for row in rows]


def _past_run(
    run_id: str, source: str, arguments: str, status: str, started_at: str, finished_at: str | None,
    message: str | None, requests: int | None, request_faults: int | None, entity: str | None,
    *counted: Any,
) -> PastRun:  # fmt: skip
    read, landed, unchanged, quarantined, excluded = counted
    reasons = Counter(json.loads(excluded or "{}"))
    counts = Counts(read, landed, unchanged, quarantined, reasons) if entity else Counts()
    return PastRun(
        run_id, source, arguments, status, datetime.fromisoformat(started_at),
        datetime.fromisoformat(finished_at) if finished_at else None, message, requests, request_faults,
        entity, counts,
    )  # fmt: skip
