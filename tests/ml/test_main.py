"""`python -m ml score` as its users run it."""

from __future__ import annotations

import io
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ml import instruments, topics
from ml.__main__ import explain, main, score
from ml.text import normalise

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "ml", "score"]
KEYS = ["id", "sentiment", "label", "p_view", "p_promo", "instruments", "content_class"]


def run(data: bytes, *options: str) -> tuple[list[dict[str, Any]], str]:
    done = subprocess.run([*COMMAND, *options], input=data, capture_output=True, cwd=ROOT, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def line(key: object, text: object) -> bytes:
    return json.dumps({"id": key, "text": text}).encode() + b"\n"


def test_scores_in_order() -> None:
    texts = [
        "Buy Nifty 24500 ce &amp; hold",
        "bank nifty: long unwinding https://t.co/x",
        "",
        None,
        "\ud800 बाजार में तेजी, खरीदो",
    ]
    records, errors = run(b"".join(line(key, text) for key, text in enumerate(texts)))
    assert errors == ""
    assert [list(record) for record in records] == [KEYS] * len(texts)
    assert [record["id"] for record in records] == [0, 1, 2, 3, 4]
    assert [record["label"] for record in records] == [1, -1, 0, 0, 1]
    assert [record["instruments"] for record in records] == [
        instruments.match(normalise(text)) for text in texts
    ]
    assert records[2] | {"id": 3} == records[3]


def test_bad_lines_give_error_lines_and_the_rest_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    bad = [
        b"nonsense\n",
        b"\n",
        b"[1]\n",
        b'{"id": 1}\n',
        b'{"text": "x"}\n',
        b'{"id": 1.5, "text": "x"}\n',
        b'{"id": true, "text": "x"}\n',
        b'{"id": 1, "text": ["x"]}\n',
        b'\xff\xfe{"id"\n',
        b"[" * 100_000 + b"\n",
        b'{"id": ' + b"9" * 5000 + b', "text": "x"}\n',
        b'{"id": NaN, "text": "x"}\n',
    ]
    sink = io.BytesIO()
    score(io.BytesIO(b"".join(piece + line("good", "bullish") for piece in bad)[:-1]), sink)
    records = [json.loads(record) for record in sink.getvalue().splitlines()]
    assert capsys.readouterr() == ("", "")
    assert len(records) == 2 * len(bad)
    for row, record in enumerate(records[::2]):
        assert sorted(record) == ["error", "line"]
        assert record["line"] == 2 * row + 1
    assert records[1::2] == [records[1]] * len(bad)
    assert records[1]["label"] == 1


def test_answers_before_the_input_ends() -> None:
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for key in ("a", "b"):
            process.stdin.write(line(key, "bullish"))
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == key
        process.stdin.close()
        assert process.stdout.read() == b""
    assert process.returncode == 0


def test_long_input_keeps_its_order_over_many_reads() -> None:
    lines = [line(key, "x" * (key % 977) + " bullish") for key in range(5000)]
    sink = io.BytesIO()
    score(io.BytesIO(b"".join(lines)), sink)
    assert [json.loads(record)["id"] for record in sink.getvalue().splitlines()] == list(range(5000))


def test_a_reader_that_leaves_is_no_error() -> None:
    with subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(line(1, "bullish"))
        process.stdin.flush()
        process.stdout.readline()
        process.stdout.close()
        process.stdin.write(line(2, "bullish"))
        process.stdin.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_topics_add_components(tmp_path: Path) -> None:
    model = topics.fit(["bank nifty rally", "nifty fall", "gold"])
    topics.save(model, tmp_path / "m")
    records, _ = run(line(1, "Nifty   rally") + b"bad\n", "--topics", str(tmp_path / "m"))
    assert list(records[0]) == [*KEYS, "components"]
    assert records[0]["components"] == topics.transform(model, ["Nifty rally"])[0].tolist()
    assert sorted(records[1]) == ["error", "line"]


def test_a_missing_model_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["score", "--topics", str(tmp_path)])
    assert stopped.value.code == 2
    assert "--topics" in capsys.readouterr().err


@pytest.mark.parametrize("data", [b"", b"\n"])
def test_empty_input(data: bytes) -> None:
    sink = io.BytesIO()
    score(io.BytesIO(data), sink)
    assert len(sink.getvalue().splitlines()) == len(data)


@pytest.mark.parametrize("most", [0, 2, 1000])
def test_explain_shows_parts_that_add_up(most: int) -> None:
    sink = io.StringIO()
    explain("Not bullish on Nifty, sell 24500 ce #crash https://t.co/x", sink, most)
    head, *blocks = sink.getvalue().split("\n\n")
    assert re.match(r"label -1, sentiment -0\.\d\d, class view\nlexicon: .*bullish \(direction -", head)
    assert [block.split(" =")[0] for block in blocks] == ["P(view)", "P(up | view)", "P(promotion)"]
    for block in blocks:
        title, *parts = block.strip().split("\n")
        chance, values = float(title.split("= ")[1]), [float(part.split()[0]) for part in parts]
        assert 1 / (1 + math.exp(-sum(values))) == pytest.approx(chance, abs=0.0005 * len(values))
        assert len(values) - 2 <= most
        assert sorted(map(abs, values[:-2]), reverse=True) == [abs(value) for value in values[:-2]]


def test_explain_reads_its_arguments_or_standard_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--most", "3", "Buy", "Nifty", "🚀"]) == 0
    expected = capsys.readouterr().out
    assert expected.startswith("label +1")
    command = [sys.executable, "-m", "ml", "explain", "--most", "3"]
    done = subprocess.run(command, input="Buy Nifty 🚀".encode(), capture_output=True, cwd=ROOT, check=True)
    assert done.stdout.decode() == expected


def test_explain_of_nothing() -> None:
    sink = io.StringIO()
    explain("", sink)
    assert "lexicon: nothing\n" in sink.getvalue()
