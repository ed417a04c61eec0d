"""Queries that watch over an index: judged ones measure it, and all of them show what a new version changes."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from handler.encoder import Encoder
from handler.errors import CorpusError
from handler.index.index_version import IndexVersion
from handler.search.ranking import rank
from handler.versions.repository import IndexRepository

MAX_QUERIES = 500
TOP = 10


@dataclass(frozen=True, slots=True)
class Golden:
    """Golden queries: texts by query id, grades by query id and document id.

    `etag` changes whenever one of the files does.
    """

    queries: Mapping[str, str]
    judgments: Mapping[str, Mapping[str, int]]
    etag: str = ""

    @classmethod
    def load(cls, repository: IndexRepository) -> Self:
        """Read queries.jsonl and all .tsv files of judgments, in BEIR's layout, of an index.

        Raises:
            CorpusError: a file is malformed.
            StoreError: the store fails.
        """
        queries: dict[str, str] = {}
        judgments: dict[str, dict[str, int]] = defaultdict(dict)
        store = repository.store
        listed = store.list(repository.layout.golden)
        files = [each for each in listed if each.path.endswith((".jsonl", ".tsv"))]
        for each in files:
            for number, line in enumerate(store.get(each.path)[0].splitlines(), start=1):
                try:
                    if each.path.endswith(".jsonl") and line.strip() and len(queries) < MAX_QUERIES:
                        query = json.loads(line)
                        queries[str(query["_id"])] = query["text"].strip() or "?"
                    elif each.path.endswith(".tsv") and line.strip() and number > 1:
                        query_id, document_id, grade = line.decode().split("\t")
                        judgments[query_id][document_id] = int(grade)
                except (ValueError, KeyError, TypeError, AttributeError) as cause:
                    raise CorpusError(
                        f"{repository.location(each.path)} line {number} is no query or "
                        f"judgment: {cause}; queries are {{_id, text}} in JSON lines, judgments "
                        "three columns with tabs below a header"
                    ) from cause
        return cls(queries, judgments, " ".join(each.etag for each in files))


@dataclass(frozen=True, slots=True)
class GoldenResults:
    """Per query id: the ids of the top documents of a hybrid search, and the cosine of the nearest passage."""

    tops: dict[str, list[str]]
    nearest: dict[str, float]

    @classmethod
    def of(cls, index: IndexVersion, encoder: Encoder, queries: Mapping[str, str]) -> Self:
        """Search for every query."""
        tops, nearest = {}, {}
        for key, text in queries.items():
            vector = encoder.encode([text], "query")[0]
            words = index.text.query(text)
            found = rank(index, "hybrid", vector=vector, keyword_query=words, depth=TOP)
            tops[key] = [index.document(int(row)).id for row in found.documents[:TOP]]
            nearest[key] = float(index.vectors.search(vector, 1)[1][0])
        return cls(tops, nearest)


def mean_ndcg(
    tops: Mapping[str, list[str]], judgments: Mapping[str, Mapping[str, int]]
) -> float | None:
    """Return the mean nDCG@10, with linear gains, over the queries that have a relevant document; None if none has."""
    scores = [
        _discounted([judgments[key].get(document, 0) for document in top])
        / _discounted(sorted(judgments[key].values(), reverse=True)[:TOP])
        for key, top in tops.items()
        if key in judgments and max(judgments[key].values()) > 0
    ]
    return float(np.mean(scores)) if scores else None


def _discounted(grades: list[int]) -> float:
    return float(sum(max(grade, 0) / np.log2(rank + 2) for rank, grade in enumerate(grades)))
