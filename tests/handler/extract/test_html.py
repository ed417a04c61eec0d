"""HTML to the text, title and sections of its main content."""

import pytest

from handler.corpus.extract.html import extract_html

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Kettles - Tea Docs</title>
<meta name="description" content="All about kettles"><meta name="keywords" content="tea, kettle">
<meta name="author" content="Ann"><meta property="article:published_time" content="2024-01-02T03:04:05Z">
<link rel="canonical" href="https://tea.example/kettles">
<style>p { color: red }</style><script>var secret = 1</script></head>
<body>
<a class="skip-link" href="#x">Skip to content</a>
<header><nav><a href="/">Home</a> <a href="/tea">Tea</a></nav></header>
<div id="sidebar"><ul><li><a href="/a">Other page</a></li></ul></div>
<div class="cookie-banner">We use cookies.</div>
%s
<aside>Buy now!</aside>
<footer>© 2024 Tea Inc.</footer>
<script>track()</script></body></html>"""

CONTENT = """<h1>Kettles<a class="headerlink" href="#kettles">¶</a></h1>
<p>A kettle   boils <b>water</b>,<br>quickly.</p>
<section id="steel"><h2>Steel</h2><p>Light &amp; cheap.</p>
<h3 id="care">Care</h3><ul><li>Rinse</li><li>Dry</li></ul>
<pre>kettle --on
  --hot</pre>
<table><tr><th>Size</th><th>Price</th></tr><tr><td>1 l</td><td>20</td></tr></table></section>
<h2><a name="glass"></a>Glass</h2><p>Breaks.</p>"""

TEXT = """A kettle boils water,
quickly.

Steel

Light & cheap.

Care

Rinse

Dry

kettle --on
  --hot

Size | Price

1 l | 20

Glass

Breaks."""


@pytest.mark.parametrize(
    "frame",
    [
        "<main>%s</main>",
        "<article>%s</article>",
        '<div id="content">%s</div>',
        '<div role="main">%s</div>',
        '<div class="page-wrapper"><div class="text">%s</div></div>',
        "%s",
    ],
)
def test_the_main_content_is_found(frame: str) -> None:
    found = extract_html(PAGE % (frame % CONTENT))
    assert found.title == "Kettles"
    assert found.text == TEXT
    assert [section[2:] for section in found.sections] == [
        ("Steel", "steel"),
        ("Steel › Care", "care"),
        ("Glass", "glass"),
    ]
    assert found.fields == {
        "url": "https://tea.example/kettles",
        "description": "All about kettles",
        "author": "Ann",
        "date": "2024-01-02T03:04:05Z",
        "keywords": ["tea", "kettle"],
        "language": "en",
    }


@pytest.mark.parametrize(
    ("source", "title", "text"),
    [
        ("<title>Head</title><p>Text</p>", "Head", "Text"),
        ("<p>Text</p>", "", "Text"),
        ("<h1>One</h1>", "One", ""),
        ("Just text, <i>unclosed", "", "Just text, unclosed"),
        ("<ul><li>a<li>b</ul>", "", "a\n\nb"),
        ("<p>a</p>tail<p>b", "", "a\n\ntail\n\nb"),
        ("<dl><dt>Term<dd>Meaning</dl>", "", "Term\n\nMeaning"),
        ("<p hidden>x</p><p style='display:none'>y</p><p>z</p>", "", "z"),
        ("<p>f<sub>x</sub> and un<wbr>broken</p>", "", "fx and unbroken"),
        ("<div>" * 3000 + "deep" + "</div>" * 3000, "", "deep"),
        ("", "", ""),
        ("<!-- only a comment -->", "", ""),
        ("\0\0", "", ""),
    ],
)
def test_any_html_is_read(source: str, title: str, text: str) -> None:
    found = extract_html(source)
    assert (found.title, found.text) == (title, text)


def test_jekyll_puts_front_matter_above_html() -> None:
    found = extract_html(
        "---\ntitle: Tea\ntags: a, b\n---\n<h1>x</h1>{% include y %}<p>Hot {{ z }}.</p>"
    )
    assert (found.title, found.fields) == ("Tea", {"tags": ["a", "b"]})
    assert found.text == "x\n\nHot ."
    assert extract_html("<p>{{ kept }}</p>").text == "{{ kept }}"


def test_a_list_of_links_that_is_the_content_stays() -> None:
    links = "".join(f'<li><a href="/{n}">Page {n}</a></li>' for n in range(5))
    assert "Page 3" in extract_html(f"<main><h1>All pages</h1><ul>{links}</ul></main>").text
    menu = extract_html(f"<ul>{links}</ul><p>{'The text of the page itself. ' * 9}</p>")
    assert "Page 3" not in menu.text
