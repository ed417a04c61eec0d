"""The versions of an index as a store has them: listed, checked, fetched."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from handler.errors import IndexUnavailable, ObjectNotFound
from handler.index.index_version import IndexVersion
from handler.index.manifest import IndexFiles, IndexManifest
from handler.storage.store import Store, StoredObject
from handler.versions.pointer import check_name
from handler.versions.transfer import PARALLEL, download_version

GRAPH_FILES = (IndexFiles.GRAPH, IndexFiles.KEYS)


def version_root(manifest: IndexManifest) -> str:
    """Return the path of the folder of a version."""
    return IndexFiles.version(manifest.name, manifest.version)


def versions(store: Store, name: str) -> list[IndexManifest]:
    """Return the manifests of all whole versions of index `name`, the newest first.

    Raises:
        StoreError: the store can't be read, or the name can't be used.
    """
    check_name(name)
    root = IndexFiles.versions(name)
    ending = f"/{IndexFiles.MANIFEST}"
    paths = [
        each.path
        for each in store.list(root)
        if each.path.endswith(ending) and each.path.count("/") == 4
    ]
    with ThreadPoolExecutor(PARALLEL) as pool:
        found = [
            manifest
            for manifest in pool.map(lambda path: _manifest(store, path), paths)
            if manifest
        ]
    return sorted(found, key=lambda manifest: manifest.version, reverse=True)


def fetch_version(
    store: Store, manifest: IndexManifest, scratch: Path, *, graph: bool = False
) -> tuple[IndexVersion, Path]:
    """Open any version, without its `graph` unless that is asked for, and return it with its folder.

    A folder store's is opened in place.

    Raises:
        IndexUnavailable: it is incomplete or was altered.
        StoreError: the store fails.
    """
    check_complete(store, manifest)
    folder = scratch / manifest.version
    if store.local:
        folder = store.local / version_root(manifest)
    elif not (folder / IndexFiles.MANIFEST).exists():
        files = {
            name: entry
            for name, entry in manifest.files.items()
            if graph or name not in GRAPH_FILES
        }
        lean = replace(manifest, files=files)
        download_version(store, version_root(manifest), lean, lean.to_json().encode(), folder)
    return IndexVersion.open(folder), folder


def check_complete(store: Store, manifest: IndexManifest) -> dict[str, StoredObject]:
    """Return what the store has of a version, by name.

    Raises:
        IndexUnavailable: a file is missing or has another size.
    """
    root = version_root(manifest)
    found = {each.path.removeprefix(f"{root}/"): each for each in store.list(root)}
    wrong = [
        name
        for name, entry in manifest.files.items()
        if name not in found or found[name].size != entry.bytes
    ]
    if wrong:
        raise IndexUnavailable(
            f"version {manifest.version} is damaged: {', '.join(wrong)} missing or incomplete"
        )
    return found


def as_uploaded(store: Store, manifest: IndexManifest, found: Mapping[str, StoredObject]) -> bool:
    """Tell whether the files of a version, as `found`, have the ETags that they had when they were known to be good."""
    try:
        known = json.loads(store.get(f"{version_root(manifest)}/{IndexFiles.ETAGS}")[0])
        # Azure quotes an ETag in one answer and not in another.
        return all(known[name].strip('"') == found[name].etag.strip('"') for name in manifest.files)
    except (ObjectNotFound, ValueError, KeyError, TypeError, AttributeError):
        return False


def _manifest(store: Store, path: str) -> IndexManifest | None:
    try:
        return IndexManifest.parse(store.get(path)[0], f"{store.url}/{path}")
    except (ObjectNotFound, IndexUnavailable):
        return None
