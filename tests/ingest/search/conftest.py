from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.search.collect.LEAST_BACK_OFF_SECONDS", 0.0)
