import json
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

from tests.replica import Oracle

ROOT = Path(__file__).parents[2]


def test_it_serves_in_a_process_of_its_own(tmp_path: Path) -> None:
    log = tmp_path / "oracle.json"
    command = [sys.executable, "-m", "tests.replica", "--posts", "200", "--quota", "7", "--faults", "all"]
    with subprocess.Popen(
        [*command, "--oracle", str(log)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")

        def control(path: str) -> object:
            with urlopen(Request(f"{url}{path}", method="POST"), timeout=10) as answer:
                return json.load(answer)

        deleted = control("/__delete__?n=5")
        published = control("/__publish__?n=3")
        control("/__grow__?seed=4")
        with urlopen(f"{url}/__oracle__", timeout=10) as answer:
            oracle = Oracle.from_json(json.load(answer))
        control("/__shutdown__")
        assert process.wait(10) == 0

    assert isinstance(deleted, list)
    assert isinstance(published, list)
    assert {post.id for post in oracle.posts if post.is_deleted} == set(deleted)
    assert set(published) <= oracle.matching(["#nifty50", "#sensex", "#intraday", "#banknifty"], 0, 2e10)
    assert any(oracle.first_counts(post.id) != oracle.current_counts(post.id) for post in oracle.posts)
    assert Oracle.from_json(json.loads(log.read_text())) == oracle
