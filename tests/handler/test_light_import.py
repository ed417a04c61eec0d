"""The function loads what it needs to answer, and none of the tools that made its model or its package."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import handler

HEAVY = {"torch", "transformers", "optimum", "onnx", "safetensors", "huggingface_hub", "pyarrow"}
DOCUMENTS = {"docutils", "mammoth", "pypdfium2", "selectolax"}
# In the function, for a reindex; answering needs none of them.
READING = {"markdown_it", "yaml"}
COMMAND_LINE = {"typer", "click", "rich", "uvicorn"}
ROOMS = {"export", "infra", "tests"}
FORBIDDEN = HEAVY | DOCUMENTS | COMMAND_LINE | ROOMS
# Read where a corpus is, never where queries are answered.
OPTIONAL = {
    ("corpus/readers/parquet.py", "pyarrow"),
    ("corpus/extract/docx.py", "mammoth"),
    ("corpus/extract/html.py", "selectolax"),
    ("corpus/extract/pdf.py", "pypdfium2"),
    ("corpus/extract/restructured.py", "docutils"),
    # In the container variant alone.
    ("tiers/lance/datasets.py", "pyarrow"),
}


def test_the_entry_point_loads_no_tool() -> None:
    code = "import sys, handler.main; print(*{name.partition('.')[0] for name in sys.modules})"
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("QUERYTOWER_", "_HANDLER"))
    }
    root = Path(handler.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert {"handler", "onnxruntime", "tantivy", "numkong", "fastapi", "mangum"} <= loaded
    assert loaded & (FORBIDDEN | READING) == set()


def test_no_file_imports_a_tool_later_either() -> None:
    folder = Path(handler.__file__).parent
    files = list(folder.rglob("*.py"))
    assert len(files) > 20
    found = {
        (file.relative_to(folder).as_posix(), root) for file in files for root in imported(file)
    }
    assert {(file, root) for file, root in found if root in FORBIDDEN} == OPTIONAL


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_searching_uses_no_set_function_of_numpy() -> None:
    """They import numpy.ma, which took 20 ms of the first search."""
    package = Path(handler.__file__).parent
    slow = re.compile(r"\bnp\.(unique|isin|setdiff1d|intersect1d|union1d)\(")
    files = [*package.glob("search/*.py"), package / "index" / "vectors.py"]
    assert not [path.name for path in files if slow.search(path.read_text(encoding="utf-8"))]
