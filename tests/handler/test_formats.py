"""Files as people have them: each kind, recognised by its content, with the records that it holds."""

import bz2
import csv
import gzip
import io
import json
import lzma
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from backports import zstd
from pyarrow import parquet

from handler.corpus.document import Document
from handler.corpus.findings import Findings
from handler.corpus.options import DEFAULT_OPTIONS, ReadOptions
from handler.corpus.readers.source import Source
from handler.corpus.records import Reject, read_corpus, read_source
from tests.handler.workbooks import Cell, workbook

BOOKS = [
    {"id": "7", "title": "Möwe", "text": "Küste, Wind und ein Leuchtturm.", "year": 1990},
    {"id": "8", "title": "Forêt", "text": "Un été dans les arbres.", "year": 2001},
]


def read(
    path: Path, options: ReadOptions = DEFAULT_OPTIONS
) -> tuple[list[Document], list[Reject], list[str]]:
    """Return documents, rejects, and what the reader calls the sources."""
    findings = Findings()
    source = Source.of_file(path, path.name, options, path.parent, given=True, findings=findings)
    items = [found.item for found in read_source(source)]
    documents = [item for item in items if isinstance(item, Document)]
    rejects = [item for item in items if isinstance(item, Reject)]
    return documents, rejects, list(findings.kinds)


def table(delimiter: str, line_end: str = "\r\n", **options: Any) -> str:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(
        file, list(BOOKS[0]), delimiter=delimiter, lineterminator=line_end, **options
    )
    writer.writeheader()
    writer.writerows(BOOKS)
    return file.getvalue()


def dumped(value: object, **options: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, **options).encode()


LINES = b"\n".join(dumped(book) for book in BOOKS)
TEXTS: list[tuple[str, bytes, str]] = [
    ("books.json", LINES, "JSON lines"),
    ("books", LINES, "JSON lines"),
    ("books.txt", b"\xef\xbb\xbf" + LINES, "JSON lines"),
    ("books.jsonl", LINES.decode().encode("utf-16"), "JSON lines, encoding UTF-16"),
    ("books.json", dumped(BOOKS), "JSON"),
    ("books.jsonl", dumped(BOOKS, indent=2), "JSON"),
    ("books.json", dumped({"count": 2, "results": BOOKS}), "JSON, records in results"),
    ("books.dat", dumped({"response": {"docs": BOOKS}}, indent=1), "JSON, records in docs"),
    ("books.json", b"\n".join(dumped(book, indent=2) for book in BOOKS), "JSON"),
    (
        "books.json",
        dumped({str(each["id"]): {k: v for k, v in each.items() if k != "id"} for each in BOOKS}),
        "JSON",
    ),
    ("books.json", dumped(BOOKS).decode().encode("cp1252"), "JSON, encoding windows-1252"),
    ("books.csv", table(",").encode(), "CSV"),
    ("books.csv", b"\xef\xbb\xbf" + table(",", "\r").encode(), "CSV"),
    ("books.csv", table(";").encode("cp1252"), "CSV, encoding windows-1252, delimiter ;"),
    ("books.csv", b"sep=;\r\n" + table(";").encode("utf-8"), "CSV, delimiter ;"),
    ("books.txt", table("\t").encode("utf-16"), "CSV, encoding UTF-16, delimiter tab"),
    ("books.tsv", table("\t").encode(), "CSV, delimiter tab"),
    ("books.dump", table("|", "\n").encode(), "CSV, delimiter |"),
    ("books.csv", table(",", quotechar="'", quoting=csv.QUOTE_ALL).encode(), "CSV"),
    ("books.csv", b"Books 2020,,,\n\n" + table(",").encode(), "CSV"),
    ("books.csv", b"Books 2020\n" + table(",").encode(), "CSV"),
]


@pytest.mark.parametrize(("name", "data", "kind"), TEXTS)
def test_records_as_text(tmp_path: Path, name: str, data: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(data)
    documents, rejects, kinds = read(tmp_path / name)
    assert (rejects, kinds) == ([], [kind])
    assert [(each.id, each.title, each.text) for each in documents] == [
        (book["id"], book["title"], book["text"]) for book in BOOKS
    ]
    assert [str(each.metadata["year"]) for each in documents] == ["1990", "2001"]


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("Название;Описание\nСтол;Деревянный стол для кухни и гостиной\n", "cp1251", "cp1251"),
        ("Nazwa;Opis\nŻółty ser;Świeży ser, którego używa się wszędzie\n", "cp1250", "cp1250"),
        ("Título;Descripción\nNiño;El niño que corrió más rápido\n", "cp1252", "windows-1252"),
        ("nom;prix\ncafé;1\n", "latin-1", "windows-1252"),
    ],
)
def test_older_encodings(tmp_path: Path, text: str, encoding: str, shown: str) -> None:
    (tmp_path / "c.csv").write_bytes(text.encode(encoding))
    [document], _, [kind] = read(tmp_path / "c.csv")
    assert document.title == text.splitlines()[1].split(";")[0]
    assert kind == f"CSV, encoding {shown}, delimiter ;"


def test_an_encoding_that_the_user_gives(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_bytes("id;title\n1;Ððan\n".encode("mac_iceland"))
    [document], _, _ = read(tmp_path / "c.csv", ReadOptions(encoding="mac_iceland"))
    assert document.title == "Ððan"
    _, [reject], _ = read(tmp_path / "c.csv", ReadOptions(encoding="klingon"))
    assert "'klingon' is no encoding" in reject.reason


def test_decimal_commas_of_an_office(tmp_path: Path) -> None:
    text = (
        "Artikelnummer;Bezeichnung;Beschreibung;Preis;Lager\r\n"
        '0815;Hammer;"<p>Stiel aus Esche,<br>geölt &amp; glatt</p>";1.299,50;12\r\n'
        "0816;Säge;Für Holz;8,9;3\r\n"
    )
    (tmp_path / "export.csv").write_bytes(text.encode("cp1252"))
    first, second = read(tmp_path / "export.csv")[0]
    assert (first.id, first.title, first.text) == (
        "0815",
        "Hammer",
        "Stiel aus Esche,\ngeölt & glatt",
    )
    assert first.metadata == {"Preis": "1299.50", "Lager": "12"}
    assert second.metadata["Preis"] == "8.9"


def test_an_office_in_france(tmp_path: Path) -> None:
    text = (
        "Référence;Désignation;Descriptif;Prix\r\n"
        "A1;Marteau;Tête ronde, manche en frêne.;1\xa0234,50\r\n"
        "A2;Scie;Pour le bois.;8,90\r\n"
    )
    (tmp_path / "export.csv").write_bytes(text.encode("cp1252"))
    first, second = read(tmp_path / "export.csv")[0]
    assert (first.id, first.title) == ("A1", "Marteau")
    assert (first.metadata, second.metadata) == ({"Prix": "1234.50"}, {"Prix": "8.90"})


def test_an_array_of_texts(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_bytes(dumped(["one", "two"]))
    documents, rejects, _ = read(tmp_path / "c.json")
    assert ([each.text for each in documents], rejects) == (["one", "two"], [])


def test_prose_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "poem.txt").write_text("One, two,\nthree, four,\nfive, six,\n")
    [document], _, [kind] = read(tmp_path / "poem.txt")
    assert (document.text, kind) == ("One, two,\nthree, four,\nfive, six,", "text")


PACKERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    (".gz", gzip.compress),
    (".bz2", bz2.compress),
    (".xz", lzma.compress),
    (".zst", zstd.compress),
    ("", gzip.compress),
]


@pytest.mark.parametrize(("ending", "pack"), PACKERS, ids=[each for each, _ in PACKERS])
def test_compressed(tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / f"c.csv{ending}").write_bytes(pack(table(",").encode()))
    documents, rejects, kinds = read(tmp_path / f"c.csv{ending}")
    assert ([each.id for each in documents], rejects, kinds) == (["7", "8"], [], ["CSV"])


def test_excel(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [
        ["Inventar 2024", None, None, None],
        ["Nr.", "Titel", "Beschreibung", "Preis"],
        [1, "Möwe", "Ein Bild der Küste.", 12.5],
        [2, 1984, "Ein Roman.", None],
        [None, None, None, None],
    ]
    (tmp_path / "inventar.xlsx").write_bytes(workbook({"Bestand": rows}))
    first, second = read(tmp_path / "inventar.xlsx")[0]
    assert (first.id, first.title, first.text) == ("1", "Möwe", "Ein Bild der Küste.")
    assert (first.metadata, second.metadata, second.title) == ({"Preis": 12.5}, {}, "1984")


def test_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE books (id, title, body, price, cover BLOB)")
        database.execute("INSERT INTO books VALUES (1, 'a', 'b', 2.5, x'00')")
        database.execute("CREATE TABLE orders (n)")
    database.close()
    documents, [reject], _ = read(path)
    assert documents == []
    assert "has 2 tables; choose one with --table" in reject.reason
    assert reject.reason.endswith("books, orders")
    [document], _, [kind] = read(path, ReadOptions(table="books"))
    assert (document.id, document.title, document.text) == ("1", "a", "b")
    assert (document.metadata, kind) == ({"price": 2.5}, "SQLite, table books")
    query = "SELECT id + 1 AS id, title FROM books"
    [document], _, _ = read(path, ReadOptions(table=query))
    assert (document.id, document.title) == ("2", "a")
    _, [reject], _ = read(path, ReadOptions(table="SELECT writefile('x', 'y')"))
    assert "can't be read as SQLite" in reject.reason


def test_parquet_with_all_types(tmp_path: Path) -> None:
    columns = {
        "id": ["a"],
        "text": ["b"],
        "nested": [{"x": [1.5, 2.5], "when": 5}],
        "nanoseconds": pyarrow.array([1_600_000_000_123_456_789], pyarrow.timestamp("ns", "UTC")),
        "clock": pyarrow.array([3_600_000], pyarrow.time32("ms")),
        "objects": [[{"name": "n", "count": 1}]],
        "embedding": [[0.5, 0.25]],
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "c.parquet")
    [document], rejects, _ = read(tmp_path / "c.parquet")
    assert rejects == []
    assert document.metadata["nested.x"] == [1.5, 2.5]
    assert str(document.metadata["nanoseconds"]).startswith("2020-09-13")
    assert document.metadata["clock"] == "01:00:00"
    assert document.metadata["objects"] == ["n"]


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def tarred(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("link.jsonl")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return file.getvalue()


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_archives(tmp_path: Path, pack: Callable[[dict[str, bytes]], bytes]) -> None:
    members = {
        "in/books.json": LINES,
        "in/page.md": b"# Heading\n\nText.",
        "in/cover.png": b"\x89PNG",
        "more.csv.gz": gzip.compress(b"id,title\n9,c\n"),
        "../../escape.jsonl": b'{"id": "e", "text": "out"}',
        "broken.parquet": b"PAR1 torn",
        "inner.zip": zipped({"deep.csv": b"id,title\n10,d\n"}),
    }
    (tmp_path / "data.bin").write_bytes(pack(members))
    before = sorted(tmp_path.rglob("*"))
    documents, [reject], _ = read(tmp_path / "data.bin")
    assert [each.id for each in documents] == ["7", "8", "data.bin/in/page.md", "9", "e", "10"]
    assert (reject.source, reject.line) == ("data.bin/broken.parquet", 0)
    assert sorted(tmp_path.rglob("*")) == before
    assert not (tmp_path.parent.parent / "escape.jsonl").exists()


def nested(depth: int) -> bytes:
    data = b'{"text": "deep"}\n{"text": "er"}'
    for _ in range(depth):
        data = zipped({"x": data})
    return data


BAD: list[tuple[str, bytes, str]] = [
    ("c.zip", nested(5), "an archive inside 3 others"),
    ("c.zip", zipped({"a.jsonl": LINES})[:-30], "not a whole ZIP archive"),
    ("c.tar", b"x" * 257 + b"ustar" + b"y" * 300, "not a whole tar archive"),
    ("c.zip", zipped({"a.jsonl": b"\n" * 200_000_000}), "a bomb"),
    ("c.json", dumped(BOOKS)[:-20], "not whole JSON"),
    ("c.json", b'[{"text": "a"} {"text": "b"}]', "where , or ] belongs"),
    ("c.json", b'[{"text": "a"},' + b"[" * 100_000, "not whole JSON"),
    ("c.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "can't be read as Excel"),
    (
        "c.xlsx",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
        "a workbook with a password",
    ),
    ("c.db", b"SQLite format 3\0" + b"\xff" * 200, "can't be read as SQLite"),
    ("c.csv", bytes(range(256)) * 10, "of no kind that can be read"),
    ("c.xz", lzma.compress(LINES * 1000)[:-50], "make it anew"),
    ("c.bz2", bz2.compress(LINES * 1000)[:-50], "make it anew"),
    ("c.zst", zstd.compress(LINES * 1000)[:-9], "make it anew"),
]


@pytest.mark.parametrize(("name", "data", "reason"), BAD)
def test_what_is_broken_is_named_and_skipped(
    tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / name).write_bytes(data)
    (folder / "good.txt").write_text("good")
    items = list(read_corpus(folder))
    assert any(isinstance(item, Document) and item.id == "good.txt" for item in items)
    rejects = [item for item in items if isinstance(item, Reject)]
    assert any(reason in item.reason and item.line == 0 for item in rejects), rejects


def test_links_in_a_folder_do_not_lead_out_or_in_circles(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "loop").symlink_to(folder)
    (folder / "out.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "up").symlink_to(tmp_path)
    (folder / "good.txt").write_text("good")
    assert [item.text for item in read_corpus(folder) if isinstance(item, Document)] == ["good"]
