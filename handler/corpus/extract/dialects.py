"""What Markdown dialects add to CommonMark, taken away or turned into it before a parser reads it.

MkDocs, Docusaurus, VitePress, Hugo, Jekyll, Obsidian, MyST and MDX each have blocks, links and
templates of their own. Nothing inside code is touched.
"""

import re
from collections.abc import Iterator

FENCE = re.compile(r"^(\s*(?:(?:>|[-*+]|\d+[.)])\s+)*)(`{3,}|~{3,})(.*)$")
# !!! note "Title", ??? tip, === "Tab": what is indented below belongs to it.
INDENTED_BLOCK = re.compile(
    r'^([ \t]*)(?:!!!|\?\?\?\+?|===[!+]?)[ \t]+(?:[\w ,/-]*?[ \t]*)(?:"(.*)")?[ \t]*$'
)
# /// note | Title, closed by ///
SLASH_BLOCK = re.compile(r"^[ \t]*/{3,}(?:[ \t]*([\w-]+)[ \t]*(?:\|[ \t]*(.*))?)?$")
OPTION_LINE = re.compile(r"^[ \t]+[\w-]+:[ \t].*$|^[ \t]*:[\w-]+:.*$")
# ::: tip Title, :::note[Title], :::{note} Title, ::: {.class}, closed by :::
COLON_BLOCK = re.compile(r"^[ \t]*:{3,}[ \t]*(?:(\{?[\w!-]+\}?)[ \t]*)?(?:\[(.*)\]|(.*))$")
# ::: package.module, from which mkdocstrings makes a reference
DOCSTRINGS = re.compile(r"^[ \t]*:::[ \t]+([A-Za-z_]\w*(?:\.\w+)+)[ \t]*$")
ATTRIBUTES = re.compile(
    r"[ \t]?\{:?[ \t]*(?:[#.][\w:./-]+|:?[\w:-]+=(?:\"[^\"]*\"|'[^']*'|[^\s{}]+)|(?<=:)toc)"
    r"(?:[ \t]+(?:[#.][\w:./-]+|[\w:-]+=(?:\"[^\"]*\"|'[^']*'|[^\s{}]+)|\w+))*[ \t]*\}"
)
MDX_IMPORT = re.compile(r"^import\b(?:[^\n]*\bfrom)?\s*[\"'][^\"'\n]+[\"'];?[ \t]*$")
MDX_STATEMENT = re.compile(r"^(?:import[ \t{*\"'].*|export[ \t].*)$")
DEFINITION = re.compile(r"^[ \t]{0,3}:[ \t]+(?=\S)")
MYST_TARGET = re.compile(r"^\([\w .:/-]+\)=[ \t]*$")
SNIPPET = re.compile(r"^[ \t]*(?:-+8<-+.*|\{[!*].*[!*]\}|\{%-?[ \t]*(?:end)?raw[ \t]*-?%\})[ \t]*$")
HIGHLIGHT = re.compile(r"^[ \t]*\{%-?[ \t]*(end)?highlight\b.*%\}[ \t]*$")

# One after the other, wherever they begin first; `code` wins over all that is inside it. Lengths are
# bounded: each of many openings that are never closed would be searched to the end of the text.
INLINE = re.compile(
    r"""
    (?P<role>\{[\w:+-]+\}`(?P<role_text>[^`]*?)(?:[ ]*<[^<>`]*>)?`)
  | (?P<code>(?<!`)(?P<ticks>`+)(?!`).{1,5000}?(?<!`)(?P=ticks)(?!`))
  | (?P<comment><!--.*?(?:-->|\Z) | (?<![%\w])%%(?!%).{1,5000}?%%(?![%\w]) | \{/\*.{0,5000}?\*/\})
  | (?P<short>\{\{[<%].{0,500}?[>%]\}\})
  | (?P<liquid>\{%.{0,500}?%\} | \{\{.{0,500}?\}\} | <%.{0,500}?%>)
  | (?P<embed>!\[\[(?P<embedded>[^\[\]\n]*)\]\])
  | (?P<wiki>\[\[(?P<target>[^\[\]\n]*)\]\])
  | (?P<note>^\[\^[^\]\n]+\]:[ \t]* | \[\^[^\]\n]+\])
  | (?P<icon>:(?:material|fontawesome|octicons|simple|lucide)-[\w-]+:)
  | (?P<abbreviation>^\*\[[^\]\n]+\]:.*$)
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
MOST_UNCLOSED = 500
EMPTY_STRONG = re.compile(r"(?<![*])\*\*[ \t]*\*\*(?![*])")
SHOWN = re.compile(
    r"""\b(?:text|title|caption|summary|label|name)=(?:"([^"]*)"|`([^`]*)`|'([^']*)')"""
)
EXPRESSION = re.compile(
    r"(?<!`)(`+)(?!`).{1,5000}?(?<!`)\1(?!`)|\\\{|\{(?:[^{}]|\{[^{}]*\})*\}", re.DOTALL
)
STRING = re.compile(r"""\{\s*["'`]([^"'`]*)["'`]\s*\}""")


def plain_markdown(text: str, *, mdx: bool = False) -> str:
    """Return Markdown without what only one dialect knows; `mdx` means JavaScript is part of it."""
    lines = text.split("\n")
    mdx = mdx or any(MDX_IMPORT.match(line) for line in lines[:20])
    parts: list[str] = []
    for code, part in _code_and_text(_blocks(lines, mdx)):
        parts.append(part if code else _inline(part, mdx))
    return "\n".join(parts)


def _inline(text: str, mdx: bool) -> str:
    if text.count("[") - text.count("]") > MOST_UNCLOSED:
        text = text.replace("[", "\\[")  # a parser looks for the end of each in the whole rest
    text = EMPTY_STRONG.sub("", INLINE.sub(_replacement, text))
    return EXPRESSION.sub(_expression, text) if mdx else text


def _blocks(lines: list[str], mdx: bool) -> list[str]:
    """Return the lines without the frames of blocks; titles become paragraphs."""
    out: list[str] = []
    at, fence = 0, ""
    while at < len(lines):
        line = lines[at]
        at += 1
        if HIGHLIGHT.match(line):
            line = "```"
        if match := FENCE.match(line):
            fence = _next_fence(fence, match)
        elif fence:
            line = "" if SNIPPET.match(line) else line
        elif match := INDENTED_BLOCK.match(line):
            inner, at = _indented(lines, at, len(match[1].expandtabs(4)) + 4)
            title = match[2] or ""
            block = ["", match[1] + title, "", *_blocks(inner, mdx), ""]
            out += [match[1] + each if each and n > 2 else each for n, each in enumerate(block)]
            continue
        elif match := DOCSTRINGS.match(line):
            _, at = _indented(lines, at, 4)
            line = f"\n{match[1]}\n"
        elif title := _frame(line):
            while at < len(lines) and OPTION_LINE.match(lines[at]):
                at += 1
            line = f"\n{title[0]}\n"
        elif SNIPPET.match(line) or MYST_TARGET.match(line):
            line = ""
        elif match := DEFINITION.match(line):
            line = "\n" + line[match.end() :]
        elif mdx and MDX_STATEMENT.match(line):
            while (
                at < len(lines)
                and lines[at].strip()
                and not line.rstrip().endswith(("'", '"', ";"))
            ):
                line, at = lines[at], at + 1
            line = ""
        out.append(line)
    return out


def _frame(line: str) -> list[str] | None:
    """Return the title, in a list, of a line that opens or closes a block with slashes or colons."""
    if match := SLASH_BLOCK.match(line):
        return [match[2] or ""]
    if match := COLON_BLOCK.match(line):
        title = match[2] or match[3] or ""
        return ["" if title.startswith("{") else title]
    return None


def _next_fence(fence: str, match: re.Match[str] | None) -> str:
    """Return the fence that is open after a line that looks like one, given the one before."""
    if match is None:
        return fence
    if not fence:
        opens = match[2][0] == "~" or "`" not in match[3]
        return match[2] if opens else ""
    closes = match[2].startswith(fence) and not match[3].strip()
    return "" if closes else fence


def _indented(lines: list[str], at: int, indent: int) -> tuple[list[str], int]:
    """Return the blank and indented lines from a place, less the indent, and where they end."""
    inner: list[str] = []
    while at < len(lines):
        line = lines[at].expandtabs(4)
        if line.strip() and len(line) - len(line.lstrip()) < indent:
            break
        inner.append(line[indent:])
        at += 1
    return inner, at


def _code_and_text(lines: list[str]) -> Iterator[tuple[bool, str]]:
    """Yield runs of lines as (whether it is fenced code, text)."""
    fence = ""
    run: list[str] = []
    for line in lines:
        before = fence
        if match := FENCE.match(line):
            fence = _next_fence(fence, match)
        if bool(fence) != bool(before) and run and not before:
            yield False, "\n".join(run)
            run = []
        run.append(line)
        if before and not fence:
            yield True, "\n".join(run)
            run = []
    if run:
        yield bool(fence), "\n".join(run)


def _replacement(match: re.Match[str]) -> str:
    """Return what a reader sees of a dialect's inline markup."""
    groups = match.groupdict()
    if groups["code"]:
        return match[0]
    if groups["role"]:
        return str(groups["role_text"])
    if groups["short"]:
        shown = SHOWN.search(match[0])
        return next((text for text in shown.groups() if text), "") if shown else ""
    if groups["wiki"]:
        return _wiki(str(groups["target"]))
    if groups["embed"]:
        name = str(groups["embedded"]).partition("|")[0]
        return "" if re.search(r"\.\w{2,4}$", name.partition("#")[0]) else _wiki(name)
    return _nothing(match)


def _nothing(match: re.Match[str]) -> str:
    """Return what stands for nothing; where that was an attribute's value, a tag needs one."""
    return '""' if match.string[match.start() - 1 : match.start()] == "=" else ""


def _wiki(target: str) -> str:
    """Return what Obsidian shows of [[target]]."""
    place, bar, alias = target.replace("\\|", "|").partition("|")
    if bar and alias.strip():
        return alias.strip()
    parts = [part.strip() for part in place.split("#") if part.strip() and not part.startswith("^")]
    return " > ".join(parts)


def _expression(match: re.Match[str]) -> str:
    """Return what a reader sees of {…} in MDX: a string, or nothing."""
    if match[1]:
        return match[0]
    if match[0] == "\\{":
        return "{"
    if ATTRIBUTES.fullmatch(match[0]):
        return match[0]
    text = STRING.fullmatch(match[0])
    return text[1] if text else _nothing(match)
