"""Collections in the BEIR layout, which is corpus.jsonl, queries.jsonl and qrels/<split>.tsv."""

import gzip
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handler.corpus.document import Document
from handler.corpus.readers import json_lines
from handler.corpus.readers.source import Note, Source
from handler.corpus.records import Reject
from handler.errors import CorpusError

LAYOUT = "the BEIR layout is corpus.jsonl, queries.jsonl and qrels/<split>.tsv, each also as .gz"
GRADE = re.compile(r"-?\d{1,9}")

# Query id to document id to grade.
Judgments = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query and the grades of its judged documents, at least one of them positive."""

    id: str
    text: str
    grades: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A collection: its name, the file of its documents, the judged queries, and warnings."""

    name: str
    corpus: Path
    queries: list[JudgedQuery]
    warnings: list[str]

    @classmethod
    def read(cls, folder: Path, split: str = "test") -> "Dataset":
        """Read queries and judgments; `read_documents` reads the documents.

        As in trec_eval, a query without a positive judgment is left out.

        Raises:
            CorpusError: a file is missing or has a malformed line, or no query is left.
        """
        corpus, queries = (
            collection_file(folder, "corpus.jsonl"),
            collection_file(folder, "queries.jsonl"),
        )
        path = _qrels_file(folder, split)
        judgments = {
            query: grades for query, grades in read_qrels(path).items() if max(grades.values()) > 0
        }
        texts = read_queries(queries)
        judged = [
            JudgedQuery(key, text, judgments[key])
            for key, text in texts.items()
            if key in judgments
        ]
        if not judged:
            raise CorpusError(
                f"no query of {queries} has a positive judgment in {path}; "
                "check that the two belong together"
            )
        unknown = len(judgments) - len(judged)
        warnings = []
        if unknown:
            warnings.append(
                f"{unknown} of {len(judgments)} judged queries are not in {queries.name}"
            )
        return cls(name=folder.resolve().name, corpus=corpus, queries=judged, warnings=warnings)


def read_documents(path: Path) -> Iterator[Document | Reject]:
    """Yield the documents with id, title and text, and a Reject for each empty or repeated one.

    Raises:
        CorpusError: the file can't be read, or has a line that is not a document.
    """
    seen: set[str] = set()
    for line, record in _objects(path):
        key = _identifier(path, line, record)
        title, text = (_text(path, line, record, name) for name in ("title", "text"))
        if not title and not text:
            yield Reject(path.name, line, "text and title are empty or missing")
        elif key in seen:
            yield Reject(path.name, line, f"id {key!r} appeared before")
        else:
            seen.add(key)
            yield Document(id=key, title=title, text=text, url="", metadata={})


def read_queries(path: Path) -> dict[str, str]:
    """Return the text of each query by its id, in the order of the file.

    Raises:
        CorpusError: the file can't be read, or has a line that is not a query or repeats an id.
    """
    texts: dict[str, str] = {}
    for line, record in _objects(path):
        key, text = _identifier(path, line, record), record.get("text")
        if not isinstance(text, str):
            raise _malformed(path, line, "text is missing or no text")
        if key in texts:
            raise _malformed(path, line, f"id {key!r} appeared before")
        texts[key] = text
    if not texts:
        raise CorpusError(f"{path} is empty; it needs a query in each line, with _id and text")
    return texts


def read_qrels(path: Path) -> Judgments:
    """Return the judgments of a file of query id, document id and grade; the last of a pair counts.

    Raises:
        CorpusError: the file can't be read, is empty, or has a line of another form.
    """
    judgments: Judgments = defaultdict(dict)
    for number, line in _lines(path):
        cells = [cell.strip() for cell in line.split("\t")]
        if number == 1 and not GRADE.fullmatch(cells[-1]):
            continue
        if len(cells) != 3 or not GRADE.fullmatch(cells[2]) or not all(cells):
            raise _malformed(
                path,
                number,
                f"expected query-id, corpus-id and a whole number between tabs, not {line[:60]!r}",
            )
        judgments[cells[0]][cells[1]] = int(cells[2])
    if not judgments:
        raise CorpusError(
            f"{path} has no judgments; it needs a header, then lines of query-id, corpus-id, score"
        )
    return dict(judgments)


def collection_file(folder: Path, name: str) -> Path:
    """Return the file of a collection, which may be compressed.

    Raises:
        CorpusError: there is none.
    """
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise CorpusError(f"{folder / name} does not exist; {LAYOUT}")


def _qrels_file(folder: Path, split: str) -> Path:
    try:
        return collection_file(folder, f"qrels/{split}.tsv")
    except CorpusError as cause:
        names = sorted(path.name.split(".tsv")[0] for path in folder.glob("qrels/*.tsv*"))
        if not names:
            raise
        raise CorpusError(
            f"{cause}; splits there, to choose with --split: {', '.join(names)}"
        ) from cause


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for raw in json_lines.read(Source.of_file(path, str(path))):
        if isinstance(raw, Note):
            continue
        if isinstance(raw.fields, str):
            raise _malformed(path, raw.line, raw.fields)
        yield raw.line, dict(raw.fields)


def _identifier(path: Path, line: int, record: dict[str, Any]) -> str:
    key = record.get("_id", record.get("id"))
    if isinstance(key, bool) or not isinstance(key, str | int) or key == "":
        raise _malformed(path, line, "_id is missing or neither text nor a whole number")
    return str(key)


def _text(path: Path, line: int, record: dict[str, Any], name: str) -> str:
    value = record.get(name) or ""
    if not isinstance(value, str):
        raise _malformed(path, line, f"{name} is no text")
    return value.strip()


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (number, line) for each line of a text file that is not blank."""
    try:
        opened = gzip.open if path.name.endswith(".gz") else open
        with opened(path, "rt", encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except (EOFError, OSError, UnicodeDecodeError) as cause:
        raise CorpusError(f"{path} can't be read as text: {cause}; write it again") from cause


def _malformed(path: Path, line: int, problem: str) -> CorpusError:
    return CorpusError(f"{path} line {line}: {problem}; correct the line")
