"""Save txtai's index of vectors that were made before: python txtai_index.py FOLDER MODEL, in txtai's environment.

FOLDER has vectors.npy and ids.json, and gets the index.
"""

import json
import sys
from pathlib import Path

import numpy as np
from txtai import Embeddings  # type: ignore[import-not-found]


def main(folder: str, model: str) -> None:
    """Index the vectors as they are, then enter the model that is to encode the queries."""
    vectors = np.load(Path(folder, "vectors.npy"))
    ids = json.loads(Path(folder, "ids.json").read_text("utf-8"))
    embeddings = Embeddings(method="external")
    embeddings.index((key, vector, None) for key, vector in zip(ids, vectors, strict=True))
    embeddings.config |= {"method": "transformers", "path": model, "maxlength": 256}
    embeddings.save(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
