"""What X says of the account: each refusal stops it with what to do, each fault is told apart."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.search import RATE_LIMITED, AccountStopped
from ingest.sources.x.page_status import fault_of, stopped

# What to do, by what is wrong.
EXPIRED = r"expired.*copy auth_token and ct0 again"
LOCKED = r"locked.*unlock it.*MARKET_INTEL_X_REQUESTS_PER_DAY"
SUSPENDED = r"suspended.*Look at x\.com"
CAPTCHA = r"captcha.*answer it"
CAPPED = r"limit of posts for today.*tomorrow"


def status(path: str = "/search", text: str = "", **more: object) -> dict[str, object]:
    return {"path": path, "text": text, "is_error": False, "is_challenge": False, **more}


@pytest.mark.parametrize(
    ("page", "says"),
    [
        (status("/i/flow/login"), EXPIRED),
        (status("/login"), EXPIRED),
        (status("/i/flow/signup"), EXPIRED),
        (status("/account/access"), LOCKED),
        (status(text="Your account has been temporarily LOCKED."), LOCKED),
        (status("/account/access", is_challenge=True), CAPTCHA),
        (status(is_challenge=True), CAPTCHA),
        (status(text="Please verify you are human to go on"), CAPTCHA),
        (status(text="You have reached the limit for seeing posts today."), CAPPED),
        (status(text="Your account is suspended and is not permitted to do this."), SUSPENDED),
    ],
)
def test_a_page_that_ends_the_account(page: dict[str, object], says: str) -> None:
    why = stopped(page)
    assert why is not None
    with pytest.raises(AccountStopped, match=says):
        raise why


@pytest.mark.parametrize(
    "page",
    [
        status(),
        status(text="No results for #nifty50"),
        status(text="Something went wrong. Try reloading.", is_error=True),
        status("/search/login"),
        {},
        {"path": None, "text": None},
    ],
)
def test_a_page_on_which_the_account_goes_on(page: dict[str, object]) -> None:
    assert stopped(page) is None


@pytest.mark.parametrize(
    ("http_status", "error", "says"),
    [
        (401, {}, EXPIRED),
        (200, {"code": 32, "message": "Could not authenticate you."}, EXPIRED),
        (403, {"code": 89}, EXPIRED),
        (403, {"code": 353, "message": "This request requires a matching csrf cookie and header."}, EXPIRED),
        (403, {"code": 326, "message": "To protect our users, this account is temporarily locked."}, LOCKED),
        (200, {"message": "Authorization: this account is Temporarily Locked"}, LOCKED),
        (403, {"code": 64, "message": "Your account is suspended."}, SUSPENDED),
        (200, {"message": "You have reached your limit for seeing posts today."}, CAPPED),
        # A locked account answers with 401 as well: the more exact word counts.
        (401, {"code": 326}, LOCKED),
    ],
)
def test_an_answer_that_ends_the_account(http_status: int, error: dict[str, Any], says: str) -> None:
    with pytest.raises(AccountStopped, match=says):
        fault_of(http_status, [error] if error else [], is_empty=False)


def test_an_empty_404_is_a_suspension_and_another_is_a_fault() -> None:
    with pytest.raises(AccountStopped, match=SUSPENDED):
        fault_of(404, [], is_empty=True)
    assert fault_of(404, [], is_empty=False) == "server_error 404"


@pytest.mark.parametrize(
    ("http_status", "errors", "fault"),
    [
        (200, [], None),
        (429, [], RATE_LIMITED),
        (200, [{"code": 88, "message": "Rate limit exceeded"}], RATE_LIMITED),
        (503, [], "server_error 503"),
        (403, [], "server_error 403"),
        (200, [{"message": "Timeout: Unspecified"}], "server_error 200"),
        (200, [{"code": "32", "message": None}], "server_error 200"),
    ],
)
def test_an_answer_that_is_a_fault(http_status: int, errors: list[dict[str, Any]], fault: str | None) -> None:
    assert fault_of(http_status, errors, is_empty=False) == fault
