"""The shipped model: its formula, obvious posts, disguised adverts, independence, save and load."""

from __future__ import annotations

import json
import random
import shutil
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from ml import model as models
from ml import rules
from ml.grams import weigh
from ml.labelled import small_talk
from ml.model import CLASSES, DIRECTION, PROMO, REGISTERS, SCORES, SHIPPED, UNIT, VIEW, Judgement, Model
from ml.text import normalise, normalise_array
from ml.tokens import index, tokenise

R = len(REGISTERS)

PIECES = [
    "buy", "sell", "nifty", "24500", "ce", "pe", "target", "sl", "hit", "not", "bullish", "bearish", ".", ",",
    "join", "telegram", "profit", "rises", "falls", "#nifty", "$tcs", "@me", "तेजी", "🚀", "reports", "q2",
]  # fmt: skip
some_text = st.text() | st.lists(st.sampled_from(PIECES)).map(" ".join)


@pytest.fixture(scope="module")
def model() -> Model:
    return models.load()


def judge(model: Model, texts: Sequence[str | None]) -> Judgement:
    return model.judge(tokenise(normalise_array(pa.array(texts, pa.string()))))[0]


def as_bytes(judged: Judgement, row: int | slice = slice(None)) -> list[bytes]:
    """Bytes of each column: equal where scores are equal bit by bit."""
    return [np.asarray(column)[row].tobytes() for column in judged]


def alone(model: Model, text: str | None) -> dict[str, float]:
    judged = judge(model, [text])
    return {name: np.asarray(column)[0].item() for name, column in judged._asdict().items()}


# ---- The formula ----------------------------------------------------------------------------------


def test_loads_and_says_its_version(model: Model) -> None:
    about = json.loads((SHIPPED / "model.json").read_text())
    assert model.version == about["version"]
    assert models.load() is model
    f, d, k = len(model.names), len(rules.FEATURES), len(SCORES)
    assert (model.weights.shape, model.rule_weights.shape, model.bias.shape) == ((f, k), (d, k), (k,))
    assert len(model.blocks) == len(model.hashes) == len(model.idf) == f > 1000
    assert (model.idf > 0).all()
    assert (model.label_odds >= 1).all()


@settings(deadline=None)
@given(st.lists(some_text, max_size=5))
def test_judge_is_the_formula(model: Model, texts: list[str]) -> None:
    tokens = tokenise(normalise_array(pa.array(texts, pa.string())))
    weighed = weigh(tokens, index(model.hashes), model.idf)
    grams = csr_matrix((weighed.values, weighed.columns, weighed.rows), (len(texts), len(model.names)))
    raw = grams @ (model.weights * UNIT) + rules.read(tokens)[0] @ model.rule_weights + model.bias
    odds = np.exp(raw[:, :R] @ model.register_mix[:R] + model.register_mix[R])
    gates = odds / odds.sum(axis=1, keepdims=True)

    def chance(first: int, slopes: np.ndarray) -> np.ndarray:
        score = raw[:, first] + (gates * raw[:, first + 1 : first + 1 + R]).sum(axis=1)
        return np.asarray(1 / (1 + np.exp(-(gates @ slopes[0] * score + gates @ slopes[1]))))

    p_view, p_up = chance(VIEW, model.view), chance(DIRECTION, model.direction)
    p_view[np.diff(tokens.rows) == 0] = 1 / (1 + np.exp(10))  # a text without a token says nothing
    p_promo = 1 / (1 + np.exp(-(model.promo[0] * raw[:, PROMO] + model.promo[1])))
    judged, _ = model.judge(tokens)
    for ours, theirs in ((judged.p_view, p_view), (judged.p_up, p_up), (judged.p_promo, p_promo)):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)
    classes = raw[:, PROMO + 1 :]
    assert (classes[np.arange(len(texts)), judged.content_class] >= classes.max(axis=1) - 1e-9).all()
    pull = np.exp(gates @ np.log(model.label_odds)) * p_view * np.maximum(p_up, 1 - p_up) - (1 - p_view)
    sure = (np.abs(pull) > 1e-9) & (np.abs(p_up - 0.5) > 1e-9)
    labels = np.where(pull >= 0, np.where(p_up >= 0.5, 1, -1), 0)
    assert np.array_equal(judged.label[sure], labels[sure])


@settings(deadline=None)
@given(st.lists(some_text, max_size=5))
def test_scores_are_within_their_limits_and_agree(model: Model, texts: list[str]) -> None:
    judged = judge(model, texts)
    for chance in (judged.p_view, judged.p_up, judged.p_promo):
        assert ((chance > 0) & (chance < 1)).all()
    assert np.array_equal(judged.sentiment, judged.p_view * (2 * judged.p_up - 1))
    assert set(judged.label.tolist()) <= {-1, 0, 1}
    assert (judged.label * judged.sentiment >= 0).all()
    assert ((judged.content_class >= 0) & (judged.content_class < len(CLASSES))).all()


# ---- Obvious posts --------------------------------------------------------------------------------
# Nobody who reads these can doubt them; how the model does on real posts is measured by `make eval`.

UP = [
    "Nifty bullish, buy 24500 ce above 120 target 150 sl 100",
    "Buy RELIANCE above 1400 sl 1380 target 1450",
    "Strong breakout in TCS, I am very bullish, buying more",
    "Short covering in bank nifty, bulls are back",
    "bullish",
    "बाजार में जबरदस्त तेजी, खरीदो",
    "🚀🚀🚀",
]
DOWN = [
    "Nifty looking weak, buy 24000 pe, target 200",
    "Sell Tata Motors below 900, sl 915, target 870",
    "Very bearish on banknifty, selling futures",
    "market will crash, short it",
    "bearish",
    "बाजार में मंदी, बेचो",
    "📉📉 breakdown, sell nifty",
]
NEITHER = [
    "",
    None,
    " ",
    "Morning folks, hope you slept well",
    "Happy Diwali dear investors and families",
    "Good evening guys, what a lovely day",
    "Wish you all a very happy Makar Sankranti",
    "Thanks for the good wishes bhai",
    "Sensex and Nifty: holiday on Monday",
    "a" * 100_000,
    "#nifty #banknifty #stockmarket",
    "Which broker do you use?",
]
ADVERT = (
    "Join our telegram channel for free intraday calls, 100% sure profit, link in bio, dm on whatsapp now"
)


def test_no_text_here_is_small_talk_that_it_was_taught() -> None:
    assert not {text.lower() for text in small_talk()} & {text.lower() for text in NEITHER if text}


@pytest.mark.parametrize(
    ("texts", "label"), [(UP, 1), (DOWN, -1), (NEITHER, 0)], ids=["up", "down", "neither"]
)
def test_obvious_views(model: Model, texts: list[str | None], label: int) -> None:
    judged = judge(model, texts)
    wrong = [text for text, each in zip(texts, judged.label, strict=True) if each != label]
    assert wrong == []


def test_a_stopped_out_trade_is_no_bullish_call(model: Model) -> None:
    assert alone(model, "SL hit in nifty 24500 ce, loss booked")["label"] <= 0
    assert (
        alone(model, "nifty 24500 ce sl hit")["sentiment"]
        < alone(model, "nifty 24500 ce target hit")["sentiment"]
    )


def test_sentiment_is_ordered(model: Model) -> None:
    judged = judge(
        model, ["very bearish", "not bullish", "nifty", "bullish", "24500 pe", "24500 ce", "bearish"]
    )
    very_down, turned, nothing, up, put, call, down = judged.sentiment
    assert down < nothing < up
    assert very_down < nothing
    assert turned < up
    assert put < call


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ADVERT, "promo"),
        ("Subscribe to the channel, dm for paid membership on whatsapp", "promo"),
        ("Buy RELIANCE above 1400 sl 1380 target 1450", "view"),
        ("Expecting a breakout in TCS, buy above 3000 target 3200 sl 2900", "view"),
        ("Nifty support 24300 24200 resistance 24700 24800", "levels"),
        (
            "Closing bell: Sensex ends 300 points higher, Nifty at 24,500; top gainers and losers",
            "market_update",
        ),
        ("Company reports Q2 revenue up 12% yoy, net profit at Rs 120 crore", "news"),
        (
            "Lesson: risk management and discipline matter most. Trading psychology is a mindset to learn",
            "education",
        ),
        ("Shubh Navratri to everyone here", "other"),
        ("", "other"),
    ],
)
def test_obvious_classes(model: Model, text: str, expected: str) -> None:
    judged = alone(model, text)
    assert CLASSES[int(judged["content_class"])] == expected
    assert (judged["p_promo"] >= 0.5) == (expected == "promo")


def test_nothing_said_is_nothing_sold(model: Model) -> None:
    for text in [*UP, *DOWN, *NEITHER]:
        assert alone(model, text)["p_promo"] < 0.5


# ---- Disguises ------------------------------------------------------------------------------------

ADVERTS = [
    "Join our free Telegram channel for daily Nifty and BankNifty calls. 95% accuracy! Link in bio",
    "🔥🔥 Sure shot intraday calls! WhatsApp 98xxxxxx10 for free trial. Limited seats, hurry up 🔥🔥",
    "Want to earn 5000 daily from option trading? Join my VIP group now, message me on Telegram",
    "Premium membership open at just Rs 999 for lifetime. DM to join. Jackpot calls every day 💰",
    "Open a free demat account with my link and get free stocks worth 500. Offer ends today",
    "Option trading masterclass by a professional trader. Register now, fee only 499. Limited seats left",
    "Telegram channel join karo free me, roz 2 se 3 intraday calls milenge. Link bio me hai 👇",
    "Aaj ka jackpot call chahiye to WhatsApp karo. Paid group me 90% accuracy. Jaldi join karo",
    "फ्री टेलीग्राम चैनल ज्वाइन करें और रोज पाएं इंट्राडे कॉल। लिंक बायो में है 👇👇",
    "Giveaway! Follow us, retweet and tag three friends to win free access to our premium channel",
    "Our members made 45000 profit today! Join premium group for such calls, contact on WhatsApp 📲",
    "Loss recovery guaranteed. Account handling service with profit sharing, message on Telegram to start",
    "Free BankNifty calls on our Telegram channel: join before market opens tomorrow, link below 👇",
    "Get our stock market course in Hindi, basics to advanced, 70% discount for the first 50 students",
    "Subscribe to our YouTube channel and join the Telegram group for live trading and free stock tips",
    "Don't miss tomorrow's multibagger call! Only for premium members. Subscribe now, plans start at 299",
    "Paid group wale calls ab free me! Telegram pe join kare, screenshot ke liye DM kare 🚀",
    "Trial offer: two days of free calls in stocks and options, register on WhatsApp with your name",
    "Algo trading software with 3% weekly return, no experience needed. Book your free demo today, call us",
    "Join 50,000 traders in our Telegram community. Zero loss strategy shared daily, link in bio",
]  # fmt: skip
PLAIN = [
    "Nifty holding above the support, expecting a move towards resistance tomorrow",
    "Buy RELIANCE above 1400 with stoploss 1380, target 1450",
    "Banknifty looks weak below the moving average, selling on rise is my plan",
    "Sensex ends 300 points higher as banks and auto stocks gain",
    "Company reports quarterly net profit of Rs 120 crore, revenue rises 12 percent",
    "Good morning everyone, have a nice trading session",
    "Happy Diwali to all traders and their families",
    "RBI keeps the repo rate unchanged, governor says inflation is easing",
    "Stopped out of my long position in Infosys today, small loss",
    "FIIs sold shares worth 2,300 crore in the cash market, domestic funds bought",
    "Booked profit in HDFC Bank, waiting for a better entry near support",
    "बाजार में आज तेजी रही, निफ्टी में बढ़त के साथ कारोबार बंद हुआ",
    "Market me aaj bahut volatility thi, dono taraf premium kha gaya",
    "Crude oil prices fall after the inventory report, rupee gains against the dollar",
    "Tata Motors breaks the resistance with volume, looks strong on the weekly chart",
    "Why did Nifty fall today? Weak global cues and heavy selling in banks",
    "Expiry was slow, implied volatility crashed and sellers made money",
    "Auto sales numbers were better than estimates, Maruti gains three percent",
    "Patience is the most important thing in trading, wait for your setup",
    "Midcap stocks continue their rally while large caps stay flat",
]  # fmt: skip

CYRILLIC = str.maketrans("aeopcxyiABEHKMOPCTX", "аеорсхуіАВЕНКМОРСТХ")
LEET = str.maketrans("aeiostAEIOST", "431057431057")
BOLD = {ord("a") + at: 0x1D41A + at for at in range(26)} | {ord("A") + at: 0x1D400 + at for at in range(26)}
WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
TAGS = [
    "#Nifty",
    "#banknifty",
    "#intraday",
    "#stocks",
    "#TCS",
    "#crash",
    "#trading",
    "#RIL",
    "#sensex",
    "#FII",
]


def is_long(word: str) -> bool:
    """More than three letters, vowel signs counted, and nothing else."""
    return len(word) > 3 and all(unicodedata.category(character)[0] in "LM" for character in word)


def disguised(text: str, draw: random.Random) -> str:
    """The text with about two in five of its longer words disturbed, another link and other hashtags."""

    def disturb(word: str) -> str:
        at = draw.randrange(1, len(word) - 1)
        if not word.isascii():  # Devanagari has no look-alikes; letters are lost or doubled
            return draw.choice([word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:]])
        return draw.choice(
            [
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[:at] + draw.choice(".-_*xz\u200b") + word[at:],
                word[:at] + word[at + 1 :],
                word.translate(CYRILLIC),
                word.translate(LEET),
                word.translate(BOLD),
                word.translate(WIDE),
            ]
        )

    words = [disturb(word) if is_long(word) and draw.random() < 0.4 else word for word in text.split(" ")]
    link = "https://t.co/" + "".join(draw.choices("abcdefghijkABCDEFGH0123456789", k=10))
    return " ".join([*words, *draw.choices(["", link], k=1), *draw.sample(TAGS, draw.randrange(5))])


def copies(texts: list[str]) -> list[str]:
    """Fifty disguises of each: with ten, what is caught differs by two in a hundred from draw to draw."""
    draw = random.Random(7)
    return [disguised(text, draw) for text in texts for _ in range(50)]


def test_the_scrambler_disturbs_a_third_to_half_of_the_long_words() -> None:
    disturbed = [
        one != other
        for text, copy in zip([text for text in ADVERTS for _ in range(50)], copies(ADVERTS), strict=True)
        for one, other in zip(text.split(" "), copy.split(" "), strict=False)
        if is_long(one)
    ]
    assert 1 / 3 <= np.mean(disturbed) <= 1 / 2


def test_adverts_are_caught(model: Model) -> None:
    missed = [text for text, p in zip(ADVERTS, judge(model, ADVERTS).p_promo, strict=True) if p < 0.5]
    assert len(missed) <= 1, missed


def test_disguised_adverts_are_caught(model: Model) -> None:
    texts = copies(ADVERTS)
    caught = judge(model, texts).p_promo >= 0.5
    missed = [text for text, is_caught in zip(texts, caught, strict=True) if not is_caught]
    assert caught.mean() >= 0.95, f"{caught.mean():.3f}: {missed[::5]}"


def test_a_disguise_does_not_make_a_plain_post_an_advert(model: Model) -> None:
    assert (judge(model, PLAIN).p_promo < 0.5).all()
    texts = copies(PLAIN)
    called = judge(model, texts).p_promo >= 0.5
    assert called.mean() <= 0.10, [text for text, each in zip(texts, called, strict=True) if each]


# ---- Independence ---------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(some_text, max_size=8), st.randoms(use_true_random=False))
def test_a_text_scores_the_same_in_any_batch_and_order(
    model: Model, texts: list[str], draw: random.Random
) -> None:
    own = [as_bytes(judge(model, [text]), 0) for text in texts]
    order = draw.sample(range(len(texts)), len(texts))
    together = judge(model, [texts[row] for row in order] + ["buy nifty"])
    assert [as_bytes(together, place) for place in range(len(texts))] == [own[row] for row in order]


def test_threads_score_the_same(model: Model) -> None:
    draw = random.Random(5)
    batches = [[" ".join(draw.choices(PIECES, k=draw.randrange(40))) for _ in range(300)] for _ in range(16)]
    expected = [judge(model, batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        for ours, theirs in zip(pool.map(lambda batch: judge(model, batch), batches), expected, strict=True):
            assert as_bytes(ours) == as_bytes(theirs)


def test_evidence_does_not_change_a_score(model: Model) -> None:
    tokens = tokenise(pa.array([normalise(text or "") for text in [*UP, *DOWN, *NEITHER, ADVERT]]))
    plain, _ = model.judge(tokens)
    explained, _ = model.judge(tokens, 3)
    assert as_bytes(plain) == as_bytes(explained)


def test_no_texts(model: Model) -> None:
    assert [len(column) for column in judge(model, [])] == [0] * len(Judgement._fields)


# ---- Save and load --------------------------------------------------------------------------------


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "copy"))


def test_save_and_load_round_trip(model: Model, tmp_path: Path) -> None:
    models.save(model, tmp_path / "a" / "b", {"from": "a test"})
    loaded = models.load(tmp_path / "a" / "b")
    assert loaded is not model
    assert loaded.version == model.version
    assert (loaded.names, loaded.blocks) == (model.names, model.blocks)
    texts = [*UP, *DOWN, ADVERT]
    assert as_bytes(judge(loaded, texts)) == as_bytes(judge(model, texts))
    assert json.loads((tmp_path / "a" / "b" / "model.json").read_text())["about"] == {"from": "a test"}
    models.save(loaded, tmp_path / "c", {"from": "a test"})
    for name in ("model.json", "grams.parquet"):
        assert (tmp_path / "c" / name).read_bytes() == (tmp_path / "a" / "b" / name).read_bytes()


@pytest.mark.parametrize("column", ["hash", "idf", "view", "class_other"])
def test_load_refuses_changed_grams(copy: Path, column: str) -> None:
    table = pq.read_table(copy / "grams.parquet")
    values = table[column].to_numpy().copy()
    values[7] += 1
    table = table.set_column(
        table.schema.get_field_index(column), table.schema.field(column), pa.array(values)
    )
    pq.write_table(table, copy / "grams.parquet")
    with pytest.raises(ValueError, match="is not what"):
        models.load(copy)


def _raise_first(content: dict[str, object], key: str) -> None:
    """Adds one to the first number under a key."""
    place: object = content
    step: object = key
    while not isinstance(place[step], float):  # type: ignore[index]
        place = place[step]  # type: ignore[index]
        step = next(iter(place)) if isinstance(place, dict) else 0
    place[step] += 1  # type: ignore[index]


@pytest.mark.parametrize("key", ["bias", "rules", "view", "direction", "promo", "label_odds", "register_mix"])
def test_load_refuses_changed_weights(copy: Path, key: str) -> None:
    content = json.loads((copy / "model.json").read_text())
    _raise_first(content, key)
    (copy / "model.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="is not what"):
        models.load(copy)


def test_load_refuses_another_lexicon(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = tmp_path / "lexicon.csv"
    changed.write_bytes(rules.LEXICON.read_bytes() + b"zzz,1,direction,en,\n")
    monkeypatch.setattr(rules, "LEXICON", changed)
    with pytest.raises(ValueError, match="lexicon"):
        models.load(copy)


def test_load_refuses_other_features(copy: Path) -> None:
    content = json.loads((copy / "model.json").read_text())
    content["rules"]["unheard of"] = content["rules"].pop("signed")
    (copy / "model.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="features"):
        models.load(copy)


def test_load_refuses_other_columns(copy: Path) -> None:
    table = pq.read_table(copy / "grams.parquet")
    pq.write_table(table.drop_columns(["promo"]), copy / "grams.parquet")
    with pytest.raises(ValueError, match="features"):
        models.load(copy)


def test_a_missing_model_is_said_so(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        models.load(tmp_path / "none")
    (copy / "grams.parquet").unlink()
    with pytest.raises(FileNotFoundError):
        models.load(copy)
