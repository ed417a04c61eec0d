"""A search from the command line, through the same checks and answers as over HTTP."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from handler.api.answers import search_answer
from handler.api.requests import SearchBody
from handler.encoder import Encoder
from handler.errors import InvalidRequest
from handler.search.searcher import Searcher
from handler.service import Service
from handler.settings import Settings
from handler.storage.store import Store


def ask(
    fields: dict[str, Any], filter_json: str, *, store: str, name: str, model: Path
) -> dict[str, Any]:
    """Return the body that POST /search would answer with.

    Raises:
        InvalidRequest: a field of the request is wrong.
        QuerytowerError: model, store or index can't be used.
    """
    settings = Settings(store=store, index=name, model=str(model.absolute()))
    try:
        condition = json.loads(filter_json) if filter_json else None
        request = SearchBody(**fields, filter=condition).request(settings)
    except ValidationError as cause:
        first = cause.errors()[0]
        raise InvalidRequest(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from cause
    except (ValueError, RecursionError) as cause:
        raise InvalidRequest(f"--filter is not JSON: {cause}") from cause
    encoder = Encoder.open(model)
    service = Service(settings, encoder, Searcher(encoder), Store.open(store))
    index = service.index()
    return search_answer(index, request, service.searcher.search(index, request), settings)
