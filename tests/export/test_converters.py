"""Both converters against PyTorch. Runs where PyTorch and Optimum are installed (.venv-optimum)."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export import Converter
from export.pipeline import export_model
from handler.errors import ModelError
from tests.export.encode import Vectors, pad, run
from tests.export.tiny import vocabulary, write_json, write_sentence_files

torch = pytest.importorskip("torch", reason="needs PyTorch: run with .venv-optimum/bin/python")
transformers = pytest.importorskip(
    "transformers", reason="needs transformers: run with .venv-optimum/bin/python"
)
pytest.importorskip(
    "optimum.exporters.onnx", reason="needs Optimum: run with .venv-optimum/bin/python"
)

SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}
WORDS = len(vocabulary())
BERT: dict[str, dict[str, Any]] = {
    "plain": {},
    "cls": {"pooling": "cls_token"},
    "wide": {
        "hidden_size": 96,
        "num_attention_heads": 12,
        "intermediate_size": 384,
        "num_hidden_layers": 3,
    },
    "deep": {"num_hidden_layers": 7, "num_attention_heads": 2},
    "vocabulary": {"vocab_size": 5000, "type_vocab_size": 3, "max_position_embeddings": 130},
    "epsilon": {"layer_norm_eps": 0.1, "pooling": "cls_token"},
    "relu": {"hidden_act": "relu"},
    "gelu_new": {"hidden_act": "gelu_new"},
    "gelu_pytorch_tanh": {"hidden_act": "gelu_pytorch_tanh"},
}
POSITIONS = {"pad_token_id": 1, "max_position_embeddings": 66}
DISTILBERT = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}
DEBERTA = {
    "relative_attention": True,
    "position_buckets": 8,
    "max_position_embeddings": 64,
    "share_att_key": True,
    "pos_att_type": ["p2c", "c2p"],
    "norm_rel_ebd": "layer_norm",
    "position_biased_input": False,
    "type_vocab_size": 0,
    "layer_norm_eps": 1e-7,
}
MODERNBERT = {
    "global_attn_every_n_layers": 2,
    "local_attention": 8,
    "num_hidden_layers": 4,
    "pad_token_id": 0,
}
# name: model_type, changes of its configuration
OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "roberta": ("roberta", POSITIONS),
    "xlm-roberta": ("xlm-roberta", POSITIONS),
    "camembert": ("camembert", POSITIONS | {"pooling": "cls_token"}),
    "electra": ("electra", {"embedding_size": 32}),
    "electra of two widths": ("electra", {"embedding_size": 16, "hidden_act": "relu"}),
    "albert": ("albert", {"embedding_size": 16, "num_hidden_layers": 4}),
    "albert in groups": (
        "albert",
        {
            "embedding_size": 16,
            "num_hidden_layers": 6,
            "num_hidden_groups": 3,
            "inner_group_num": 2,
        },
    ),
    "distilbert": ("distilbert", DISTILBERT),
    "distilbert, wide": (
        "distilbert",
        {"dim": 96, "n_layers": 3, "n_heads": 12, "hidden_dim": 192, "pooling": "cls_token"},
    ),
    "mpnet": ("mpnet", POSITIONS),
    "mpnet, long": (
        "mpnet",
        {"pad_token_id": 1, "max_position_embeddings": 514, "num_attention_heads": 2},
    ),
    "modernbert": ("modernbert", MODERNBERT),
    "modernbert, tanh": (
        "modernbert",
        MODERNBERT
        | {
            "hidden_activation": "gelu_pytorch_tanh",
            "global_attn_every_n_layers": 3,
            "local_attention": 16,
            "local_rope_theta": 500.0,
            "pooling": "cls_token",
        },
    ),
    "deberta-v3": ("deberta-v2", DEBERTA),
    "deberta-v3, cls": ("deberta-v2", DEBERTA | {"num_attention_heads": 2, "pooling": "cls_token"}),
    "deberta-v2": (
        "deberta-v2",
        DEBERTA
        | {
            "share_att_key": False,
            "norm_rel_ebd": "none",
            "position_buckets": -1,
            "max_relative_positions": 24,
            "type_vocab_size": 2,
            "embedding_size": 16,
        },
    ),
    "deberta-v2, one score": ("deberta-v2", DEBERTA | {"pos_att_type": ["c2p"]}),
}


def write_model(folder: Path, kind: str, *, pooling: str = "mean_tokens", **changes: Any) -> Any:
    """Save a random model of this model_type with its sentence-transformers files; return it."""
    torch.manual_seed(0)
    shape = {} if kind == "distilbert" else SHAPE
    config = transformers.AutoConfig.for_model(kind, **({"vocab_size": WORDS, **shape} | changes))
    model = transformers.AutoModel.from_config(config, attn_implementation="eager").eval()
    for parameter in model.parameters():  # larger than the usual 0.02, so that a slip shows
        parameter.data += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(vocabulary()) + "\n", "utf-8")
    write_sentence_files(folder, pooling=pooling)
    return model


def token_ids() -> list[list[int]]:
    random = np.random.default_rng(5)
    return [[2, *random.integers(5, WORDS, length).tolist(), 3] for length in (1, 4, 11, 46)]


def embed(model: Any, pooling: str) -> Vectors:
    """Embed token_ids() in one padded batch, as sentence-transformers does."""
    tokens, mask = pad(token_ids(), model.config.pad_token_id)
    with torch.no_grad():
        states = model(
            input_ids=torch.tensor(tokens), attention_mask=torch.tensor(mask)
        ).last_hidden_state
    weights = torch.tensor(mask)[..., None]
    pooled = states[:, 0] if pooling == "cls_token" else (states * weights).sum(1) / weights.sum(1)
    vectors: Vectors = torch.nn.functional.normalize(pooled, dim=1).numpy()
    return vectors


def assert_alike(vectors: Vectors, others: Vectors) -> None:
    assert np.abs(vectors - others).max() < 1e-5


@pytest.mark.parametrize("case", BERT)
def test_direct_optimum_and_pytorch_agree_on_bert(case: str, tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", "bert", **BERT[case])
    bundles = [tmp_path / "direct", tmp_path / "optimum"]
    for bundle in bundles:
        converter: Converter = "direct" if bundle.name == "direct" else "optimum"
        report = export_model(
            str(tmp_path / "model"), bundle, converter=converter, precision="fp32"
        )
        assert report.manifest.converter == converter
    wanted = embed(model, BERT[case].get("pooling", "mean_tokens"))
    direct, optimum = (run(bundle, token_ids()) for bundle in bundles)
    assert_alike(direct, wanted)
    assert_alike(optimum, wanted)
    assert_alike(direct, optimum)


@pytest.mark.parametrize("case", OTHERS)
def test_direct_agrees_with_pytorch(case: str, tmp_path: Path) -> None:
    kind, changes = OTHERS[case]
    model = write_model(tmp_path / "model", kind, **changes)
    bundle = tmp_path / "bundle"
    export_model(str(tmp_path / "model"), bundle, converter="direct", precision="fp32")
    wanted = embed(model, changes.get("pooling", "mean_tokens"))
    assert_alike(run(bundle, token_ids()), wanted)
    alone = [run(bundle, [ids])[0] for ids in token_ids()]
    assert_alike(np.array(alone), wanted)


@pytest.mark.parametrize("kind", ["roberta", "mpnet", "distilbert"])
def test_optimum_agrees_with_pytorch(kind: str, tmp_path: Path) -> None:
    changes = OTHERS[kind][1]
    model = write_model(tmp_path / "model", kind, **changes)
    export_model(
        str(tmp_path / "model"), tmp_path / "bundle", converter="optimum", precision="fp32"
    )
    assert_alike(run(tmp_path / "bundle", token_ids()), embed(model, "mean_tokens"))


def test_auto_prefers_direct(tmp_path: Path) -> None:
    for kind, converter in (("mpnet", "direct"), ("squeezebert", "optimum")):
        write_model(tmp_path / kind, kind, embedding_size=32)
        bundle = tmp_path / f"{kind}-bundle"
        report = export_model(str(tmp_path / kind), bundle, precision="fp32")
        assert report.manifest.converter == converter


def test_weights_under_a_prefix(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", "bert")
    masked = transformers.BertForMaskedLM(model.config)
    masked.bert.load_state_dict(model.state_dict(), strict=False)
    masked.save_pretrained(tmp_path / "model")
    export_model(str(tmp_path / "model"), tmp_path / "bundle", precision="fp32")
    assert_alike(run(tmp_path / "bundle", token_ids()), embed(model, "mean_tokens"))


@pytest.mark.parametrize("converter", ["direct", "optimum"])
@pytest.mark.parametrize("kind", ["distilbert", "mpnet"])
def test_int8(kind: str, converter: Converter, tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", kind, **OTHERS[kind][1] | {"vocab_size": 1500})
    report = export_model(
        str(tmp_path / "model"), tmp_path / "bundle", converter=converter, min_agreement=0.5
    )
    assert report.manifest.precision == "int8"
    assert report.manifest.files["encoder.onnx"].bytes < report.sizes["fp32 graph"] / 2
    assert (
        run(tmp_path / "bundle", token_ids()[:1]) * embed(model, "mean_tokens")[:1]
    ).sum() > 0.95


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    """transformers would put random numbers in the place of what is missing."""
    write_model(tmp_path / "model", "bert")
    config = transformers.AutoConfig.for_model(
        "squeezebert", vocab_size=WORDS, **SHAPE, embedding_size=32
    )
    config.save_pretrained(tmp_path / "model")
    with pytest.raises(
        ModelError, match=r"have no tensor .* which a model of type 'squeezebert' needs"
    ):
        export_model(str(tmp_path / "model"), tmp_path / "bundle", precision="fp32")


def test_architecture_that_nobody_knows(tmp_path: Path) -> None:
    write_model(tmp_path / "model", "bert")
    write_json(tmp_path / "model/config.json", {"model_type": "nomad", **SHAPE})
    with pytest.raises(
        ModelError, match=r"Optimum cannot export a model of type 'nomad': .*choose another"
    ):
        export_model(str(tmp_path / "model"), tmp_path / "bundle", precision="fp32")


@pytest.mark.parametrize("kind", ["bert", "distilbert", "xlm-roberta"])
def test_files_that_optimum_wrote_agree_with_pytorch(kind: str, tmp_path: Path) -> None:
    from optimum.exporters.onnx import onnx_export_from_model

    shapes: dict[str, dict[str, Any]] = {"distilbert": DISTILBERT, "xlm-roberta": POSITIONS}
    folder = tmp_path / "model"
    model = write_model(folder, kind, **shapes.get(kind, {}))
    task = "feature-extraction"
    onnx_export_from_model(model, folder / "onnx", task=task, do_validation=False)
    for precision in ("fp32", "int8"):
        report = export_model(
            str(folder),
            tmp_path / "bundle",
            from_onnx="onnx/model.onnx",
            precision=precision,
            min_agreement=0,
        )
        found, wanted = run(report.folder, token_ids()), embed(model, "mean_tokens")
        if precision == "fp32":
            assert_alike(found, wanted)
        else:
            assert np.einsum("td,td->t", found, wanted).min() > 0.95
