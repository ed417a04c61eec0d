"""Corpora as objects with ETags: a local path, or one object or a whole prefix in object storage."""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol, Self
from urllib.parse import unquote, urlsplit

from handler.corpus.bounds import Bounds
from handler.corpus.listing import CorpusObject
from handler.corpus.names import KINDS, corpus_files, is_corpus_name
from handler.errors import (
    CorpusChanged,
    CorpusError,
    LostRace,
    ObjectNotFound,
    StoreError,
    UnreadableFile,
)
from handler.settings import Settings
from handler.storage.store import Store, is_path

DEFAULT_SETTINGS = Settings()


class Corpus(Protocol):
    """Objects that hold documents. `url` names the corpus, without secrets."""

    @property
    def url(self) -> str:
        """Where the corpus is."""

    def objects(self, known: Mapping[str, str], scratch: Path) -> list[CorpusObject]:
        """Return the objects, sorted by path; `known` has the ETags, by path, of those that need not be fetched."""

    def opened(self, item: CorpusObject, scratch: Path) -> AbstractContextManager[Path]:
        """Lend a local file with the very content that was listed; CorpusChanged where that is gone."""


@dataclass(frozen=True, slots=True)
class LocalCorpus:
    """A file, or a folder of files, read in place."""

    path: Path

    @property
    def url(self) -> str:
        """The path."""
        return str(self.path.absolute())

    def objects(self, _known: Mapping[str, str], _scratch: Path) -> list[CorpusObject]:
        """Return the files; inode, time and size make the ETag.

        Raises:
            CorpusError: nothing is there, or nothing of a known kind.
        """
        root = self.path if self.path.is_dir() else self.path.parent
        names = sorted(file.relative_to(root).as_posix() for file in corpus_files(self.path))
        return [self._object(root / name, name) for name in names]

    @contextmanager
    def opened(self, item: CorpusObject, _scratch: Path) -> Iterator[Path]:
        """Lend the file itself, and check afterwards that it stayed what it was."""
        file = self.path / item.path if self.path.is_dir() else self.path
        try:
            yield file
        finally:
            if self._object(file, item.path) != item:
                raise _changed(item, self.url)

    def _object(self, file: Path, name: str) -> CorpusObject:
        try:
            found = file.stat()
        except OSError as cause:
            raise CorpusChanged(
                f"{file} vanished while it was read ({cause.strerror}); run again"
            ) from cause
        return CorpusObject(
            name, f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}", found.st_size
        )


@dataclass(frozen=True, slots=True)
class StoreCorpus:
    """All readable objects of a store, or the one called `only`."""

    store: Store
    only: str = ""

    @classmethod
    def open(cls, url: str) -> Self:
        """Open s3://bucket/prefix, or a single object such as s3://bucket/folder/corpus.jsonl."""
        place, _, name = url.rstrip("/").rpartition("/")
        is_name = PurePosixPath(name).suffix and is_corpus_name(name) and not place.endswith(":/")
        if is_name and not url.endswith("/"):
            return cls(Store.open(place), name)
        return cls(Store.open(url))

    @property
    def url(self) -> str:
        """The URL it was opened with."""
        return f"{self.store.url}/{self.only}".rstrip("/")

    def objects(self, _known: Mapping[str, str], _scratch: Path) -> list[CorpusObject]:
        """Return the objects.

        Raises:
            CorpusError: there is none of a known kind.
            StoreError: the store can't be read.
        """
        try:
            found = [self.store.head(self.only)] if self.only else self.store.list(unreachable=True)
        except ObjectNotFound:
            found = []
        objects = [
            CorpusObject(each.path, each.etag, each.size)
            for each in found
            if is_corpus_name(each.path) and (each.size or PurePosixPath(each.path).suffix)
        ]
        if not objects:
            raise CorpusError(
                f"{self.url} is or holds no object of a known kind; a corpus is {KINDS}"
            )
        return objects

    @contextmanager
    def opened(self, item: CorpusObject, scratch: Path) -> Iterator[Path]:
        """Lend a copy, which is removed afterwards.

        Raises:
            UnreadableFile: the object has a key that is no path.
            CorpusChanged: it was replaced or removed.
            StoreError: the store fails.
        """
        if not is_path(item.path):
            raise UnreadableFile(
                "its key has an empty part, a control character or a backslash; rename the object"
            )
        copy = scratch / "object"
        try:
            if not item.size:  # it may be the mark of a folder, which can't be fetched
                copy.touch()
            else:
                self.store.download(item.path, copy, size=item.size, etag=item.etag)
        except (LostRace, ObjectNotFound) as cause:
            raise _changed(item, self.url) from cause
        try:
            yield copy
        finally:
            copy.unlink(missing_ok=True)


def open_corpus(url: str, settings: Settings = DEFAULT_SETTINGS) -> Corpus:
    """Open a corpus at a path or a URL: file, http, https, or one of object storage.

    Args:
        url: the path or URL.
        settings: they bound what is fetched from the web, and from where.

    Raises:
        CorpusError: the URL can't be a corpus.
        StoreError: the URL of a bucket can't be used.
    """
    scheme = re.match(r"(\w[\w+.-]+):", url)
    if not url:
        raise CorpusError(
            "no corpus is named; set QUERYTOWER_CORPUS, or give --corpus, a path or a URL"
        )
    if not scheme or scheme[1] == "file":
        return LocalCorpus(Path(unquote(urlsplit(url).path) if scheme else url).expanduser())
    if scheme[1] in ("http", "https"):
        from handler.corpus.http_source import WebCorpus
        from handler.corpus.web_client import WebRules

        hosts = (name.strip().lower() for name in settings.corpus_hosts.split(","))
        rules = WebRules(
            hosts=frozenset(name for name in hosts if name), seconds=settings.corpus_timeout
        )
        return WebCorpus.open(url, rules, Bounds.of(settings))
    return StoreCorpus.open(url)


def check_apart(corpus: Corpus, store: Store) -> None:
    """Raise StoreError if the store lies inside the corpus, of which its files would become a part."""
    places = (
        str(Path(url).resolve()) if "://" not in url else url.rstrip("/")
        for url in (store.url, corpus.url)
    )
    inner, outer = (f"{place}/" for place in places)
    if inner.startswith(outer):
        raise StoreError(
            f"{store.url} lies inside the corpus {corpus.url}; give the index a place of its own"
        )


def _changed(item: CorpusObject, url: str) -> CorpusChanged:
    return CorpusChanged(
        f"{item.path} in {url} was replaced or removed while it was read; run again"
    )
