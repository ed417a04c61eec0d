"""Feeds and exports in XML: an element is a record."""

from pathlib import Path

import pytest

from handler.corpus.bounds import Bounds
from handler.corpus.document import Document
from handler.corpus.options import ReadOptions
from handler.corpus.records import Reject, read_corpus
from handler.corpus.spool import Spool

RSS = """<?xml version="1.0"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>Shop</title>
<item><g:id>1</g:id><title>Bowl</title><link>https://shop.example/1</link>
<description><![CDATA[<p>For <b>dogs</b></p>]]></description>
<category>a</category><category>b</category><pubDate>Mon, 06 Mar 2023 10:00:00 GMT</pubDate></item>
<item><g:id>2</g:id><title>Cup</title><description>For cats</description></item>
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Blog</title><entry><id>urn:1</id>
<title>One</title><link href="https://blog.example/1"/><summary>Some words.</summary>
</entry></feed>"""
ROWS = """<posts><row Id="1" Title="How?" Body="&lt;p&gt;So&lt;/p&gt;" Score="5" />
<row Id="2" Body="More" Score="3" /></posts>"""


@pytest.mark.parametrize(
    ("name", "text", "records", "first"),
    [
        ("shop.xml", RSS, 2, ("1", "Bowl", "For dogs", "https://shop.example/1")),
        ("blog.atom", ATOM, 1, ("urn:1", "One", "Some words.", "https://blog.example/1")),
        ("posts.xml", ROWS, 2, ("1", "How?", "So", "")),
    ],
)
def test_an_element_is_a_record(
    tmp_path: Path, name: str, text: str, records: int, first: tuple[str, ...]
) -> None:
    (tmp_path / name).write_text(text)
    spool = Spool.write(read_corpus(tmp_path / name), tmp_path / "s", tmp_path / "r", 0)
    documents = [*spool]
    assert len(documents) == records
    found = documents[0]
    assert (found.id, found.title, found.text, found.url) == first
    if name == "shop.xml":
        date = "2023-03-06T10:00:00+00:00"
        assert found.metadata == {"category": ["a", "b"], "pubDate": date}


def test_what_is_broken_hostile_or_too_large_is_named(tmp_path: Path) -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb">]><a><item>&b;</item></a>'
    texts = {
        "bomb.xml": bomb,
        "cut.xml": RSS[: RSS.index("<item><g:id>2") + 9],
        "large.xml": f"<a><item>{'x' * 200_000}</item></a>",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    items = [*read_corpus(tmp_path, ReadOptions(bounds=Bounds(record_bytes=100_000)))]
    rejects = {item.source: item.reason for item in items if isinstance(item, Reject)}
    assert "remove its DOCTYPE" in rejects["bomb.xml"]
    assert rejects["cut.xml"].startswith("not whole XML after record 1")
    assert "more than 100,000 bytes" in rejects["large.xml"]
    assert [item.id for item in items if isinstance(item, Document)] == ["1"]
