"""Sections of long documents: split, encoded, stored, and where hits link to."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from handler.app import create_app
from handler.corpus.document import Document, Section
from handler.corpus.extract.markdown import extract_markdown
from handler.corpus.hashes import text_hash
from handler.corpus.passages import Split, context, split_document
from handler.encoder import Encoder
from handler.index.embed import encode_documents
from handler.index.writer import Options
from handler.service import Service
from handler.settings import Settings
from handler.versions.repository import IndexRepository
from tests.handler.indexes import build
from tests.library import index_corpus

GUIDE = """---
title: Guide
url: https://docs.example/guide
---
A short introduction.

## Install

Nothing but a kettle is needed.

### On a boat { #afloat }

Waves disturb the kettle. {}

## Use

Pour slowly.
"""


def document(source: str = GUIDE) -> Document:
    found = extract_markdown(source)
    return Document(
        id="guide",
        title=found.title,
        text=found.text,
        url=str(found.fields.get("url", "")),
        metadata={},
        sections=found.sections,
    )


def test_a_passage_lies_in_one_section_and_leaves_its_heading_out(encoder: Encoder) -> None:
    guide = document(GUIDE.replace("{}", "Hold it with both hands. " * 20))
    spans = split_document(guide, encoder.tokenizer, Split(32, 8), 128)
    found = [(context(guide, *span), guide.text[slice(*span)]) for span in spans]
    assert found[0] == ("Guide", "A short introduction.")
    assert found[1] == ("Guide › Install", "Nothing but a kettle is needed.")
    assert found[-1] == ("Guide › Use", "Pour slowly.")
    assert {lead for lead, _ in found[2:-1]} == {"Guide › Install › On a boat"}
    assert len(found) > 5
    assert guide.text[spans[2][0] :].startswith("Waves disturb")


def test_headings_are_encoded(encoder: Encoder) -> None:
    guide = document()
    bare = replace(guide, sections=tuple(each._replace(heading="") for each in guide.sections))
    ours, theirs = encode_documents([guide, bare], encoder, Split(), "i8")
    assert np.array_equal(ours.spans, theirs.spans)
    assert [np.array_equal(a, b) for a, b in zip(ours.codes, theirs.codes, strict=True)] == [
        True,
        False,
        False,
        False,
    ]
    assert text_hash(guide) != text_hash(bare)


def test_sections_are_stored(encoder: Encoder, tmp_path: Path) -> None:
    guide = document()
    index = build(tmp_path / "index", [guide], encoder, Options())
    assert index.document(0) == guide


def test_a_document_of_headings_alone_has_a_passage(encoder: Encoder) -> None:
    bare = Document(
        id="x", title="", text="One", url="", metadata={}, sections=(Section(0, 3, "One", "one"),)
    )
    assert split_document(bare, encoder.tokenizer, Split(), 128) == [(0, 3)]


@pytest.mark.parametrize(
    ("place", "url"),
    [
        (0, "https://docs.example/guide"),
        ("Nothing but", "https://docs.example/guide#install"),
        ("Waves", "https://docs.example/guide#afloat"),
        ("Pour", "https://docs.example/guide#use"),
    ],
)
def test_each_section_has_its_url(place: int | str, url: str) -> None:
    guide = document()
    start = guide.text.index(place) if isinstance(place, str) else place
    assert guide.url_of(guide.section_at(start)) == url


def test_a_url_with_an_anchor_keeps_it() -> None:
    guide = replace(document(), url="https://docs.example/guide#top")
    assert guide.url_of(guide.sections[0]) == guide.url
    assert replace(guide, url="").url_of(guide.sections[0]) == ""


def test_a_page_is_named_by_its_number() -> None:
    assert Section(0, 0, "", "page=3").label == "page 3"
    assert Section(0, 0, "Methods", "page=3").label == "Methods, page 3"
    assert Section(0, 0, "", "").label == ""


def test_a_hit_leads_to_its_section(tiny_model_dir: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "guide.md").write_text(GUIDE)
    (corpus / "other.txt").write_text("Tea leaves are dried.")
    store = tmp_path / "store"
    repository = IndexRepository.open(str(store), "default")
    index_corpus(corpus, tmp_path / "rejects.jsonl", repository, Encoder.open(tiny_model_dir))
    settings = Settings(store=str(store), model=str(tiny_model_dir))
    service = Service.open(settings)
    with TestClient(create_app(settings, lambda: service)) as client:
        answer = client.get("/search", params={"q": "waves kettle", "mode": "keyword", "k": 1})
        [hit] = answer.json()["hits"]
        assert hit["title"] == "Guide"
        assert hit["section"] == "Install › On a boat"
        assert hit["url"] == "https://docs.example/guide#afloat"
        assert "Waves disturb" in hit["passage"]["text"]
        [other] = client.get("/search", params={"q": "leaves", "mode": "keyword"}).json()["hits"]
        assert "section" not in other
        page = client.get("/", params={"q": "waves kettle", "mode": "keyword"}).text
        assert '<a href="https://docs.example/guide#afloat">Guide</a>' in page
        assert "Install › On a boat" in page
