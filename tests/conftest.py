"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from config import ROOT, Settings

# Tests choose their data roots themselves: a developer's must not be touched.
for name in [name for name in os.environ if name.startswith("MARKET_INTEL_")]:
    del os.environ[name]

# How long an example takes says more about what else the machine does than about the code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

SHARED = ROOT.parent / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, those of whole builds: last, they would keep one process while the other idles."""
    items.sort(key=lambda item: item.path.parent.name != "warehouse")


@pytest.fixture
def root(tmp_path: Path) -> Settings:
    """Settings on an empty data root."""
    return Settings(data=tmp_path / "data")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real captures that is not part of the project; skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("real captures (../shared/data) are not on this machine")
    return SHARED
