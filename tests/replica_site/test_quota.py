import time
from concurrent.futures import ThreadPoolExecutor

from tests.replica import Faults
from tests.replica.quota import Quota
from tests.replica_site.client import GROUP, Client, running


def test_requests_beyond_the_quota_get_429_with_the_rate() -> None:
    with running(quota=3, window_seconds=900) as (site, client):
        before = time.time()
        views = [client.search(GROUP) for _ in range(5)]
        oracle = site.oracle()

    assert [view.status for view in views] == [200, 200, 200, 429, 429]
    assert [view.headers["x-rate-limit-remaining"] for view in views] == ["2", "1", "0", "0", "0"]
    assert {view.headers["x-rate-limit-limit"] for view in views} == {"3"}
    resets = {int(view.headers["x-rate-limit-reset"]) for view in views}
    assert len(resets) == 1
    assert before + 900 <= resets.pop() <= before + 905
    assert oracle.quota_exceeded == 2
    assert oracle.max_in_window == 5
    assert [request.remaining for request in oracle.requests] == [2, 1, 0, 0, 0]
    assert [request.status for request in oracle.requests] == [200, 200, 200, 429, 429]


def test_a_window_starts_with_its_first_request_and_reopens_at_the_reset() -> None:
    with running(quota=2, window_seconds=0.4) as (_, client):
        statuses = [client.search(GROUP).status for _ in range(3)]
        last = client.search(GROUP)
        time.sleep(max(0.0, int(last.headers["x-rate-limit-reset"]) - time.time()))
        reopened = client.search(GROUP)

    assert statuses == [200, 200, 429]
    assert (reopened.status, reopened.headers["x-rate-limit-remaining"]) == (200, "1")


def test_windows_are_fixed_and_the_reset_is_rounded_up() -> None:
    quota = Quota(2, 5.0)

    assert quota.take("a", 100.2).resets_at == 106
    assert quota.take("a", 104.9).remaining == 0
    assert not quota.take("a", 105.1).is_allowed
    assert quota.take("b", 105.1).remaining == 1
    assert quota.take("a", 105.2).remaining == 1
    assert (quota.exceeded, quota.max_in_window) == (1, 3)


def test_three_browsers_share_one_account_and_two_accounts_do_not() -> None:
    accounts = {"one": "1", "two": "2"}
    with running(quota=30, accounts=accounts) as (site, _):
        clients = [Client(site, "one", "1") for _ in range(3)]

        def ask(client: Client) -> list[int]:
            return [client.search(GROUP).status for _ in range(20)]

        with ThreadPoolExecutor(3) as pool:
            statuses = [status for answer in pool.map(ask, clients) for status in answer]
        other = Client(site, "two", "2").search(GROUP)
        oracle = site.oracle()

    assert (statuses.count(200), statuses.count(429)) == (30, 30)
    assert other.headers["x-rate-limit-remaining"] == "29"
    assert (oracle.quota_exceeded, oracle.max_in_window, len(oracle.requests)) == (30, 60, 61)


def test_faulty_requests_count_and_dummies_do_not() -> None:
    with running(quota=5, faults=Faults(error=1.0)) as (site, client):
        views = [client.search(GROUP) for _ in range(2)]
        dummy = client.search(GROUP, count=0)
        other = client.get("/i/api/graphql/abcdefghijklmnopqrstuv/UserByScreenName?variables=%7B%7D")
        oracle = site.oracle()

    assert [view.headers["x-rate-limit-remaining"] for view in views] == ["4", "3"]
    assert (dummy.status, dummy.body, other.status) == (200, b'{"data":{}}', 200)
    assert "x-rate-limit-remaining" not in dummy.headers
    assert len(oracle.requests) == 2


def test_the_daily_cap_answers_200_with_an_error() -> None:
    with running(daily_cap=40) as (_, client):
        views = [client.search(GROUP) for _ in range(3)]

    assert [len(view.ids) for view in views] == [20, 20, 0]
    assert [view.status for view in views] == [200, 200, 200]
    assert b"limit for seeing posts today" in views[-1].body
    assert b"Rate limit exceeded" in views[-1].body
