"""AsciiDoc inside a paragraph: links, macros and formatting, as a reader sees them."""

import re
from collections.abc import Mapping

ATTRIBUTE = re.compile(r"\\?\{([\w-]+)(?::[^{}]*)?\}")
KNOWN = {"nbsp": " ", "zwsp": "", "plus": "+", "sp": " ", "amp": "&", "lt": "<", "gt": ">", "cpp": "C++",
         "startsb": "[", "endsb": "]", "vbar": "|", "caret": "^", "asterisk": "*", "tilde": "~",
         "backslash": "\\", "backtick": "`", "two-colons": "::", "two-semicolons": ";;", "empty": "",
         "blank": "", "apos": "'", "quot": '"', "lsquo": "‘", "rsquo": "’", "ldquo": "“", "rdquo": "”"}  # fmt: skip
TARGET = r"[^\s\[\]]+"
MACROS = [
    (re.compile(r"\[\[[^\[\]]*\]\]|\banchor:" + TARGET + r"\[[^\]]*\]|(?<!\w)icon:[\w-]+\[[^\]]*\]"), ""),
    (re.compile(r"<<[^<>,]*,\s*([^<>]+)>>"), r"\1"),
    (re.compile(r"<<#?([^<>,]+)>>"), r"\1"),
    (re.compile(r"\bxref:" + TARGET + r"\[([^\]]+)\]"), r"\1"),
    (re.compile(r"\bxref:#?(" + TARGET + r")\[\]"), r"\1"),
    (re.compile(r"\bimage:(?!:)" + TARGET + r"\[(?:\"([^\"]*)\"|([^\],=]*))?[^\]]*\]"), r"\1\2"),
    (re.compile(r"\b(?:footnote(?:ref)?:[\w-]*|kbd:|btn:|stem:|latexmath:|asciimath:|pass:\w*)\[([^\]]*)\]"), r" \1"),
    (re.compile(r"\bmenu:([^\[\]]+)\[([^\]]*)\]"), r"\1 > \2"),
    (re.compile(r"(?:\b(?:link|mailto):|(?=\b(?:https?|ftp|irc)://))" + TARGET + r"\[\"?([^\]\"^]+)\"?(?:,[^\]]*)?\^?[^\]]*\]"), r"\1"),
    (re.compile(r"\b(?:link|mailto):(" + TARGET + r")\[[^\]]*\]|(\b(?:https?|ftp)://" + TARGET + r")\[[^\]]*\]"), r"\1\2"),
    (re.compile(r"\(\(\([^()]*\)\)\)"), ""),
    (re.compile(r"\(\(([^()]+)\)\)"), r"\1"),
    (re.compile(r"(?<=\s)\+$|^\+$", re.MULTILINE), ""),
]  # fmt: skip
ROLE = r"(?:\[[.#%\w][^\[\]]*\])?"
QUOTED = re.compile(r"\"`(.+?)`\"|'`(.+?)`'", re.DOTALL)
# Doubled marks first: they work inside words too.
MARKS = [
    (re.compile(ROLE + r"(\*\*|__|``|##)(?!\s)(.+?)\1", re.DOTALL), r"\2"),
    (re.compile(r"(?<![\w:;}])" + ROLE + r"([*_`#])(?=\S)((?:(?!\n\n).)+?)(?<=\S)\1(?!\w)", re.DOTALL), r"\2"),
    (re.compile(r"(?<!\w)\+\+?(?=\S)([^+\n]+?)(?<=\S)\+\+?(?!\w)"), r"\1"),
    (re.compile(r"[\^~](?=\S)([^\s^~]+)[\^~]"), r"\1"),
]  # fmt: skip
CODE = re.compile(r"(?<![\w`])`\+?(?=\S)([^`\n]+?)(?<=\S)\+?`(?![\w`])")
HELD = "\ue000"


def plain_inline(text: str, attributes: Mapping[str, str]) -> str:
    """Return a paragraph as a reader sees it; attributes that are not known leave it."""
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        held.append(match[1])
        return f"{HELD}{len(held) - 1}{HELD}"

    def attribute(match: re.Match[str]) -> str:
        if match[0].startswith("\\"):
            return match[0][1:]
        return attributes.get(match[1].lower(), KNOWN.get(match[1].lower(), ""))

    # Code keeps its characters, apart from attributes.
    text = QUOTED.sub(r"“\1\2”", ATTRIBUTE.sub(attribute, text))
    text = CODE.sub(hold, text)
    for pattern, shown in MACROS:
        text = pattern.sub(shown, text)
    for _ in range(2):  # marks inside marks
        for pattern, shown in MARKS:
            text = pattern.sub(shown, text)
    return re.sub(rf"{HELD}(\d+){HELD}", lambda match: held[int(match[1])], text)
