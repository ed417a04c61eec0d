"""Folders of documents as people have them: how many, with which titles, types, and what is found."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fpdf import FPDF

from handler.corpus.document import Document
from handler.corpus.records import Reject, read_corpus
from handler.corpus.spool import Spool
from handler.encoder import Encoder
from handler.index.writer import Options
from handler.search.request import SearchRequest
from handler.search.searcher import Searcher
from tests.handler.extract.books import novel_text, write_docx, write_epub
from tests.handler.indexes import build

VAULT = {
    "Home.md": "---\ntags: [index]\ncreated: 2024-01-02T08:30\n---\nSee [[Tides]] and [[people/Marit|Marit]].\n",
    "Tides.md": "# The tides of the sound\n\nThey turn twice a day. #sea ^a1\n\n## Why\n\nThe moon pulls.\n",
    "people/Marit.md": "---\ntags: person, ferry\naliases:\n  - Old Marit\nborn: 1871-03-04\n---\nShe rows ==every day==.\n",
    "daily/2024-01-02.md": "- [ ] oil the rowlocks\n- [x] mend the net\n",
    "daily/2024-01-03.md": "---\ntitle: A quiet day\ndate: 2024-01-03\n---\nNothing %%really%% happened.\n",
    "templates/Note.md": "---\ntitle: {{title}}\ndate: {{date}}\n---\nWrite here.\n",
    ".obsidian/app.json": "{}",
    "image.png": "no text",
}
SITE = {
    "content/_index.md": "+++\ntitle = 'The ferry company'\n+++\nWelcome aboard.\n",
    "content/posts/2023-12-24-no-service.md": "---\nlayout: post\ncategories: news winter\n---\nNo ferry {{< ref \"x\" >}} on Christmas Eve.\n",
    "content/posts/fares/index.md": "---\ntitle: \"Fares: what a crossing costs\"\ndate: 2024-02-01 09:00:00 +0100\ndraft: false\nweight: 10\ntags:\n- prices\n- tickets\n---\n{{% note %}}\nChildren are free.\n{{% /note %}}\n\n## Return {#return}\n\nA return costs double.\n",
    "content/about.mdx": "import Map from './map'\n\n# About us\n\n<Map zoom={3} />\n\nWe are **three** ferries.\n",
}  # fmt: skip


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


def read(folder: Path) -> tuple[dict[str, Document], list[Reject]]:
    items = list(read_corpus(folder))
    documents = {item.id: item for item in items if isinstance(item, Document)}
    return documents, [item for item in items if isinstance(item, Reject)]


def spooled(documents: dict[str, Document]) -> Spool:
    with TemporaryDirectory() as name:
        folder = Path(name)
        return Spool.write(documents.values(), folder / "spool", folder / "rejects", 0)


def schema_of(documents: dict[str, Document]) -> dict[str, tuple[str, bool]]:
    schema = spooled(documents).schema
    return {name: (field.kind, field.list) for name, field in schema.items()}


def found(documents: dict[str, Document], query: str, encoder: Encoder, folder: Path) -> str:
    index = build(folder, list(documents.values()), encoder, Options())
    request = SearchRequest(query=query, mode="keyword", k=1)
    [hit] = Searcher(encoder).search(index, request).hits
    return f"{hit.document.title}: {hit.section.label if hit.section else ''}"


def test_an_obsidian_vault(encoder: Encoder, tmp_path: Path) -> None:
    documents, rejects = read(write(tmp_path / "vault", VAULT))
    assert rejects == []
    assert {key: document.title for key, document in documents.items()} == {
        "Home.md": "Home",
        "Tides.md": "The tides of the sound",
        "people/Marit.md": "Marit",
        "daily/2024-01-02.md": "2024-01-02",
        "daily/2024-01-03.md": "A quiet day",
        "templates/Note.md": "Note",
    }
    assert documents["Home.md"].text == "See Tides and Marit."
    assert documents["Tides.md"].text == "They turn twice a day. #sea\n\nWhy\n\nThe moon pulls."
    assert documents["people/Marit.md"].text == "She rows every day."
    assert documents["people/Marit.md"].metadata == {
        "tags": ["person", "ferry"],
        "aliases": ["Old Marit"],
        "born": "1871-03-04",
    }
    assert documents["daily/2024-01-02.md"].text == "oil the rowlocks\n\nmend the net"
    assert schema_of(documents) == {
        "tags": ("string", True),
        "created": ("date", False),
        "aliases": ("string", True),
        "born": ("date", False),
        "date": ("date", False),
    }
    assert found(documents, "moon", encoder, tmp_path / "index") == "The tides of the sound: Why"


def test_a_hugo_site(encoder: Encoder, tmp_path: Path) -> None:
    documents, rejects = read(write(tmp_path / "site", SITE))
    assert rejects == []
    assert {key: document.title for key, document in documents.items()} == {
        "content/_index.md": "The ferry company",
        "content/about.mdx": "About us",
        "content/posts/2023-12-24-no-service.md": "no-service",
        "content/posts/fares/index.md": "Fares: what a crossing costs",
    }
    assert documents["content/about.mdx"].text == "We are three ferries."
    news = documents["content/posts/2023-12-24-no-service.md"]
    assert news.text == "No ferry on Christmas Eve."
    assert news.metadata == {
        "layout": "post",
        "categories": ["news", "winter"],
        "date": "2023-12-24",
    }
    fares = documents["content/posts/fares/index.md"]
    assert fares.text == "Children are free.\n\nReturn\n\nA return costs double."
    assert fares.metadata == {
        "date": "2024-02-01T09:00:00+01:00",
        "draft": False,
        "weight": "10",
        "tags": ["prices", "tickets"],
    }
    assert schema_of(documents) == {
        "layout": ("string", False),
        "categories": ("string", True),
        "date": ("date", False),
        "draft": ("boolean", False),
        "weight": ("integer", False),
        "tags": ("string", True),
    }
    title = "Fares: what a crossing costs: Return"
    assert found(documents, "double", encoder, tmp_path / "index") == title


def test_an_id_that_front_matter_repeats_loses_no_document(tmp_path: Path) -> None:
    pages = {f"{folder}/intro.md": f"---\nid: intro\n---\nOf {folder}." for folder in "abc"}
    documents, rejects = read(write(tmp_path / "docs", pages))
    assert (len(documents), rejects) == (3, [])
    assert documents["intro"].text == "Of a."


def mixed(folder: Path) -> Path:
    folder.mkdir()
    write_docx(
        folder / "report.docx", [("Title", "Report"), ("heading 1", "Sales"), ("", "They rose.")]
    )
    write_epub(folder / "novel.epub")
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=12)
    pdf.text(20, 20, "A leaflet on knots.")
    pdf.output(str(folder / "leaflet.pdf"))
    cells = [{"cell_type": "markdown", "source": "# A model\n\nOf waves."}]
    files = {
        "note.md": "# A note\n\nIt is short.",
        "page.html": "<title>x</title><nav>Menu</nav><main><h1>A page</h1><p>On oars.</p></main>",
        "model.ipynb": json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}),
        "novel.txt": novel_text(),
        "README": "Read me first.",
        "rows.jsonl": '{"id": "r1", "title": "A row", "text": "It is a record."}\n',
        "wrong.txt": "<!DOCTYPE html><html><body><p>A page in disguise.</p></body></html>",
    }  # fmt: skip
    write(folder, files)
    (folder / "latin.html").write_bytes(
        '<meta charset="iso-8859-1"><h1>Fähre</h1><p>Café</p>'.encode("latin-1")
    )
    return folder


def test_a_folder_mixed_of_all_kinds(encoder: Encoder, tmp_path: Path) -> None:
    documents, rejects = read(mixed(tmp_path / "mixed"))
    assert rejects == []
    assert {key: document.title for key, document in documents.items()} == {
        "README": "README",
        "latin.html": "Fähre",
        "leaflet.pdf": "leaflet",
        "model.ipynb": "A model",
        "note.md": "A note",
        "novel.epub": "The Ferry & the Storm",
        "novel.txt": "novel",
        "page.html": "A page",
        "r1": "A row",
        "report.docx": "Report",
        "wrong.txt": "wrong",
    }
    assert documents["latin.html"].text == "Café"
    assert documents["leaflet.pdf"].text == "A leaflet on knots."
    assert documents["page.html"].text == "On oars."
    assert documents["wrong.txt"].text == "A page in disguise."
    assert found(documents, "knots", encoder, tmp_path / "a") == "leaflet: page 1"
    assert found(documents, "rose", encoder, tmp_path / "b") == "Report: Sales"


def test_what_cant_be_read_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    folder = mixed(tmp_path / "mixed")
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    bad = {
        "cut.pdf": whole["leaflet.pdf"][:300],
        "cut.docx": whole["report.docx"][:300],
        "cut.epub": whole["novel.epub"][:300],
        "cut.ipynb": whole["model.ipynb"][:30],
        "empty.md": b"",
        "empty.pdf": b"",
        "binary.md": bytes(range(256)),
        "old.doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "zip.pdf": b"PK\x03\x04 no PDF",
        "deep.rst": "".join(f"{' ' * n}x\n\n" for n in range(900)).encode(),
    }
    for name, data in bad.items():
        (folder / name).write_bytes(data)
    documents, rejects = read(folder)
    assert len(documents) == 11
    assert {reject.source for reject in rejects} == set(bad)
    reasons = {reject.source: reject.reason for reject in rejects}
    assert "empty" in reasons["empty.md"]
    assert "can't be read as PDF" in reasons["cut.pdf"]
    assert "before 2007" in reasons["old.doc"]


@pytest.mark.parametrize(
    ("name", "library"),
    [("page.html", "selectolax"), ("leaflet.pdf", "pypdfium2"), ("report.docx", "mammoth")],
)
def test_a_missing_library_is_named_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, library: str
) -> None:
    import sys

    from handler.errors import CorpusError

    folder = mixed(tmp_path / "mixed")
    for module in [each for each in sys.modules if each.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(
        CorpusError,
        match=rf'{name},? needs {library}; install it with: pip install -e "\.\[files\]"',
    ):
        read(folder / name)
