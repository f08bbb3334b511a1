"""The replica's web site: pages, login wall, SearchTimeline, quota, faults, and the oracle.

    browser ── GET /search ──> login wall ──> page/index.html with a boot object (method, query id, …)
    page ───── XHR SearchTimeline ──> session ──> csrf ──> account state ──> quota ──> daily cap ──> fault
                                                                          ──> page of results (search.py)

One lock serialises what is decided; answers are written outside it.
"""

import contextlib
import json
import random
import re
import select
import socket
import string
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from tests.replica import payloads
from tests.replica.corpus import Corpus
from tests.replica.faults import ANSWER_KINDS, Faults
from tests.replica.oracle import Oracle, OraclePost, Request
from tests.replica.quota import Quota
from tests.replica.search import Place, Search

DEFAULT_ACCOUNTS = MappingProxyType({"auth-token-value": "ct0-value"})

_GRAPHQL = re.compile(r"/i/api/graphql/([\w-]+)/(\w+)$")
_ID_LETTERS = string.ascii_letters + string.digits + "-_"
_JSON = "application/json; charset=utf-8"
_HTML = "text/html; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"
_STATIC = {
    "/static/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "/static/page.css": ("page.css", "text/css; charset=utf-8"),
    "/static/avatar.svg": ("avatar.svg", "image/svg+xml"),
    "/sw.js": ("sw.js", "text/javascript; charset=utf-8"),
}
_UNCACHED = {"cache-control": "no-cache, no-store, must-revalidate"}
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_ERROR_PAGE = b"<html><body><h1>Something is technically wrong.</h1></body></html>"


@cache
def _page_file(name: str) -> bytes:
    return (Path(__file__).parent / "page" / name).read_bytes()


@dataclass(frozen=True, slots=True)
class Answer:
    """What to send for one request; `fault` may change how it is sent."""

    status: int
    body: bytes = b""
    content_type: str = _JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: str | None = None
    delay_seconds: float = 0.0


class Replica:
    """A running replica on 127.0.0.1, with a context manager that stops it.

    `posts` of the corpus match a target hashtag within the last `hours`; older and unmatched ones come
    on top.
    `quota` search requests per `window_seconds` and account. A query stalls after about `stall_after` results
    (None: never). After that many search requests of an account its session expires, it is locked, or it is
    suspended; `daily_cap` is the number of results an account may see (None: no limit). `accounts` maps
    `auth_token` to `ct0`. `now` (epoch s) fixes the corpus; `port` 0 takes a free one.
    """

    def __init__(
        self,
        seed: int = 1,
        posts: int = 6000,
        hours: float = 24.0,
        quota: int = 50,
        window_seconds: float = 900.0,
        faults: Faults | None = None,
        accounts: Mapping[str, str] = DEFAULT_ACCOUNTS,
        page_size: int = 20,
        stall_after: int | None = 300,
        session_expires_after: int | None = None,
        locks_after: int | None = None,
        daily_cap: int | None = None,
        suspended_after: int | None = None,
        now: float | None = None,
        port: int = 0,
    ) -> None:
        self._seed = seed
        self._faults = faults or Faults.none()
        self._accounts = dict(accounts)
        self._labels = {token: f"account-{number}" for number, token in enumerate(accounts, 1)}
        self._limits = {"expired": session_expires_after, "locked": locks_after, "suspended": suspended_after}
        self._daily_cap = daily_cap
        self._corpus = Corpus(seed, posts, hours, time.time() if now is None else now)
        self._search = Search(self._corpus, seed, page_size, stall_after)
        self._quota = Quota(quota, window_seconds)
        self._requests: list[Request] = []
        self._used: Counter[str] = Counter()
        self._seen: Counter[str] = Counter()
        self._attempts: Counter[tuple[str, str | None]] = Counter()
        self._injected: Counter[str] = Counter()
        self._page_loads = 0
        self._walls = 0
        self._lock = threading.Lock()
        self.stopping = threading.Event()
        self._server = _Server(("127.0.0.1", port), self)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The site's address, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "Replica":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Serve in a thread of its own."""
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving, end open connections, and free the port."""
        self.stopping.set()
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.end_connections()

    def grow(self, seed: int) -> None:
        """Let the counts of most posts grow."""
        with self._lock:
            self._corpus.grow(seed)

    def delete(self, n: int) -> set[str]:
        """Delete `n` posts: they vanish from all later results. Returns their ids."""
        with self._lock:
            return {str(post_id) for post_id in self._corpus.delete(n)}

    def publish(self, n: int) -> set[str]:
        """Add `n` posts of this moment. Returns their ids."""
        with self._lock:
            return {str(post_id) for post_id in self._corpus.publish(n, time.time())}

    def renew(self) -> None:
        """Let every account start afresh: sessions valid, no lock, nothing seen today; the quota stays."""
        with self._lock:
            self._used.clear()
            self._seen.clear()

    def oracle(self) -> Oracle:
        """Return a snapshot of what is true and what was asked and served so far."""
        with self._lock:
            posts = self._corpus.by_id.values()
            return Oracle(
                posts=tuple(
                    OraclePost(
                        id=str(post.id),
                        posted_at=post.posted_ms,
                        hashtags=tuple(sorted(post.tags)),
                        is_deleted=post.is_deleted,
                        text=post.text,
                    )
                    for post in posts
                ),
                not_results=frozenset(str(post_id) for post_id in self._corpus.nested_only),
                requests=tuple(replace(request) for request in self._requests),
                quota_exceeded=self._quota.exceeded,
                max_in_window=self._quota.max_in_window,
                faults_injected=Counter(self._injected),
                page_loads=self._page_loads,
                counts_at_first={
                    str(post_id): dict(counts) for post_id, counts in self._corpus.first_counts.items()
                },
                counts_now={str(post.id): dict(post.counts) for post in posts},
            )

    # What the handler calls

    def account_state(self, cookies: Mapping[str, str]) -> str:
        """Return "out", "ok", "expired", "locked" or "suspended" for a browser's cookies."""
        with self._lock:
            return self._state(cookies)

    def _state(self, cookies: Mapping[str, str]) -> str:
        token = cookies.get("auth_token", "")
        if token not in self._accounts or cookies.get("ct0") != self._accounts[token]:
            return "out"
        for state, limit in self._limits.items():
            if limit is not None and self._used[token] >= limit:
                return state
        return "ok"

    def load_page(self) -> dict[str, object]:
        """Return what one load of the search page is to use: method, query id, transport, service worker."""
        with self._lock:
            self._page_loads += 1
            rng = random.Random(f"load:{self._seed}:{self._page_loads}")
            has_worker = rng.random() < self._faults.service_worker
            if has_worker:
                self._injected["service_worker"] += 1
        return {
            "method": rng.choice(("GET", "POST")),
            "transport": rng.choice(("xhr", "fetch")),
            "queryId": "".join(rng.choices(_ID_LETTERS, k=22)),
            "userQueryId": "".join(rng.choices(_ID_LETTERS, k=22)),
            "serviceWorker": has_worker,
        }

    def redirects_in_page(self) -> bool:
        """Say whether the login wall answers the next load from within the page rather than by a 302."""
        with self._lock:
            self._walls += 1
            return random.Random(f"wall:{self._seed}:{self._walls}").random() < 0.5

    def answer_search(
        self, method: str, query_id: str, variables: Mapping[str, Any], cookies: Mapping[str, str], csrf: str
    ) -> Answer:
        """Decide the answer to one SearchTimeline request, and log it; the page's dummies are not logged."""
        raw_query = str(variables.get("rawQuery", ""))
        cursor = str(variables["cursor"]) if variables.get("cursor") else None
        if variables.get("count") == 0:
            return Answer(200, b'{"data":{}}')
        with self._lock:
            now = time.time()
            token = cookies.get("auth_token", "")
            state = self._state(cookies)
            request = Request(now, self._labels.get(token, ""), method, query_id, raw_query, cursor)
            self._requests.append(request)
            if token not in self._accounts:
                return self._refuse(request, 401, 32, "Could not authenticate you.")
            rate = self._quota.take(token, now)
            request.remaining = rate.remaining
            self._used[token] += 1
            answer = self._decide(request, state, csrf == cookies.get("ct0"), rate.is_allowed)
            request.status, request.fault = answer.status, answer.fault
            return replace(answer, headers=rate.headers() | _UNCACHED)

    def _refuse(self, request: Request, status: int, code: int, message: str) -> Answer:
        request.status = status
        return Answer(status, payloads.error_body(code, message))

    def _decide(self, request: Request, state: str, has_csrf: bool, is_allowed: bool) -> Answer:
        if state == "expired":
            return self._refuse(request, 401, 32, "Could not authenticate you.")
        if not has_csrf or state == "out":
            message = "This request requires a matching csrf cookie and header."
            return self._refuse(request, 403, 353, message)
        if state == "locked":
            message = "To protect our users, this account is temporarily locked. Log in to unlock it."
            return self._refuse(request, 403, 326, message)
        if state == "suspended":
            return Answer(404)
        if not is_allowed:
            return Answer(429, b"Rate limit exceeded\n", _TEXT)
        if self._daily_cap is not None and self._seen[request.account] >= self._daily_cap:
            return Answer(200, payloads.daily_cap_body())
        try:
            place = self._search.place(request.raw_query, request.cursor)
        except ValueError:
            return self._refuse(request, 400, 214, "Bad request: cursor.")
        key = (request.raw_query, request.cursor)
        attempt = self._attempts[key]
        self._attempts[key] += 1
        name = f"{request.raw_query}|{request.cursor}"
        fault = self._faults.pick(name, attempt, (*ANSWER_KINDS, *place.paging_faults))
        if fault is not None:
            self._injected[fault] += 1
        return self._answer_page(request, place, fault, random.Random(f"answer:{name}:{attempt}"))

    def _answer_page(self, request: Request, place: Place, fault: str | None, rng: random.Random) -> Answer:
        if fault == "error":
            return Answer(500, _ERROR_PAGE, _HTML, fault=fault)
        if fault == "unavailable":
            return Answer(503, b"Service Unavailable", _TEXT, fault=fault)
        if fault == "hanging":
            return Answer(0, fault=fault)
        page = self._search.page(place, fault)
        if fault == "truncated":
            return Answer(200, page.body[: int(len(page.body) * rng.uniform(0.2, 0.95))], fault=fault)
        if fault == "reset":
            return Answer(0, page.body if rng.random() < 0.5 else b"", fault=fault)
        request.ids = page.ids
        self._seen[request.account] += len(page.ids)
        least, most = self._faults.slow_least_seconds, self._faults.slow_most_seconds
        delay = rng.uniform(least, most) if fault == "slow" else 0.0
        return Answer(200, page.body, fault=fault, delay_seconds=delay)

    @property
    def hang_seconds(self) -> float:
        """How long a hanging answer hangs."""
        return self._faults.hang_seconds


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], replica: Replica) -> None:
        self.replica = replica
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, _Handler)

    def opened(self, connection: socket.socket) -> None:
        with self._open_lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._open_lock:
            self._open.discard(connection)

    def end_connections(self) -> None:
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def shutdown_request(self, request: Any) -> None:
        """End a connection; one that is to be reset must not say goodbye first."""
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_RESET_ON_CLOSE)) == _RESET_ON_CLOSE:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is not worth a trace; everything else is."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "tsa_replica"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave together
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.closed(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:
        """Keep no access log: the oracle holds what matters."""

    def do_GET(self) -> None:
        self._route("GET", b"")

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        self._route("POST", self.rfile.read(length))

    def _route(self, method: str, body: bytes) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        graphql = _GRAPHQL.match(parts.path)
        if graphql:
            self._graphql(method, graphql[1], graphql[2], query, body)
        elif parts.path.startswith("/__"):
            self._control(method, parts.path, query)
        elif parts.path in _STATIC:
            name, content_type = _STATIC[parts.path]
            self._send(Answer(200, _page_file(name), content_type, {"cache-control": "max-age=3600"}))
        elif parts.path in ("/search", "/home", "/"):
            self._app(parts.path)
        elif parts.path in ("/i/flow/login", "/login"):
            self._send(Answer(200, _page_file("login.html"), _HTML))
        elif parts.path == "/account/access":
            self._send(Answer(200, _page_file("locked.html"), _HTML))
        else:
            self._send(Answer(404, b"Not found", _TEXT))

    def _cookies(self) -> dict[str, str]:
        try:
            jar = SimpleCookie(self.headers.get("cookie", ""))
        except CookieError:
            return {}
        return {name: morsel.value for name, morsel in jar.items()}

    def _app(self, path: str) -> None:
        replica = self.server.replica
        state = replica.account_state(self._cookies())
        boot: dict[str, object] = {"redirect": None}
        if state in ("out", "expired"):
            target = "/i/flow/login?redirect_after_login=" + quote(self.path, safe="")
            if path != "/search" or not replica.redirects_in_page():
                self._send(Answer(302, headers={"location": target}))
                return
            boot["redirect"] = target
        elif state == "locked":
            self._send(Answer(302, headers={"location": "/account/access"}))
            return
        elif path == "/search":
            boot |= replica.load_page()
        boot["page"] = path
        shell = _page_file("index.html").replace(b"{{boot}}", json.dumps(boot).encode())
        self._send(Answer(200, shell, _HTML, _UNCACHED))

    def _graphql(self, method: str, query_id: str, name: str, query: dict[str, str], body: bytes) -> None:
        try:
            raw = query.get("variables") if method == "GET" else json.loads(body or b"{}").get("variables")
            variables = json.loads(raw) if isinstance(raw, str) else raw or {}
        except (ValueError, AttributeError):
            self._send(Answer(400, payloads.error_body(214, "Bad request.")))
            return
        if name != "SearchTimeline":
            self._send(Answer(200, b'{"data":{}}'))
            return
        csrf = self.headers.get("x-csrf-token", "")
        replica = self.server.replica
        answer = replica.answer_search(method, query_id, variables, self._cookies(), csrf)
        if answer.delay_seconds:
            replica.stopping.wait(answer.delay_seconds)
        if answer.fault == "hanging":
            self._hang(replica)
        elif answer.fault == "reset":
            self._reset(answer)
        else:
            self._send(answer)

    def _hang(self, replica: Replica) -> None:
        """Wait until the client leaves, the time is over, or the site stops; answer nothing."""
        self.close_connection = True
        deadline = time.monotonic() + replica.hang_seconds
        while time.monotonic() < deadline and not replica.stopping.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.25)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                return

    def _reset(self, answer: Answer) -> None:
        """Reset the connection: before any byte, or within the body."""
        self.close_connection = True
        if answer.body:
            self._head(replace(answer, status=200), len(answer.body))
            self.wfile.write(answer.body[: len(answer.body) // 2])
            self.wfile.flush()
            time.sleep(0.05)  # so that the first half arrives before the reset
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)

    def _head(self, answer: Answer, length: int) -> None:
        self.send_response(answer.status)
        self.send_header("content-type", answer.content_type)
        self.send_header("content-length", str(length))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, answer: Answer) -> None:
        self._head(answer, len(answer.body))
        self.wfile.write(answer.body)
        self.wfile.flush()

    def _control(self, method: str, path: str, query: dict[str, str]) -> None:
        """Serve the tester's own addresses, which are no part of the site."""
        replica = self.server.replica
        result: object = None
        if (method, path) == ("GET", "/__oracle__"):
            result = replica.oracle().to_json()
        elif (method, path) == ("POST", "/__grow__"):
            replica.grow(int(query.get("seed", "1")))
        elif (method, path) == ("POST", "/__delete__"):
            result = sorted(replica.delete(int(query.get("n", "1"))))
        elif (method, path) == ("POST", "/__publish__"):
            result = sorted(replica.publish(int(query.get("n", "1"))))
        elif (method, path) == ("POST", "/__renew__"):
            replica.renew()
        elif (method, path) == ("POST", "/__shutdown__"):
            replica.stopping.set()
        else:
            self._send(Answer(404, b"Not found", _TEXT))
            return
        self._send(Answer(200, json.dumps(result, ensure_ascii=False).encode()))
