"""A search from the command line, through the checks and answers of HTTP."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from handler.api.answers import search_answer
from handler.encoder import Encoder
from handler.errors import InvalidRequest
from handler.search.parameters import LISTS, items
from handler.search.request import SearchRequest, first_fault
from handler.search.searcher import Searcher
from handler.service import Service, open_reranker, second_stage
from handler.settings import Settings
from handler.storage.store import Store

if TYPE_CHECKING:
    from handler.api.shapes import SearchAnswer


def ask(options: Mapping[str, Any], *, store: str, name: str, model: Path) -> "SearchAnswer":
    """Return the body that POST /search would answer with.

    Args:
        options: Values by the names of SearchRequest's fields; lists with commas, the filter in
            JSON, and "" for no filter.
        store: Folder or URL that holds the index.
        name: Name of the index.
        model: Folder of the model bundle.

    Raises:
        InvalidRequest: an option is wrong.
        QuerytowerError: model, store or index can't be used.
    """
    settings = Settings(store=store, index=name, model=str(model.absolute()))
    values = {key: items(value) if key in LISTS else value for key, value in options.items()}
    values = {key: value for key, value in values.items() if value != ""}
    values["filter"] = _filter(options["filter"])
    try:
        request = SearchRequest.model_validate(values).within(settings)
    except ValidationError as cause:
        raise InvalidRequest(first_fault(cause.errors())) from cause
    encoder = Encoder.open(model)
    stage = second_stage(settings, open_reranker(settings))
    searcher = Searcher(encoder, second_stage=stage)
    service = Service(
        settings=settings, encoder=encoder, searcher=searcher, store=Store.open(store)
    )
    index = service.index()
    return search_answer(index, request, service.searcher.search(index, request), settings)


def _filter(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError) as cause:
        raise InvalidRequest(f"--filter is not JSON: {cause}") from cause
