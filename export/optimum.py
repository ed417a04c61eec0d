"""The optimum converter: any encoder that Optimum knows → a fused ONNX graph. Needs PyTorch."""

import warnings
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
from onnx import helper

from export.pooling import attach_tail
from export.sentence import SentenceConfig
from handler.errors import ModelError, install_command


def convert(sentence: SentenceConfig) -> onnx.ModelProto:
    """Build the fp32 graph of a sentence encoder.

    Inputs `input_ids` and `attention_mask`, int64 [batch, tokens]; output `sentence_embedding`,
    float32 [batch, dimension].

    Raises:
        ModelError: Optimum is not installed, or can't export this architecture.
    """
    with TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's remarks on tracing
        model = onnx.load(_export(sentence, Path(scratch)))
        drop_segments(model.graph)
        attach_tail(model, model.graph.output[0].name, sentence)
        return _fuse(model, sentence, Path(scratch))


def _export(sentence: SentenceConfig, scratch: Path) -> Path:
    try:
        from optimum.exporters.onnx import onnx_export_from_model
        from transformers import AutoModel
    except ImportError as cause:
        raise ModelError(
            f"converting a model of type {sentence.architecture!r} needs Optimum, which is not "
            f"installed; install it with: {install_command('optimum')}"
        ) from cause
    try:
        model, loading = AutoModel.from_pretrained(sentence.transformer, output_loading_info=True)
        _check_complete(sentence, loading["missing_keys"])
        onnx_export_from_model(
            model,
            scratch,
            task="feature-extraction",
            do_validation=False,  # the tests hold the converters to PyTorch
            no_post_process=True,
        )
    except ModelError:
        raise
    except Exception as cause:  # PyTorch, transformers and Optimum raise all sorts
        reason = str(cause).strip().partition("\n")[0][:300]
        raise ModelError(
            f"Optimum cannot export a model of type {sentence.architecture!r}: {reason}; "
            "choose another model"
        ) from cause
    return scratch / "model.onnx"


def _check_complete(sentence: SentenceConfig, missing: Iterable[str]) -> None:
    """Raise ModelError if weights are missing: transformers would fill in random ones."""
    needed = sorted(name for name in missing if not name.startswith("pooler."))
    if needed:
        raise ModelError(
            f"the weights in {sentence.transformer} have no tensor {needed[0]!r}, which a model of "
            f"type {sentence.architecture!r} needs; fetch the model again"
        )


def drop_segments(graph: onnx.GraphProto) -> None:
    """Replace the input token_type_ids, if there is one, by zeros: one text is all segment 0."""
    for value in [value for value in graph.input if value.name == "token_type_ids"]:
        graph.input.remove(value)
        zeros = helper.make_node("Sub", ["input_ids", "input_ids"], [value.name], value.name)
        graph.node.insert(0, zeros)


def _fuse(model: onnx.ModelProto, sentence: SentenceConfig, scratch: Path) -> onnx.ModelProto:
    from onnxruntime.transformers.fusion_options import FusionOptions
    from onnxruntime.transformers.optimizer import optimize_model

    path = scratch / "pooled.onnx"
    onnx.save(model, path)
    options = FusionOptions("bert")
    # Quantization needs the table lookups as nodes of their own.
    options.enable_embed_layer_norm = False
    config = sentence.config.values
    fused: onnx.ModelProto = optimize_model(
        str(path),
        model_type="bert",
        num_heads=int(config.get("num_attention_heads") or config.get("n_heads") or 0),
        hidden_size=int(config.get("hidden_size") or config.get("dim") or 0),
        opt_level=1,
        optimization_options=options,
    ).model
    return fused
