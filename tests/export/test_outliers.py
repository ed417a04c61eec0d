"""Outlier channels: what plain int8 makes of them, and what balancing does about it."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from export import direct, outliers, verify
from export.pipeline import export_model
from export.sentence import SentenceConfig
from export.tokenizer import load_tokenizer
from handler.errors import ModelError
from tests.export.tiny import write_bert, write_json

CHANNEL, FACTOR = 5, 100


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A BERT in which one channel is large between the layers, as in many trained models."""
    folder = write_bert(tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    for name, tensor in tensors.items():
        between = "LayerNorm" in name and not name.startswith("encoder.layer.1.output")
        if between:
            tensor[CHANNEL] *= FACTOR
        elif name.endswith(("query.weight", "key.weight", "value.weight", "intermediate.weight")):
            tensor[:, CHANNEL] /= FACTOR
    save_file(tensors, folder / "model.safetensors")
    return folder


def test_balanced_products_stay_what_they_were(model: Path) -> None:
    sentence = SentenceConfig.read(model)
    graph = direct.convert(sentence)
    tokens = verify.parity_tokens(load_tokenizer(sentence), sentence.max_tokens)
    balanced = outliers.balance(graph, tokens)
    added = len(balanced.graph.node) - len(graph.graph.node)
    assert added >= 4, "attention and network of both layers see the outlier"
    before, after = (verify.embed(g.SerializeToString(), tokens) for g in (graph, balanced))
    np.testing.assert_allclose(before, after, atol=1e-5)


def test_an_encoder_without_outliers_stays_as_it_is(tmp_path: Path) -> None:
    sentence = SentenceConfig.read(write_bert(tmp_path / "model"))
    graph = direct.convert(sentence)
    tokens = verify.parity_tokens(load_tokenizer(sentence), sentence.max_tokens)
    assert outliers.balance(graph, tokens) == graph


def test_the_gate_balances_where_plain_int8_ranks_differently(model: Path, tmp_path: Path) -> None:
    plain = export_model(str(model), tmp_path / "plain", min_agreement=0)
    balanced = export_model(str(model), tmp_path / "balanced", min_agreement=0.88)
    assert plain.manifest.parity["agreement"] < 0.88 < balanced.manifest.parity["agreement"]
    assert "outlier channels are balanced" in balanced.notes[-1]
    assert not any("outlier" in note for note in plain.notes)


def test_agreement_counts_common_neighbours() -> None:
    reference = np.tile(np.arange(40, dtype=np.float32), (40, 1))
    half = reference.copy()
    half[:, :5], half[:, -5:] = reference[:, -5:], reference[:, :5]
    assert verify.agreement(reference, reference) == 1.0
    assert verify.agreement(reference, half) == pytest.approx(0.5, abs=0.03)
    assert verify.agreement(reference, -reference) == 0.0


def test_texts_of_the_user_are_ranked(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    lines = [f'{{"id": "{n}", "text": "copyright notice number {n}"}}\n' for n in range(60)]
    corpus.write_text("".join(lines + lines), "utf-8")
    assert verify.read_texts(corpus) == [f"copyright notice number {n}" for n in range(60)]


def test_too_few_texts_are_refused(model: Path, tmp_path: Path) -> None:
    write_json(tmp_path / "corpus.jsonl", {"id": "1", "text": "only one"})
    with pytest.raises(ModelError, match=r"corpus\.jsonl has 1 different documents.*50"):
        export_model(str(model), tmp_path / "bundle", texts=tmp_path / "corpus.jsonl")


def test_the_built_in_texts_are_distinct() -> None:
    texts = verify.read_texts()
    assert len(set(texts)) == len(texts) == 100
    assert all(texts)
