"""Search with txtai."""

import json
import os
from typing import Any

from txtai import Embeddings  # type: ignore[import-not-found]

embeddings = Embeddings()
embeddings.load(os.environ["INDEX"])


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer an API Gateway event with the ids and cosines of the 10 nearest documents."""
    found = embeddings.search(json.loads(event["body"])["query"], 10)
    hits = [{"id": key, "score": float(score)} for key, score in found]
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"hits": hits}),
    }
