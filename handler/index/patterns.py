"""Regular expressions for parts of texts, as Tantivy reads them."""

import re

ANYTHING = "(?s:.*)"


def pattern(text: str, *, before: str = "", after: str = "", fold: bool = False) -> str:
    """Return the regular expression for a text, literally, between two expressions.

    With `fold`, upper and lower case are the same.
    """
    literal = re.sub(r"[\\.+*?()|\[\]{}^$#&~-]", r"\\\g<0>", text)
    return f"{before}{'(?i:' if fold else '(?:'}{literal}){after}"
