"""A corpus to a published index in one go: read, build, upload, and move the pointer."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from handler.corpus.listing import Listing
from handler.corpus.records import DEFAULT_FIELDS, FieldNames
from handler.corpus.sources import LocalCorpus
from handler.corpus.spool import Spool
from handler.encoder import Encoder
from handler.errors import ObjectNotFound
from handler.index.manifest import IndexFiles, IndexManifest
from handler.index.writer import Options, Progress, build_version, no_progress
from handler.quality.assess import PreviousVersion, complete
from handler.quality.golden import Golden
from handler.reindex.incremental_reader import Reading
from handler.storage.store import Store
from handler.versions.pointer import check_name, publish
from handler.versions.transfer import upload


@dataclass(frozen=True, slots=True)
class Source:
    """Where documents come from, and what becomes of records that are none.

    `max_rejects` is the largest share of records, 0 to 1, that may be rejected; `rejects` the file that lists them.
    """

    path: Path
    rejects: Path
    fields: FieldNames = DEFAULT_FIELDS
    max_rejects: float = 0.01


def index_corpus(
    source: Source,
    store: Store,
    encoder: Encoder,
    *,
    name: str = "default",
    options: Options | None = None,
    threads: int = 1,
    progress: Progress = no_progress,
) -> IndexManifest:
    """Index a corpus from scratch and publish it as the current version of index `name`.

    Nothing is visible to readers before the last step, which replaces the pointer if nobody else has.
    Nothing of the version before is used, and no gate but `max_rejects` is in the way: see reindex.py for that.
    `progress` is told of the stages read, encode, graph and upload; of "total" first, how many documents there are.

    Raises:
        CorpusError: the corpus can't be read, is empty, or has too many faulty records.
        StoreError: the store can't be written; LostRace if somebody else published meanwhile.
    """
    check_name(name)
    expected = pointer_etag(store, name)
    with tempfile.TemporaryDirectory(prefix="querytower-") as scratch:
        folder = Path(scratch) / "version"
        folder.mkdir()
        corpus = LocalCorpus(source.path)
        objects = corpus.objects({}, Path(scratch))
        reading = Reading(corpus, objects, source.fields, None, Path(scratch), [])
        spool = Spool.write(
            reading, Path(scratch) / "spool.jsonl", source.rejects, source.max_rejects
        )
        progress("total", spool.documents)
        build_version(
            spool,
            folder,
            name=name,
            schema=spool.schema,
            encoder=encoder,
            options=options or Options(),
            rejected=spool.rejected,
            progress=progress,
            threads=threads,
        )
        candidate = complete(
            folder,
            encoder,
            listing=Listing(corpus.url, source.fields, reading.entries),
            inputs="",
            golden=Golden.load(store, name),
            before=PreviousVersion(),
            rejects=source.rejects if spool.rejected else Path(scratch) / "none",
            judge=lambda _manifest, _quality: [],
        )
        progress("upload", 0)
        upload(store, folder, candidate.manifest, reports=candidate.reports)
        publish(store, name, candidate.manifest.version, expected)
    return candidate.manifest


def pointer_etag(store: Store, name: str) -> str | None:
    """Return the ETag of the pointer of index `name`, or None if there is no such index yet."""
    try:
        return store.get(IndexFiles.current(name))[1]
    except ObjectNotFound:
        return None
