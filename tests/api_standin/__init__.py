"""A local stand-in for X's official API v2, with synthetic posts only.

    with Standin(posts=400, hours=24, faults={3: "error"}) as api:
        collect(api.url)
        missed = api.matching(["#nifty50"], since_epoch, until_epoch) - collected

Recent search, recent counts and batch compliance, as X documents them: what a request may hold, what it
is answered, quota, charges and errors. `requests`, `served_ids` and `n_charged` are the oracle.
"""

from tests.api_standin.corpus import Corpus, made
from tests.api_standin.site import Asked, Standin

__all__ = ["Asked", "Corpus", "Standin", "made"]
