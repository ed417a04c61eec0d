"""Golden queries: all of them show what a new version changes, and judged ones measure it."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np

from handler.encoder import Encoder
from handler.errors import CorpusError
from handler.index.index_version import IndexVersion
from handler.index.word_query import word_query
from handler.quality.ndcg import ndcg
from handler.search.ranking import rank
from handler.stored_json import bound, read_json
from handler.versions.repository import IndexRepository

MAX_QUERIES = 500
MAX_QUERY_CHARS = 10_000
MAX_GRADE = 100
TOP = 10

Judgments = Mapping[str, Mapping[str, int]]
"""Grades by query id and document id."""


@dataclass(frozen=True, slots=True)
class Golden:
    """Texts of queries by id, judgments, and a text that changes whenever one of the files does."""

    queries: Mapping[str, str]
    judgments: Judgments
    etag: str = ""

    @classmethod
    def load(cls, repository: IndexRepository) -> Self:
        """Read queries.jsonl and all .tsv files of judgments, in BEIR's layout.

        Raises:
            CorpusError: a file is malformed.
            StoreError: the store fails.
        """
        queries: dict[str, str] = {}
        judgments: dict[str, dict[str, int]] = defaultdict(dict)
        folder = repository.golden
        files = [each for each in folder.list() if each.path.endswith((".jsonl", ".tsv"))]
        for each in files:
            lines = folder.get(each.path)[0].splitlines()
            for number, line in enumerate(lines, start=1):
                try:
                    if each.path.endswith(".jsonl"):
                        _read_query(line, queries)
                    elif number > 1:
                        _read_judgment(line, judgments)
                except ValueError as cause:
                    raise CorpusError(
                        f"{folder.url}/{each.path} line {number} is neither a query nor a "
                        f"judgment: {cause}; queries are {{_id, text}} in JSON lines, "
                        "judgments have three columns, separated by tabs, below a header"
                    ) from cause
        return cls(queries, judgments, " ".join(each.etag for each in files))


@dataclass(frozen=True, slots=True)
class _Query:
    _id: Any
    text: Annotated[str, bound(max_length=MAX_QUERY_CHARS)]


def _read_query(line: bytes, queries: dict[str, str]) -> None:
    if line.strip() and len(queries) < MAX_QUERIES:
        query = read_json(_Query, line)
        queries[str(query._id)] = query.text.strip() or "?"


def _read_judgment(line: bytes, judgments: dict[str, dict[str, int]]) -> None:
    if line.strip():
        query_id, document_id, grade = line.decode().split("\t")
        judgments[query_id][document_id] = min(int(grade), MAX_GRADE)


@dataclass(frozen=True, slots=True)
class GoldenResults:
    """What each golden query finds, by query id.

    `tops` has the ids of the best documents of a hybrid search, `nearest` the cosine of the
    nearest passage.
    """

    tops: dict[str, list[str]]
    nearest: dict[str, float]

    @classmethod
    def of(cls, index: IndexVersion, encoder: Encoder, queries: Mapping[str, str]) -> Self:
        """Search for every query."""
        tops, nearest = {}, {}
        for key, text in queries.items():
            vector = encoder.encode([text], "query")[0]
            words = word_query(index.text, text).query
            found = rank(index, "hybrid", vector=vector, keyword_query=words, depth=TOP)
            tops[key] = [each.id for each in index.documents_at(found.documents[:TOP])]
            nearest[key] = float(index.vectors.search(vector, 1)[1][0])
        return cls(tops, nearest)


def mean_ndcg(tops: Mapping[str, list[str]], judgments: Judgments) -> float | None:
    """Return the mean nDCG@10 over the queries with a relevant document, or None without any."""
    scores = []
    for key, top in tops.items():
        grades = judgments.get(key, {})
        if max(grades.values(), default=0) > 0:
            gains = np.array([grades.get(document, 0) for document in top], np.float64)
            scores.append(ndcg(gains, np.array([*grades.values()], np.float64), TOP))
    return float(np.mean(scores)) if scores else None
