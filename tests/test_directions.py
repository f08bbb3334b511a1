"""Layers import downwards only. Breaking a direction breaks this test."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import ROOT

# What each part of the tree may import of the project; the longest prefix decides. Standard and
# third-party packages are free, but for those in FORBIDDEN, by the longest prefix, too.
ALLOWED = {
    "config": set(),
    "ingest.entities": {"ingest.entities"},
    "ingest.batch_checks": {"ingest.entities"},
    "ingest.files": {"config"},
    "ingest.purging": {"config", "ingest.entities", "ingest.files"},
    "ingest.landing": {
        "config",
        "ingest.batch_checks",
        "ingest.entities",
        "ingest.files",
        "ingest.purging",
    },
    "ingest.progress": set(),
    "ingest.runs": {"config", "ingest.entities", "ingest.landing", "ingest.progress"},
    "ingest.search": {"config", "ingest.entities", "ingest.files", "ingest.runs", "ingest.search"},
    "ingest.sources": {
        "config",
        "ingest.entities",
        "ingest.files",
        "ingest.purging",
        "ingest.runs",
        "ingest.search",
        "ingest.sources",
    },
    "ingest.__main__": {"config", "ingest"},
    "ml": {"ml"},
    "warehouse": {"config", "ingest.batch_checks", "ingest.entities", "ingest.files", "ml", "warehouse"},
    "charts": {"config", "charts"},
}
FORBIDDEN = {
    "ingest": {"dbt", "duckdb", "sklearn", "matplotlib"},
    "ml": {"dbt", "duckdb", "sqlite3", "matplotlib", "selenium"},
    "ml.evaluate": {"dbt", "duckdb", "sqlite3", "selenium"},  # draws the reliability plot
    "charts": {"dbt", "sklearn", "great_expectations"},
}
PROJECT = {"config", "ingest", "ml", "warehouse", "charts", "tests"}


def modules() -> Iterator[tuple[str, Path]]:
    for path in [ROOT / "config.py", *sorted(ROOT.glob("*/**/*.py"))]:
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] in PROJECT - {"tests"}:
            yield ".".join(parts).removesuffix(".__init__"), path


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by full name"
            # `from ingest import entities` imports ingest.entities, and not all of ingest.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def under(name: str, prefixes: set[str]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


@pytest.mark.parametrize(
    ("module", "path"), list(modules()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_imports_point_downwards(module: str, path: Path) -> None:
    area = max((prefix for prefix in ALLOWED if under(module, {prefix})), key=len, default=None)
    barred = max((prefix for prefix in FORBIDDEN if under(module, {prefix})), key=len, default="")
    if area is None:
        assert module == "ingest", f"{module} has no place in ALLOWED: say what it may import"
        return
    for name in imports(path):
        if under(name, PROJECT):
            assert under(name, ALLOWED[area]), f"{module} may not import {name}: {area} is below or apart"
        assert not under(name, FORBIDDEN.get(barred, set())), f"{module} may not import {name}"


def test_only_config_reads_the_environment() -> None:
    for module, path in modules():
        if module in ("config", "ingest.batch_checks"):
            continue
        assert "os.environ" not in path.read_text(), (
            f"{module} reads the environment: settings belong in config"
        )
