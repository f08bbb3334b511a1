"""Serve a replica in a process of its own: `python -m tests.replica --port 0 --faults all`.

The first line of stdout is the address. It stops at Ctrl-C, at SIGTERM, or at `POST /__shutdown__`.
"""

import argparse
import json
import signal
from pathlib import Path

from tests.replica.faults import Faults
from tests.replica.site import DEFAULT_ACCOUNTS, Replica


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.replica", description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--posts", type=int, default=6000)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--window", type=float, default=900.0, metavar="SECONDS", help="the quota's window")
    parser.add_argument("--quota", type=int, default=50, help="search requests per window and account")
    parser.add_argument("--faults", choices=("all", "none"), default="none")
    parser.add_argument("--fault-seed", type=int, help="the seed of the faults; that of the posts if absent")
    parser.add_argument("--page-size", type=int, default=20)
    parser.add_argument("--stall-after", type=int, default=300, help="results a query; 0 is never")
    parser.add_argument("--session-expires-after", type=int, metavar="N", help="search requests")
    parser.add_argument("--locks-after", type=int, metavar="N", help="search requests")
    parser.add_argument("--suspended-after", type=int, metavar="N", help="search requests")
    parser.add_argument("--daily-cap", type=int, metavar="N", help="results an account may see")
    parser.add_argument("--account", action="append", default=[], metavar="AUTH_TOKEN=CT0")
    parser.add_argument("--oracle", type=Path, metavar="FILE", help="write the oracle here at the end")
    return parser.parse_args()


def main() -> None:
    """Serve until stopped, then write the oracle if asked to."""
    arguments = _arguments()
    fault_seed = arguments.seed if arguments.fault_seed is None else arguments.fault_seed
    accounts = dict(pair.split("=", 1) for pair in arguments.account) or DEFAULT_ACCOUNTS
    with Replica(
        seed=arguments.seed,
        posts=arguments.posts,
        hours=arguments.hours,
        quota=arguments.quota,
        window_seconds=arguments.window,
        faults=Faults.all(fault_seed) if arguments.faults == "all" else Faults.none(),
        accounts=accounts,
        page_size=arguments.page_size,
        stall_after=arguments.stall_after or None,
        session_expires_after=arguments.session_expires_after,
        locks_after=arguments.locks_after,
        suspended_after=arguments.suspended_after,
        daily_cap=arguments.daily_cap,
        port=arguments.port,
    ) as site:
        signal.signal(signal.SIGTERM, lambda *_: site.stopping.set())
        signal.signal(signal.SIGINT, lambda *_: site.stopping.set())
        print(site.url, flush=True)
        site.stopping.wait()
        if arguments.oracle is not None:
            arguments.oracle.write_text(json.dumps(site.oracle().to_json(), ensure_ascii=False))


if __name__ == "__main__":
    main()
