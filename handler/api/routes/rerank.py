"""POST /rerank, as Text Embeddings Inference has it, and /v2/rerank, as Cohere's API has it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from fastapi import FastAPI

from handler.api.answers import JsonResponse
from handler.api.requests import RerankRequest, TextsRerankRequest
from handler.api.routing import add_route
from handler.errors import InvalidRequest
from handler.search.bounds import RERANK, check_items, check_text, check_unicode
from handler.service import Service
from handler.settings import Settings

if TYPE_CHECKING:
    from handler.api.shapes import RankedBody, RerankAnswer, ScoredTextBody

Scores = npt.NDArray[np.float32]
# The gateway in front of the function gives up after 30 seconds.
SECONDS = 20.0


def add_routes(app: FastAPI, settings: Settings, load: Callable[[], Service]) -> None:
    """Add the routes to `app`; `load` returns the service."""

    def score(query: str, texts: list[str], name: str) -> Scores:
        check_items(texts, name, RERANK, settings)
        check_unicode(texts, name)
        query = check_text(query, "query", settings)
        reranker = load().reranker
        if reranker is None:
            raise InvalidRequest(
                "the model bundle of this function has no reranker; export one with --reranker"
            )
        scores = reranker.score(query, texts, SECONDS)
        if scores is None:
            raise InvalidRequest(
                f"{len(texts)} {name} take longer than {SECONDS:g} seconds; send fewer or shorter ones"
            )
        return scores

    def rerank(body: RerankRequest) -> JsonResponse:
        """Order documents by how well they fit a query, the best first."""
        texts = [each if isinstance(each, str) else each.text for each in body.documents]
        scores = score(body.query, texts, "documents")
        results: list[RankedBody] = []
        for at in best_first(scores)[: body.top_n]:
            result: RankedBody = {"index": at, "relevance_score": float(scores[at])}
            if body.return_documents:
                result["document"] = {"text": texts[at]}
            results.append(result)
        answer: RerankAnswer = {"results": results}
        return JsonResponse(answer)

    def rerank_texts(body: TextsRerankRequest) -> JsonResponse:
        """Order texts by how well they fit a query, the best first."""
        scores = score(body.query, body.texts, "texts")
        answer: list[ScoredTextBody] = []
        for at in best_first(scores):
            result: ScoredTextBody = {"index": at, "score": float(scores[at])}
            if body.return_text:
                result["text"] = body.texts[at]
            answer.append(result)
        return JsonResponse(answer)

    add_route(app, "POST", "/v2/rerank", "rerank", rerank, long=True)
    add_route(app, "POST", "/rerank", "rerank_texts", rerank_texts, long=True)


def best_first(scores: Scores) -> list[int]:
    """Return the places of scores, the highest first, equal ones in their order."""
    places: list[int] = np.argsort(-scores, kind="stable").tolist()
    return places
