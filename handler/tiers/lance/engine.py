"""One version of an index in Lance, as searches see it."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from lance.query import BooleanQuery, FullTextQuery, MatchQuery, Occur
from pydantic_core import from_json

from handler.corpus.document import Document
from handler.encoder import Vectors
from handler.index.arrays import Rows, Scores
from handler.index.engine import Alternatives, Nearest, WordQuery
from handler.index.manifest import IndexManifest
from handler.index.text_writer import field_name
from handler.index.word_query import ASKING_BOOST, TITLE_BOOST
from handler.tiers.candidates import CandidateEngine, best_of_each
from handler.tiers.lance.conditions import LanceConditions, Where, literal
from handler.tiers.lance.datasets import Dataset, Datasets, patiently

NPROBES = 64
"""Partitions that are searched: recall@10 0.987 of 256 partitions over 100,000 abstracts."""
REFINE = 3
"""So many times the passages wanted are compared by their whole vectors."""
WIDER = 5
"""So many times the documents wanted are searched for where words, too, decide who matches."""
KNOWN_SPANS = 100_000

Spans = OrderedDict[int, tuple[int, int]]


class LanceVersion(CandidateEngine):
    """A version, pinned by the numbers of its datasets. The contracts are those of `Engine`."""

    def __init__(self, datasets: Datasets, manifest: IndexManifest) -> None:
        """Open the datasets at the versions that the manifest pins.

        Raises:
            EngineUnavailable: storage fails.
            ValueError: a pinned version is gone.
        """
        super().__init__(manifest)
        served = manifest.served
        self.documents = datasets.open("documents", int(served["documents"]))
        self.passages = datasets.open("passages", int(served["passages"]))
        self._spans: Spans = OrderedDict()
        self.conditions = LanceConditions(manifest.schema, self._words)

    def words(
        self,
        text: str,
        *,
        verbatim: bool,  # noqa: ARG002
        typing: bool,  # noqa: ARG002
        alternatives: Alternatives,  # noqa: ARG002
    ) -> WordQuery:
        """Return how to search for what somebody typed: the stems, no other spellings."""
        words = self._words.content_words(text)
        if not words:
            return WordQuery()
        asking = self._words.asking_words(words)
        main = " ".join(stem for word, stem in words.items() if word not in asking)
        parts: list[FullTextQuery] = [
            MatchQuery(main, "stems"),
            MatchQuery(main, "title", boost=TITLE_BOOST),
        ]
        if asking:
            asked = " ".join(words[word] for word in sorted(asking))
            parts.append(MatchQuery(asked, "stems", boost=ASKING_BOOST))
        return WordQuery(query=parts, terms=list(words.values()))

    def nearest(self, vector: Vectors, n: int, condition: Where | None = None) -> Nearest:
        """Return the `n` documents nearest to `vector`, shape (dimension,), that match."""
        by_words = condition is not None and condition.by_words
        wanted = WIDER * n if by_words else n
        each = self.manifest.passages / max(self.manifest.documents, 1)
        search = {
            "column": "vector",
            "q": vector.astype(np.float32),
            "k": int(1.5 * wanted * each) + 1 if each > 1 else wanted,
            "metric": "cosine",
            "nprobes": NPROBES,
            "refine_factor": REFINE,
        }
        found = self._read(
            self.passages,
            ["row", "document", "start", "end", "_distance"],
            nearest=search,
            filter=condition.sql or None if condition else None,
            prefilter=True,
        )
        self._keep_spans(found)
        best = best_of_each(found["document"], found["row"], 1 - found["_distance"], wanted)
        if condition is None or not by_words:
            return best
        matching = self.among(condition, best.documents)
        kept = np.flatnonzero(np.isin(best.documents, matching))[:n]
        return Nearest(best.documents[kept], best.passages[kept], best.cosines[kept])

    def best_passages(self, vector: Vectors, documents: Rows) -> Nearest:
        """Return the best passage of each of `documents` for `vector`, shape (dimension,)."""
        if not len(documents):
            return Nearest(documents, documents, np.empty(0, np.float32))
        columns = ["row", "document", "start", "end", "vector"]
        found = self._read(self.passages, columns, filter=_one_of("document", documents))
        self._keep_spans(found)
        cosines = _unit(found["vector"]) @ vector.astype(np.float32)
        return best_of_each(found["document"], found["row"], cosines, len(documents))

    def matching(self, words: Any, n: int, condition: Where | None = None) -> tuple[Rows, Scores]:
        """Return the `n` documents of highest BM25 score that match, best first, and the scores."""
        if words is None:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        query = BooleanQuery([(Occur.SHOULD, each) for each in words])
        if condition is not None and condition.by_words:
            query = _with(query, condition)
        found = self._read(
            self.documents,
            ["row", "_score"],
            full_text_query=query,
            limit=n,
            filter=condition.sql or None if condition else None,
            prefilter=True,
        )
        return found["row"], found["_score"]

    def vectors_of(self, passages: Rows) -> Vectors:
        """Return the vectors of some passages, shape (passages, dimension)."""
        found = self._at(self.passages, passages, ["vector"])
        return _unit(found["vector"])

    def passages_of(self, documents: Rows) -> Rows:
        """Return the rows of the passages of `documents`, those of one document side by side."""
        columns = ["row", "document", "start", "end"]
        found = self._read(self.passages, columns, filter=_one_of("document", documents))
        self._keep_spans(found)
        place = {row: at for at, row in enumerate(documents.tolist())}
        places = np.array([place[row] for row in found["document"].tolist()], np.int64)
        rows: Rows = found["row"][np.lexsort((found["row"], places))]
        return rows

    def span(self, passage: int) -> tuple[int, int]:
        """Return the characters of its document's text that a passage covers."""
        if passage not in self._spans:
            rows = np.array([passage], np.int64)
            self._keep_spans(self._at(self.passages, rows, ["start", "end"]))
        return self._spans[passage]

    def documents_at(self, rows: Rows) -> list[Document]:
        """Return the stored documents of some rows, in this order."""
        if not len(rows):
            return []
        found = self._at(self.documents, rows, ["source"])
        return [Document.from_stored(from_json(each)) for each in found["source"]]

    def row_of(self, document_id: str) -> int | None:
        """Return the row of a document by its id, or None."""
        found = self._read(self.documents, ["row"], filter=f"id = {literal(document_id)}")
        return int(found["row"][0]) if len(found["row"]) else None

    def rows_after(self, row: int, condition: Where | None, k: int) -> Rows:
        """Return the first `k` rows greater than `row` that match, ascending."""
        after = Where(f"row > {row}")
        where = after if condition is None else self.conditions.all_of([after, condition])
        return self.rows_matching(where, k)

    def rows_matching(self, condition: Where, limit: int) -> Rows:
        """Return the first `limit` rows that match, ascending."""
        options: dict[str, Any] = {"filter": condition.sql or None, "limit": limit}
        if condition.by_words:
            return np.sort(self._with_words(condition, options))
        rows: Rows = self._read(self.documents, ["row"], order_by=["row"], **options)["row"]
        return rows

    def count_rows(self, condition: Where) -> int:
        """Return how many documents match; of words, as many as are looked at."""
        if condition.by_words:
            return len(self.rows_matching(condition, 1000))
        return patiently(lambda: int(self.documents.count_rows(condition.sql or None)))

    def among(self, condition: Where, rows: Rows) -> Rows:
        """Return those of `rows` that match, ascending."""
        if not len(rows):
            return rows
        inside = self.conditions.all_of([Where(_one_of("row", rows)), condition])
        return self.rows_matching(inside, len(rows))

    def raw_values(self, name: str, rows: Rows) -> Sequence[Any]:
        """Return the value of a field in each row: one, a list, or None."""
        column = field_name(self.manifest.schema, name)
        values: Sequence[Any] = self._at(self.documents, rows, [column])[column]
        return values

    def _with_words(self, condition: Where, options: dict[str, Any]) -> Rows:
        """Return rows that have and lack words; what only lacks some is all but what has them."""
        if condition.having:
            query = _with(None, condition)
            rows: Rows = self._read(
                self.documents, ["row"], full_text_query=query, prefilter=True, **options
            )["row"]
            return rows
        every = Where(condition.sql or "true")
        has = [(Occur.SHOULD, each) for each in condition.lacking]
        unwanted = self._read(
            self.documents,
            ["row"],
            full_text_query=BooleanQuery(has),
            prefilter=True,
            filter=condition.sql or None,
        )["row"]
        limit = options["limit"]
        rows = self.rows_matching(every, limit + len(unwanted))
        return rows[~np.isin(rows, unwanted)][:limit]

    def _at(self, dataset: Dataset, rows: Rows, columns: list[str]) -> dict[str, Any]:
        """Return the columns of some rows, in the order of `rows`."""
        if not len(rows):
            return {"row": rows, **{name: np.empty(0) for name in columns}}
        found = self._read(dataset, ["row", *columns], filter=_one_of("row", rows))
        place = {row: at for at, row in enumerate(found["row"].tolist())}
        order = [place[row] for row in rows.tolist()]
        return {
            name: values[order] if isinstance(values, np.ndarray) else [values[at] for at in order]
            for name, values in found.items()
        }

    def _read(self, dataset: Dataset, columns: list[str], **options: Any) -> dict[str, Any]:
        """Return columns of a scan: numbers as arrays, vectors as a matrix, others as lists."""
        table = patiently(lambda: dataset.scanner(columns=columns, **options).to_table())
        return {name: _array(name, table.column(name)) for name in columns}

    def _keep_spans(self, found: dict[str, Any]) -> None:
        starts, ends = found["start"].tolist(), found["end"].tolist()
        for row, start, end in zip(found["row"].tolist(), starts, ends, strict=True):
            self._spans[row] = (start, end)
        while len(self._spans) > KNOWN_SPANS:
            self._spans.popitem(last=False)


def _array(name: str, column: Any) -> Any:
    if name == "vector":
        flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
        return flat.reshape(len(column), -1).astype(np.float32)
    if name in ("row", "document", "start", "end", "_distance", "_score"):
        return column.to_numpy()
    return column.to_pylist()


def _with(query: FullTextQuery | None, condition: Where) -> FullTextQuery:
    parts = [] if query is None else [(Occur.MUST, query)]
    parts += [(Occur.MUST, each) for each in condition.having]
    parts += [(Occur.MUST_NOT, each) for each in condition.lacking]
    return BooleanQuery(parts)


def _one_of(column: str, rows: Iterable[int] | Rows) -> str:
    return f"{column} IN ({', '.join(str(int(row)) for row in rows)})"


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return unit
