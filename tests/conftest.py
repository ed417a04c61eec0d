"""Model bundles that several rooms test with."""

import hashlib
import shutil
from pathlib import Path

import onnxruntime
import pytest

from export import DEFAULT_MODEL, __path__
from export.pipeline import export_model
from export.reranker import export_reranker
from export.source import find_model
from handler.bundle import ModelFiles, ModelManifest
from handler.errors import ModelError
from handler.progress import no_progress
from tests.export.tiny import write_bert, write_cross_encoder


@pytest.fixture(scope="session")
def tiny_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundle of a random BERT (32 dimensions, 2 layers, 48 tokens, fp32), made without network."""
    folder = tmp_path_factory.mktemp("tiny")
    export_model(str(write_bert(folder / "model")), folder / "bundle", precision="fp32")
    return folder / "bundle"


@pytest.fixture(scope="session")
def reranking_model_dir(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same bundle with a random reranker."""
    folder = tmp_path_factory.mktemp("reranking")
    shutil.copytree(tiny_model_dir, folder / "bundle")
    export_reranker(
        str(write_cross_encoder(folder / "model")),
        folder / "bundle" / ModelFiles.RERANKER,
        precision="fp32",
        target="portable",
        min_agreement=1.0,
        progress=no_progress,
    )
    return folder / "bundle"


@pytest.fixture(scope="session")
def default_weights() -> Path:
    """Folder of the default model's original files; skips the test where they can't be had."""
    try:
        return find_model(DEFAULT_MODEL, no_progress).folder
    except ModelError as cause:
        pytest.skip(f"no weights of the default model: {cause}")


@pytest.fixture(scope="session")
def model_dir(default_weights: Path, pytestconfig: pytest.Config) -> Path:
    """int8 bundle of the default model, kept in pytest's cache until the export code changes."""
    assert pytestconfig.cache is not None
    sources = sorted(Path(__path__[0]).glob("*.py"))
    code = b"".join(path.read_bytes() for path in sources) + onnxruntime.__version__.encode()
    bundle = pytestconfig.cache.mkdir("models") / hashlib.sha256(code).hexdigest()[:16]
    if not bundle.is_dir():
        export_model(DEFAULT_MODEL, bundle)
    ModelManifest.read(bundle)
    return bundle
