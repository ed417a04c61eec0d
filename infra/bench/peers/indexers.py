"""Index documents with one engine, and print the seconds it took without imports and loading.

Run it in that engine's environment: python indexers.py ENGINE MODEL DOCUMENTS TOKENS. DOCUMENTS is
JSONL with id, title and text; TOKENS is how many tokens of a text are encoded.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

Record = dict[str, str]
Index = Callable[[Sequence[Record]], object]


def querytower(model: str, tokens: int) -> Index:
    """Do what `querytower index --passages off` does: vectors, text index, suggestions."""
    from handler.corpus.document import Document
    from handler.corpus.passages import Split
    from handler.encoder import Encoder
    from handler.index.writer import Options, build_version

    threads = os.cpu_count() or 1
    encoder = Encoder.open(Path(model), threads)
    if encoder.manifest.max_tokens != tokens:
        raise SystemExit(
            f"{model} encodes {encoder.manifest.max_tokens} tokens, not {tokens}; "
            "export the default model"
        )

    def index(records: Sequence[Record]) -> None:
        documents = (
            Document(id=r["id"], title=r["title"], text=r["text"], url="", metadata={})
            for r in records
        )
        with tempfile.TemporaryDirectory() as folder:
            build_version(
                documents,
                Path(folder),
                name="bench",
                schema={},
                encoder=encoder,
                options=Options(Split(0, 0)),
            )

    return index


def fastembed(model: str, tokens: int) -> Index:
    """Vectors alone, in the default batches of 256."""
    from fastembed import TextEmbedding  # type: ignore[import-not-found]

    embedding = TextEmbedding("sentence-transformers/all-MiniLM-L6-v2", specific_model_path=model)
    embedding.model.tokenizer.enable_truncation(tokens)
    return lambda records: list(embedding.embed([_text(record) for record in records]))


def sentence_transformers(model: str, tokens: int) -> Index:
    """Vectors alone, in the default batches of 32."""
    from sentence_transformers import SentenceTransformer  # type: ignore[import-not-found]

    encoder = SentenceTransformer(model, device="cpu")
    encoder.max_seq_length = tokens
    return lambda records: encoder.encode([_text(record) for record in records])


def txtai(model: str, tokens: int) -> Index:
    """Vectors and the default index, which is of Faiss."""
    from txtai import Embeddings  # type: ignore[import-not-found]

    embeddings = Embeddings(path=model, maxlength=tokens)
    return lambda records: embeddings.index(
        (record["id"], _text(record), None) for record in records
    )


def _text(record: Record) -> str:
    return f"{record['title']} {record['text']}"


def main(engine: str, model: str, documents: str, tokens: str) -> None:
    """Load the engine, index a few documents to warm up, then time all of them."""
    records = [json.loads(line) for line in Path(documents).read_text("utf-8").splitlines()]
    engines = {"querytower": querytower, "fastembed": fastembed, "txtai": txtai}
    index = (engines | {"sentence-transformers": sentence_transformers})[engine](model, int(tokens))
    index(records[:8])
    started = perf_counter()
    index(records)
    print(json.dumps({"seconds": perf_counter() - started}))


if __name__ == "__main__":
    main(*sys.argv[1:])
