"""Sources: how records are had.

Each source is one folder whose package holds::

    HELP: str                                                what it reads, in a line
    add_arguments(parser: argparse.ArgumentParser) -> None   its own arguments
    items(arguments: argparse.Namespace, run: Run) -> Iterator[Item | Checkpoint]

and, where it can show what it would do, ``explain(arguments) -> str`` for ``--dry-run``; ``LOG`` names
its log file, ``ingest`` where it is left out, and ``ONCE`` the arguments that are left out when an
interrupted run is gone on with.
Adding a source is adding a folder: the command line finds it here.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def names() -> list[str]:
    """Every source, by its folder."""
    return sorted(module.name for module in iter_modules(__path__))


def source(name: str) -> ModuleType:
    """The package of a source."""
    return import_module(f"{__name__}.{name}")
