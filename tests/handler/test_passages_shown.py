"""Passages on the page: what is shown first, paragraphs, and code."""

import re

import pytest

from handler.corpus.document import Document, Section
from handler.corpus.extract.markdown import extract_markdown
from handler.page.passages import passage, text_blocks
from handler.search.answer import Hit

FILLER = "Nothing of note happens in this sentence at all. "
MANUAL = """# Tool

Run it, with `--fast` if you like, and read what it prints:

```python
def main():
    run()


main()
```

Then read on about {braces} and the rest: it is plain text.

```sh
$ tool --fast
```
"""


def shown(text: str, marked: str, span: tuple[int, int] | None = None, code: bool = False) -> str:
    """Return the passage of a hit in which one word is marked."""
    sections = (Section(0, 0, "", ""),) if code else ()
    document = Document(id="a", title="", text=text, url="", metadata={}, sections=sections)
    start, end = span or (0, len(text))
    highlight = text[start:end].replace(marked, f"<mark>{marked}</mark>")
    return passage(Hit(document=document, score=1.0, passage=(start, end), highlight=highlight))


def at_first(html: str) -> str:
    """Return the text that is shown before the reader wants more."""
    html = re.sub(r'<span class="lead">.*?</span>', "", html, flags=re.DOTALL)
    html = re.sub(r'<(p|pre) class="lead".*?</\1>', "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", "", html).split())


@pytest.mark.parametrize("before", [0, 1, 3, 12])
@pytest.mark.parametrize("after", [0, 1, 12])
def test_the_first_match_is_among_the_first_words(before: int, after: int) -> None:
    text = FILLER * before + "Then a kraken rises. " + FILLER * after
    first = at_first(shown(text.strip(), "kraken"))
    assert first.index("kraken") <= 180
    assert len(first) >= min(150, len(text.strip()))


def test_all_of_the_passage_is_there_for_those_who_want_more() -> None:
    html = shown(FILLER * 9 + "A kraken rises.", "kraken")
    whole = re.sub(r'<span class="cut">.*?</span>|<details.*', "", html, flags=re.DOTALL)
    assert "".join(re.sub(r"<[^>]+>", "", whole).split()) == (
        FILLER * 9 + "A kraken rises."
    ).replace(" ", "")


def test_a_match_in_a_late_paragraph_hides_those_before() -> None:
    text = "\n\n".join([FILLER * 4, FILLER * 4, "A kraken rises. " + FILLER * 9])
    html = shown(text, "kraken", code=True)
    assert html.count('<p class="lead"') == 2
    assert at_first(html).startswith("… A kraken")


def test_a_text_that_was_cut_says_so() -> None:
    text = FILLER * 9
    assert at_first(shown(text, "kraken", span=(49, 98))).startswith("… Nothing")
    assert " …" in at_first(shown(text, "kraken", span=(49, 98)))
    assert "…" not in at_first(shown("Short.", "kraken"))


def test_code_of_markdown_is_code() -> None:
    extract = extract_markdown(MANUAL)
    html = text_blocks(extract.text, code=True)
    code = re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", html, re.DOTALL)
    assert code == ["def main():\n    run()", "$ tool --fast"]
    assert '<p dir="auto">Then read on about {braces} and the rest: it is plain text.</p>' in html


def test_prose_is_no_code() -> None:
    verse = "O wild west wind,\n    thou breath of autumn's being,\n\n  thou"
    assert "<pre" not in text_blocks(verse, code=False)
    listed = "Bring these: a tent; a lamp;\nand a dog.\n\nOne | two | three"
    assert "<pre" not in text_blocks(listed, code=True)


def test_a_mark_over_several_paragraphs_stays_whole() -> None:
    document = Document(id="a", title="", text="One.\n\nTwo.", url="", metadata={})
    hit = Hit(document=document, score=1.0, passage=(0, 10), highlight="<mark>One.\n\nTwo.</mark>")
    assert "<mark>One.\n\nTwo.</mark>" in passage(hit)


def test_text_is_never_markup() -> None:
    assert "<script>" not in text_blocks("<script>x</script>\n\n  <b>", code=True)
