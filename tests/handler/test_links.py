"""Links to documents from front matter and from the names of files."""

import pytest

from handler.corpus.links import link_of


@pytest.mark.parametrize(
    ("name", "fields", "base_url", "link"),
    [
        ("a/b.md", {}, "", ""),
        ("a/b.md", {}, "https://e.org", "https://e.org/a/b.md"),
        ("a/b c.md", {}, "https://e.org/x/", "https://e.org/x/a/b%20c.md"),
        ("a/b.md", {}, "https://e.org/{stem}/", "https://e.org/a/b/"),
        ("a/b.rst", {}, "https://e.org/{stem}.html", "https://e.org/a/b.html"),
        ("a/index.md", {}, "https://e.org/{stem}/", "https://e.org/a/"),
        ("README.md", {}, "https://e.org/{stem}/", "https://e.org/"),
        ("a.md", {}, "https://e.org/blob/{path}?plain=1", "https://e.org/blob/a.md?plain=1"),
        ("a.md", {"url": "https://f.org/x"}, "https://e.org", "https://f.org/x"),
        ("a.md", {"permalink": "/x/"}, "https://e.org/y/{stem}", "https://e.org/x/"),
        ("a.md", {"permalink": "/x/"}, "", ""),
        ("a.md", {"source": "https://f.org/x"}, "", "https://f.org/x"),
        ("a.md", {"source": "a book"}, "https://e.org", "https://e.org/a.md"),
        ("a.md", {"url": "javascript:x"}, "", ""),
    ],
)
def test_links(name: str, fields: dict[str, str], base_url: str, link: str) -> None:
    assert link_of(name, fields, base_url) == link
