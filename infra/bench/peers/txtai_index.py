"""Save txtai's index of given vectors: python txtai_index.py FOLDER MODEL.

Run it in txtai's environment. FOLDER has vectors.npy and ids.json, and receives the index.
"""

import json
import sys
from pathlib import Path

import numpy as np
from txtai import Embeddings  # type: ignore[import-not-found]


def main(folder: str, model: str) -> None:
    """Index the vectors as they are, then set the model that encodes the queries."""
    vectors = np.load(Path(folder, "vectors.npy"))
    ids = json.loads(Path(folder, "ids.json").read_text("utf-8"))
    embeddings = Embeddings(method="external")
    embeddings.index((key, vector, None) for key, vector in zip(ids, vectors, strict=True))
    embeddings.config |= {"method": "transformers", "path": model, "maxlength": 256}
    embeddings.save(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
