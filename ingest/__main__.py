"""``python -m ingest SOURCE …``: collect records and land them. ``--help`` lists the sources."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from collections.abc import Sequence
from contextlib import closing

from rich.console import Console

from config import ConfigError, Settings, settings
from ingest import entities, landing, sources
from ingest.files import landed_files
from ingest.landing import RootError
from ingest.progress import Progress
from ingest.runs import SourceError, history, log_to_file, open_state, run

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status (0 done, 1 failed, 2 usage, 130 interrupted)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    console = Console(stderr=True)
    try:
        config = settings()
        if given[:1] == ["auto"]:
            given[0] = _default_source(config)
        parsed = _parser().parse_args(given)
        match parsed.command:
            case "runs":
                return _show_runs(config, parsed.last)
            case "compact":
                return _compact(config, parsed.rows)
            case _:
                return _ingest(config, console, parsed.command, parsed, given)
    except (ConfigError, RootError, SourceError, OSError) as error:
        for note in getattr(error, "__notes__", ()):
            print(note)
        console.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
        return EXIT_USAGE if getattr(error, "is_usage", True) else EXIT_FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ingest", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="SOURCE")
    for name in sources.names():
        module = sources.source(name)
        sub = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(sub)
        if hasattr(module, "explain"):
            sub.add_argument("--dry-run", action="store_true", help="show what it would do, and do nothing")
    commands.add_parser("auto", help="MARKET_INTEL_SOURCE, else demo on an empty or demo root")
    runs = commands.add_parser("runs", help="show past runs")
    runs.add_argument("--last", type=int, default=20, metavar="N", help="how many (default 20)")
    compact = commands.add_parser("compact", help="merge small landed files")
    compact.add_argument(
        "--rows", type=int, default=50_000, metavar="N", help="merge files below N rows (default 50,000)"
    )
    return parser


def _default_source(config: Settings) -> str:
    if config.source:
        if config.source not in sources.names():
            raise SourceError(
                f"MARKET_INTEL_SOURCE is {config.source!r}, which is no source. "
                f"Known: {', '.join(sources.names())}."
            )
        return config.source
    if any(landing.kind_of(path.name) == "real" for path in landed_files(config)):
        raise SourceError(
            f"{config.data} holds real records, so there is no default source. "
            "Name one: make ingest SOURCE=archive ARGS=path, or set MARKET_INTEL_SOURCE."
        )
    return "demo"


def _ingest(
    config: Settings, console: Console, name: str, parsed: argparse.Namespace, given: Sequence[str]
) -> int:
    module = sources.source(name)
    if getattr(parsed, "dry_run", False):
        print(module.explain(parsed))
        return 0
    log_to_file(config, getattr(module, "LOG", "ingest"))
    if not console.is_terminal:
        plain = logging.StreamHandler()
        plain.setFormatter(logging.Formatter("%(message)s"))
        logging.getLogger("ingest.progress").addHandler(plain)
    words = given[1:]
    with Progress(console) as progress:
        result = run(config, name, shlex.join(words), lambda this: module.items(parsed, this), progress)
    for entity, counts in sorted(result.counts.items()):
        print(f"{entity}: {counts.line()}")
        for reason, n in counts.quarantine_reasons.most_common(5):
            print(f"  quarantined {n:,}: {reason}")
        if counts.quarantined:
            print(f"  they are kept in {config.quarantine / entity}")
    for problem in result.problems:
        print(f"  batch refused: {problem}")
    for note in result.notes:
        print(note)
    if not result.counts:
        print("nothing to read")
    if result.status == "interrupted":
        once = getattr(module, "ONCE", ())
        again = shlex.join(["python", "-m", "ingest", *(word for word in given if word not in once)])
        print(f"Interrupted; what was read has landed, or is kept for the next run. To go on: {again}")
        return EXIT_INTERRUPTED
    print(f"run {result.run_id} {result.status} → {config.raw}")
    return EXIT_FAILED if result.problems else 0


def _show_runs(config: Settings, last: int) -> int:
    rows = history(config, last)
    if not rows:
        print(f"no runs under {config.data}")
    for row in rows:
        print(row.line())
    return 0


def _compact(config: Settings, rows: int) -> int:
    with closing(open_state(config)) as state:
        for entity in entities.names():
            before, after = landing.compact(config, state, entity, rows)
            if before:
                print(f"{entity}: {before} files → {after}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
