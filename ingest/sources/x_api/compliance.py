"""Ask X which landed posts are gone, and purge those: its batch compliance.

    ids of landed posts ─> job ─> upload ─> wait ─> results ─> purges

The job is remembered in ``ingest.sqlite``: a run that is stopped while X works goes on waiting next time.
The addresses for upload and download are secrets of their own; they are neither stored nor logged.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import pyarrow.parquet as pq

from config import Settings
from ingest.entities import Excluded, Item, Origin, Quarantined
from ingest.entities.purges.capture import purge_of_post
from ingest.entities.purges.schema import ENTITY
from ingest.entities.tweets.capture import dig, digits, string
from ingest.entities.tweets.schema import ENTITY as TWEETS
from ingest.files import landed_files
from ingest.purging import purged_in
from ingest.runs import Checkpoint, Run, SourceError, open_state
from ingest.search import NO_ANSWER, RATE_LIMITED, SERVER_ERROR
from ingest.sources.purge import NEXT_STEP
from ingest.sources.x_api.client import CONNECTION_LOST, Api, Reply

log = logging.getLogger(__name__)

_JOBS = "/2/compliance/jobs"
_TABLE = """
create table if not exists compliance_jobs (
    job_id text primary key, account text not null, n_ids integer not null, begun_at text not null,
    ended_at text
)
"""
_TICK_SECONDS = 0.2
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 1.0, 60.0
_TRIES = 6


def held_ids(settings: Settings) -> list[str]:
    """X's ids of all landed posts, and of those whose words are landed with a quote or a repost, sorted."""
    found: set[str] = set()
    for path in landed_files(settings, TWEETS):
        columns = ["tweet_id", "quoted_tweet_id", "retweeted_tweet_id"]
        for column in pq.read_table(path, columns=columns).columns:
            found.update(filter(None, map(digits, column.unique().to_pylist())))
    return sorted(found, key=int)


def items(run: Run, api: Api, account: str) -> Iterator[Item | Checkpoint]:
    """A purge for every landed post that X reports gone, however long X takes to say so.

    Raises:
        AccountStopped: X refuses the app; the message says what to do.
        SourceError: X fails, or refuses the job; the next run goes on where this one stopped.
    """
    ids = held_ids(run.settings)
    if not ids:
        run.notes.append("No landed post has an id of X, so there is nothing to ask.")
        return
    state = run.at_end.enter_context(closing(open_state(run.settings)))
    state.execute(_TABLE)
    job_id = _open_job(state, account)
    if job_id and _has_ended(job := _told(run, api, job_id)):
        log.info("compliance job %s is %s; a new one is begun", job_id, dig(job, "status"))
        _end(state, job_id)
        job_id = None
    if job_id is None:
        job_id, job = _begin(run, api, state, account, ids)
    if dig(job, "status") == "created":
        _upload(run, job, ids)
    body = _result(run, api, job_id)
    yield from _purges(run, body, job_id)
    yield Checkpoint(partial(_end, state, job_id))


# ---- The job --------------------------------------------------------------------------------------


def _open_job(state: sqlite3.Connection, account: str) -> str | None:
    row = state.execute(
        "select job_id from compliance_jobs where account = ? and ended_at is null order by begun_at desc",
        (account,),
    ).fetchone()
    return row[0] if row else None


def _begin(
    run: Run, api: Api, state: sqlite3.Connection, account: str, ids: list[str]
) -> tuple[str, dict[str, Any]]:
    # Once only: a second job beside the first would be refused.
    reply = api.ask("POST", _JOBS, json={"type": "tweets", "name": "market-intel"})
    job, job_id = dig(reply.content, "data"), string(dig(reply.content, "data", "id"))
    if job_id is None:
        raise SourceError(
            f"X began no compliance job: {reply.refusal or reply.fault or 'the answer names none'}. It runs"
            " one at a time for an app: where another is under way, wait for it; one that was given no ids"
            " is dropped after 15 minutes."
        )
    state.execute(
        "insert into compliance_jobs values (?, ?, ?, ?, null)",
        (job_id, account, len(ids), datetime.now(UTC).isoformat()),
    )
    run.notes.append(f"X was asked about {len(ids):,} posts (compliance job {job_id}).")
    return job_id, job


def _end(state: sqlite3.Connection, job_id: str) -> None:
    state.execute(
        "update compliance_jobs set ended_at = ? where job_id = ?", (datetime.now(UTC).isoformat(), job_id)
    )


def _told(run: Run, api: Api, job_id: str) -> dict[str, Any]:
    """The job as X tells it; one that X knows no more is expired."""
    reply = _patiently(run, lambda: api.ask("GET", f"{_JOBS}/{job_id}"))
    job = dig(reply.content, "data")
    return job if isinstance(job, dict) else {"status": "expired"}


def _has_ended(job: dict[str, Any]) -> bool:
    """Whether nothing will come of a job any more, as it failed or its addresses are out of date."""
    match job.get("status"):
        case "created":
            return _is_past(job.get("upload_expires_at"))
        case "complete":
            return _is_past(job.get("download_expires_at"))
        case "in_progress":
            return False
    return True


def _is_past(moment: object) -> bool:
    try:
        return isinstance(moment, str) and datetime.fromisoformat(moment) <= datetime.now(UTC)
    except (ValueError, TypeError):
        return False


def _upload(run: Run, job: dict[str, Any], ids: list[str]) -> None:
    # Not by the API's client: the address is another's, and the token is none of their business.
    listed = "".join(f"{tweet_id}\n" for tweet_id in ids)
    _elsewhere(run, "PUT", job.get("upload_url"), content=listed.encode())
    log.info("%d ids are uploaded", len(ids))


def _result(run: Run, api: Api, job_id: str) -> bytes:
    """Wait until the job is complete; returns its results, JSON lines."""
    wait = _FIRST_WAIT_SECONDS
    while (job := _told(run, api, job_id)).get("status") != "complete" and not _has_ended(job):
        log.info("compliance job %s is %s", job_id, job["status"])
        _wait(run, wait, f"compliance job {job['status']}")
        wait = min(wait * 1.5, _LONGEST_WAIT_SECONDS)
    if job.get("status") != "complete":
        raise SourceError(f"X's compliance job {job_id} is {job.get('status')}. Run the same again.")
    return _elsewhere(run, "GET", job.get("download_url"))


# ---- Requests that may fail -----------------------------------------------------------------------


def _elsewhere(run: Run, method: str, url: object, content: bytes | None = None) -> bytes:
    """One request to an address that a job names, without the token."""
    headers = {"Content-Type": "text/plain"} if content is not None else {}

    def once() -> Reply:
        try:
            response = httpx.request(
                method, str(url), content=content, headers=headers, timeout=run.settings.x_answer_seconds
            )
        except httpx.TimeoutException:
            return Reply(fault=NO_ANSWER)
        except (httpx.RequestError, httpx.InvalidURL):
            return Reply(fault=CONNECTION_LOST)
        if response.status_code >= 500:
            return Reply(fault=SERVER_ERROR)
        if not response.is_success:
            return Reply(refusal=str(response.status_code))
        return Reply(body=response.content)

    reply = _patiently(run, once)
    if reply.refusal:
        what = "does not take the ids" if method == "PUT" else "does not give the results"
        raise SourceError(f"X's compliance job {what} ({reply.refusal}). Run the same again.")
    return reply.body


def _patiently(run: Run, once: Callable[[], Reply]) -> Reply:
    """Try again after faults, later each time; raises SourceError when there is no end to them."""
    wait = _FIRST_WAIT_SECONDS
    for _ in range(_TRIES):
        reply = once()
        if reply.fault is None:
            return reply
        log.warning("compliance: %s", reply.fault)
        is_over_at = reply.rate.is_over_at if reply.rate and reply.fault == RATE_LIMITED else 0.0
        _wait(run, max(wait, is_over_at - time.time()), "compliance")
        wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
    raise SourceError(f"X fails again and again ({reply.fault}). Run the same later: the job is remembered.")


def _wait(run: Run, seconds: float, what: str) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        run.progress.countdown(what, left)
        time.sleep(min(_TICK_SECONDS, left))
    run.progress.countdown(what, 0.0)


# ---- Results --------------------------------------------------------------------------------------


def _purges(run: Run, body: bytes, job_id: str) -> Iterator[Item]:
    """One item per line of the results: a purge of each post that is gone."""
    known, now = purged_in(run.settings).posts, datetime.now(UTC)
    n_gone = n_places = 0
    for number, line in enumerate(filter(bytes.strip, body.splitlines()), 1):
        origin = Origin(f"api.x.com{_JOBS}/{job_id}", f"line {number}")
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        tweet_id, reason = digits(dig(event, "id")), string(dig(event, "reason"))
        if reason == "scrub_geo":
            n_places += 1
            yield Excluded(ENTITY, "scrub_geo", origin)
        elif tweet_id is None or dig(event, "action") != "delete":
            yield Quarantined(ENTITY, "unknown_action", line, origin)
        elif tweet_id in known:
            yield Excluded(ENTITY, "already_purged", origin)
        else:
            n_gone += 1
            yield purge_of_post(tweet_id, reason=reason, requested_at=now, origin=origin)
    run.notes.append(f"X reports {n_gone:,} posts gone that were not purged yet.")
    if n_gone:
        run.notes.append(NEXT_STEP)
    if n_places:
        run.notes.append(
            f"Of {n_places:,} posts the place was withdrawn. No table holds places, and this source asks for"
            " none; originals from an archive may hold them: purge those posts where they do."
        )
