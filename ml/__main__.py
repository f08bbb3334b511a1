"""`python -m ml score`: JSON lines in, JSON lines out.

In, one per line: `{"id": ..., "text": ...}`; the id is a string or a whole number, the text a string or
null, as captured. Out, in the same order: `{"id", "sentiment", "label", "p_view", "p_promo", "instruments",
"content_class"}`, and with `--topics` also `"components"`. A line that cannot be read gives
`{"error": ..., "line": n}`, n counted from 1, and the rest goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from ml import instruments, sentiment, topics
from ml.text import normalise, scan

_CHUNK = 1 << 18


def _lines(stream: BinaryIO) -> Iterator[list[bytes]]:
    """Batches of whole lines, as soon as they have come in."""
    partial: list[bytes] = []
    while chunk := stream.read1(_CHUNK):  # type: ignore[attr-defined]
        head, newline, tail = chunk.rpartition(b"\n")
        if newline:
            yield (b"".join(partial) + head).split(b"\n")
            partial = []
        partial.append(tail)
    if last := b"".join(partial):
        yield [last]


def _parse(line: bytes) -> tuple[str | int, str]:
    """Id and text of one input line.

    Raises:
        ValueError: it is no JSON object with a usable id and text.
    """
    try:
        record = json.loads(line.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")
    if missing := [key for key in ("id", "text") if key not in record]:
        raise ValueError(f"no {' and no '.join(missing)}")
    key, text = record["id"], record["text"]
    if not isinstance(key, str | int) or isinstance(key, bool):
        raise ValueError("id is neither a string nor a whole number")
    if not isinstance(text, str | None):
        raise ValueError("text is neither a string nor null")
    return key, normalise(text)


def _score(lines: Sequence[bytes], first: int, model: topics.TopicModel | None) -> list[dict[str, Any]]:
    """One output record per input line; `first` is the number of the first one."""
    records: list[dict[str, Any]] = []
    texts: list[str] = []
    for number, line in enumerate(lines, first):
        try:
            key, text = _parse(line)
        except ValueError as error:
            records.append({"error": str(error), "line": number})
        else:
            records.append({"id": key})
            texts.append(text)
    posts = [scan(text) for text in texts]
    judged = sentiment.judge(posts)
    components = topics.project(model, topics.weigh(model, posts)).tolist() if model else None
    scored = (record for record in records if "id" in record)
    for row, (record, text) in enumerate(zip(scored, texts, strict=True)):
        record |= {
            "sentiment": judged.sentiment[row].item(),
            "label": judged.label[row].item(),
            "p_view": judged.p_view[row].item(),
            "p_promo": judged.p_promo[row].item(),
            "instruments": instruments.match(text),
            "content_class": judged.content_class[row],
        }
        if components:
            record["components"] = components[row]
    return records


def score(source: BinaryIO, sink: BinaryIO, model: topics.TopicModel | None = None) -> None:
    """Scores every line of `source` into `sink`, flushing whenever it has caught up."""
    first = 1
    for lines in _lines(source):
        records = _score(lines, first, model)
        sink.write(b"".join(json.dumps(record).encode() + b"\n" for record in records))
        sink.flush()
        first += len(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ml", description="Text to signals.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("score", help="score JSON lines from standard input", description=__doc__)
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.add_argument("--topics", type=Path, metavar="DIR", help="topic model; adds its components")
    options = parser.parse_args(arguments)
    try:
        model = topics.load(options.topics) if options.topics else None
    except (OSError, ValueError, KeyError) as error:
        parser.error(f"--topics: {error}")
    try:
        score(sys.stdin.buffer, sys.stdout.buffer, model)
    except BrokenPipeError:
        # The reader has had enough. Point stdout elsewhere, or Python complains when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
