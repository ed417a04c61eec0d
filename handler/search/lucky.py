"""A document by chance."""

import random

from handler.corpus.document import Document
from handler.index.index_version import IndexVersion

# A document worth showing has a title and some text. So many draws at most look for one.
DRAWS = 20
# Asks the system: the state of the module `random` is the same in each copy of a SnapStart snapshot.
CHANCE = random.SystemRandom()
ENOUGH_CHARS = 80


def lucky(index: IndexVersion) -> Document:
    """Return a random document, preferably one that has a title and some text."""
    for _ in range(DRAWS):
        document = index.document(CHANCE.choice(index.rows))
        if document.title and len(document.text) >= ENOUGH_CHARS:
            break
    return document
