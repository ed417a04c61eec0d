"""Cross-encoders: BERT against its formula; the others, where PyTorch is, against transformers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from export.pipeline import export_model
from export.reranker import convert, export_reranker, score
from export.sentence import SentenceConfig
from export.tokenizer import load_tokenizer
from handler.bundle import ModelFiles, ModelManifest
from handler.errors import ModelError
from handler.progress import no_progress
from tests.export.test_direct import bert
from tests.export.tiny import CONFIG, vocabulary, write_bert, write_cross_encoder, write_json

PAIRS = [("the licence", "a copy of the work"), ("warranty", "no"), ("a", "the terms of this work")]


def logits(folder: Path, pairs: list[tuple[str, str]] = PAIRS) -> Any:
    sentence = SentenceConfig.read(folder)
    encodings = load_tokenizer(sentence).encode_batch(pairs)
    return score(convert(sentence).SerializeToString(), encodings)


def test_bert_scores_as_its_formula(tmp_path: Path) -> None:
    folder = write_cross_encoder(tmp_path / "model")
    weights = {k: v.astype(np.float64) for k, v in load_file(folder / "model.safetensors").items()}
    segments = weights["bert.embeddings.token_type_embeddings.weight"]
    tokenizer = load_tokenizer(SentenceConfig.read(folder))
    wanted = []
    for pair in PAIRS:
        encoding = tokenizer.encode(*pair)
        assert set(encoding.type_ids) == {0, 1}
        state = bert_of_pair(folder, weights, segments, encoding)[0]
        pooled = np.tanh(
            state @ weights["bert.pooler.dense.weight"].T + weights["bert.pooler.dense.bias"]
        )
        wanted.append(pooled @ weights["classifier.weight"][0] + weights["classifier.bias"][0])
    np.testing.assert_allclose(logits(folder), wanted, atol=1e-5)


def bert_of_pair(folder: Path, weights: Any, segments: Any, encoding: Any) -> Any:
    """Move the second segment's embedding into words of its own, which the formula can read."""
    words = weights["bert.embeddings.word_embeddings.weight"]
    shifted = np.concatenate([words, words + segments[1] - segments[0]])
    copy = {**weights, "bert.embeddings.word_embeddings.weight": shifted}
    place = folder.parent / "shifted"
    place.mkdir(exist_ok=True)
    save_file({k: np.ascontiguousarray(v) for k, v in copy.items()}, place / "model.safetensors")
    ids = [
        token + kind * len(words)
        for token, kind in zip(encoding.ids, encoding.type_ids, strict=True)
    ]
    return bert(place, CONFIG, ids)


def test_the_bundle_carries_it_beside_the_encoder(tmp_path: Path) -> None:
    encoder = write_bert(tmp_path / "encoder")
    plain = export_model(str(encoder), tmp_path / "plain", precision="fp32").manifest
    cross = write_cross_encoder(tmp_path / "cross")
    report = export_model(str(encoder), tmp_path / "bundle", precision="fp32", reranker=str(cross))
    assert report.manifest.fingerprint == plain.fingerprint, "indexes stay usable"
    manifest = ModelManifest.read(tmp_path / "bundle" / ModelFiles.RERANKER)
    assert (manifest.model, manifest.pooling, manifest.dimension) == ("cross", "pair", 1)
    again = export_model(str(encoder), tmp_path / "bundle", precision="fp32")
    assert not (again.folder / ModelFiles.RERANKER).exists()


def test_int8_orders_nearly_as_fp32(tmp_path: Path) -> None:
    folder = write_cross_encoder(tmp_path / "model", vocab_size=1500)
    manifest = export_reranker(
        str(folder),
        tmp_path / "reranker",
        precision="int8",
        target="portable",
        min_agreement=0.7,
        progress=no_progress,
    )
    assert 0.7 <= manifest.parity["agreement"] <= 1
    size = (tmp_path / "reranker" / ModelFiles.ENCODER).stat().st_size
    assert size < (folder / "model.safetensors").stat().st_size / 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"classifier.weight": np.ones((3, 32), np.float32)}, "tells 3 classes apart"),
        ({"classifier.weight": None}, "is no cross-encoder: its weights have no classifier.weight"),
    ],
)
def test_other_models_are_refused(change: Any, said: str, tmp_path: Path) -> None:
    folder = write_cross_encoder(tmp_path / "model")
    tensors = {**load_file(folder / "model.safetensors"), **change}
    kept = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    save_file(kept, folder / "model.safetensors")
    with pytest.raises(ModelError, match=said):
        logits(folder)


def test_a_failed_reranker_leaves_no_bundle(tmp_path: Path) -> None:
    encoder = write_bert(tmp_path / "encoder")
    with pytest.raises(ModelError, match="is no cross-encoder"):
        export_model(str(encoder), tmp_path / "bundle", precision="fp32", reranker=str(encoder))
    assert not (tmp_path / "bundle").exists()


SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "vocab_size": len(vocabulary()),
    "num_labels": 1,
}
OTHERS: dict[str, dict[str, Any]] = {
    "bert": {"type_vocab_size": 2},
    "electra": {"embedding_size": 16},
    "xlm-roberta": {"pad_token_id": 1, "max_position_embeddings": 66, "type_vocab_size": 1},
    "mpnet": {"pad_token_id": 1, "max_position_embeddings": 66},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64},
    "deberta-v2": {
        "relative_attention": True,
        "position_buckets": 8,
        "max_position_embeddings": 64,
        "share_att_key": True,
        "pos_att_type": ["p2c", "c2p"],
        "norm_rel_ebd": "layer_norm",
        "position_biased_input": False,
        "type_vocab_size": 0,
        "pooler_hidden_size": 32,
    },
    "modernbert": {"local_attention": 8, "pad_token_id": 0, "global_attn_every_n_layers": 2},
    "modernbert, mean": {"local_attention": 8, "pad_token_id": 0, "classifier_pooling": "mean"},
}


@pytest.mark.parametrize("case", OTHERS)
def test_random_cross_encoders_score_as_in_transformers(case: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch: run with .venv-optimum/bin/python")
    transformers = pytest.importorskip("transformers")
    kind = case.partition(",")[0]
    torch.manual_seed(3)
    config = transformers.AutoConfig.for_model(kind, **SHAPE | OTHERS[case])
    model = transformers.AutoModelForSequenceClassification.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    model.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text("utf-8"))
    write_json(tmp_path / "config.json", saved)
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary()) + "\n", "utf-8")
    encodings = load_tokenizer(SentenceConfig.read(tmp_path)).encode_batch(PAIRS)
    wanted = []
    for each in encodings:
        inputs = {"input_ids": [each.ids], "attention_mask": [each.attention_mask]}
        if kind in ("bert", "electra"):
            inputs["token_type_ids"] = [each.type_ids]
        with torch.no_grad():
            output = model(**{name: torch.tensor(value) for name, value in inputs.items()})
        wanted.append(float(output.logits[0, 0]))
    np.testing.assert_allclose(logits(tmp_path), wanted, atol=2e-4, rtol=1e-4)


def test_the_tokenizer_frames_pairs(reranking_model_dir: Path) -> None:
    path = reranking_model_dir / ModelFiles.RERANKER / ModelFiles.TOKENIZER
    tokens = Tokenizer.from_file(str(path)).encode("the", "work").tokens
    assert tokens == ["[CLS]", "the", "[SEP]", "work", "[SEP]"]
