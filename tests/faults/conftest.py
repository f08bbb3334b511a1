from __future__ import annotations

import pytest

from config import Settings
from ingest.runs import SourceError
from ingest.sources.x.browser import find_chrome


@pytest.fixture(autouse=True, scope="session")
def _browser() -> None:
    try:
        find_chrome(Settings())
    except SourceError as error:
        pytest.skip(str(error))
