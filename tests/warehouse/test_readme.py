"""README's promises that can be checked by running them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from config import ROOT, Settings

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_readmes_queries_answer_from_another_folder(demo: Settings, tmp_path: Path) -> None:
    program = ROOT / "tests" / "readme_queries.py"
    done = subprocess.run(
        [sys.executable, program, demo.published_db], cwd=tmp_path, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert "3 queries answered" in done.stdout
    for block in done.stdout.strip().split("\n\n")[:3]:
        assert len(block.splitlines()) > 1, f"no rows: {block}"


def test_every_target_and_file_that_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"\bmake ([a-z-]+)\b", README)) <= targets
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / link).exists(), link
