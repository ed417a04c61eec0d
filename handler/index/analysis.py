"""Text analysis: words, stems, stop words, and scripts that write no spaces."""

import re
import unicodedata

import tantivy

LANGUAGES = (
    "arabic danish dutch english finnish french german greek hungarian italian norwegian "
    "portuguese romanian russian spanish swedish tamil turkish"
).split()
WITH_STOP_WORDS = (
    "danish dutch english finnish french german hungarian italian norwegian portuguese russian "
    "spanish swedish"
).split()
MAX_TERM_CHARS = 60
# Languages that write compounds as one word.
COMPOUNDING = "danish dutch finnish german hungarian norwegian swedish".split()
# Words that people ask with, beyond the stop words of the analyzer.
ASKING = {
    "english": frozenset(
        "about am anybody anyone anything can could did do does doing find give he her him his how i "
        "know like look looking me my our please search searching shall she should show so some "
        "somebody someone something tell us want we what when where which who whom whose why would "
        "you your".split()
    )
}
# Letters that lower case and the removal of accents leave different; one stands for one.
LETTERS = str.maketrans("İЁё⁄", "iЕе/")
# Scripts that write no spaces are indexed as overlapping pairs of characters.
# Korean has spaces, but a word has its particles: 서울에서 is in Seoul.
UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uac00-\ud7a3\uf900-\ufaff]+"
)
# Letters in half or full width, and fractions, are other letters and numbers in disguise.
DISGUISED = re.compile(r"[\uff01-\uffef\u00bc-\u00be\u2150-\u215e]+")


def analyzer(language: str) -> tantivy.TextAnalyzer:
    """Return the analyzer for one of LANGUAGES or "none": lower case, stems, no accents."""
    return _stemming(tantivy.Tokenizer.simple(), language)


def name_analyzer(language: str) -> tantivy.TextAnalyzer:
    """Return the analyzer of names that are separated by spaces alone, and may have symbols."""
    return _stemming(tantivy.Tokenizer.whitespace(), language)


def _stemming(tokenizer: tantivy.Tokenizer, language: str) -> tantivy.TextAnalyzer:
    builder = tantivy.TextAnalyzerBuilder(tokenizer)
    builder = builder.filter(tantivy.Filter.remove_long(MAX_TERM_CHARS))
    builder = builder.filter(tantivy.Filter.lowercase())
    if language == "english":  # its stemmer takes café and cafe for different words
        builder = builder.filter(tantivy.Filter.ascii_fold())
    if language in LANGUAGES:
        builder = builder.filter(tantivy.Filter.stemmer(language))
    return builder.filter(tantivy.Filter.ascii_fold()).build()


def content_analyzer(language: str) -> tantivy.TextAnalyzer:
    """Return an analyzer that does not stem, and drops the known stop words of the language."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple()).filter(
        tantivy.Filter.lowercase()
    )
    if language in WITH_STOP_WORDS:
        builder = builder.filter(tantivy.Filter.stopword(language))
    return builder.build()


def word_analyzer() -> tantivy.TextAnalyzer:
    """Return the analyzer of words as they are written, in lower case and without accents."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    builder = builder.filter(tantivy.Filter.remove_long(MAX_TERM_CHARS))
    return builder.filter(tantivy.Filter.lowercase()).filter(tantivy.Filter.ascii_fold()).build()


def spaced(text: str) -> str:
    """Write runs of a script without spaces as overlapping pairs: 東京都 becomes 東京 京都.

    Letters are composed with their accents, which would else end a word.
    """
    if text.isascii():
        return text
    return UNSPACED.sub(lambda run: f" {_pairs(run[0])} ", composed(text))


def composed(text: str) -> str:
    """Write letters with their accents as one, in usual width, and fractions with a slash."""
    if text.isascii():
        return text
    plain = DISGUISED.sub(lambda run: unicodedata.normalize("NFKC", run[0]), text)
    return unicodedata.normalize("NFC", plain).translate(LETTERS)


def _pairs(run: str) -> str:
    return " ".join(run[i : i + 2] for i in range(len(run) - 1)) or run
