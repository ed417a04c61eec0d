"""Types that are put into stored documents afterwards, and the quick decoder of lines."""

import json
import math
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from handler.corpus.cells import CellConverter, to_cells
from handler.corpus.document import Document, Section, encode_json, to_json
from handler.corpus.inference import converted, converter
from handler.corpus.readers.json_lines import read
from handler.corpus.readers.source import Raw, Source

TARGETS = ("integer", "float", "boolean", "string", "date", "date:dmy")
WORDS = ("1999", "007", "0", "1e3", "3.90", "yes", "31.12.2020", "tab\there", 'a "quote"', "\u2028")
SCALARS = st.sampled_from(WORDS) | st.text(min_size=1) | st.booleans() | st.integers(-9, 2**63 - 1)
LISTS = st.lists(st.text(min_size=1), min_size=1) | st.lists(st.floats(-9, 9), min_size=1)
METADATA = st.dictionaries(st.text(min_size=1), SCALARS | st.floats(-9, 9) | LISTS, max_size=6)


def document(metadata: dict[str, Any]) -> Document:
    sections = (Section(0, 2, 'H "1"\t', "h"),)
    return Document(id="a\tb", title="T\n", text="é", url="", metadata=metadata, sections=sections)


@given(metadata=METADATA, data=st.data())
def test_cells_are_converted_as_values_are(metadata: dict[str, Any], data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(metadata)), unique=True)) if metadata else []
    targets = {name: data.draw(st.sampled_from(TARGETS)) for name in names}
    expected: dict[str, Any] = {}
    for name, value in metadata.items():
        new = converted(value, converter(targets[name])) if name in targets else value
        if new is not None:
            expected[name] = new
    cells = CellConverter(targets)
    stored = cells.stored(to_cells(document(metadata)))
    assert stored == to_json(document(expected))
    assert {*metadata} - {*expected} == {*cells.dropped}


def test_what_is_dropped_is_counted_with_its_first_value() -> None:
    cells = CellConverter({"n": "integer"})
    for value in ("1", 'no "one"', "none", 2):
        cells.stored(to_cells(document({"a": 1, "n": value})))
    assert (cells.dropped["n"].count, cells.dropped["n"].example) == (2, 'no "one"')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(record=st.dictionaries(st.text(), JSON), ascii_only=st.booleans())
def test_lines_are_decoded_as_python_does(
    tmp_path_factory: Any, record: dict[str, Any], ascii_only: bool
) -> None:
    line = json.dumps(record, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    (found,) = lines(tmp_path_factory.mktemp("lines"), line)
    assert repr(found.fields) == repr(json.loads(line))


def test_lines_that_only_pythons_decoder_reads(tmp_path: Path) -> None:
    nested = b'{"a": ' + b"[" * 300 + b"]" * 300 + b"}"
    text = b'{"a": "\\ud800"}\n{"n": ' + b"1" * 5000 + b'}\n{"i": -Infinity}\n' + nested
    surrogate, digits, infinite, deep = (each.fields for each in lines(tmp_path, text))
    assert (surrogate, digits) == ({"a": "\ud800"}, {"n": "1" * 5000})
    assert (infinite, encode_json(deep)) == ({"i": -math.inf}, nested.decode())


def lines(folder: Path, data: bytes) -> list[Raw]:
    path = folder / "c.jsonl"
    path.write_bytes(data)
    return [item for item in read(Source.of_file(path, "c.jsonl")) if isinstance(item, Raw)]
