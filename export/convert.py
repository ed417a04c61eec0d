"""A model folder → its fp32 graph, by the converter that can."""

from dataclasses import dataclass
from pathlib import Path

import onnx

from export import Converter, direct, optimum
from export.onnx_file import read_onnx
from export.quantize import fused
from export.sentence import SentenceConfig
from export.weights import MOST_BYTES, Weights, weight_files
from handler.errors import ModelError

# Embedding models that are made of language models, such as EmbeddingGemma and Qwen3-Embedding.
DECODERS = ("gemma", "gemma2", "gemma3_text", "llama", "mistral", "phi3", "qwen2", "qwen3")
AS_IT_IS = "the file's weights are not fp32: it was taken as it is, and compared with nothing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Converted:
    """A graph, the name of its converter, the bytes of the weights, and whether it stays as it is."""

    graph: onnx.ModelProto
    converter: str
    weights: int
    as_it_is: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know."""
        return (AS_IT_IS,) if self.as_it_is else ()


def convert(sentence: SentenceConfig, converter: Converter, onnx_file: Path | None) -> Converted:
    """Make the graph from the weights, or from the ONNX file if there is one.

    Raises:
        ModelError: the model is too large, or can't be converted.
    """
    if sentence.architecture in DECODERS:
        raise ModelError(
            f"models of type {sentence.architecture!r} are decoders, of which the smallest take about "
            "300 MB in int8, and a function holds 250; choose an encoder, see: querytower export --list"
        )
    if onnx_file:
        given = read_onnx(onnx_file, sentence)
        graph = given.graph if given.as_it_is else fused(given.graph)
        return Converted(
            graph=graph, converter="onnx", weights=given.bytes, as_it_is=given.as_it_is
        )
    size = Weights.open(sentence.transformer).float32_bytes
    if size > MOST_BYTES:
        raise ModelError(
            f"the model takes {size / 2**30:.1f} GiB in fp32, an ONNX file holds 2 at most; "
            "choose a smaller model, see: querytower export --list"
        )
    hindrance = direct.unsupported(sentence)
    if converter == "direct" and hindrance:
        raise ModelError(
            f"the direct converter does not support {hindrance}; try --converter optimum"
        )
    weights = sum(file.stat().st_size for file in weight_files(sentence.transformer))
    if converter == "optimum" or hindrance:
        return Converted(graph=optimum.convert(sentence), converter="optimum", weights=weights)
    return Converted(graph=direct.convert(sentence), converter="direct", weights=weights)
