"""The rules of the house: who may import whom, how large things grow, and how values are built."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[1]
PROGRAMS = ("querytower", "handler", "export", "infra")

# The rooms of handler, the lowest first. A room imports rooms of lower floors only; on one floor,
# single files may import each other, packages may not.
FLOORS = (
    {
        "errors",
        "files",
        "html_answer",
        "keys",
        "log",
        "markup",
        "problems",
        "progress",
        "settings",
        "staging",
        "startup",
        "stored_json",
        "urls",
        "workers",
    },
    {"storage"},
    {"corpus", "encoder", "reranker", "onnx_session", "bundle"},
    {"index"},
    {"search", "tiers"},
    {"versions"},
    {"quality"},
    {"reindex"},
    {"service", "trace", "warm_up"},
    {"api", "mcp", "page"},
    {"app"},
    {"main"},
)
# Answering a query needs nothing of what makes an index. The entry point imports it for a reindex.
ANSWERING = {"search", "service", "trace", "warm_up", "api", "mcp", "page", "app"}
MAKING = {"quality", "reindex"}

MAX_MODULE_MEDIAN = 100
MAX_FUNCTION_MEDIAN = 8
MAX_FUNCTION = 60
MAX_LINE = 100
MAX_LONG_LINES = 0.03
MAX_POSITIONAL_FIELDS = 3

Graph = Mapping[str, set[str]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def sources() -> dict[str, Path]:
    """Return the files of the three programs by module name."""
    files = (file for program in PROGRAMS for file in (ROOT / program).rglob("*.py"))
    return {module_name(file): file for file in files}


def module_name(file: Path) -> str:
    """Return the dotted name of a module; a package's is that of its folder."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def tree(name: str) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(sources()[name].read_text("utf-8"))


@cache
def imports() -> dict[str, set[str]]:
    """Return which modules of the three programs each module imports, inside functions too."""
    found: dict[str, set[str]] = defaultdict(set)
    for name in sources():
        for node in ast.walk(tree(name)):
            found[name] |= {each for each in imported(node) if each != name}
    return found


def imported(node: ast.AST) -> Iterator[str]:
    """Yield the own modules that an import statement names; a name from a package is its module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in sources())
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        for alias in node.names:
            submodule = f"{node.module}.{alias.name}"
            if submodule in sources():
                yield submodule
            elif node.module in sources():
                yield str(node.module)


def room(module: str) -> str:
    """Return the room of a module: the folder or file right below its program."""
    return module.split(".")[1] if "." in module else ""


def rooms(program: str) -> dict[str, set[str]]:
    """Return which rooms of a program import which others of it."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, others in imports().items():
        if name.startswith(f"{program}."):
            inside = {room(other) for other in others if other.startswith(f"{program}.")}
            found[room(name)] |= inside - {room(name)}
    return found


def cycle(graph: Graph) -> list[str]:
    """Return the nodes of a cycle, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [str(node) for node in error.args[1]]
    return []


def test_every_room_of_handler_has_its_floor() -> None:
    known = {name for floor in FLOORS for name in floor}
    assert {room(name) for name in sources() if name.startswith("handler.")} <= known


def test_rooms_import_lower_floors_only() -> None:
    floor_of = {name: number for number, floor in enumerate(FLOORS) for name in floor}
    single = {room(name) for name in sources() if name.count(".") == 1}
    single -= {room(name) for name in sources() if name.count(".") > 1}
    upward = {
        (name, other)
        for name, others in rooms("handler").items()
        for other in others
        if floor_of[other] > floor_of[name]
        or (floor_of[other] == floor_of[name] and not {name, other} <= single)
    }
    assert upward == set()


def test_answering_imports_nothing_of_making() -> None:
    graph = rooms("handler")
    assert {(name, other) for name in ANSWERING for other in graph[name] & MAKING} == set()


def test_searching_does_not_know_what_an_index_is_kept_in() -> None:
    above = tuple(f"handler.{room}." for room in ("search", "api", "mcp", "page"))
    files = {"index_version", "text_index", "text_writer", "text_conditions", "vectors", "writer"}
    known = {
        (name, other)
        for name in sources()
        if name.startswith(above)
        for other in imports()[name]
        if other.removeprefix("handler.index.") in files
    }
    queries = {
        name
        for name in sources()
        if name.startswith(above) and "tantivy" in sources()[name].read_text("utf-8")
    }
    assert (known, queries) == (set(), set())


def test_programs_depend_in_one_direction() -> None:
    programs = {
        (name.partition(".")[0], other.partition(".")[0])
        for name, others in imports().items()
        for other in others
    }
    allowed = {(name, name) for name in PROGRAMS}
    allowed |= {("infra", "export"), ("infra", "handler"), ("export", "handler")}
    allowed |= {("querytower", "infra"), ("querytower", "handler")}
    assert programs <= allowed


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_rooms_import_each_other_in_a_circle(program: str) -> None:
    assert cycle(rooms(program)) == []


def test_no_files_import_each_other_in_a_circle() -> None:
    packages = {name for name, file in sources().items() if file.name == "__init__.py"}
    graph = {name: others - packages for name, others in imports().items()}
    assert cycle(graph) == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_median_module_is_short(program: str) -> None:
    lengths = [
        len(file.read_text("utf-8").splitlines())
        for name, file in sources().items()
        if name.startswith(program) and file.name != "__init__.py"
    ]
    assert median(lengths) <= MAX_MODULE_MEDIAN


def test_functions_are_short() -> None:
    lengths = {
        f"{name}.{node.name}": length(node)
        for name in sources()
        for node in ast.walk(tree(name))
        if isinstance(node, Function)
    }
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION} == {}
    assert median(lengths.values()) <= MAX_FUNCTION_MEDIAN


def length(node: Function) -> int:
    """Return the lines of a function, without decorators and docstring."""
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (node.end_lineno or 0) - node.lineno + 1 - docstring


@pytest.mark.parametrize("folder", [*PROGRAMS, "tests"])
def test_few_lines_are_long(folder: str) -> None:
    lines = [
        line
        for file in (ROOT / folder).rglob("*.py")
        for line in file.read_text("utf-8").splitlines()
    ]
    long = [line for line in lines if len(line) > MAX_LINE]
    assert len(long) < MAX_LONG_LINES * len(lines)


def test_dataclasses_of_many_fields_are_built_by_name() -> None:
    wide = {
        f"{name}.{node.name}"
        for name in sources()
        for node in ast.walk(tree(name))
        if isinstance(node, ast.ClassDef)
        if (options := dataclass_options(node)) is not None
        if field_count(node) > MAX_POSITIONAL_FIELDS and "kw_only" not in options
    }
    assert wide == set()


def dataclass_options(node: ast.ClassDef) -> set[str] | None:
    """Return the options of a class's dataclass decorator, or None if it has none."""
    for decorator in node.decorator_list:
        text = ast.unparse(decorator)
        if re.match(r"(dataclasses\.)?dataclass\b", text):
            keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
            return {str(each.arg) for each in keywords}
    return None


def field_count(node: ast.ClassDef) -> int:
    """Return how many fields the constructor of a dataclass takes."""
    fields: Iterable[ast.AnnAssign] = (
        each for each in node.body if isinstance(each, ast.AnnAssign)
    )
    return sum("init=False" not in ast.unparse(each) for each in fields)
