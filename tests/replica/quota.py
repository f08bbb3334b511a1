"""The search quota of each account: fixed windows that start with an account's first request."""

import math
from dataclasses import dataclass


@dataclass(slots=True)
class _Window:
    ends_at: float
    used: int = 0


@dataclass(frozen=True, slots=True)
class Rate:
    """What one request did to its account's quota; `resets_at` is epoch s, rounded up."""

    is_allowed: bool
    limit: int
    remaining: int
    resets_at: int

    def headers(self) -> dict[str, str]:
        """Return the rate headers of the answer."""
        return {
            "x-rate-limit-limit": str(self.limit),
            "x-rate-limit-remaining": str(self.remaining),
            "x-rate-limit-reset": str(self.resets_at),
        }


class Quota:
    """`limit` requests in `window_seconds` for each account; the caller serialises the calls."""

    def __init__(self, limit: int, window_seconds: float) -> None:
        self.limit = limit
        self.window_seconds = window_seconds
        self.exceeded = 0
        self.max_in_window = 0
        self._windows: dict[str, _Window] = {}

    def take(self, account: str, now: float) -> Rate:
        """Count one request of an account at `now` (epoch s), refused ones too."""
        window = self._windows.get(account)
        if window is None or now >= window.ends_at:
            window = self._windows[account] = _Window(now + self.window_seconds)
        window.used += 1
        self.max_in_window = max(self.max_in_window, window.used)
        is_allowed = window.used <= self.limit
        self.exceeded += not is_allowed
        return Rate(is_allowed, self.limit, max(0, self.limit - window.used), math.ceil(window.ends_at))
