"""The gate of quantization: does the encoder written rank texts as the fp32 graph does?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from export.sentence import SentenceConfig
from handler.corpus.document import Document
from handler.corpus.records import read_corpus
from handler.errors import ModelError

# The texts that are ranked unless the user gives some.
SAMPLE = Path(__file__).with_name("sample_texts.txt")
NEAREST = 10
FEWEST_TEXTS, MOST_TEXTS = 50, 500
TokenIds = list[list[int]]
Vectors = NDArray[np.float32]

# Texts whose cosines are measured: short, odd, and of many scripts.
TEXTS = (
    " ",
    ".",
    "a",
    "??!",
    "hello world",
    "404",
    "cheap flights",
    "atmospheric, female lead, worldbuilding, funny",
    "How long does it take for concrete to set in winter?",
    "The cat slept on the warm roof while the rain moved out to sea.",
    "Revenue fell by 3.7 % in Q2 2021, to €14.2 million, after two plants had closed.",
    "SELECT name, COUNT(*) FROM orders WHERE paid = 0 GROUP BY name HAVING COUNT(*) > 5;",
    "def area(radius: float) -> float:\n    return 3.14159 * radius**2",
    "https://example.org/catalogue?id=8841&lang=en#reviews",
    "ERROR 0x80070057 in module kernel32.dll: the parameter is incorrect",
    "Patients who were given the vaccine developed antibodies within two weeks.",
    "Der Schnellzug nach Zürich fährt heute von Gleis sieben ab.",
    "L'été dernier, nous avons loué une petite maison près de la forêt.",
    "¿Dónde puedo comprar pan sin gluten los domingos?",
    "Поезд опоздал на сорок минут из-за сильного снегопада.",
    "Η βιβλιοθήκη κλείνει νωρίς την Παρασκευή.",
    "المكتبة مغلقة يوم الجمعة بسبب العطلة",
    "מזג האוויר יהיה נעים בסוף השבוע",
    "मुझे पहाड़ों में लंबी सैर पसंद है।",
    "今日は駅前の本屋で古い地図を見つけました。",
    "这家餐馆的汤很好喝，价格也便宜。",
    "오늘 저녁에는 비가 올 것 같아요.",
    "ฉันชอบดื่มกาแฟตอนเช้า",
    "🎉🎂 happy birthday!!! 🥳🥳",
    "🌧️☔",
)
_LONG = (
    "The lighthouse keeper wrote down the weather twice a day for thirty-one years. Most of the entries are short: "
    "wind from the west, a swell, two herring boats before noon. In the winter of the great ice he wrote more, "
    "since no boat came for seven weeks and he had only the log to talk to. He describes how the harbour froze "
    "from the edges inwards, what he burned when the coal ran out, and the sound that the floes made at night. "
)
_LENGTHS = (0.25, 0.5, 1.0)


def read_texts(corpus: Path | None = None) -> list[str]:
    """Return the first texts of a corpus, each with its title, or else those of SAMPLE.

    Raises:
        CorpusError: the corpus can't be read.
        ModelError: it has too few documents to rank.
    """
    if corpus is None:
        return SAMPLE.read_text("utf-8").splitlines()
    texts: dict[str, None] = {}  # without duplicates, which every encoder ranks alike
    for item in read_corpus(corpus):
        if isinstance(item, Document):
            texts[f"{item.title}\n{item.text}".strip()] = None
        if len(texts) == MOST_TEXTS:
            break
    if len(texts) < FEWEST_TEXTS:
        raise ModelError(
            f"{corpus} has {len(texts)} different documents, comparing rankings takes "
            f"{FEWEST_TEXTS}; give a larger corpus, or leave --texts out to use the built-in texts"
        )
    return list(texts)


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Unit vectors of one encoder: of the parity texts, and of the ranked texts in both roles."""

    parity: Vectors
    queries: Vectors
    passages: Vectors


class Judge:
    """Holds the embeddings of the fp32 graph, and compares other graphs with it."""

    def __init__(
        self, fp32: bytes, tokenizer: Tokenizer, sentence: SentenceConfig, texts: Sequence[str]
    ) -> None:
        """Embed the parity texts, and `texts` as queries and as passages.

        Raises:
            ModelError: the model can't read one of them, or a token that the tokenizer knows.
        """
        limit, prompts = sentence.max_tokens, sentence.prompts
        query, document = (prompts.get(kind, "") for kind in ("query", "document"))
        self.parity = parity_tokens(tokenizer, limit)
        self._queries = token_ids(tokenizer, [query + text for text in texts], limit)
        self._passages = token_ids(tokenizer, [document + text for text in texts], limit)
        try:
            embed(fp32, [[max(tokenizer.get_vocab().values())]])
            self._reference = self._embed(fp32)
        except ModelError as problem:
            raise ModelError(f"{sentence.transformer}: {problem}") from problem

    @property
    def samples(self) -> TokenIds:
        """Token ids that show which values occur inside of the encoder."""
        return self.parity + self._passages[:: 1 + len(self._passages) // 50]

    def judge(self, encoder: Path) -> dict[str, float]:
        """Return cosines as `compare` does, and `agreement`, the share of nearest texts in common.

        Raises:
            ModelError: a vector is not finite.
        """
        found, wanted = self._embed(encoder), self._reference
        ranked = agreement(wanted.queries @ wanted.passages.T, found.queries @ found.passages.T)
        return {**compare(wanted.parity, found.parity), "agreement": round(ranked, 4)}

    def _embed(self, model: bytes | Path) -> Embeddings:
        passages = embed(model, self._passages)
        same = self._queries == self._passages
        queries = passages if same else embed(model, self._queries)
        return Embeddings(embed(model, self.parity), queries, passages)


def agreement(reference: Vectors, similarities: Vectors) -> float:
    """Return the mean share of the NEAREST texts of each text that two encoders have in common.

    Args:
        reference: similarities of each text as a query to each as a passage, [texts, texts].
        similarities: the same of the other encoder.
    """
    first, second = _nearest(reference), _nearest(similarities)
    shared = [len(set(row) & set(other)) for row, other in zip(first, second, strict=True)]
    return float(np.mean(shared)) / NEAREST


def _nearest(similarities: Vectors) -> list[list[int]]:
    others = similarities.copy()
    np.fill_diagonal(others, -np.inf)  # a text finds itself first in any encoder
    rows: list[list[int]] = np.argsort(-others, axis=1, kind="stable")[:, :NEAREST].tolist()
    return rows


def token_ids(tokenizer: Tokenizer, texts: Sequence[str], max_tokens: int) -> TokenIds:
    """Return the token ids of texts, each cut after `max_tokens`."""
    cutter = Tokenizer.from_str(tokenizer.to_str())
    cutter.enable_truncation(max_tokens)
    return [encoding.ids for encoding in cutter.encode_batch_fast(list(texts))]


def parity_tokens(tokenizer: Tokenizer, max_tokens: int) -> TokenIds:
    """Return the token ids of TEXTS and of longer texts, the longest exactly `max_tokens` long."""
    tokens = token_ids(tokenizer, TEXTS, max_tokens)
    cutter = Tokenizer.from_str(tokenizer.to_str())
    endless = _LONG * (max_tokens // 50 + 1)
    for part in _LENGTHS:
        cutter.enable_truncation(max(int(part * max_tokens), len(cutter.encode("").ids) + 1))
        tokens.append(cutter.encode(endless).ids)
    return tokens


def embed(model: bytes | Path, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """Run the encoder graph on each text alone; return unit vectors [texts, dimension].

    Raises:
        ModelError: a token or its place is beyond the tables of the model.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is said below
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    kind = np.int64 if session.get_inputs()[0].type == "tensor(int64)" else np.int32
    rows = []
    for ids in tokens:
        array = np.array([ids], kind)
        try:
            rows += session.run(None, {"input_ids": array, "attention_mask": np.ones_like(array)})
        except Exception as cause:
            raise ModelError(
                f"can't read {len(ids)} tokens with ids up to {max(ids)}: it has fewer "
                "positions or word embeddings than its configuration and tokenizer ask for; "
                "fetch the model again"
            ) from cause
    return np.concatenate(rows)


def compare(reference: NDArray[np.float32], vectors: NDArray[np.float32]) -> dict[str, float]:
    """Give number of texts, minimum and mean cosine between the rows of two arrays of unit vectors.

    Raises:
        ModelError: a vector is not finite, as happens when weights are broken.
    """
    cosines = np.einsum("td,td->t", reference, vectors, dtype=np.float64)
    if not np.isfinite(cosines).all():
        raise ModelError(
            "the exported encoder yields NaN or infinity; the model's weights are broken, fetch it again"
        )
    least, mean = float(cosines.min()), float(cosines.mean())
    return {"texts": len(cosines), "min_cosine": round(least, 5), "mean_cosine": round(mean, 5)}


def require(parity: dict[str, float], min_agreement: float) -> None:
    """Raise ModelError if the rankings agree less than the gate asks for."""
    if parity["agreement"] < min_agreement:
        raise ModelError(
            f"int8 ranks texts differently: {parity['agreement']:.1%} of their {NEAREST} nearest "
            f"are those of fp32, the gate is {min_agreement:.1%}. Export with --precision fp32, "
            "judge by your own texts with --texts CORPUS, or accept the loss with a lower "
            "--min-agreement"
        )
