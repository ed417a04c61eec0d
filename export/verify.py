"""The parity gate: how close the vectors of a quantized graph are to those of the fp32 graph."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from handler.errors import ModelError

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


def parity_tokens(tokenizer: Tokenizer, max_tokens: int) -> list[list[int]]:
    """Return the token ids of TEXTS and of longer texts, the longest exactly `max_tokens` long."""
    cutter = Tokenizer.from_str(tokenizer.to_str())
    cutter.enable_truncation(max_tokens)
    tokens = [encoding.ids for encoding in cutter.encode_batch_fast(list(TEXTS))]
    endless = _LONG * (max_tokens // 50 + 1)
    for part in _LENGTHS:
        cutter.enable_truncation(max(int(part * max_tokens), len(cutter.encode("").ids) + 1))
        tokens.append(cutter.encode(endless).ids)
    return tokens


def embed(model: bytes | Path, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """Run the encoder graph on each text alone; return unit vectors [texts, dimension]."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    kind = np.int64 if session.get_inputs()[0].type == "tensor(int64)" else np.int32
    rows = []
    for ids in tokens:
        array = np.array([ids], kind)
        rows += session.run(None, {"input_ids": array, "attention_mask": np.ones_like(array)})
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


def require(parity: dict[str, float], min_cosine: float) -> None:
    """Raise ModelError if the parity is below the gate."""
    if parity["min_cosine"] < min_cosine:
        raise ModelError(
            f"int8 changes the embeddings too much: the least cosine to fp32 over {parity['texts']} texts is "
            f"{parity['min_cosine']}, the gate is {min_cosine}. Try --precision fp32, or --target x86-vnni or arm64 "
            "if the function runs on such a CPU, or accept the loss with a lower --min-cosine"
        )
