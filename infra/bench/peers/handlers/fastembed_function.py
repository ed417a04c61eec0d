"""Search with fastembed and NumPy."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from fastembed import TextEmbedding  # type: ignore[import-not-found]

index = Path(os.environ["INDEX"])
ids = json.loads((index / "ids.json").read_text("utf-8"))
vectors = np.load(index / "vectors.npy")
model = TextEmbedding(
    "sentence-transformers/all-MiniLM-L6-v2",
    specific_model_path=str(Path(__file__).with_name("model")),
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer an API Gateway event with the ids and cosines of the 10 nearest documents."""
    scores = vectors @ next(iter(model.embed(json.loads(event["body"])["query"])))
    best = np.argsort(-scores)[:10]
    hits = [{"id": ids[row], "score": float(scores[row])} for row in best]
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"hits": hits}),
    }
