"""How an index is built, as people write it: passages, overlap, precision, language."""

from handler.corpus.passages import Split
from handler.errors import InvalidRequest
from handler.index.vectors import PRECISIONS
from handler.index.writer import Options


def build_options(passages: str, overlap: int, precision: str, language: str) -> Options:
    """Read the options of a command line or of settings; an overlap below 0 means a quarter of a passage.

    Raises:
        InvalidRequest: an option can't be used.
    """
    if precision not in PRECISIONS:
        raise InvalidRequest(f"precision is {precision!r}; use one of {', '.join(PRECISIONS)}")
    if passages != "off" and not passages.isdecimal():
        raise InvalidRequest(
            f"passages is {passages!r}; use a number of tokens, such as 96, or off"
        )
    try:
        size = 0 if passages == "off" else int(passages)
        split = Split(size, overlap if size and overlap >= 0 else size // 4)
        return Options(split, "f16" if precision == "f16" else "i8", language)
    except ValueError as cause:
        raise InvalidRequest(str(cause)) from cause


def changed_options(
    current: Options, passages: str, overlap: int, precision: str, language: str
) -> Options:
    """Return `current` with the options that are given.

    An empty text, or -1 as overlap, changes nothing. A new passage size without an overlap gets
    a new overlap.

    Raises:
        InvalidRequest: an option can't be used.
    """
    size = str(current.split.size) if current.split.size else "off"
    return build_options(
        passages or size,
        overlap if passages or overlap >= 0 else current.split.overlap,
        precision or current.precision,
        language or current.language,
    )
