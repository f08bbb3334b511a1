"""Trade calls, on posts that were made up, and their scoring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.labelled import text_key
from ml.text import normalise
from ml.trade_calls import CALL_TYPE, TradeCall, agrees, evaluate, parse, parse_array, read_labels

CALL = TradeCall("NIFTY50", "buy", "CE", 24500.0, 100.0, 105.0, 90.0, (120.0, 140.0))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nifty 24500 CE @ 100-105 SL 90 Target 120/140+", CALL),
        (
            "Buy #Nifty 24500CE cmp 100 to be added, stop loss: 90, tgt1 120",
            CALL._replace(entry_high=100, targets=(120,)),
        ),
        ("NIFTY 24500 CE 28 AUG entry 100 - 105 | stoploss 90 | T1- 120 T2- 140", CALL),
        ("nifty 24500 ce le lo 100 pe sl 90 tgt 120,140", CALL._replace(entry_high=100)),
        ("nifty 24500 ce above 100", CALL._replace(entry_high=100, stop=None, targets=())),
        ("hero zero nifty 24500 ce 12", CALL._replace(entry_low=12, entry_high=12, stop=None, targets=())),
        ("Bought Nifty 24500 CE", CALL._replace(entry_low=None, entry_high=None, stop=None, targets=())),
        (
            "sell nifty 24500 ce at 100 sl 150 tgt 60",
            CALL._replace(side="sell", entry_high=100, stop=150, targets=(60,)),
        ),
        ("nifty 24500 pe write at 90", TradeCall("NIFTY50", "sell", "PE", 24500, 90, 90, None, ())),
        (
            "TCS short below 3000 sl 3050 target 2950",
            TradeCall("TCS", "sell", None, None, 3000, 3000, 3050, (2950,)),
        ),
        (
            "#TCS cmp 3000 target 3100, 3200 and 3300",
            TradeCall("TCS", "buy", None, None, 3000, 3000, None, (3100, 3200, 3300)),
        ),
        (
            "Sell Nifty 24750-950 target 24700/650/600 sl 25000",
            TradeCall("NIFTY50", "sell", None, None, 24750, 24950, 25000, (24700, 24650, 24600)),
        ),
        (
            "TCS buy above 3000 by 28 aug, target 5% sl 2900",
            TradeCall("TCS", "buy", None, None, 3000, 3000, 2900, ()),
        ),
    ],
)
def test_a_call(text: str, expected: TradeCall) -> None:
    assert parse(normalise(text)) == [expected]


def test_a_disclaimer_unsays_no_call() -> None:
    (call,) = parse("tcs 3000 ce looking good at 34-35. not a buy/sell recommendation")
    assert (call.side, call.entry_low, call.entry_high) == ("buy", 34, 35)


def test_several_calls_in_reading_order() -> None:
    calls = parse("nifty 24500ce @ 100 sl 90, banknifty 55000pe above 300 tgt 350/400; tcs buy 3000 sl 2900")
    assert [(call.instrument, call.entry_low, call.stop, call.targets) for call in calls] == [
        ("NIFTY50", 100, 90, ()),
        ("BANKNIFTY", 300, None, (350, 400)),
        ("TCS", 3000, 2900, ()),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nifty above 24500 buy, below 24300 sell",
        "nifty support 24300 resistance 24600",
        "nifty bullish above 24500 targets 24600, bearish below 24400 targets 24300",
        "nifty 24500 ce 100 to 180 target hit",
        "nifty 24500 ce: 100 → 180",
        "target done in nifty 24500 ce 100 to 140",
        "exited nifty 24500 ce at 76",
        "nifty 24500 ce has the highest open interest",
        "jefferies says buy tcs, target 3500, cmp 3000",
        "tcs not a buy above 3000 or sell recommendation",
        "short covering in tcs at 3000",
        "buy tcs",
        "nifty target 40, cmp 30",
        "don't buy nifty 24500 ce at 100",
        "dont buy tcs at 3000 sl 2900 target 3200",
        "never short nifty 24500 pe @ 100",
        "avoid nifty 24500 ce at 100",
        "avoid fresh longs in tcs at 3000 sl 2900 target 3200",
        "who bought nifty 24500 ce at 100?",
        "should i buy nifty 24500 ce at 100",
    ],
)
def test_no_call(text: str) -> None:
    assert parse(text) == []


@pytest.mark.parametrize(
    ("text", "stop", "targets"),
    [
        ("buy tcs at 3000 sl 3100 target 3200", None, (3200,)),
        ("buy tcs at 3000 sl 2900 target 2800 3200", 2900, (3200,)),
        ("nifty 24500 ce at 100 sl 24300 target 150", None, (150,)),
    ],
)
def test_a_number_on_the_wrong_side_of_the_entry_is_dropped(
    text: str, stop: float | None, targets: tuple[float, ...]
) -> None:
    (call,) = parse(text)
    assert (call.stop, call.targets) == (stop, targets)


PIECES = [
    "nifty", "24500", "ce", "pe", "buy", "sell", "sl", "target", "@", "100", "-", "105", "/", "140", "above",
    "below", "cmp", "9" * 400, "don't", "tcs", "3000", "done", "to", "%", ":", "1", ")", "aug",
    "120,140", ".",
]  # fmt: skip


@settings(deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=())) | st.lists(st.sampled_from(PIECES)).map(" ".join),
        max_size=5,
    )
)
def test_any_text_parses_the_same_in_any_batch_into_sane_calls(texts: list[str]) -> None:
    clean = [normalise(text) for text in texts]
    together = parse_array(pa.array([*clean, None], pa.string()))
    assert together.type == CALL_TYPE
    alone = [parse(text) for text in clean]
    listed = [[call._asdict() | {"targets": list(call.targets)} for call in calls] for calls in alone]
    assert together.to_pylist() == [*listed, []]
    for call in (call for calls in alone for call in calls):
        up = 1 if call.side == "buy" else -1
        assert (call.leg is None) == (call.strike is None)
        if call.entry_low is not None and call.entry_high is not None:
            assert call.entry_low <= call.entry_high
            losing = call.entry_low if up > 0 else call.entry_high
            assert call.stop is None or (losing - call.stop) * up > 0
            assert all((target - call.entry_high) * up > 0 for target in call.targets)


@pytest.mark.parametrize(
    ("change", "is_right"),
    [
        ({}, True),
        ({"stop": None, "targets": (), "entry_low": None, "entry_high": None}, True),
        ({"entry_low": 105.0, "entry_high": 110.0}, True),
        ({"targets": (140.0,)}, True),
        ({"side": "sell"}, False),
        ({"leg": "PE"}, False),
        ({"strike": 24400.0}, False),
        ({"stop": 80.0}, False),
        ({"targets": (120.0, 200.0)}, False),
        ({"entry_low": 106.0, "entry_high": 110.0}, False),
    ],
)
def test_agreement(change: dict[str, Any], is_right: bool) -> None:
    assert agrees(CALL._replace(**change), CALL) is is_right


def test_evaluation_counts_calls_of_labelled_posts_only(tmp_path: Path) -> None:
    both, none = "Nifty 24500 CE @ 100 SL 90. Buy TCS at 3000 sl 2900", "nifty 24500 ce at 90"
    path = tmp_path / "labels.csv"
    path.write_text(
        "content_hash,instrument,side,leg,strike,entry_low,entry_high,stop,targets\n"
        f"{text_key(both)},NIFTY50,buy,CE,24500,100,105,90,120 140\n"
        f"{text_key(both)},?,buy,,,1,1,,\n"
        f"{text_key(none)},,,,,,,,\n"
    )
    tally = evaluate([both, none, "buy tcs at 3000", both.upper()], read_labels(path))
    assert tally == (2, 3, 1, 2)
    assert (tally.precision, tally.recall) == (1 / 3, 1 / 2)


def test_the_labels_in_the_repository_read() -> None:
    labels = read_labels()
    calls = [call for listed in labels.values() for call in listed]
    assert len(labels) > 1000
    assert len(calls) > 100
    assert all(call.side in ("buy", "sell") for call in calls)
