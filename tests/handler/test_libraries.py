"""Libraries that are missing are named before anything is read."""

import sys
from pathlib import Path

import pytest

from handler.corpus.libraries import LIBRARIES
from handler.corpus.readers.registry import READERS
from handler.corpus.records import read_corpus
from handler.corpus.sources import open_corpus
from handler.encoder import Encoder
from handler.errors import CorpusError
from tests.handler.reindexing import Counting, Place


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of several kinds, on a machine without the extras."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    (folder / "a.jsonl").write_text('{"text": "read first"}\n')
    (folder / "b.pdf").write_bytes(b"%PDF-1.7 \n")
    (folder / "c.pdf").write_bytes(b"%PDF-1.7 \n")
    (folder / "d.parquet").write_bytes(b"PAR1....")
    (folder / "e.xls").write_text("title,text\na,a table in spite of its ending\n")
    for module in ("pypdfium2", "pyarrow", "python_calamine"):
        monkeypatch.setitem(sys.modules, module, None)
    return folder


def test_all_that_is_missing_is_said_before_the_first_record(shelf: Path) -> None:
    with pytest.raises(CorpusError) as error:
        next(read_corpus(shelf))
    assert str(error.value) == (
        "2 × PDF, such as b.pdf, and 1 × Parquet, such as d.parquet, needs pypdfium2, pyarrow; "
        'install it with: pip install -e ".[files,parquet]"'
    )
    for name in ("b.pdf", "c.pdf", "d.parquet"):
        (shelf / name).unlink()
    assert len([*read_corpus(shelf)]) == 2


def test_a_run_in_the_function_names_what_helps_there(
    shelf: Path, encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "querytower")
    place = Place(tmp_path, Counting(encoder))
    with pytest.raises(CorpusError) as error:
        place.run(corpus=open_corpus(str(shelf)))
    message = str(error.value)
    assert "pip install" not in message
    assert "which the function lacks: it reads JSON, CSV" in message
    assert "index it from a laptop" in message


def test_the_kinds_are_those_of_the_readers() -> None:
    assert {library.kind for _, library in LIBRARIES} <= {reader.NAME for reader in READERS}
