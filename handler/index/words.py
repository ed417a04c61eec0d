"""The words of a text and their stems, in the language of an index; no index is needed."""

from collections.abc import Collection

from handler.index.analysis import (
    ASKING,
    COMPOUNDING,
    analyzer,
    content_analyzer,
    name_analyzer,
    spaced,
    word_analyzer,
)
from handler.index.names import camel_parts

MAX_WORDS = 512
# Characters at the end of a query that its last word is looked for in.
MAX_TAIL = 200


class Words:
    """What makes words and stems of texts."""

    def __init__(self, language: str) -> None:
        """Take the analyzers of one of LANGUAGES, or of "none"."""
        self.words = analyzer(language)
        self._content = content_analyzer(language)
        self._plain = word_analyzer()
        self._names = name_analyzer(language)
        self._asking = ASKING.get(language, frozenset())
        self.compounding = language in COMPOUNDING
        self.english = language == "english"

    def content_words(self, text: str) -> dict[str, str]:
        """Return the words of `text` that carry meaning, or all if none does, with their stems.

        Words inside names such as getUserName follow.
        """
        spread = " ".join([spaced(text), *camel_parts(text)])
        words = self._content.analyze(spread) or self._plain.analyze(spread)
        stems: dict[str, str] = {}
        for word in words:
            stem = self.stem(word)
            if stem and len(stems) < MAX_WORDS:
                stems.setdefault(stem, word)
        return {word: stem for stem, word in stems.items()}

    def asking_words(self, words: Collection[str]) -> set[str]:
        """Return those of `words` that people ask with, unless there are no others."""
        asking = {word for word in words if word in self._asking}
        return asking if len(asking) < len(words) else set()

    def last_word(self, text: str) -> str:
        """Return the last word as it is written, or nothing if something follows it."""
        words: list[str] = self._plain.analyze(spaced(text)[-MAX_TAIL:])
        return words[-1] if words and text[-1:].isalnum() else ""

    def stem(self, word: str) -> str:
        """Return the stem of a word as the index has it, or nothing for what is no word."""
        return next(iter(self.words.analyze(word)), "")

    def plain(self, word: str) -> str:
        """Return a word in lower case and without accents."""
        return next(iter(self._plain.analyze(word)), "")

    def name(self, name: str) -> str:
        """Return a name as the index has it: in lower case, without accents, stemmed."""
        return next(iter(self._names.analyze(name)), "")
