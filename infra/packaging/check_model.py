"""Check before a deployment that the published index was built with the model to package."""

from pathlib import Path

from handler.bundle import ModelManifest
from handler.errors import IndexUnavailable, ModelMismatch
from handler.versions.repository import IndexRepository


def check_model(model: Path, repository: IndexRepository) -> str:
    """Return "" if the index was built with the bundle in `model`, or a note if it is missing.

    Raises:
        ModelMismatch: it was built with another model.
        ModelError: there is no usable model bundle.
        StoreError: the store can't be read.
    """
    bundle = ModelManifest.read(model)
    store, name = repository.store, repository.name
    try:
        pointer, _ = repository.pointer()
    except IndexUnavailable:
        return f"{store.url} has no index {name!r} yet; build it with the model in {model}"
    index = repository.published_manifest(pointer)[0]
    if index.fingerprint != bundle.fingerprint:
        raise ModelMismatch(
            f"index {name!r} in {store.url} was built with {index.model} ({index.fingerprint}), "
            f"and {model} holds {bundle.model} ({bundle.fingerprint}); package the other model "
            f"with --model, or index again: querytower index CORPUS --to {store.url} "
            f"--model {model}"
        )
    return ""
