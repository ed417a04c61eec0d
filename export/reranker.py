"""Cross-encoders: config.json and weights → an int8 graph that scores pairs of texts."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from tokenizers import Encoding, Tokenizer

from export import CpuTarget, WeightPrecision, direct, verify
from export.architectures import ARCHITECTURES
from export.graph import Graph
from export.heads import attach_head
from export.quantize import quantize
from export.sentence import SentenceConfig
from export.source import find_model
from export.tokenizer import load_tokenizer
from export.weights import Weights
from handler.bundle import ModelFiles, ModelManifest
from handler.errors import ModelError
from handler.files import measure_files
from handler.progress import Progress

OUTPUT = "score"
SEGMENTS = "embeddings.token_type_embeddings.weight"
# Architectures whose graphs tell the first text of a pair from the second by segments.
SEGMENTED = ("bert", "electra", "deberta-v2")
QUERIES, PASSAGES, FIRST = 8, 24, 5


def export_reranker(
    model: str,
    to: Path,
    precision: WeightPrecision,
    target: CpuTarget,
    min_agreement: float,
    progress: Progress,
) -> ModelManifest:
    """Write graph, tokenizer and manifest of a cross-encoder.

    Args:
        model: folder or hub id of the cross-encoder.
        to: folder that is made.
        precision: number format of the weights.
        target: CPU that int8 is made for.
        min_agreement: least share of the first passages that int8 and fp32 must have in common.
        progress: is told of the download.

    Raises:
        ModelError: the model can't be found, read or converted, is no cross-encoder, or its int8
            puts other passages first than fp32.
    """
    source = find_model(model, progress)
    sentence = SentenceConfig.read(source.folder)
    graph = convert(sentence)
    fp32 = graph.SerializeToString(deterministic=True)
    tokenizer = load_tokenizer(sentence)
    to.mkdir()
    (to / ModelFiles.TOKENIZER).write_text(tokenizer.to_str(), "utf-8")
    if precision == "int8":
        quantize(graph, target, to / ModelFiles.ENCODER)
    else:
        (to / ModelFiles.ENCODER).write_bytes(fp32)
    agreement = _agreement(fp32, to / ModelFiles.ENCODER, tokenizer, sentence.max_tokens)
    if agreement < min_agreement:
        raise ModelError(
            f"int8 of the reranker puts other passages first: {agreement:.1%} of the first {FIRST} "
            f"are those of fp32, the gate is {min_agreement:.1%}. Export with --precision fp32, or "
            "accept the loss with a lower --min-agreement"
        )
    manifest = ModelManifest(
        model=source.name,
        source=source.origin,
        architecture=sentence.architecture,
        dimension=1,
        max_tokens=sentence.max_tokens,
        pooling="pair",
        normalize=False,
        prompts={},
        precision=precision,
        target=target,
        converter="direct",
        parity={"texts": QUERIES * PASSAGES, "agreement": round(agreement, 4)},
        files=measure_files(to),
    )
    (to / ModelFiles.MANIFEST).write_text(manifest.to_json(), "utf-8")
    return manifest


def convert(sentence: SentenceConfig) -> onnx.ModelProto:
    """Build the fp32 graph of a cross-encoder.

    Inputs `input_ids`, `attention_mask` and, where segments count, `token_type_ids`, int32
    [batch, tokens]; output `score`, float32 [batch], a logit.

    Raises:
        ModelError: configuration or weights are broken, of an architecture that can't be
            converted, or those of another kind of model.
    """
    hindrance = direct.unsupported(sentence)
    if hindrance:
        raise ModelError(f"a reranker with {hindrance} can't be converted; choose another model")
    name = sentence.architecture
    architecture = ARCHITECTURES[name]
    weights = Weights.open(sentence.transformer, architecture.prefix)
    graph = Graph(weights, pairs=name in SEGMENTED and SEGMENTS in weights)
    states = architecture.build(graph, sentence.config, sentence.max_tokens)
    logits = attach_head(graph, name, sentence.config, states)
    graph.scope = ""
    graph.append("Identity", [logits], [OUTPUT])
    model = graph.model()
    model.graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch"]))
    return model


def score(model: bytes | Path, pairs: Sequence[Encoding]) -> NDArray[np.float32]:
    """Run the graph on each pair of texts alone; return logits [pairs]."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = {value.name for value in session.get_inputs()}
    logits = []
    for pair in pairs:
        rows = {
            "input_ids": pair.ids,
            "attention_mask": pair.attention_mask,
            "token_type_ids": pair.type_ids,
        }
        feed = {name: np.array([row], np.int32) for name, row in rows.items() if name in names}
        logits.append(session.run(None, feed)[0][0])
    return np.array(logits, np.float32)


def _agreement(fp32: bytes, encoder: Path, tokenizer: Tokenizer, max_tokens: int) -> float:
    """Return the share of each query's FIRST passages that both graphs have in common."""
    texts = verify.read_texts()
    queries = texts[:: len(texts) // QUERIES][:QUERIES]
    passages = texts[1 :: len(texts) // PASSAGES][:PASSAGES]
    cutter = Tokenizer.from_str(tokenizer.to_str())
    cutter.enable_truncation(max_tokens)
    pairs = [cutter.encode(query, passage) for query in queries for passage in passages]
    first, second = (
        np.argsort(-score(graph, pairs).reshape(QUERIES, PASSAGES), axis=1)[:, :FIRST]
        for graph in (fp32, encoder)
    )
    shared = [len(set(a) & set(b)) for a, b in zip(first.tolist(), second.tolist(), strict=True)]
    return float(np.mean(shared)) / FIRST
