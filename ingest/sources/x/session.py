"""The user's own session on X: two cookies, from the settings or from a file that only the user can read.

There is no login by password here, and there will be none. The values leave this module only into a
browser that the user's own machine runs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from dotenv import dotenv_values

from config import Settings, refuse_if_shared
from ingest.runs import SourceError

HOW = (
    "In a browser where you are logged in to x.com, open the developer tools, Application, Cookies, and copy"
    " auth_token and ct0 into a file with the lines auth_token=... and ct0=...; chmod 600 it and set"
    " MARKET_INTEL_X_COOKIES_FILE to its path. (Or set MARKET_INTEL_X_AUTH_TOKEN and MARKET_INTEL_X_CT0.)"
)


@dataclass(frozen=True, slots=True)
class Session:
    """A logged-in session. Its values are in no representation of it."""

    auth_token: str = field(repr=False)
    ct0: str = field(repr=False)

    @property
    def account(self) -> str:
        """A name for the account's quota that tells nothing about the cookie."""
        return hashlib.sha256(b"market-intel account " + self.auth_token.encode()).hexdigest()[:12]


def session(settings: Settings) -> Session:
    """The session that the settings name.

    Raises:
        SourceError: there is none, or half of one.
        config.ConfigError: the cookies' file can be read by others.
    """
    auth_token = settings.x_auth_token and settings.x_auth_token.get_secret_value()
    ct0 = settings.x_ct0 and settings.x_ct0.get_secret_value()
    where = ""
    if not (auth_token or ct0) and settings.x_cookies_file:
        where = f" in {settings.x_cookies_file}"
        refuse_if_shared(settings.x_cookies_file)
        held = dotenv_values(settings.x_cookies_file, interpolate=False)
        auth_token, ct0 = held.get("auth_token"), held.get("ct0")
    if not auth_token or not ct0:
        lacks = " and no ".join(
            name for name, value in (("auth_token", auth_token), ("ct0", ct0)) if not value
        )
        raise SourceError(f"Searching X needs your own session, and there is no {lacks}{where}. {HOW}")
    return Session(auth_token, ct0)
