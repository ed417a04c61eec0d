"""A document by chance."""

import random

from handler.corpus.document import Document
from handler.index.engine import Engine

# A document worth showing has a title and some text. So many draws at most look for one.
DRAWS = 20
# Asks the system: the state of the module `random` is the same in each copy of a SnapStart snapshot.
CHANCE = random.SystemRandom()
ENOUGH_CHARS = 80


def lucky(index: Engine) -> Document:
    """Return a random document, preferably one that has a title and some text."""
    for _ in range(DRAWS):
        drawn = CHANCE.randrange(index.manifest.documents)
        # The row may belong to a document that is gone; the next one is drawn then.
        document = index.documents_at(index.rows_after(drawn - 1, None, 1))[0]
        if document.title and len(document.text) >= ENOUGH_CHARS:
            break
    return document
