"""Corpora to documents: every format, every fault, and the rejects that tell of them."""

import gzip
import json
import random
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from handler.corpus.document import Document, Section, Value
from handler.corpus.html_text import clean_html
from handler.corpus.options import FieldNames, ReadOptions
from handler.corpus.records import Reject, read_corpus
from handler.corpus.spool import Spool
from handler.errors import CorpusError

Read = tuple[list[Document], list[tuple[int, str]]]
BOM = b"\xef\xbb\xbf"
GUESSED = FieldNames()


def read(path: Path, names: FieldNames = GUESSED) -> Read:
    """Return the documents as they are indexed, and line and reason of each reject."""
    items = list(read_corpus(path, ReadOptions(fields=names)))
    rejects = [(item.line, item.reason) for item in items if isinstance(item, Reject)]
    if len(rejects) == len(items):
        return [], rejects
    with TemporaryDirectory() as folder:
        return list(spool(Path(folder), items, 1)), rejects


def read_bytes(tmp_path: Path, name: str, data: bytes, names: FieldNames = GUESSED) -> Read:
    (tmp_path / name).write_bytes(data)
    return read(tmp_path / name, names)


def jsonl_ascii(*records: object) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def jsonl(*records: object) -> bytes:
    return b"".join(json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in records)


FULL = {
    "id": "a",
    "title": " T ",
    "text": "Some text.\n",
    "url": "https://e.org",
    "year": 1990,
    "tags": ["x", "y"],
    "gone": None,
}


def test_jsonl(tmp_path: Path) -> None:
    documents, rejects = read_bytes(
        tmp_path, "c.jsonl", jsonl(FULL, {"_id": "b", "text": "é 東京 🙂"})
    )
    assert rejects == []
    assert documents == [
        Document(
            id="a",
            title="T",
            text="Some text.",
            url="https://e.org",
            metadata={"year": 1990, "tags": ["x", "y"]},
        ),
        Document(id="b", title="", text="é 東京 🙂", url="", metadata={}),
    ]
    assert list(documents[0].metadata) == ["year", "tags"]


@pytest.mark.parametrize("ending", [".jsonl", ".ndjson", ".JSONL", ".jsonl.gz"])
def test_byte_order_mark_line_ends_and_blank_lines(tmp_path: Path, ending: str) -> None:
    lines = [json.dumps({"id": str(n), "text": "t"}).encode() for n in range(3)]
    data = BOM + lines[0] + b"\r\n\r\n  \n" + lines[1] + b"\r\n" + b"broken\n" + lines[2]
    documents, rejects = read_bytes(
        tmp_path, f"c{ending}", gzip.compress(data) if ending.endswith("gz") else data
    )
    assert [document.id for document in documents] == ["0", "1", "2"]
    assert [line for line, _ in rejects] == [5]


def test_other_names_of_fields(tmp_path: Path) -> None:
    record = {
        "isbn": 9780141439518,
        "name": "Emma",
        "about": "Clever.",
        "link": "u",
        "id": 5,
        "title": "Ms",
        "text": "x",
    }
    names = FieldNames(id="isbn", title="name", text="about", url="link")
    [found], _ = read_bytes(tmp_path, "c.jsonl", jsonl(record), names)
    assert found == Document(
        id="9780141439518",
        title="Emma",
        text="Clever.",
        url="u",
        metadata={"id": 5, "title": "Ms", "text": "x"},
    )


def test_ids_are_made_from_content(tmp_path: Path) -> None:
    records = [
        {"title": "A", "text": "b"},
        {"text": "A b"},
        {"title": "A", "text": "b", "url": "u"},
        {"id": "", "text": "q"},
    ]
    documents, rejects = read_bytes(
        tmp_path, "c.jsonl", jsonl(*records, records[0], {"id": None, "text": "r"})
    )
    ids = [document.id for document in documents]
    assert rejects == []
    assert len(set(ids)) == len(ids) == 6
    assert all(len(key) == 16 and int(key, 16) >= 0 for key in ids)
    again, _ = read_bytes(tmp_path, "d.jsonl", jsonl(records[2], records[0]))
    assert [document.id for document in again] == [ids[2], ids[0]]


def test_of_two_documents_with_one_id_the_first_stays(tmp_path: Path) -> None:
    records = [
        {"id": 7, "text": "first"},
        {"id": "7", "text": "second"},
        {"_id": "7", "text": "third"},
    ]
    documents, rejects = read_bytes(tmp_path, "c.jsonl", jsonl(*records))
    assert [document.text for document in documents] == ["first"]
    assert rejects == [(2, "id '7' appeared before"), (3, "id '7' appeared before")]


DEEP = "[" * 600 + "]" * 600
FAULTS = [
    ('{"text": "t"', "not JSON"),
    ("nonsense", "not JSON"),
    ('["text"]', "not a JSON object"),
    ('"text"', "not a JSON object"),
    ("{}", "text is empty or missing"),
    ('{"text": " \\n\\t "}', "text is empty or missing"),
    ('{"text": null, "title": "", "n": 1}', "text is empty or missing"),
    (f'{{"text": "a", "m": {100 * DEEP[:600]}}}', "not JSON"),
]
# What can't be kept of a record that otherwise can: the value, and what becomes of it.
KEPT: list[tuple[str, Any]] = [
    ("[1.5, 2]", [1.5, 2]),
    ("[1, null, 3]", [1, 3]),
    ('[{"n": 1, "name": "x"}, {"name": "y"}]', ["x", "y"]),
    ("[[1]]", None),
    (DEEP, None),
    ("NaN", None),
    ("-Infinity", None),
    ("1e999", None),
    ("9223372036854775808", "9223372036854775808"),
    ("-9223372036854775809", "-9223372036854775809"),
    ("9" * 5000, "9" * 5000),
    ('"half \\udc00"', "half \ufffd"),
    ('["b", "\\udc00"]', ["b", "\ufffd"]),
    ('"<p>One &amp; two</p><br/>three"', "One & two\n\nthree"),
    ('"a < b & c"', "a < b & c"),
]


@pytest.mark.parametrize(("value", "kept"), KEPT, ids=[value[:20] for value, _ in KEPT])
def test_a_field_never_costs_its_record(tmp_path: Path, value: str, kept: Any) -> None:
    data = f'{{"text": "a", "m": {value}}}\n'.encode()
    [document], rejects = read_bytes(tmp_path, "c.jsonl", data)
    assert rejects == []
    assert document.metadata == ({} if kept is None else {"m": kept})


def test_nested_objects_become_fields(tmp_path: Path) -> None:
    record = {"text": "a", "loc": {"lat": 1.5, "at": {"city": "Lyon"}}, " \ud800": 1}
    [document], _ = read_bytes(tmp_path, "c.jsonl", jsonl_ascii(record))
    assert document.metadata == {"loc.lat": 1.5, "loc.at.city": "Lyon", "\ufffd": 1}


def test_what_else_may_be_title_text_and_id(tmp_path: Path) -> None:
    records = [
        {"id": 1.5, "title": 1984, "text": ["One.", "Two."]},
        {"id": "x" * 513, "title": True, "text": {"en": "Three."}},
        {"id": 3.0, "title": {"en": "b"}, "text": 5},
    ]
    documents, rejects = read_bytes(tmp_path, "c.jsonl", jsonl(*records))
    assert rejects == []
    assert [(each.title, each.text) for each in documents] == [
        ("1984", "One.\n\nTwo."),
        ("true", "Three."),
        ("b", "5"),
    ]
    assert documents[2].id == "3"
    assert all(len(each.id) == 16 for each in documents[:2])


@pytest.mark.parametrize(("line", "reason"), FAULTS, ids=[reason[:20] for _, reason in FAULTS])
def test_a_faulty_line_is_rejected_with_its_reason(tmp_path: Path, line: str, reason: str) -> None:
    data = b'{"text": "before", "n": 0}\n' + line.encode() + b'\n{"text": "after"}\n'
    documents, rejects = read_bytes(tmp_path, "c.jsonl", data)
    assert [document.text for document in documents] == ["before", "after"]
    assert [number for number, _ in rejects] == [2]
    assert reason in rejects[0][1]


def test_bad_utf8_is_rejected_with_its_place(tmp_path: Path) -> None:
    good = '{"text": "é"}\n'.encode() * 2
    data = b'{"text": "a"}\n{"text": "caf\xe9"}\n{"text": "\xc0\x80"}\n{"text": "b"}\n' + good
    documents, rejects = read_bytes(tmp_path, "c.jsonl", data)
    assert [document.text for document in documents] == ["a", "b", "é", "é"]
    assert rejects == [(2, "not UTF-8 at byte 13"), (3, "not UTF-8 at byte 10")]


def test_extreme_values_are_kept(tmp_path: Path) -> None:
    values = {
        "low": -(2**63),
        "high": 2**63 - 1,
        "small": 5e-324,
        "yes": True,
        "mixed": ["a", 7],
    }
    [found], _ = read_bytes(
        tmp_path, "c.jsonl", jsonl({"id": "🙂" * 512, "text": "\u0000 \U0010ffff", **values})
    )
    assert found.id == "🙂" * 512
    assert found.text == "\u0000 \U0010ffff"
    assert found.metadata == values | {"mixed": ["a", "7"]}


def test_whatever_a_line_holds_every_line_is_accounted_for(tmp_path: Path) -> None:
    rng = random.Random(1)
    good = json.dumps(FULL | {"nested": {"a": [1, 2.5, "é"]}}, ensure_ascii=False).encode()
    lines = []
    for _ in range(500):
        line = bytearray(good)
        for _ in range(rng.randint(0, 4)):
            line[rng.randrange(len(line))] = rng.choice(b'"{}[]:,\\0159eE-.tfn \xc3\x80\xff\x00')
        lines.append(bytes(line))
    documents, rejects = read_bytes(tmp_path, "c.jsonl", b"\n".join(lines))
    assert len(documents) + len(rejects) == len(lines)
    assert sorted({line for line, _ in rejects}) == [line for line, _ in rejects]
    assert all(reason for _, reason in rejects)


def test_csv(tmp_path: Path) -> None:
    text = (
        "id,title,text,year,price,ok,code,note\r\n"
        '007,"One, two","He said ""no"".\r\nThen left.",1990,2.50,TRUE,0123,\r\n'
        "\r\n"
        "8,1984,42,-5,1e3,false,12345678901234567890,NaN\r\n"
    )
    documents, rejects = read_bytes(tmp_path, "c.csv", BOM + text.encode())
    assert rejects == []
    first: dict[str, Value] = {"year": 1990, "price": 2.5, "ok": True, "code": "0123"}
    second: dict[str, Value] = {
        "year": -5,
        "price": 1000.0,
        "ok": False,
        "code": "12345678901234567890",
        "note": "NaN",
    }
    assert documents == [
        Document(
            id="007", title="One, two", text='He said "no".\r\nThen left.', url="", metadata=first
        ),
        Document(id="8", title="1984", text="42", url="", metadata=second),
    ]
    assert [type(value) for value in documents[1].metadata.values()] == [int, float, bool, str, str]


def test_faulty_csv_rows(tmp_path: Path) -> None:
    text = b'id,text\n1,"a\nb\n"\n2\n3,c,d\n4,"x"y\n5,caf\xe9\n6,\n7,g\n'
    documents, rejects = read_bytes(tmp_path, "c.csv", text)
    assert [(each.id, each.text) for each in documents] == [
        ("1", "a\nb"),
        ("5", "café"),
        ("7", "g"),
    ]
    assert [line for line, _ in rejects] == [5, 6, 7, 9]
    reasons = ["empty or missing", "has 3 columns", "not CSV", "empty or missing"]
    for (_, reason), expected in zip(rejects, reasons, strict=True):
        assert expected in reason


def test_csv_with_other_names_and_long_cells(tmp_path: Path) -> None:
    long = "word " * 60_000
    data = gzip.compress(f"isbn,name,body\n0012,Emma,{long}\n".encode())
    [found], _ = read_bytes(
        tmp_path, "c.csv.gz", data, FieldNames(id="isbn", title="name", text="body")
    )
    assert found == Document(id="0012", title="Emma", text=long.strip(), url="", metadata={})


def test_parquet(tmp_path: Path) -> None:
    columns = {
        "id": [1, 2, 3, 4],
        "text": ["a", None, "c", "d"],
        "when": [datetime(2020, 1, 2, 3, tzinfo=UTC), None, None, None],
        "day": [date(1605, 1, 16), None, None, None],
        "tags": [["x", "y"], None, None, None],
        "price": [1.5, None, float("nan"), None],
        "deep": [None, None, None, {"a": 1}],
        "cost": [Decimal("1.50"), None, None, None],
        "vague": [b"\x00", None, None, None],
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "c.parquet")
    documents, rejects = read(tmp_path / "c.parquet")
    assert rejects == [(2, "text is empty or missing")]
    assert [(each.id, each.text) for each in documents] == [("1", "a"), ("3", "c"), ("4", "d")]
    assert [each.metadata for each in documents] == [
        {
            "when": "2020-01-02T03:00:00+00:00",
            "day": "1605-01-16",
            "tags": ["x", "y"],
            "price": 1.5,
            "cost": 1.5,
        },
        {},
        {"deep.a": 1},
    ]


def write_pages(folder: Path, pages: dict[str, str]) -> None:
    for name, text in pages.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())


def test_a_folder_of_pages(tmp_path: Path) -> None:
    front = "---\ntitle: \"The 'Title'\"\nyear: 1990\nrating: 4.5\ncode: 007\nid: own-id\nempty:\n---\n\n# Heading\nBody."
    pages = {
        "b/with-front.md": front,
        "a.md": "# Heading # \n\nText of a.\n\n## Next\nmore",
        "crlf.markdown": "---\r\nauthor: 'Ann'\r\nempty:\r\n---\r\n# Title\r\nBody.\r\n",
        "plain.txt": "\ufeffJust text.\n---\nno: front\n---\n",
        "rule.md": "---\nnot front matter",
        ".hidden/x.md": "never read",
        ".git.md": "never read",
        "image.png": "never read",
    }
    write_pages(tmp_path, pages)
    documents, rejects = read(tmp_path)
    assert rejects == []
    assert documents == [
        Document(
            id="a.md",
            title="Heading",
            text="Text of a.\n\nNext\n\nmore",
            url="",
            metadata={},
            sections=(Section(12, 16, "Next", "next"),),
        ),
        Document(
            id="own-id",
            title="The 'Title'",
            text="Heading\n\nBody.",
            url="",
            metadata={"year": 1990, "rating": 4.5, "code": "007"},
            sections=(Section(0, 7, "", "heading"),),
        ),
        Document(
            id="crlf.markdown", title="Title", text="Body.", url="", metadata={"author": "Ann"}
        ),
        Document(
            id="plain.txt",
            title="plain",
            text="Just text.\n---\nno: front\n---",
            url="",
            metadata={},
        ),
        Document(id="rule.md", title="rule", text="not front matter", url="", metadata={}),
    ]


def test_faulty_pages(tmp_path: Path) -> None:
    (tmp_path / "bad.md").write_bytes(b"one\ntwo\nthr\xffee")
    write_pages(
        tmp_path,
        {"empty.txt": "", "good.txt": "text", "x.jsonl": '{"id": "good.txt", "text": "same id"}'},
    )
    items = list(read_corpus(tmp_path))
    assert items == [
        Document(id="bad.md", title="bad", text="one\ntwo\nthrÿee", url="", metadata={}),
        Reject("empty.txt", 0, "the file is empty"),
        Document(id="good.txt", title="good", text="text", url="", metadata={}),
        Reject("x.jsonl", 1, "id 'good.txt' appeared before"),
    ]


def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    try:
        (folder / "caf\udce9.txt").write_text("text")
    except OSError:
        pytest.skip("this file system takes no such name")
    (folder / "good.txt").write_text("text")
    spool = Spool.write(read_corpus(folder), tmp_path / "spool", tmp_path / "rejects.jsonl", 0.5)
    assert [document.id for document in spool] == ["caf\ufffd.txt", "good.txt"]


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("c.jsonl.gz", gzip.compress(b"x", mtime=0)[:5], "not a whole gzip file"),
        ("c.csv.gz", b"\x1f\x8bnot gzip", "not a whole gzip file"),
        ("c.parquet", b"PAR1 no PAR1", "can't be read as Parquet"),
        ("c.dat", b"\x00\x01\x02", "of no kind that can be read"),
    ],
)
def test_a_file_that_cant_be_read(tmp_path: Path, name: str, data: bytes, problem: str) -> None:
    documents, [(line, reason)] = read_bytes(tmp_path, name, data)
    assert (documents, line) == ([], 0)
    assert problem in reason
    with pytest.raises(CorpusError, match=f"{name}: .*{problem}"):
        spool(tmp_path, read_corpus(tmp_path / name), 1)


def test_what_comes_before_the_damage_is_read(tmp_path: Path) -> None:
    records = [{"id": n, "text": "t"} for n in range(20_000)]
    data = gzip.compress(jsonl(*records), mtime=0)
    documents, rejects = read_bytes(tmp_path, "c.jsonl.gz", data[: len(data) // 2])
    assert 0 < len(documents) < len(records)
    assert [line for line, _ in rejects] == [0]


def test_a_damaged_gzip_file_is_no_crash(tmp_path: Path) -> None:
    rng = random.Random(2)
    good = gzip.compress(jsonl(*({"id": n, "text": rng.random().hex()} for n in range(200))))
    for _ in range(50):
        data = bytearray(good)
        data[rng.randrange(20, len(good) - 8)] ^= 1 << rng.randrange(8)
        _, rejects = read_bytes(tmp_path, "c.jsonl.gz", bytes(data))
        assert rejects[-1][0] == 0
        assert "not a whole gzip file" in rejects[-1][1]


def test_unreadable_files_do_not_stop_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    write_pages(folder, {"a.txt": "one", "b.csv": "id,text\n1,two\n", "notes": "three"})
    (folder / "c.parquet").write_bytes(b"PAR1 torn")
    (folder / "d.bin").write_bytes(bytes(range(256)))
    spooled = spool(tmp_path, read_corpus(folder), 0)
    assert (spooled.documents, spooled.rejected, spooled.unreadable) == (3, 0, 2)
    listed = (tmp_path / "rejects.jsonl").read_text().splitlines()
    assert [json.loads(line)["source"] for line in listed] == ["c.parquet", "d.bin"]


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"nowhere does not exist; give a file or a folder: JSON lines"
    ):
        read(tmp_path / "nowhere")
    with pytest.raises(CorpusError, match="holds no file of a known kind"):
        read(tmp_path)


def spool(tmp_path: Path, items: Iterable[Document | Reject], max_rejects: float) -> Spool:
    return Spool.write(items, tmp_path / "spool.jsonl", tmp_path / "rejects.jsonl", max_rejects)


def mixed(documents: int, rejects: int) -> list[Document | Reject]:
    good: list[Document | Reject] = [
        Document(id=f"d{n}", title="", text="text", url="", metadata={"n": n})
        for n in range(documents)
    ]
    return good + [Reject("c.jsonl", 10 + n, f'reason "{n}" é') for n in range(rejects)]


def test_documents_come_back_from_the_spool(tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "n": -1,
        "f": 0.1,
        "yes": True,
        "list": ["a\n", "\u2028"],
        "text": "東京 🙂\r\n",
    }
    documents = [
        Document(id="a\nb", title="T\u2028", text="x\ry\x85z", url="u", metadata=values),
        Document(id="c", title="", text="d", url="", metadata={}),
    ]
    spooled = spool(tmp_path, documents, 0)
    assert list(spooled) == documents
    assert (spooled.documents, spooled.rejected) == (2, 0)
    assert [(name, field.kind) for name, field in spooled.schema.items()] == [
        ("n", "integer"),
        ("f", "float"),
        ("yes", "boolean"),
        ("list", "string"),
        ("text", "string"),
    ]
    assert not (tmp_path / "rejects.jsonl").exists()


def test_rejects_are_listed_with_line_and_reason(tmp_path: Path) -> None:
    (tmp_path / "rejects.jsonl").write_text("from an earlier run\n")
    spool(tmp_path, mixed(8, 2), 0.2)
    lines = (tmp_path / "rejects.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"source": "c.jsonl", "line": 10, "reason": 'reason "0" é'},
        {"source": "c.jsonl", "line": 11, "reason": 'reason "1" é'},
    ]


@pytest.mark.parametrize(
    ("documents", "rejects", "share"), [(99, 1, 0.01), (98, 2, 0.02), (1, 1, 0.5), (5, 0, 0.0)]
)
def test_as_many_rejects_as_allowed(
    tmp_path: Path, documents: int, rejects: int, share: float
) -> None:
    spooled = spool(tmp_path, mixed(documents, rejects), share)
    assert (spooled.documents, spooled.rejected) == (documents, rejects)


@pytest.mark.parametrize(
    ("documents", "rejects", "share"), [(98, 1, 0.01), (97, 2, 0.02), (5, 1, 0.0), (0, 3, 0.5)]
)
def test_one_reject_too_many(tmp_path: Path, documents: int, rejects: int, share: float) -> None:
    with pytest.raises(CorpusError) as caught:
        spool(tmp_path, mixed(documents, rejects), share)
    message = str(caught.value)
    for part in (
        f"{rejects} of {documents + rejects} records",
        'first: c.jsonl line 10: reason "0"',
        "--max-rejects",
    ):
        assert part in message
    assert str(tmp_path / "rejects.jsonl") in message
    assert len((tmp_path / "rejects.jsonl").read_text("utf-8").splitlines()) == rejects


@pytest.mark.parametrize("data", [b"", b"\n\n \n", BOM])
def test_an_empty_corpus(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "c.jsonl").write_bytes(data)
    with pytest.raises(CorpusError, match="the corpus is empty"):
        spool(tmp_path, read_corpus(tmp_path / "c.jsonl"), 1)


def test_all_records_rejected(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"all 3 records were rejected; first: c.jsonl line 10"):
        spool(tmp_path, mixed(0, 3), 1)


def test_comments_that_never_end_hide_what_follows_and_nothing_before() -> None:
    assert clean_html("<p>The harbour</p>" + "<!-- x" * 10_000).startswith("The harbour")
    assert clean_html("<p>a</p><!-- <!-- b --><p>c</p>") == "a\n\nc"
