"""The state of the indexes in a store."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from handler.errors import IndexUnavailable
from handler.storage.store import Store
from handler.versions.names import index_names
from handler.versions.repository import IndexRepository


@dataclass(slots=True, kw_only=True)
class IndexState:
    """What a store says of one index.

    `quality` has the figures of the gates. `last_run` is "published", "same" or "failed", and
    `problems` says what a person must look at. Ages are hours.
    """

    name: str
    version: str = ""
    published: str = ""
    age_hours: float = 0.0
    versions: int = 0
    documents: int = 0
    passages: int = 0
    rejected: int = 0
    model: str = ""
    bytes: int = 0
    quality: dict[str, float] = field(default_factory=dict)
    last_run: str = ""
    problems: list[str] = field(default_factory=list)


def index_states(store_url: str, *, stale_hours: float = 0.0) -> list[IndexState]:
    """Return the state of every index of a store.

    Args:
        store_url: folder or URL.
        stale_hours: age from which an index counts as forgotten; 0 for never.

    Raises:
        StoreError: the store can't be read.
    """
    names = index_names(Store.open(store_url))
    return [_state(IndexRepository.open(store_url, name), stale_hours) for name in names]


def _state(repository: IndexRepository, stale_hours: float) -> IndexState:
    state = IndexState(name=repository.name)
    try:
        pointer, _ = repository.pointer()
        manifest, _ = repository.published_manifest(pointer)
    except IndexUnavailable as problem:
        state.problems.append(str(problem))
        return state
    published = datetime.fromisoformat(pointer.published)
    state.version, state.published = pointer.version, pointer.published
    state.age_hours = (datetime.now(UTC) - published).total_seconds() / 3600
    state.versions = len(repository.versions())
    state.documents, state.passages = manifest.documents, manifest.passages
    state.rejected, state.model = manifest.rejected, manifest.model
    state.bytes = sum(entry.bytes for entry in manifest.files.values())
    state.quality = manifest.quality
    attempt = repository.attempts.last()
    state.last_run = attempt.kind if attempt else "published"
    if attempt and attempt.kind == "failed":
        state.problems.append(
            f"the last run was refused: {'; '.join(attempt.reasons)}; its version is "
            f"{attempt.version}, see: querytower versions"
        )
    if manifest.failures:
        state.problems.append(f"the current version fails: {'; '.join(manifest.failures)}")
    if stale_hours and state.age_hours > stale_hours and state.last_run != "same":
        state.problems.append(
            f"published {state.age_hours:,.0f} hours ago, expected within {stale_hours:g}; "
            "look at the schedule and the log of the reindex function"
        )
    return state
