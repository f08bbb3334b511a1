"""What goes wrong, how often, and for which request: decided by a seed, whatever the order of requests."""

import random
from collections.abc import Collection
from dataclasses import dataclass, fields

# Kinds that replace a page of results; the site offers them only where there are results to withhold.
PAGING_KINDS = ("empty", "repeated", "cyclic", "early_stall", "short_page")


@dataclass(frozen=True, slots=True)
class Faults:
    """Rates of the faults, each the share of search requests hit (0 to 1).

    `service_worker` is the share of page loads that register one. The lengths of slow and hanging answers are
    in seconds.
    """

    seed: int = 0
    error: float = 0.0  # 500 with an error page
    unavailable: float = 0.0  # 503
    truncated: float = 0.0  # 200, JSON cut short
    slow: float = 0.0
    hanging: float = 0.0  # no answer until the client gives up or `hang_seconds` pass
    reset: float = 0.0  # the connection is reset, before the answer or within it
    empty: float = 0.0  # cursors only, with a new cursor that leads to the same results
    repeated: float = 0.0  # the page's results with the cursor that was sent
    cyclic: float = 0.0  # the page's results with a cursor of an earlier page
    early_stall: float = 0.0  # cursors only from here on for this query
    short_page: float = 0.0  # fewer results than a page holds; the rest follow
    service_worker: float = 0.0
    slow_least_seconds: float = 2.0
    slow_most_seconds: float = 4.0
    hang_seconds: float = 60.0

    @classmethod
    def none(cls) -> "Faults":
        """No faults."""
        return cls()

    @classmethod
    def all(cls, seed: int) -> "Faults":
        """Every kind at once: about 13 % of search requests, and a third of page loads."""
        return cls(
            seed=seed,
            error=0.02,
            unavailable=0.015,
            truncated=0.015,
            slow=0.02,
            hanging=0.005,
            reset=0.01,
            empty=0.015,
            repeated=0.01,
            cyclic=0.01,
            early_stall=0.01,
            short_page=0.01,
            service_worker=0.33,
        )

    def pick(self, request: str, attempt: int, allowed: Collection[str]) -> str | None:
        """Pick the fault of one request, or None.

        `request` names the query and cursor, `attempt` counts the same request before it. A kind that is not
        `allowed` here is not replaced by another.
        """
        draw = random.Random(f"fault:{self.seed}:{request}:{attempt}").random()
        for kind in REQUEST_KINDS:
            draw -= getattr(self, kind)
            if draw < 0:
                return kind if kind in allowed else None
        return None


REQUEST_KINDS = tuple(
    item.name
    for item in fields(Faults)
    if item.name != "seed" and item.name != "service_worker" and not item.name.endswith("_seconds")
)
ANSWER_KINDS = tuple(kind for kind in REQUEST_KINDS if kind not in PAGING_KINDS)
