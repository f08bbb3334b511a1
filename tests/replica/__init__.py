"""A local stand-in for X's search, with synthetic posts only: a site, its faults, and an oracle.

    with Replica(seed=1, posts=6000, quota=50, window_seconds=900.0, faults=Faults.all(1)) as site:
        collect(site.url)
        oracle = site.oracle()
        missed = oracle.matching(["#nifty50"], since_epoch, until_epoch) - collected

Or in a process of its own: `python -m tests.replica --faults all`; `Oracle.from_json` reads what
`GET /__oracle__` gives.
It is written from the issue and the shape of public payloads, by someone who has not seen the collector.
"""

from tests.replica.faults import Faults
from tests.replica.oracle import Oracle
from tests.replica.site import Replica

__all__ = ["Faults", "Oracle", "Replica"]
