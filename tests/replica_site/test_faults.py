import http.client
import json
import time
from collections import Counter
from dataclasses import replace

import pytest

from tests.replica import Faults, Replica
from tests.replica.faults import REQUEST_KINDS
from tests.replica_site.client import GROUP, NOW, TERMS, Client, View, ids_of, only, running, search_path

QUERY = f"{GROUP} since_time:{int(NOW) - 86_400} until_time:{int(NOW)}"


def _second_page(faults: Faults) -> tuple[View, View, list[str]]:
    """Return the second page under faults, the one it should have been, and the faults logged."""
    with running(stall_after=None) as (_, client):
        first = client.search(QUERY)
        clean = client.search(QUERY, first.bottom)
    with running(faults=faults, stall_after=None) as (site, client):
        faulty = client.search(QUERY, first.bottom)
        return faulty, clean, [request.fault or "" for request in site.oracle().requests]


@pytest.mark.parametrize(("kind", "status"), [("error", 500), ("unavailable", 503)])
def test_errors(kind: str, status: int) -> None:
    with running(faults=only(kind)) as (site, client):
        view = client.search(QUERY)
        request = site.oracle().requests[0]

    assert view.status == request.status == status
    assert (request.fault, request.ids) == (kind, ())
    assert "x-rate-limit-remaining" in view.headers


def test_truncated_json() -> None:
    with running(faults=Faults(truncated=1.0)) as (site, client):
        view = client.search(QUERY)
        request = site.oracle().requests[0]

    assert view.status == 200
    assert len(view.body) > 1000
    with pytest.raises(ValueError, match=r"."):
        json.loads(view.body)
    assert (request.fault, request.ids) == ("truncated", ())


def test_slow_answers_come_whole() -> None:
    faults = Faults(slow=1.0, slow_least_seconds=0.3, slow_most_seconds=0.4)
    with running(faults=faults) as (site, client):
        began = time.monotonic()
        view = client.search(QUERY)
        took = time.monotonic() - began
        request = site.oracle().requests[0]

    assert 0.3 <= took < 1.0
    assert len(view.ids) == 20
    assert (request.fault, request.ids) == ("slow", tuple(view.ids))


def test_hanging_answers_never_come() -> None:
    with running(faults=Faults(hanging=1.0, hang_seconds=0.5)) as (site, client):
        began = time.monotonic()
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            client.search(QUERY)
        took = time.monotonic() - began
        request = site.oracle().requests[0]

    assert 0.4 < took < 2
    assert (request.fault, request.status, request.ids) == ("hanging", 0, ())


def test_a_hanging_answer_ends_when_the_client_leaves_or_the_site_closes() -> None:
    began = time.monotonic()
    with running(faults=Faults(hanging=1.0)) as (_, client):
        client.connection.timeout = 0.2
        with pytest.raises(TimeoutError):
            client.search(QUERY)

    assert time.monotonic() - began < 3


def test_connections_are_reset_before_and_within_the_answer() -> None:
    has_answer = set()
    with running(faults=Faults(reset=1.0)) as (site, _):
        for number in range(12):
            client = Client(site)
            path = search_path(f"#nifty50 until_time:{int(NOW) - number}")
            client.connection.request("GET", path, headers=client.headers)
            try:
                answer = client.connection.getresponse()
            except ConnectionResetError:
                has_answer.add(False)
            else:
                has_answer.add(True)
                with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
                    answer.read()
        assert site.oracle().faults_injected == {"reset": 12}

    assert has_answer == {True, False}


def test_an_empty_page_leads_on_and_loses_nothing() -> None:
    faulty, clean, faults = _second_page(Faults(empty=1.0))
    assert faulty.ids == []
    assert faulty.bottom is not None
    assert faults == ["empty"]

    with running(stall_after=None) as (_, client):
        after = client.search(QUERY, faulty.bottom)
    assert after.ids == clean.ids
    assert after.bottom == clean.bottom != faulty.bottom


def test_a_repeated_cursor_brings_the_same_results_again() -> None:
    faulty, clean, faults = _second_page(Faults(repeated=1.0))
    assert faults == ["repeated"]
    assert faulty.ids == clean.ids

    with running(stall_after=None) as (_, client):
        first = client.search(QUERY)
        assert faulty.bottom == first.bottom != clean.bottom
        assert client.search(QUERY, faulty.bottom).ids == faulty.ids


def test_a_cycle_leads_back_to_an_earlier_page() -> None:
    with running(stall_after=None) as (_, client):
        clean = client.walk(QUERY)
    with running(faults=Faults(cyclic=1.0), stall_after=None) as (site, client):
        early = client.search(QUERY, clean[0].bottom)
        view = client.search(QUERY, clean[5].bottom)
        faults = [request.fault for request in site.oracle().requests]

    assert faults == [None, "cyclic"], "no cycle before there is a page to go back to"
    assert early.bottom == clean[1].bottom
    assert view.ids == clean[6].ids
    assert view.bottom in [page.bottom for page in clean[:6]]


def test_an_early_stall_stays_for_its_query_and_not_for_another() -> None:
    with running(stall_after=None) as (_, client):
        cursor = client.search(QUERY).bottom
    with running(faults=Faults(seed=0, early_stall=1.0), stall_after=None) as (site, client):
        first = client.search(QUERY)
        stalled = client.search(QUERY, cursor)
        again = client.search(QUERY, stalled.bottom)
        other = client.search(f"{QUERY} max_id:{int(first.ids[-1]) - 1}")
        faults = [request.fault for request in site.oracle().requests]

    assert len(first.ids) == len(other.ids) == 20
    assert stalled.ids == again.ids == []
    assert stalled.bottom == again.bottom == cursor
    assert faults == [None, "early_stall", None, None]


def test_a_short_page_loses_nothing() -> None:
    with running(faults=Faults(short_page=1.0), stall_after=None) as (site, client):
        views = client.walk(QUERY)

        assert all(len(view.ids) < 20 for view in views)
        assert set(ids_of(views)) == site.oracle().matching(TERMS, NOW - 86_400, NOW)
        assert len(ids_of(views)) == 400


def test_service_workers_are_announced_by_the_page() -> None:
    with running(faults=Faults(service_worker=0.5)) as (site, client):
        pages = [client.get("/search?q=x&f=live").body for _ in range(40)]
        injected = site.oracle().faults_injected["service_worker"]
        worker = client.get("/sw.js")

    assert sum(b'"serviceWorker": true' in page for page in pages) == injected
    assert 8 < injected < 32
    assert worker.headers["content-type"].startswith("text/javascript")


def test_faults_do_not_depend_on_the_order_of_requests() -> None:
    faults = Faults.all(7)
    requests = [(f"query {number}|None", attempt) for number in range(300) for attempt in range(2)]

    there = [faults.pick(name, attempt, REQUEST_KINDS) for name, attempt in requests]
    back = [faults.pick(name, attempt, REQUEST_KINDS) for name, attempt in reversed(requests)]
    assert there == back[::-1]
    assert there != [Faults.all(8).pick(name, attempt, REQUEST_KINDS) for name, attempt in requests]


def test_all_faults_hit_about_one_request_in_eight() -> None:
    counts = Counter(Faults.all(1).pick(f"query {number}", 0, REQUEST_KINDS) for number in range(20_000))

    assert set(counts) == {None, *REQUEST_KINDS}
    assert 0.10 < 1 - counts[None] / 20_000 < 0.15
    for kind in REQUEST_KINDS:
        assert counts[kind] / 20_000 == pytest.approx(getattr(Faults.all(1), kind), rel=0.35)
    assert not any(Faults.none().pick(str(number), 0, REQUEST_KINDS) for number in range(1000))


def _patient_walk(site: Replica, query: str) -> list[str]:
    """Collect a query whatever fails, restarting below the last id until nothing more comes."""
    found: list[str] = []
    bound = ""
    while True:
        cursor: str | None = None
        got: list[str] = []
        seen: set[str | None] = set()
        client = Client(site)
        while True:
            try:
                view = client.search(query + bound, cursor)
            except (OSError, http.client.HTTPException):
                client = Client(site)
                continue
            if view.bottom is None:
                continue  # an error, or JSON cut short: ask again
            got += view.ids
            if view.bottom in seen or (not view.ids and view.bottom == cursor):
                break  # a cycle, a repeated cursor, a stall or the end: a new query tells which
            seen.add(cursor)
            cursor = view.bottom
        if not got:
            return found
        found += got
        bound = f" max_id:{min(map(int, got)) - 1}"


def test_a_patient_client_reaches_everything_under_all_faults() -> None:
    always = Faults.all(11)
    faults = replace(
        always,
        **{kind: 3 * getattr(always, kind) for kind in REQUEST_KINDS},
        slow_least_seconds=0.01,
        slow_most_seconds=0.02,
        hang_seconds=0.05,
    )
    with running(posts=1500, faults=faults) as (site, _):
        found = _patient_walk(site, QUERY)
        oracle = site.oracle()

    assert set(found) == oracle.matching(TERMS, NOW - 86_400, NOW)
    assert len(oracle.faults_injected) >= 8
    logged = Counter(request.fault for request in oracle.requests if request.fault)
    assert logged == oracle.faults_injected
    assert {post_id for request in oracle.requests for post_id in request.ids} == set(found)
