"""README's promises that can be checked by running them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from config import ROOT, Settings
from tests.readme_queries import QUERY

README = (ROOT / "README.md").read_text(encoding="utf-8")
HORIZONS = {
    "15min": "15 min", "30min": "30 min", "60min": "60 min", "close": "to the close", "next_day": "next day",
}  # fmt: skip


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


# ---- What README and others quote of docs/real-captures.md, whose figures readme_queries writes ------


def words(page: str) -> str:
    """A page of the repository, on one line."""
    return " ".join((ROOT / page).read_text(encoding="utf-8").split())


def tables() -> list[list[dict[str, str]]]:
    """The rows that the page shows below each query."""
    found = []
    for block in QUERY.finditer((ROOT / "docs" / "real-captures.md").read_text(encoding="utf-8")):
        lines = block["output"].splitlines()
        starts = [name.start() for name in re.finditer(r"\S+", lines[0])]
        cells = [
            [line[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
            for line in lines
        ]
        found.append([dict(zip(cells[0], row, strict=True)) for row in cells[1:]])
    return found


def test_the_table_of_ics_and_what_is_said_of_it_are_those_of_the_captures() -> None:
    (held,), bars, rows, (summary,), *_ = tables()
    assert f"{int(held['posts']):,} posts of {held['sessions']} sessions" in words("README.md")
    market = [row for row in rows if row["instrument"] == "MARKET"]
    shown = [row for row in market if row["bar"] == "15min" or row["horizon"] == "next_day"]
    for row in shown:
        two = {
            name: f"{float(value):.2f}" for name, value in row.items() if re.fullmatch(r"-?\d\.\d+", value)
        }
        assert (
            f"| {row['bar']} | {HORIZONS[row['horizon']]} | {row['bars']} | {row['days']} | {two['ic']} "
            f"({two['low']} to {two['high']}) | {two['detectable']} | {row['needed']} | {two['hits']} "
            f"({two['low_']} to {two['high_']}) | {two['chance']} |"
        ) in README
        assert float(row["low"]) < 0 < float(row["high"]), "README: every interval here holds 0"
    (clear,) = (row for row in rows if row["low"] and float(row["low"]) * float(row["high"]) > 0)
    assert (clear["instrument"], clear["bar"], clear["horizon"]) == ("SENSEX", "1d", "next_day")
    assert summary["underpowered"] == summary["combinations"]
    assert (
        f"Of {summary['tested']} combinations with a p value one lies clear of 0 (SENSEX, a session's score "
        f"against the next day, {clear['days']} days): p is {clear['p']}, and {clear['adjusted']} after"
    ) in words("README.md")
    needed = [int(row["needed"].strip("≥")) for row in market if row["bar"] != "1d"]
    assert f"{round(min(needed), -1)} to {round(max(needed), -2)} sessions" in words("docs/real-captures.md")
    assert {row["bearish"] for row in bars} == {"0"}, "where the mood is clear, it is bullish"
    assert all(0.6 < float(row["effective_per_voice"]) < 0.72 for row in bars), "signal-bars.md: two thirds"


def test_the_calls_are_those_of_the_captures() -> None:
    *_, outcomes, (authors,) = tables()
    calls = {row["not_judged_reason"] or row["outcome"]: int(row["calls"]) for row in outcomes}
    n_again = sum(calls.pop(reason, 0) for reason in ("repost", "later_version", "repeat"))
    n_calls = sum(calls.values())
    judged = [calls[outcome] for outcome in ("not_entered", "target_first", "stop_first", "expired")]
    assert (
        f"of {n_calls} calls ({n_again} more repeat one) {calls['option_premium_has_no_series']} are options,"
    ) in words("README.md")
    assert (
        f"and {calls['no_price_series']} are stocks without prices. Of the {sum(judged)} that can be "
        f"followed {judged[0]} were never entered, {judged[1]} reached their target first, {judged[2]} their "
        f"stop, and {judged[3]} neither."
    ) in words("README.md")
    decision = "docs/decisions/0006-what-bars-do-not-show-counts-against-a-call.md"
    assert f"{sum(judged[1:])} of {n_calls} calls were entered" in words(decision)
    assert authors["verdicts"] == "0", "README: which nobody there has"
