"""The second stage: a cross-encoder puts the first candidates of a ranking in a better order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from handler.corpus.document import Document
from handler.errors import InvalidRequest
from handler.index.engine import Engine
from handler.search.ranking import NO_PASSAGE, Ranking
from handler.search.request import SearchRequest

if TYPE_CHECKING:
    from handler.reranker import Reranker

# Orders that are kept, so that all pages of a query have the same, even one that came too late.
KEPT = 200


@dataclass(frozen=True, slots=True)
class RerankSettings:
    """Candidates to rank again unless a request says otherwise, and the seconds that may take."""

    candidates: int = 0
    seconds: float = 1.0


class SecondStage:
    """Ranks the first candidates of a query again, if there is a reranker."""

    def __init__(
        self, reranker: "Reranker | None" = None, settings: RerankSettings = RerankSettings()
    ) -> None:
        """Take the reranker of the model bundle, which may have none."""
        self._reranker = reranker
        self._settings = settings
        self._scores = lru_cache(KEPT)(self._score)

    def candidates(self, request: SearchRequest) -> int:
        """Return how many candidates of a request are ranked again, as it says or as is set.

        Raises:
            InvalidRequest: it asks for some, and there is no reranker.
        """
        if self._reranker is not None and "rerank" not in request.model_fields_set:
            return self._settings.candidates
        if self._reranker is None and request.rerank:
            raise InvalidRequest(
                f"rerank is {request.rerank}, but the model bundle of this function has no "
                "reranker; leave rerank out, or export a bundle with --reranker"
            )
        return request.rerank

    def apply(self, index: Engine, ranking: Ranking, query: str, count: int) -> Ranking:
        """Order the first `count` documents by their scores; all stay in place if time runs out."""
        count = min(count, len(ranking.documents))
        if count < 2 or not query:
            return ranking
        documents = index.documents_at(ranking.documents[:count])
        texts = tuple(_text(index, ranking, at, each) for at, each in enumerate(documents))
        scores = self._scores(query, texts)
        if scores is None:
            return ranking
        first = np.argsort(-np.array(scores), kind="stable")
        order = np.concatenate([first, np.arange(count, len(ranking.documents))])
        reranked = np.full(len(ranking.documents), np.nan)
        reranked[:count] = scores
        return replace(ranking, reranked=reranked).take(order)

    def _score(self, query: str, texts: Sequence[str]) -> tuple[float, ...] | None:
        if self._reranker is None:
            return None
        scores = self._reranker.score(query, texts, self._settings.seconds)
        return None if scores is None else tuple(scores.tolist())


def _text(index: Engine, ranking: Ranking, at: int, document: Document) -> str:
    """Return title and best passage of a candidate; without vectors its first passage is best."""
    row, passage = int(ranking.documents[at]), int(ranking.passages[at])
    if passage == NO_PASSAGE:
        passage = int(index.passages_of(np.array([row]))[0])
    return f"{document.title}\n{document.text[slice(*index.span(passage))]}".strip()
