"""The stand-in's two servers: the API, and the storage elsewhere that takes and gives compliance files."""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.api_standin.corpus import Record, made
from tests.api_standin.search import Question, Refused, Search, question

# Errors in X's words, by the name under which a test orders them.
PROBLEMS: dict[str, tuple[int, Record]] = {
    "error": (503, {"title": "Service Unavailable", "detail": "Service Unavailable", "status": 503}),
    "unauthorized": (401, {"title": "Unauthorized", "type": "about:blank", "status": 401}),
    "payment": (402, {
        "title": "CreditsDepleted",
        "detail": "Your enrolled account does not have any credits to fulfill this request.",
        "type": "https://api.twitter.com/2/problems/credits",
    }),
    "forbidden": (403, {
        "title": "Client Forbidden", "reason": "client-not-enrolled", "required_enrollment": "Standard Basic",
        "detail": "When authenticating requests to the Twitter API v2 endpoints, you must use keys and tokens"
        " from a Twitter developer App that is attached to a Project.",
        "type": "https://api.twitter.com/2/problems/client-forbidden",
    }),
    "cap": (429, {
        "title": "UsageCapExceeded", "period": "Monthly", "scope": "Product", "account_id": 1,
        "detail": "Usage cap exceeded: Monthly product cap",
        "type": "https://api.twitter.com/2/problems/usage-capped",
    }),
    "limited": (429, {"title": "Too Many Requests", "detail": "Too Many Requests", "status": 429}),
    "day": (429, {"title": "Too Many Requests", "detail": "Too Many Requests", "status": 429}),
}  # fmt: skip


@dataclass
class Asked:
    """One request and what it was answered; `status` 0 is a connection that was cut."""

    path: str
    parameters: dict[str, str]
    at: float = field(default_factory=time.time)
    status: int = 0
    ids: frozenset[int] = frozenset()  # of the posts in the answer


@dataclass
class _Window:
    ends_at: float = 0.0
    used: int = 0


class Standin:
    """A running API. `faults` names, by number of the search request (from 1), what goes wrong with it.

    Names are those of `PROBLEMS`, and hang, reset, truncated, garbled and empty. `always` goes wrong with
    every request, `counts_fault` with every count. `gone` are
    posts, by id, with the reason why a compliance job reports them.
    """

    def __init__(
        self,
        posts: int = 300,
        hours: float = 6.0,
        seed: int = 1,
        token: str = "standin-token",
        limit: int = 60,
        window_seconds: float = 900.0,
        faults: Mapping[int, str] | None = None,
        always: str | None = None,
        counts_fault: str | None = None,
        hang_seconds: float = 3.0,
        job_seconds: float = 0.0,
    ) -> None:
        self.search = Search(made(posts, seed, time.time() - 60, hours))
        self.token, self.limit, self.window_seconds = token, limit, window_seconds
        self.faults, self.always, self.counts_fault = dict(faults or {}), always, counts_fault
        self.hang_seconds, self.job_seconds = hang_seconds, job_seconds
        self.gone: dict[str, str] = {}
        self.requests: list[Asked] = []
        self.served_ids: set[int] = set()
        self.n_charged = self.n_over_quota = 0
        self.token_went_astray = False
        self._jobs: dict[str, Record] = {}
        self._uploads: dict[str, tuple[float, list[str]]] = {}
        self._window = _Window()
        self._lock = threading.Lock()
        self._is_closing = threading.Event()

    def __enter__(self) -> Self:
        self._servers = [_server(self.answer_api), _server(self.answer_storage)]
        self.url, self.storage_url = (f"http://127.0.0.1:{server.server_port}" for server in self._servers)
        return self

    def __exit__(self, *_: object) -> None:
        self._is_closing.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def matching(self, tags: list[str], since: float, until: float) -> set[int]:
        """The ids that a complete collection of [`since`, `until`) epoch s holds."""
        return set(self.search.matching(Question(tuple(tags), math.ceil(since), int(until), 0, 1 << 63)))

    @property
    def searches(self) -> list[Asked]:
        """The requests for posts."""
        return [asked for asked in self.requests if asked.path == "/2/tweets/search/recent"]

    # ---- The API ----------------------------------------------------------------------------------

    def answer_api(self, handler: _Handler, method: str) -> None:
        url = urlsplit(handler.path)
        asked = Asked(f"{'' if method == 'GET' else f'{method} '}{url.path}", dict(parse_qsl(url.query)))
        with self._lock:
            self.requests.append(asked)
            is_known = handler.headers.get("Authorization") == f"Bearer {self.token}"
            fault = self.always if is_known else "unauthorized"
            if is_known and url.path == "/2/tweets/counts/recent":
                fault = self.counts_fault or fault
            headers: dict[str, str] = {}
            if is_known and url.path == "/2/tweets/search/recent":
                fault = self.faults.get(len(self.searches), fault)
                headers, is_over = self._count()
                if is_over:
                    self.n_over_quota += 1
                    asked.status = 429
                    handler.reply(429, PROBLEMS["day"][1], headers)
                    return
        if fault == "hang":
            self._is_closing.wait(self.hang_seconds)
        if fault in ("hang", "reset"):
            handler.cut()
            return
        if fault in PROBLEMS:
            asked.status, problem = PROBLEMS[fault]
            if fault == "unauthorized":  # some proxies repeat the request
                problem = problem | {"detail": f"Unauthorized: {handler.headers.get('Authorization')}"}
            if fault == "day":
                headers |= {"x-app-limit-24hour-limit": "100", "x-app-limit-24hour-remaining": "0",
                            "x-app-limit-24hour-reset": "1893456000"}  # fmt: skip
            handler.reply(asked.status, problem, headers)
            return
        try:
            with self._lock:
                asked.status, content = self._content(method, url.path, asked.parameters, handler, fault)
        except Refused as why:
            asked.status, content = 400, {
                "errors": [{"parameters": {}, "message": str(why)}], "title": "Invalid Request",
                "detail": "One or more parameters to your request was invalid.",
                "type": "https://api.twitter.com/2/problems/invalid-request",
            }  # fmt: skip
        data = content.get("data")
        if url.path.endswith("/search/recent") and isinstance(data, list) and asked.status == 200:
            ids = {int(post["id"]) for post in data}
            asked.ids = frozenset(ids)
            with self._lock:
                self.n_charged += len(ids - self.served_ids)
                if fault not in ("truncated", "garbled"):
                    self.served_ids |= ids
        handler.reply(asked.status, content, headers, fault)

    def _count(self) -> tuple[dict[str, str], bool]:
        """Take a search into the window; returns the headers, and whether it is one too many."""
        now = time.time()
        if now >= self._window.ends_at:
            self._window = _Window(now + self.window_seconds)
        self._window.used += 1
        return {
            "x-rate-limit-limit": str(self.limit),
            "x-rate-limit-remaining": str(max(self.limit - self._window.used, 0)),
            "x-rate-limit-reset": str(math.ceil(self._window.ends_at)),
        }, self._window.used > self.limit

    def _content(
        self, method: str, path: str, parameters: dict[str, str], handler: _Handler, fault: str | None
    ) -> tuple[int, Record]:
        match method, path.split("/")[2:]:
            case "GET", ["tweets", "search", "recent"]:
                asked = question(parameters, time.time())
                return 200, {"meta": {"result_count": 0}} if fault == "empty" else self.search.page(
                    asked, parameters
                )
            case "GET", ["tweets", "counts", "recent"]:
                return 200, self.search.counts(question(parameters, time.time()))
            case "POST", ["compliance", "jobs"]:
                return self._new_job(json.loads(handler.content))
            case "GET", ["compliance", "jobs"]:
                return 200, {"data": [self._job(job_id) for job_id in self._jobs]}
            case "GET", ["compliance", "jobs", job_id] if job_id in self._jobs:
                return 200, {"data": self._job(job_id)}
        return 404, {"title": "Not Found Error", "detail": f"There is nothing at {path}", "status": 404}

    # ---- Batch compliance -------------------------------------------------------------------------

    def _new_job(self, wanted: Record) -> tuple[int, Record]:
        if wanted.get("type") not in ("tweets", "users"):
            raise Refused("type must be tweets or users")
        if any(self._job(job_id)["status"] in ("created", "in_progress") for job_id in self._jobs):
            return 409, {"title": "Conflict", "detail": "Concurrent job limit reached", "status": 409}
        job_id = str(1_425_543_269_983_784_962 + len(self._jobs))
        now = time.time()
        self._jobs[job_id] = {
            "id": job_id, "type": wanted["type"], "name": wanted.get("name"), "resumable": False,
            "created_at": _stated(now), "status": "created",
            "upload_url": f"{self.storage_url}/submission/{job_id}?X-Goog-Signature=f00d",
            "upload_expires_at": _stated(now + 900),
            "download_url": f"{self.storage_url}/delivery/{job_id}?X-Goog-Signature=beef",
            "download_expires_at": _stated(now + 7 * 86_400),
        }  # fmt: skip
        return 200, {"data": self._job(job_id)}

    def _job(self, job_id: str) -> Record:
        job = self._jobs[job_id]
        if job["status"] in ("created", "in_progress") and job_id in self._uploads:
            is_done = time.time() >= self._uploads[job_id][0] + self.job_seconds
            job["status"] = "complete" if is_done else "in_progress"
        return job

    def fail_job(self, status: str) -> None:
        """Let the newest job end badly."""
        self._jobs[list(self._jobs)[-1]]["status"] = status

    @property
    def uploaded(self) -> list[str]:
        """The ids of the newest upload."""
        return list(self._uploads.values())[-1][1]

    def answer_storage(self, handler: _Handler, method: str) -> None:
        _, place, job_id = urlsplit(handler.path).path.split("/")
        with self._lock:
            if "Authorization" in handler.headers:
                self.token_went_astray = True
            if method == "PUT" and place == "submission" and handler.headers["Content-Type"] == "text/plain":
                self._uploads[job_id] = (time.time(), handler.content.decode().split("\n")[:-1])
                handler.reply(200, {}, {})
            elif method == "GET" and place == "delivery" and self._job(job_id)["status"] == "complete":
                lines = [
                    self._event(tweet_id) for tweet_id in self._uploads[job_id][1] if tweet_id in self.gone
                ]
                handler.send("".join(f"{json.dumps(line)}\n" for line in lines).encode())
            else:
                handler.reply(403, {"title": "SignatureDoesNotMatch"}, {})

    def _event(self, tweet_id: str) -> Record:
        return {
            "id": tweet_id, "action": "delete", "created_at": "2026-01-01T00:00:00.000Z",
            "redacted_at": "2026-01-02T00:00:00.000Z", "reason": self.gone[tweet_id],
        }  # fmt: skip


def _stated(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%S}.000Z"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536  # headers and body in one packet
    server: _Server

    def do_GET(self) -> None:
        self.content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with suppress(ConnectionError):
            self.server.answer(self, self.command)

    do_POST = do_PUT = do_GET

    def reply(self, status: int, content: Any, headers: dict[str, str], fault: str | None = None) -> None:
        body = json.dumps(content, ensure_ascii=False).encode()
        self.send(
            body[: len(body) // 2] if fault == "garbled" else body, status, headers, fault == "truncated"
        )

    def send(
        self, body: bytes, status: int = 200, headers: Mapping[str, str] | None = None, is_cut: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Type": "application/json; charset=utf-8"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if is_cut else body)
        self.wfile.flush()
        self.close_connection = is_cut

    def cut(self) -> None:
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    answer: Any

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that are killed say no goodbye."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _server(answer: Any) -> _Server:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.answer = answer
    threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True).start()
    return server
