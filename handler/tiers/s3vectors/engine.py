"""One version of an index in S3 Vectors, as searches see it."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic_core import from_json

from handler.corpus.document import Document
from handler.encoder import Vectors
from handler.errors import InvalidRequest
from handler.index.arrays import Rows, Scores
from handler.index.engine import Alternatives, Nearest, WordQuery
from handler.index.manifest import IndexManifest
from handler.index.text_writer import field_name
from handler.tiers.candidates import CandidateEngine, best_of_each
from handler.tiers.s3vectors.client import Json, VectorClient
from handler.tiers.s3vectors.conditions import Filter, VectorConditions, checked, holds
from handler.tiers.s3vectors.stage import GET, chunked
from handler.tiers.s3vectors.vectors import PASSAGES, key_of, passage_of

MOST = 10_000
"""Vectors of one query at most."""
MOST_CHARS = 1024
"""Characters of the words of one query."""
KNOWN = 20_000
"""Vectors whose metadata are kept."""
BROWSED = "without words or meaning to search for, S3 Vectors lists nothing; give a query"

Known = OrderedDict[int, Json]


class VectorsVersion(CandidateEngine):
    """A version, pinned by its number. The contracts are those of `Engine`."""

    def __init__(self, client: VectorClient, manifest: IndexManifest) -> None:
        """Prepare; nothing is asked yet."""
        super().__init__(manifest)
        self.conditions = VectorConditions(manifest.schema)
        self._client = client
        self._index = manifest.served["index"]
        self._sequence = int(manifest.served["sequence"])
        self._known: Known = OrderedDict()

    def words(
        self,
        text: str,
        *,
        verbatim: bool,  # noqa: ARG002
        typing: bool,  # noqa: ARG002
        alternatives: Alternatives,  # noqa: ARG002
    ) -> WordQuery:
        """Return how to search for what somebody typed: the service analyses the words itself."""
        words = self._words.content_words(text)
        if not words:
            return WordQuery()
        return WordQuery(query=" ".join(words)[:MOST_CHARS], terms=list(words.values()))

    def nearest(self, vector: Vectors, n: int, condition: Filter | None = None) -> Nearest:
        """Return the `n` documents nearest to `vector`, shape (dimension,), that match."""
        found = self._query(
            self._wanted(n),
            condition,
            queryVector={"float32": vector.astype(float).tolist()},
            returnDistance=True,
        )
        passages = np.array([passage_of(each["key"]) for each in found], np.int64)
        cosines = np.array([1 - each["distance"] for each in found], np.float32)
        return best_of_each(passages // PASSAGES, passages, cosines, n)

    def best_passages(self, vector: Vectors, documents: Rows) -> Nearest:
        """Return the best passage of each of `documents` for `vector`, shape (dimension,)."""
        if not len(documents):
            return Nearest(documents, documents, np.empty(0, np.float32))
        passages = self.passages_of(documents)
        cosines = self.vectors_of(passages) @ vector.astype(np.float32)
        return best_of_each(passages // PASSAGES, passages, cosines, len(documents))

    def matching(
        self, words: str | None, n: int, condition: Filter | None = None
    ) -> tuple[Rows, Scores]:
        """Return the `n` documents of highest BM25 score that match, best first, and the scores.

        A document has the score of its best passage.
        """
        if words is None:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        text = {"text": words, "metadataKey": "text"}
        found = self._query(self._wanted(n), condition, queryTexts=[text], returnScores=True)
        best: dict[int, float] = {}
        for each in found:
            row = passage_of(each["key"]) // PASSAGES
            score = sum(part["score"] for part in each["scores"]["bm25Scores"])
            best[row] = max(score, best.get(row, 0.0))
        ordered = sorted(((r, s) for r, s in best.items() if s > 0), key=lambda pair: -pair[1])[:n]
        rows = np.array([row for row, _ in ordered], np.int64)
        return rows, np.array([score for _, score in ordered], np.float32)

    def vectors_of(self, passages: Rows) -> Vectors:
        """Return the vectors of some passages, shape (passages, dimension)."""
        found = self._get(passages.tolist(), returnData=True)
        return np.array([found[each]["data"]["float32"] for each in passages.tolist()], np.float32)

    def passages_of(self, documents: Rows) -> Rows:
        """Return the passages of `documents`, those of one document side by side."""
        first = [row * PASSAGES for row in documents.tolist()]
        counts = [int(each["passages"]) for each in self._metadata(first)]
        each = [np.arange(at, at + count) for at, count in zip(first, counts, strict=True)]
        return np.concatenate([np.empty(0, np.int64), *each])

    def span(self, passage: int) -> tuple[int, int]:
        """Return the characters of its document's text that a passage covers."""
        [metadata] = self._metadata([passage])
        return int(metadata["start"]), int(metadata["end"])

    def documents_at(self, rows: Rows) -> list[Document]:
        """Return the stored documents of some rows, in this order; long ones are cut."""
        first = [row * PASSAGES for row in rows.tolist()]
        return [Document.from_stored(from_json(each["source"])) for each in self._metadata(first)]

    def row_of(self, document_id: str) -> int | None:
        """Return the row of a document by its id, or None."""
        any_vector = {"float32": [1.0] + [0.0] * (self.manifest.dimension - 1)}
        found = self._query(1, self.conditions.ids([document_id]), queryVector=any_vector)
        return passage_of(found[0]["key"]) // PASSAGES if found else None

    def rows_after(self, row: int, condition: Filter | None, k: int) -> Rows:  # noqa: ARG002
        """Refuse: the service has no order to go on in."""
        raise InvalidRequest(BROWSED)

    def rows_matching(self, condition: Filter, limit: int) -> Rows:  # noqa: ARG002
        """Refuse: the service finds nothing without a query."""
        raise InvalidRequest(BROWSED)

    def count_rows(self, condition: Filter) -> int:  # noqa: ARG002
        """Refuse: the service counts nothing."""
        raise InvalidRequest(BROWSED)

    def among(self, condition: Filter, rows: Rows) -> Rows:
        """Return those of `rows` that match, ascending."""
        rows = np.sort(rows)
        metadata = self._metadata([row * PASSAGES for row in rows.tolist()])
        kept = [holds(each, condition) for each in metadata]
        matching: Rows = rows[np.array(kept, bool)]
        return matching

    def raw_values(self, name: str, rows: Rows) -> Sequence[Any]:
        """Return the value of a field in each row: one, a list, or None."""
        column = field_name(self.manifest.schema, name)
        metadata = self._metadata([row * PASSAGES for row in rows.tolist()])
        return [each.get(column) for each in metadata]

    def _wanted(self, n: int) -> int:
        """Return how many passages are asked for so that they belong to about `n` documents."""
        each = self.manifest.passages / max(self.manifest.documents, 1)
        return min(MOST, n if each <= 1 else int(1.5 * n * each) + 1)

    def _query(self, most: int, condition: Filter | None, **how: Any) -> list[Json]:
        """Return `most` vectors of this version that match, best first, with their metadata."""
        window = [{"from": {"$lte": self._sequence}}, {"to": {"$gt": self._sequence}}]
        found: list[Json] = []
        token: dict[str, str] = {}
        while True:
            answer = self._client.call(
                "QueryVectors",
                indexName=self._index,
                topK=most,
                filter=checked({"$and": [*window, *([condition] if condition else [])]}),
                queryMode="ENHANCED",
                returnMetadata=True,
                **how,
                **token,
            )
            found += answer["vectors"]
            if len(found) >= most or not answer.get("nextToken"):
                break
            token = {"nextToken": answer["nextToken"]}
        for each in found:
            self._keep(passage_of(each["key"]), each["metadata"])
        return found

    def _metadata(self, passages: Sequence[int]) -> list[Json]:
        """Return the metadata of some passages, in this order."""
        missing = [each for each in passages if each not in self._known]
        fetched = {at: each["metadata"] for at, each in self._get(missing).items()}
        found = [fetched[each] if each in fetched else self._known[each] for each in passages]
        for passage, metadata in fetched.items():
            self._keep(passage, metadata)
        return found

    def _get(self, passages: Sequence[int], **how: bool) -> dict[int, Json]:
        found: dict[int, Json] = {}
        for some in chunked(map(key_of, passages), GET):
            answer = self._client.call(
                "GetVectors", indexName=self._index, keys=some, returnMetadata=True, **how
            )
            found |= {passage_of(each["key"]): each for each in answer["vectors"]}
        return found

    def _keep(self, passage: int, metadata: Json) -> None:
        self._known[passage] = metadata
        while len(self._known) > KNOWN:
            self._known.popitem(last=False)
