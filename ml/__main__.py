"""`python -m ml score`: JSON lines in, JSON lines out. `python -m ml explain TEXT`: why it scores so.

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
from typing import Any, BinaryIO, TextIO

import pyarrow as pa

from ml import instruments, model, topics
from ml.evidence import spell
from ml.rules import KINDS, lexicon, read
from ml.text import normalise
from ml.tokens import Tokens, tokenise

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


def _score(lines: Sequence[bytes], first: int, basis: topics.TopicModel | None) -> list[dict[str, Any]]:
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
    tokens = tokenise(pa.array(texts, pa.string()))
    judged, _ = model.load().judge(tokens)
    named = instruments.match_array(pa.array(texts, pa.string())).to_pylist()
    components = topics.project(basis, topics.weigh(basis, tokens)).tolist() if basis else None
    scored = (record for record in records if "id" in record)
    for row, record in enumerate(scored):
        record |= {
            "sentiment": judged.sentiment[row].item(),
            "label": judged.label[row].item(),
            "p_view": judged.p_view[row].item(),
            "p_promo": judged.p_promo[row].item(),
            "instruments": named[row],
            "content_class": model.CLASSES[judged.content_class[row]],
        }
        if components:
            record["components"] = components[row]
    return records


def score(source: BinaryIO, sink: BinaryIO, basis: topics.TopicModel | None = None) -> None:
    """Scores every line of `source` into `sink`, flushing whenever it has caught up."""
    first = 1
    for lines in _lines(source):
        records = _score(lines, first, basis)
        sink.write(b"".join(json.dumps(record).encode() + b"\n" for record in records))
        sink.flush()
        first += len(lines)


def _hits(tokens: Tokens) -> list[str]:
    """The lexicon's readings of one text, as `term (kind, value)`."""
    _, hits = read(tokens, n_hits=1000)
    terms = lexicon().terms
    return [
        f"{terms[entry]} ({KINDS[kind]} {value:+.2g})"
        for entry, kind, value in zip(hits.entries, hits.kinds, hits.values, strict=True)
    ]


def explain(text: str, sink: TextIO, most: int = 12) -> None:
    """Writes what a text's scores are made of: its largest words, pairs and rules, in log-odds."""
    tokens = tokenise(pa.array([normalise(text)], pa.string()))
    judged, parts = model.load().judge(tokens, sys.maxsize)
    chances = {"view": judged.p_view[0], "direction": judged.p_up[0], "promo": judged.p_promo[0]}
    sink.write(
        f"label {judged.label[0]:+d}, sentiment {judged.sentiment[0]:+.2f}, "
        f"class {model.CLASSES[judged.content_class[0]]}\n"
        f"lexicon: {', '.join(_hits(tokens)) or 'nothing'}\n"
    )
    evidence = spell(tokens, parts, with_base=True)[0].as_py()
    for score, chance in chances.items():
        own = [part for part in evidence if part["score"] == score]
        shown = [part for part in own if part["source"] != "base"][:most]
        base = sum(part["log_odds"] for part in own if part["source"] == "base")
        rest = sum(part["log_odds"] for part in own) - base - sum(part["log_odds"] for part in shown)
        name = {"view": "P(view)", "direction": "P(up | view)", "promo": "P(promotion)"}[score]
        sink.write(f"\n{name} = {chance:.3f}\n")
        for part in shown:
            sink.write(f"  {part['log_odds']:+7.3f}  {part['source']:5} {part['term']}\n")
        sink.write(f"  {rest:+7.3f}  all else\n  {base:+7.3f}  with no words at all\n")


def _learn(options: argparse.Namespace) -> int:
    """`train` and `evaluate`, whose libraries the other commands do without."""
    from rich.console import Console

    from ml import labelled
    from ml.evaluate import evaluate
    from ml.train import fit, provenance

    console = Console()
    texts, authors = labelled.read_captures(options.captures)
    own = labelled.read_own(labelled.OWN_FOLDER, texts, authors)
    examples = labelled.concatenate(labelled.read(options.labelled, authors=authors), own)
    if options.command == "evaluate":
        evaluate(examples, texts, options.reports, console)
        return 0
    fitted = fit(examples, labelled.small_talk(), lambda step: console.print(f"fitting {step}"))
    model.save(fitted, options.out, provenance(examples))
    console.print(f"model {fitted.version}: {len(fitted.names):,} grams, written to {options.out}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ml", description="Text to signals.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("score", help="score JSON lines from standard input", description=__doc__)
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.add_argument("--topics", type=Path, metavar="DIR", help="topic model; adds its components")
    command = commands.add_parser("explain", help="say what moved the scores of a text")
    command.add_argument("text", nargs="*", help="the text; standard input where there is none")
    command.add_argument("--most", type=int, default=12, metavar="N", help="parts shown per score (12)")
    for name, what in (
        ("train", "fit the shipped model from labelled sets"),
        ("evaluate", "measure the model and what else there is, on texts not seen"),
    ):
        command = commands.add_parser(name, help=what)
        command.add_argument("--labelled", type=Path, required=True, metavar="DIR", help="the public sets")
        command.add_argument(
            "--captures", type=Path, required=True, metavar="DIR",
            help="raw/tweets of a data root with the posts that our own labels are of",
        )  # fmt: skip
        if name == "train":
            command.add_argument("--out", type=Path, default=model.SHIPPED, metavar="DIR")
        else:
            command.add_argument("--reports", type=Path, required=True, metavar="DIR")
    options = parser.parse_args(arguments)
    if options.command == "explain":
        explain(" ".join(options.text) if options.text else sys.stdin.read(), sys.stdout, options.most)
        return 0
    if options.command in ("train", "evaluate"):
        try:
            return _learn(options)
        except (OSError, ValueError, ModuleNotFoundError) as error:
            parser.error(str(error))
    try:
        basis = topics.load(options.topics) if options.topics else None
    except (OSError, ValueError, KeyError) as error:
        parser.error(f"--topics: {error}")
    try:
        score(sys.stdin.buffer, sys.stdout.buffer, basis)
    except BrokenPipeError:
        # The reader has had enough. Point stdout elsewhere, or Python complains when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
