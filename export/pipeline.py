"""The whole export: find the model, convert it, quantize it, compare, and write the bundle."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import onnx

from export import (
    MIN_AGREEMENT,
    Converter,
    CpuTarget,
    Precision,
    WeightPrecision,
    outliers,
    verify,
)
from export.convert import convert
from export.encoders import listed
from export.onnx_file import find_onnx
from export.quantize import quantize
from export.reranker import export_reranker
from export.sentence import SentenceConfig
from export.source import Source, find_model
from export.staging import staging
from export.tokenizer import load_tokenizer
from export.verify import Judge
from export.vocabulary import check_scripts, prune
from handler.bundle import ModelFiles, ModelManifest
from handler.files import measure_files
from handler.progress import Progress, Stage, no_progress


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """What an export did: bundle, bytes before and after, seconds per stage, and what it had to assume."""

    folder: Path
    manifest: ModelManifest
    sizes: dict[str, int]
    seconds: dict[str, float]
    notes: tuple[str, ...]


def export_model(
    model: str,
    to: Path,
    *,
    converter: Converter = "auto",
    from_onnx: str = "",
    precision: WeightPrecision = "int8",
    target: CpuTarget = "portable",
    min_agreement: float = MIN_AGREEMENT,
    texts: Path | None = None,
    scripts: Sequence[str] = (),
    max_tokens: int | None = None,
    dimension: int | None = None,
    reranker: str = "",
    prompts: Mapping[str, str] | None = None,
    progress: Progress = no_progress,
) -> ExportReport:
    """Make the model bundle `to` from a model folder or hub id.

    Args:
        model: a folder or a hub id.
        to: folder of the bundle.
        converter: how to make the graph.
        from_onnx: ONNX file of the folder to take the graph from, such as onnx/model.onnx.
        precision: number format of the weights.
        target: CPU that int8 is made for.
        min_agreement: least share of the nearest texts that int8 and fp32 must have in common.
        texts: corpus whose rankings are compared, instead of the built-in texts.
        scripts: writing systems, such as latin, whose tokens stay; all of them if there is none.
        max_tokens: longest text in tokens, instead of what the model's files say.
        dimension: length that embeddings are cut to, for models that are trained for that.
        reranker: folder or hub id of a cross-encoder for the bundle to carry.
        prompts: prefixes of "query" and "document" that override those of the model's files: E5
            models ask for some in their description alone.
        progress: is told of the stages.

    Raises:
        CorpusError: `texts` can't be read.
        ModelError: the model can't be found, read or converted, int8 ranks texts differently, or
            the bundle can't be written. `to` is untouched then.
    """
    clock = _Clock(progress)
    check_scripts(scripts)
    ranked = verify.read_texts(texts)
    with staging(to) as folder:
        with clock.stage("fetch"):
            source = find_onnx(model, from_onnx) if from_onnx else find_model(model, progress)
        with clock.stage("convert"):
            sentence = SentenceConfig.read(source.folder, max_tokens, dimension)
            sentence = _with_prompts(sentence, source.name, prompts)
            onnx_file = source.folder / from_onnx if from_onnx else None
            converted = convert(sentence, converter, onnx_file)
            made: Precision = "given" if converted.as_it_is else precision
            tokenizer, pruned = prune(converted.graph, load_tokenizer(sentence), scripts)
            notes = (*sentence.notes, *converted.notes, *pruned)
            (folder / ModelFiles.TOKENIZER).write_text(tokenizer.to_str(), "utf-8")
            fp32 = converted.graph.SerializeToString(deterministic=True)
        encoder = folder / ModelFiles.ENCODER
        with clock.stage("quantize"):
            _write_encoder(converted.graph, fp32, made, target, encoder)
        with clock.stage("verify"):
            judge = Judge(fp32, tokenizer, sentence, ranked)
            parity = judge.judge(encoder)
            if made == "int8" and parity["agreement"] < min_agreement:
                parity, note = _balance(converted.graph, target, encoder, judge, parity)
                notes = (*notes, note)
            verify.require(parity, min_agreement)
        manifest = replace(
            _manifest(source, sentence),
            precision=made,
            target=target,
            converter=converted.converter,
            parity=parity,
            files=measure_files(folder),
        )
        (folder / ModelFiles.MANIFEST).write_text(manifest.to_json(), "utf-8")
        if reranker:
            place = folder / ModelFiles.RERANKER
            export_reranker(reranker, place, precision, target, min_agreement, progress)
    sizes = {"weights": converted.weights, "fp32 graph": len(fp32)}
    sizes |= {name: entry.bytes for name, entry in manifest.files.items()}
    seconds = clock.seconds
    return ExportReport(folder=to, manifest=manifest, sizes=sizes, seconds=seconds, notes=notes)


def _manifest(source: Source, sentence: SentenceConfig) -> ModelManifest:
    """Return the manifest with what the model's files say; the caller adds what was made."""
    return ModelManifest(
        model=source.name,
        source=source.origin,
        architecture=sentence.architecture,
        dimension=sentence.dimension,
        max_tokens=sentence.max_tokens,
        pooling=sentence.pooling,
        normalize=True,
        prompts=sentence.prompts,
        precision="",
        target="",
        converter="",
        parity={},
    )


def _with_prompts(
    sentence: SentenceConfig, model: str, wanted: Mapping[str, str] | None
) -> SentenceConfig:
    """Return the configuration with the prompts wanted, declared in the files, or known."""
    known, notes = listed(model), sentence.notes
    prompts = dict(sentence.prompts)
    if known and known.prompts and not any(prompts.values()):
        prompts |= known.prompts
        shown = ", ".join(f"{kind} {prompt!r}" for kind, prompt in known.prompts.items())
        notes = (*notes, f"the model's files declare no prompts; its authors ask for {shown}")
    return replace(sentence, prompts={**prompts, **(wanted or {})}, notes=notes)


def _write_encoder(
    graph: onnx.ModelProto, fp32: bytes, precision: Precision, target: CpuTarget, path: Path
) -> None:
    if precision == "int8":
        quantize(graph, target, path)
    else:
        path.write_bytes(fp32)


def _balance(
    graph: onnx.ModelProto,
    target: CpuTarget,
    encoder: Path,
    judge: Judge,
    plain: dict[str, float],
) -> tuple[dict[str, float], str]:
    """Quantize again with outliers balanced; return the new parity and a note about it."""
    quantize(outliers.balance(graph, judge.samples), target, encoder)
    parity = judge.judge(encoder)
    return parity, (
        "plain int8 ranks texts differently: outlier channels are balanced, and now "
        f"{parity['agreement']:.1%} of the nearest texts are those of fp32, "
        f"{plain['agreement']:.1%} before"
    )


class _Clock:
    """Announces stages and measures them."""

    def __init__(self, progress: Progress) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    @contextmanager
    def stage(self, name: Stage) -> Iterator[None]:
        """Announce the stage, and note how many seconds the block took."""
        self._progress(name, 0, None)
        start = perf_counter()
        yield
        self.seconds[name] = perf_counter() - start
