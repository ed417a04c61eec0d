"""Go back to an earlier version of an index, or forward again."""

from handler.errors import IndexUnavailable
from handler.staging import scratch_folder
from handler.versions.pointer import Pointer
from handler.versions.repository import IndexRepository
from handler.versions.stored_version import StoredVersion


def rollback(repository: IndexRepository, version: str = "") -> Pointer:
    """Make `version` current and return the new pointer.

    By default that is the newest good version that is older than the current one. The corpus of
    the version that is left is noted, so that a scheduled run doesn't publish it again.

    Raises:
        IndexUnavailable: there is no such version, or it is damaged.
        LostRace: somebody else published meanwhile.
        StoreError: the store fails.
    """
    known = {each.name: each for each in repository.versions()}
    pointer, etag = _pointer(repository) if known else repository.pointer()
    current = pointer.version if pointer else ""
    target = version or _before(list(known.values()), current)
    if not target:
        raise IndexUnavailable(
            f"index {repository.name!r} has no version older than {current or 'its candidates'}; "
            "list them with: querytower versions"
        )
    if target not in known:
        raise IndexUnavailable(
            f"index {repository.name!r} has no version {target!r}; "
            "list them with: querytower versions"
        )
    _check_intact(known[target])
    if pointer and target == current:
        return pointer
    new = repository.publish(target, etag)
    if current in known and target < current:
        inputs = known[current].manifest.corpus.get("inputs", "")
        repository.attempts.note_rolled_back(inputs)
    else:
        repository.attempts.forget()
    return new


def _before(versions: list[StoredVersion], current: str) -> str:
    """Return the newest good version that is older than `current`, or an empty text."""
    for each in versions:
        if not each.manifest.failures and (not current or each.name < current):
            return each.name
    return ""


def _pointer(repository: IndexRepository) -> tuple[Pointer | None, str | None]:
    """Return pointer and ETag, each None where it is missing or can't be read."""
    try:
        return repository.pointer()
    except IndexUnavailable:
        return None, repository.pointer_etag()


def _check_intact(version: StoredVersion) -> None:
    """Raise IndexUnavailable if a file of the version is missing or altered."""
    if not version.is_as_uploaded():
        with scratch_folder() as scratch:
            version.open(scratch)
