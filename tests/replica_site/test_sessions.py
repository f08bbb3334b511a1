import json

import pytest

from tests.replica_site.client import GROUP, Client, running

SEARCH_PAGE = "/search?q=%23nifty50&src=typed_query&f=live"


def _code(body: bytes) -> int:
    return int(json.loads(body)["errors"][0]["code"])


@pytest.mark.parametrize(
    "cookies",
    [
        "",
        "auth_token=auth-token-value",
        "auth_token=wrong; ct0=ct0-value",
        "auth_token=auth-token-value; ct0=x",
    ],
)
def test_the_wall_closes_the_search_page_in_both_ways(cookies: str) -> None:
    with running() as (_, client):
        views = [client.get(SEARCH_PAGE, headers={"cookie": cookies}) for _ in range(20)]
        home = client.get("/home", headers={"cookie": cookies})

    assert {view.status for view in views} == {200, 302}
    for view in (*views, home):
        if view.status == 302:
            assert view.headers["location"].startswith("/i/flow/login")
        else:
            assert b'"redirect": "/i/flow/login' in view.body
    assert home.status == 302


def test_a_session_opens_the_page_with_rotating_method_and_query_id() -> None:
    with running() as (site, client):
        boots = []
        for _ in range(30):
            body = client.get(SEARCH_PAGE).body.decode()
            boots.append(json.loads(body.split('id="boot">')[1].split("</script>")[0]))
        assert client.get("/home").status == 200
        assert site.oracle().page_loads == 30

    assert {boot["method"] for boot in boots} == {"GET", "POST"}
    assert {boot["transport"] for boot in boots} == {"xhr", "fetch"}
    assert len({boot["queryId"] for boot in boots}) == 30
    assert {len(boot["queryId"]) for boot in boots} == {22}
    assert not any(boot["redirect"] or boot["serviceWorker"] for boot in boots)


def test_strangers_and_forged_requests_are_refused() -> None:
    with running() as (site, client):
        stranger = Client(site, auth_token="other").search(GROUP)
        client.headers["x-csrf-token"] = "other"
        forged = client.search(GROUP)
        wrong_ct0 = Client(site, ct0="other").search(GROUP)

    assert (stranger.status, _code(stranger.body)) == (401, 32)
    assert (forged.status, _code(forged.body)) == (403, 353)
    assert (wrong_ct0.status, _code(wrong_ct0.body)) == (403, 353)


def test_a_session_expires_after_its_requests_for_one_account_only() -> None:
    accounts = {"one": "ct-one", "two": "ct-two"}
    with running(session_expires_after=3, accounts=accounts) as (site, _):
        one, two = Client(site, "one", "ct-one"), Client(site, "two", "ct-two")
        statuses = [one.search(GROUP).status for _ in range(5)]
        refused = one.search(GROUP)
        page = one.get(SEARCH_PAGE)
        other = two.search(GROUP)
        site.renew()
        renewed = one.search(GROUP)

    assert statuses == [200, 200, 200, 401, 401]
    assert json.loads(refused.body) == {"errors": [{"code": 32, "message": "Could not authenticate you."}]}
    assert page.status == 302 or b"/i/flow/login" in page.body
    assert other.status == renewed.status == 200


def test_a_locked_account_is_told_so() -> None:
    with running(locks_after=2) as (_, client):
        statuses = [client.search(GROUP).status for _ in range(3)]
        refused = client.search(GROUP)
        page = client.get(SEARCH_PAGE)
        access = client.get("/account/access")

    assert statuses == [200, 200, 403]
    assert _code(refused.body) == 326
    assert b"this account is temporarily locked" in refused.body
    assert page.headers["location"] == "/account/access"
    assert b"this account is temporarily locked" in access.body


def test_a_suspended_account_gets_an_empty_404() -> None:
    with running(suspended_after=0) as (_, client):
        refused = client.search(GROUP)

    assert (refused.status, refused.body) == (404, b"")
