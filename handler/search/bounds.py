"""Bounds of what a caller may ask for. The upper ones are settings, so each check gets those."""

import json
from collections.abc import Sequence, Sized
from dataclasses import dataclass

from handler.errors import InvalidRequest
from handler.settings import PREFIX, Settings


@dataclass(frozen=True, slots=True)
class Bounds:
    """Least value of an option, and the name of the setting that holds its greatest.

    They apply to the number itself, to the characters of a text, and to the items of a list.
    """

    least: int
    setting: str

    def greatest(self, settings: Settings) -> int:
        """Return the upper bound."""
        return int(getattr(settings, self.setting))

    @property
    def variable(self) -> str:
        """Environment variable that sets the upper bound."""
        return PREFIX + self.setting.upper()


K = Bounds(1, "max_k")
OFFSET = Bounds(0, "max_offset")
QUERY_CHARS = Bounds(1, "max_query_chars")
BATCH = Bounds(1, "max_batch")
RERANK = Bounds(0, "max_rerank")
FACETS = Bounds(0, "max_batch")
FIELDS = Bounds(0, "max_batch")
FACET_VALUES = Bounds(1, "max_facet_values")
VECTOR = Bounds(0, "max_vector")
UNLIKE = Bounds(0, "max_k")
IDS = Bounds(1, "max_k")


def check_number(value: int, name: str, bounds: Bounds, settings: Settings) -> None:
    """Raise InvalidRequest unless `value` is within `bounds`."""
    greatest = bounds.greatest(settings)
    if not bounds.least <= value <= greatest:
        raise InvalidRequest(
            f"{name} is {value}; it may be {bounds.least} to {greatest} ({bounds.variable})"
        )


def check_items(values: Sized, name: str, bounds: Bounds, settings: Settings) -> None:
    """Raise InvalidRequest unless the list `values` is as long as `bounds` allow."""
    greatest = bounds.greatest(settings)
    if not bounds.least <= len(values) <= greatest:
        raise InvalidRequest(f"{len(values)} {name} were asked for; {greatest} at most")


def check_total(texts: Sequence[str], name: str, settings: Settings) -> None:
    """Raise InvalidRequest if `texts` are too long in all, as encoding them takes seconds."""
    total, most = sum(map(len, texts)), settings.max_encoded_chars
    if total > most:
        raise InvalidRequest(
            f"{name} have {total} characters in all; {most} at most "
            f"({PREFIX}MAX_ENCODED_CHARS); send them in several requests"
        )


def check_text(text: str, name: str, settings: Settings) -> str:
    """Return `text` without surrounding white space.

    Raises:
        InvalidRequest: nothing is left, it is too long, or it is not valid Unicode.
    """
    greatest = QUERY_CHARS.greatest(settings)
    if len(text) > greatest:
        raise InvalidRequest(
            f"{name} has {len(text)} characters; {greatest} at most ({QUERY_CHARS.variable})"
        )
    text = text.strip()
    if not text:
        raise InvalidRequest(f"{name} is empty; say what to search for")
    check_unicode(text, name)
    return text


def check_unicode(value: object, name: str) -> None:
    """Raise InvalidRequest if a text anywhere in `value`, which came from JSON, is not Unicode."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InvalidRequest(f"{name} holds half of a surrogate pair, which is not text") from None
