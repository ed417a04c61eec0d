"""Markdown in its dialects to plain text, titles and sections."""

import pytest

from handler.corpus.document import Section
from handler.corpus.extract.markdown import extract_markdown


def text_of(source: str, *, mdx: bool = False) -> str:
    return extract_markdown("Intro.\n\n" + source, mdx=mdx).text.removeprefix("Intro.").strip()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("*a* **b** _c_ ~~d~~ `e`", "a b c d e"),
        ("[a](https://e.org) [b][r] <https://f.org>\n\n[r]: https://g.org", "a b https://f.org"),
        ("![A cat](cat.png) and [![build](b.svg)](https://ci)", "A cat and"),
        ("- one\n- two\n  - three", "one\n\ntwo\n\nthree"),
        ("1. one\n2. [ ] two\n3. [x] three", "one\n\ntwo\n\nthree"),
        ("| a | b |\n|---|---|\n| `c` | **d** |", "a | b\n\nc | d"),
        ("> quoted *text*", "quoted text"),
        ("a &amp; b &copy; <b>c</b><br>d", "a & b © c\nd"),
        ("<!-- gone\n\nall of it -->\nstays", "stays"),
        ("```python {title=x}\ndef f(): pass  # {{ x }}\n```", "def f(): pass  # {{ x }}"),
        ("    indented code", "indented code"),
        ("one\n\n---\n\ntwo\n\n***", "one\n\ntwo"),
        # attributes: Python-Markdown, kramdown, Pandoc
        ("Text [link](x){ target=_blank .btn } end{: .cls #id}", "Text link end"),
        ("A paragraph\n{: .note }", "A paragraph"),
        ("Keep {these braces} and `{ #this }`", "Keep {these braces} and { #this }"),
        # blocks: MkDocs, pymdownx, Docusaurus, VitePress, GitHub, MyST
        ('!!! note "Mind"\n\n    Inner *text*.\n\n    - item\n\nAfter', "Mind\n\nInner text.\n\nitem\n\nAfter"),
        ("!!! warning\n    Inner.\nAfter", "Inner.\n\nAfter"),
        ('??? tip "More"\n    ```\n    {{ code }}\n    ```', "More\n\n{{ code }}"),
        ('=== "Linux"\n\n    apt\n\n=== "Mac"\n\n    brew', "Linux\n\napt\n\nMac\n\nbrew"),
        ("/// note | Mind\nInner.\n///\nAfter", "Mind\n\nInner.\n\nAfter"),
        ("/// details | More\n    type: warning\nInner.\n///", "More\n\nInner."),
        ("::: tip Mind\nInner.\n:::", "Mind\n\nInner."),
        (":::note[Mind]\nInner.\n:::", "Mind\n\nInner."),
        (":::{note}\n:class: x\nInner.\n:::", "Inner."),
        ("```{note} Mind\n:class: x\n\nInner *text*.\n```", "Mind\n\nInner text."),
        ("```{code-block} python\nx = 1\n```", "x = 1"),
        ("```{toctree}\na\nb\n```\nAfter", "After"),
        ("> [!NOTE]\n> Inner.", "Inner."),
        ("> [!tip]- A title\n> Inner.", "A title\nInner."),
        ("::: package.module.Class\n    options:\n      x: y\n\nAfter", "package.module.Class\n\nAfter"),
        ("{ref}`the page <label>` and {doc}`other`", "the page and other"),
        # templates: Hugo, Jekyll, snippets
        ("Before {{< ref \"x.md\" >}} after", "Before  after".replace("  ", " ")),
        ('A {{< glossary text="Pod" id="pod" >}} runs', "A Pod runs"),
        ("{{% note %}}\nInner.\n{{% /note %}}", "Inner."),
        ("{% include nav.html %}Text {{ page.title }} more", "Text more"),
        ("{% highlight ruby %}\nputs 1\n{% endhighlight %}", "puts 1"),
        ("{% raw %}\n`{{ kept }}`\n{% endraw %}", "{{ kept }}"),
        ("--8<-- \"file.md\"\n\n{! file.md !}\n\nText", "Text"),
        # Obsidian
        ("See [[Note]], [[Note|that]], [[Note#Part]] and [[Note#^id]]", "See Note, that, Note > Part and Note"),
        ("![[image.png]]\n\n![[Other note]]", "Other note"),
        ("A ==marked== word %%hidden%% end ^block-1", "A marked word end"),
        ("a == b == c", "a == b == c"),
        # footnotes, definitions, icons
        ("Text[^1].\n\n[^1]: The note.", "Text.\n\nThe note."),
        ("Term\n: Definition", "Term\n\nDefinition"),
        (":material-check: done", "done"),
        # HTML
        ('<div class="x">\n\n**In** a div\n\n</div>', "In a div"),
        ("<details><summary>More</summary>\n\nHidden.\n</details>", "More\n\nHidden."),
        ("<script>\nalert(1)\n</script>\n\nText", "Text"),
    ],
)  # fmt: skip
def test_clean_text(source: str, expected: str) -> None:
    assert text_of(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import A from './a'\nexport const b = 1\n\nText", "Text"),
        ("<Tabs>\n<TabItem label='x'>\nIn *tab*.\n</TabItem>\n</Tabs>", "In tab."),
        ("<Card title={name} />\n\nText {props.x} end {/* gone */}", "Text end"),
        ("A{' '}b \\{c}", "A b {c}"),
        ("`{kept}`\n\n```js\nimport x from 'y'\n```", "{kept}\n\nimport x from 'y'"),
    ],
)
def test_mdx(source: str, expected: str) -> None:
    assert text_of(source, mdx=True) == expected


@pytest.mark.parametrize(
    ("source", "title", "text"),
    [
        ("# One\n\nText", "One", "Text"),
        ("---\ntitle: Front\n---\n# Other\n\nText", "Front", "Other\n\nText"),
        ("---\ntitle: Same\n---\n# Same\n\nText", "Same", "Text"),
        ("---\ntitle: 1984\n---\nText", "1984", "Text"),
        ("## Second level\n\nText", "Second level", "Text"),
        ("Underlined\n==========\n\nText", "Underlined", "Text"),
        ('<h1 align="center">Logo <b>name</b></h1>\n\nText', "Logo name", "Text"),
        ("[![b](x)](y)\n\n# After a badge\n\nText", "After a badge", "Text"),
        ("Text\n\n# Later\n\nMore", "Later", "Text\n\nLater\n\nMore"),
        ("Text\n\n## A part\n\nMore", "", "Text\n\nA part\n\nMore"),
        ("# `code` and *more* { #anchor }\n\nText", "code and more", "Text"),
        ("Just text", "", "Just text"),
        ("#hashtag\n\nText", "", "#hashtag\n\nText"),
        ("---\n\nA stanza,\nof two lines\n\n---\n\nAnother", "", "A stanza,\nof two lines\n\nAnother"),
        ("", "", ""),
    ],
)  # fmt: skip
def test_titles(source: str, title: str, text: str) -> None:
    found = extract_markdown(source)
    assert (found.title, found.text) == (title, text)


def test_sections_have_paths_anchors_and_places() -> None:
    source = "# Guide\n\nIntro.\n\n## Install { #setup }\n\nRun it.\n\n### On Linux\n\n`apt`\n\n## Use it!\n\nNow.\n\n## Use it!\n"
    found = extract_markdown(source)
    assert (
        found.text
        == "Intro.\n\nInstall\n\nRun it.\n\nOn Linux\n\napt\n\nUse it!\n\nNow.\n\nUse it!"
    )
    assert [section[2:] for section in found.sections] == [
        ("Install", "setup"),
        ("Install › On Linux", "on-linux"),
        ("Use it!", "use-it"),
        ("Use it!", "use-it-1"),
    ]
    assert [found.text[s.start : s.body] for s in found.sections] == [
        "Install",
        "On Linux",
        "Use it!",
        "Use it!",
    ]


def test_a_heading_inside_a_fence_is_code() -> None:
    found = extract_markdown("# T\n\n````md\n```\n# No heading\n```\n````\n\n## Yes\n")
    assert found.sections == (Section(22, 25, "Yes", "yes"),)


def test_front_matter_becomes_fields() -> None:
    found = extract_markdown("---\ntitle: T\ntags: a, b\ndate: 2024-01-02\n---\nText\n")
    assert found.fields == {"tags": ["a", "b"], "date": "2024-01-02"}


@pytest.mark.parametrize(
    "source",
    [
        "> " * 5000,
        "[" * 5000,
        "`" * 5001,
        "*a " * 5000,
        "<a " * 5000,
        "- " * 3000,
        "{{" * 5000,
        "[[" * 5000,
    ],
)
def test_hostile_text_is_read_to_the_end(source: str) -> None:
    assert extract_markdown(source + "\n\nThe end").text.endswith("The end")


@pytest.mark.parametrize(
    "hostile",
    ["<h1>" * 15_000, "<h1 " * 15_000, " ".join("`" * count for count in range(1, 350))],
    ids=["headings", "tags", "code"],
)
def test_a_text_goes_on_after_markup_that_never_ends(hostile: str) -> None:
    assert extract_markdown(f"{hostile}\n\nThe harbour\n").text.endswith("The harbour")
