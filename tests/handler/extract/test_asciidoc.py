"""AsciiDoc to plain text, titles and sections."""

import pytest

from handler.corpus.extract.asciidoc import extract_asciidoc

GUIDE = """= Guide to kettles
Ann Smith <ann@example.org>
v1.2, 2024-01-02
:product: Kettle
:keywords: tea, steam
:toc:

The {product} is *bold*, _quick_ and `safe`.

[#setup]
== Install

NOTE: Mind the steam.

.Run it
[source,sh]
----
make kettle # <1>
include::never.txt[]
----
<1> Makes it

* One
** Two
. Three
+
Continued.

Term:: Meaning

=== On Linux

See <<setup>>, <<setup,the setup>>, xref:other.adoc[another page], https://e.org[a link] and link:x.html[x].

|===
|Size |Price

|1 l
a|20
|===

// a comment
////
hidden
////
image::x.png[A cat]
"""

TEXT = """The Kettle is bold, quick and safe.

Install

Mind the steam.

Run it

make kettle

Makes it

One

Two

Three

Continued.

Term

Meaning

On Linux

See setup, the setup, another page, a link and x.

Size | Price

1 l

20"""


def test_a_guide() -> None:
    found = extract_asciidoc(GUIDE)
    assert found.title == "Guide to kettles"
    assert found.fields == {
        "author": "Ann Smith",
        "date": "2024-01-02",
        "keywords": ["tea", "steam"],
    }
    assert found.text == TEXT
    assert [section[2:] for section in found.sections] == [
        ("Install", "setup"),
        ("Install › On Linux", "_on_linux"),
    ]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("", ""),
        ("Only text.", "Only text."),
        ("a **b**c __d__e ``f``g", "a bc de fg"),
        ("*a _b_ c*", "a b c"),
        ("2 * 3 * 4 and snake_case_name", "2 * 3 * 4 and snake_case_name"),
        ("`*kept* {empty}_as_is_`", "*kept* _as_is_"),
        ('"`quoted`" and [.role]#marked#', "“quoted” and marked"),
        ("Press kbd:[Ctrl+C] or menu:File[Save]", "Press Ctrl+C or File > Save"),
        ("Text.footnote:[The note.]", "Text. The note."),
        ("((index)) of things(((hidden, index)))", "index of things"),
        ("line +\nbreak", "line\nbreak"),
        ("Undefined {attribute} goes", "Undefined goes"),
        ("====\nAn example\n====\n\n****\nA sidebar\n****", "An example\n\nA sidebar"),
        ("....\nliteral *text*\n....", "literal *text*"),
        ("[NOTE]\n====\nInner.\n====", "Inner."),
        ("ifdef::x[]\nText\nendif::[]", "Text"),
        ("----\nnever closed", "never closed"),
        ("The number\n# of dots\n= nesting", "The number\n# of dots\n= nesting"),
        ("https://e.org and https://f.org[]", "https://e.org and https://f.org"),
    ],
)
def test_clean_text(source: str, text: str) -> None:
    assert extract_asciidoc(f"Intro.\n\n{source}").text.removeprefix("Intro.").strip() == text


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("= A title\n\nText", "A title"),
        ("// comment\n:attr: x\n\n= A title\n\nText", "A title"),
        ("A title\n=======\n\nText", "A title"),
        ("== A section\n\nText", "A section"),
        ("---\ntitle: Front\n---\n= A title\n\nText", "Front"),
        ("Text only", ""),
        (":attr: x", ""),
        ("# A title\n\nText", "A title"),
    ],
)
def test_titles(source: str, title: str) -> None:
    assert extract_asciidoc(source).title == title
