"""What X's page says of itself, beside the responses: logged out, locked, broken, out of results.

The page is status here, never the record, with one marked exception: ``VISIBLE_CARDS``.
"""

from __future__ import annotations

from ingest.search import RATE_LIMITED, SERVER_ERROR, AccountStopped

# One round trip to the browser. Names drift: both spellings of each are asked for.
STATUS = """
const has = (selector) => document.querySelector(selector) !== null;
const buttons = Array.from(document.querySelectorAll('button, [role="button"]'));
const isRetry = (b) => /^(retry|try again)$/i.test(b.innerText.trim()) && !b.closest("article");
return {
  path: location.pathname,
  // What people write must not be taken for what X says: a page with posts on it is not locked.
  text: has("article") ? "" : (document.body && document.body.innerText || "").slice(0, 4000),
  is_error: has('[data-testid="error-detail"]') || buttons.some(isRetry),
  is_challenge: has('iframe[src*="arkoselabs"], iframe[src*="captcha"], #arkose_iframe'),
};
"""

# The rendered cards, for the day on which X's responses change beyond recognition.
VISIBLE_CARDS = """
return Array.from(document.querySelectorAll('article[data-testid="tweet"]'), (card) => {
  const cell = card.closest('[data-testid="placementTracking"]') || card;
  return cell.outerHTML;
}).join("\\n");
"""

_LOGIN_PATHS = ("/i/flow/login", "/login", "/i/flow/signup", "/account/begin_password_reset")
_STAY_AWAY = "Nothing more is asked of X with this account; what was read has landed."


def stopped(status: dict[str, object]) -> AccountStopped | None:
    """Why the account can go no further, if the page says so."""
    path, text = str(status.get("path") or ""), str(status.get("text") or "").casefold().replace("’", "'")
    if path.startswith(_LOGIN_PATHS):
        return expired()
    if "temporarily locked" in text or (
        path.startswith("/account/access") and not status.get("is_challenge")
    ):
        return locked()
    if status.get("is_challenge") or "verify you are human" in text or "confirm you're human" in text:
        return AccountStopped(
            "X wants to see that a person is there (captcha). Open x.com in your browser, answer it, and wait"
            f" a day before you collect again. {_STAY_AWAY}"
        )
    if "limit for seeing posts" in text:
        return capped()
    if "account is suspended" in text or "your account has been suspended" in text:
        return suspended()
    return None


def expired() -> AccountStopped:
    """The session is over."""
    return AccountStopped(
        "X does not know the session: it has expired, or you logged out. Log in to x.com in your browser and"
        f" copy auth_token and ct0 again (both change). {_STAY_AWAY}"
    )


def locked() -> AccountStopped:
    """The account is locked until its owner unlocks it."""
    return AccountStopped(
        "X has temporarily locked this account. Open x.com in your browser and unlock it there; then leave it"
        f" alone for some days, and collect less (MARKET_INTEL_X_REQUESTS_PER_DAY). {_STAY_AWAY}"
    )


def suspended() -> AccountStopped:
    """The account is gone for now."""
    return AccountStopped(
        f"X answers as for a suspended account. Look at x.com in your browser. {_STAY_AWAY}"
    )


def capped() -> AccountStopped:
    """X's own daily cap."""
    return AccountStopped(
        f"X says that the account has reached its limit of posts for today. Go on tomorrow. {_STAY_AWAY}"
    )


# X's numbers for what went wrong, in the JSON of an answer.
_EXPIRED, _LOCKED, _SUSPENDED, _BAD_CSRF, _TOO_MANY = {32, 89, 215}, {326}, {63, 64}, {353}, {88}


def fault_of(http_status: int, errors: list[dict[str, object]], *, is_empty: bool) -> str | None:
    """The fault behind an answer without results; None for none.

    Raises:
        AccountStopped: the answer ends the account.
    """
    codes = {code for error in errors if isinstance(code := error.get("code"), int)}
    text = " ".join(str(error.get("message", "")) for error in errors).casefold()
    if "limit for seeing posts" in text or "limit for viewing posts" in text:
        raise capped()
    if codes & _LOCKED or "temporarily locked" in text:
        raise locked()
    if codes & _SUSPENDED or (http_status == 404 and is_empty):
        raise suspended()
    if http_status == 401 or codes & (_EXPIRED | _BAD_CSRF):
        raise expired()
    if http_status == 429 or codes & _TOO_MANY:
        return RATE_LIMITED
    if http_status >= 400 or errors:
        return f"{SERVER_ERROR} {http_status}"
    return None
