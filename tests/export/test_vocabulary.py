"""`--scripts`: tokens of other writing systems leave the bundle, and vectors stay what they were."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import Unigram
from tokenizers.processors import RobertaProcessing, TemplateProcessing

from export.pipeline import export_model
from export.sentence import SentenceConfig
from export.tokenizer import load_tokenizer
from handler.encoder import Encoder
from handler.errors import ModelError
from tests.export.tiny import write_bert, write_json

OWN = ["<s>", "<pad>", "</s>", "<unk>"]
LATIN = ["▁the", "▁Zug", "▁fährt", "é", "▁", "7", "%", "🎉", *"abcdefghijklmnopqrstuvwxyzäöü"]
OTHERS = ["▁поезд", "поезд", "κ", "λόγος", "東", "京", "▁ع", "a東"]
TEXTS = ["the train", "Zug fährt 7 %", "é 🎉 the", "über alles"]


def write_model(folder: Path, pieces: list[str], frame: Any) -> Path:
    """Write a BERT with a unigram tokenizer of these pieces."""
    write_bert(folder)
    (folder / "vocab.txt").unlink()
    tokens = [*OWN, *pieces, "<mask>"]
    tokenizer = Tokenizer(Unigram([(piece, -1.0 - 0.01 * n) for n, piece in enumerate(tokens)], 3))
    tokenizer.normalizer = normalizers.Replace(Regex(" {2,}"), " ")
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.add_special_tokens([AddedToken(name, normalized=False) for name in (*OWN, "<mask>")])
    tokenizer.post_processor = frame
    tokenizer.save(str(folder / "tokenizer.json"))
    tensors = load_file(folder / "model.safetensors")
    words = tensors["embeddings.word_embeddings.weight"]
    tensors["embeddings.word_embeddings.weight"] = words[: len(tokens) + 5].copy()
    save_file(tensors, folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    write_json(folder / "config.json", config | {"vocab_size": len(tokens) + 5})
    return folder


def frames() -> dict[str, Any]:
    special = [("<s>", 0), ("</s>", 2)]
    return {
        "template": TemplateProcessing(single="<s> $A </s>", special_tokens=special),
        "roberta": RobertaProcessing(("</s>", 2), ("<s>", 0)),
    }


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("frame", ["template", "roberta"])
def test_texts_of_the_script_keep_their_vectors(tmp_path: Path, frame: str, precision: Any) -> None:
    mixed = [*OTHERS[:4], *LATIN, *OTHERS[4:]]
    model = write_model(tmp_path / "model", mixed, frames()[frame])
    whole = export_model(str(model), tmp_path / "whole", precision=precision, min_agreement=0)
    cut = export_model(
        str(model), tmp_path / "cut", precision=precision, min_agreement=0, scripts=["latin"]
    )
    encoders = [Encoder.open(report.folder) for report in (whole, cut)]
    first, second = (encoder.encode(TEXTS, "document") for encoder in encoders)
    assert np.array_equal(first, second)
    before, after = (encoder.tokenizer.encode("Zug 東京<mask>") for encoder in encoders)
    assert before.tokens == ["<s>", "▁Zug", "▁", "東", "京", "<mask>", "</s>"]
    known = encoders[1].tokenizer.id_to_token
    assert list(map(known, after.ids)) == ["<s>", "▁Zug", "▁", "<unk>", "<mask>", "</s>"]
    assert f"{len(OTHERS)} tokens of other scripts than latin left out" in cut.notes[-1]
    assert cut.sizes["fp32 graph"] == whole.sizes["fp32 graph"] - 4 * 32 * (len(OTHERS) + 5)


def test_words_of_a_wordpiece_vocabulary(tmp_path: Path) -> None:
    model = write_bert(tmp_path / "model")
    with (model / "vocab.txt").open("a", encoding="utf-8") as file:
        file.write("поезд\n##ой\nzug\n")
    tensors = load_file(model / "model.safetensors")
    words = tensors["embeddings.word_embeddings.weight"]
    tensors["embeddings.word_embeddings.weight"] = np.concatenate([words, words[:3]])
    save_file(tensors, model / "model.safetensors")
    config = json.loads((model / "config.json").read_text("utf-8"))
    write_json(model / "config.json", config | {"vocab_size": config["vocab_size"] + 3})
    whole = load_tokenizer(SentenceConfig.read(model))
    report = export_model(str(model), tmp_path / "cut", precision="fp32", scripts=["latin"])
    cut = Encoder.open(report.folder).tokenizer
    assert cut.get_vocab_size() == whole.get_vocab_size() - 2
    for text in ("the work, 7 zug", "zug"):
        assert cut.encode(text).tokens == whole.encode(text).tokens
    assert cut.encode("поезд").tokens == ["[CLS]", "[UNK]", "[SEP]"]


def test_several_scripts_stay(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", [*LATIN, *OTHERS], frames()["template"])
    report = export_model(
        str(model), tmp_path / "cut", precision="fp32", scripts=["latin", "greek", "cyrillic"]
    )
    known = Encoder.open(report.folder).tokenizer.get_vocab()
    assert {"поезд", "λόγος", "κ"} <= set(known)
    assert not {"東", "a東", "▁ع"} & set(known)


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    model = write_bert(tmp_path / "model")
    with pytest.raises(ModelError, match=r"no script 'german' to keep; known are latin, greek"):
        export_model(str(model), tmp_path / "cut", scripts=["german"])
    (model / "vocab.txt").unlink()
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = ["<s>", "<pad>", "</s>", "<unk>", *letters]
    write_json(model / "vocab.json", {word: number for number, word in enumerate(words)})
    (model / "merges.txt").write_text("#version: 0.2\n", "utf-8")
    with pytest.raises(ModelError, match="of the kind BPE can't be cut to scripts"):
        export_model(str(model), tmp_path / "cut", scripts=["latin"])
