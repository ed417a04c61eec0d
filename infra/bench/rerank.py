"""CPU time of reranking 10, 20 and 50 candidates with the reranker of a model bundle.

python -m infra.bench.rerank model infra/demo/corpus.jsonl
"""

import time
from pathlib import Path

from handler.bundle import ModelFiles
from handler.corpus.document import Document
from handler.corpus.records import read_corpus
from handler.reranker import Reranker
from infra.bench.start import start

QUERY = "a quiet book about grief that isn't depressing"
WORDS, RUNS = 70, 7


def main(model: Path, corpus: Path) -> None:
    """Print the least milliseconds of RUNS, for the first texts of the corpus cut after WORDS."""
    reranker = Reranker.open(model / ModelFiles.RERANKER)
    documents = (item for item in read_corpus(corpus) if isinstance(item, Document))
    texts = [
        " ".join(document.text.split()[:WORDS])
        for document, _ in zip(documents, range(50), strict=False)
    ]
    for count in (10, 20, 50):
        times = []
        for _ in range(RUNS):
            started = time.process_time()
            reranker.score(QUERY, texts[:count], 3600)
            times.append(time.process_time() - started)
        print(f"{count} candidates: {1000 * min(times):.0f} ms")


if __name__ == "__main__":
    start(main)
