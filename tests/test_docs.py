"""The documentation: links lead somewhere, pictures are true, and README stays short."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.test_architecture import FLOORS, ROOT, Graph, imports, module_name, rooms

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MAX_README_LINES = 150
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
MERMAID = re.compile(r"^```mermaid\n(.*?)^```", re.DOTALL | re.MULTILINE)
ARROW = re.compile(r"^\s+(\S+) --> (\S+)$", re.MULTILINE)
OWN_FILE = re.compile(
    r"`((?:querytower|handler|export|infra|tests|docs|requirements)/[\w./-]+\.\w+)`"
)


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= MAX_README_LINES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(CODE.sub("", page.read_text("utf-8"))):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in set(anchors(file)), target


def anchors(page: Path) -> Iterator[str]:
    """Yield the anchors of a page's headings, as GitHub makes them."""
    for heading in re.findall(r"^#+ (.+)$", CODE.sub("", page.read_text("utf-8")), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.lower())
        yield plain.replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    missing = {name for name in OWN_FILE.findall(page.read_text("utf-8")) if "*" not in name}
    assert {name for name in missing if not (ROOT / name).exists()} == set()


def test_every_page_is_linked_from_readme() -> None:
    linked = LINK.findall((ROOT / "README.md").read_text("utf-8"))
    pages = {page.relative_to(ROOT).as_posix() for page in PAGES[1:]}
    assert pages <= {target.partition("#")[0] for target in linked}


def pictures() -> list[list[tuple[str, str]]]:
    """Return the arrows of each picture of the page on architecture."""
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    return [ARROW.findall(picture) for picture in MERMAID.findall(text)]


def test_the_picture_of_the_rooms_has_the_imports_and_no_others() -> None:
    drawn = pictures()[0]
    graph = rooms("handler")
    shown = {name: others - FLOORS[0] for name, others in graph.items() if name not in FLOORS[0]}
    assert sorted(drawn) == sorted(without_shortcuts(shown))


def without_shortcuts(graph: Graph) -> set[tuple[str, str]]:
    """Return the arrows of a graph that don't follow from longer ways."""
    return {
        (name, other)
        for name, others in graph.items()
        for other in others
        if not any(other in reachable(graph, between) for between in others - {other})
    }


def reachable(graph: Graph, start: str) -> set[str]:
    """Return all nodes to which arrows lead from `start`."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


@pytest.mark.parametrize("number", [1, 2], ids=["query", "document"])
def test_the_ways_follow_the_imports(number: int) -> None:
    drawn = pictures()[number]
    assert len(drawn) > 10
    ways = [(module_name(ROOT / name), module_name(ROOT / other)) for name, other in drawn]
    assert {(name, other) for name, other in ways if other not in imports()[name]} == set()
    # Each way is in one piece: whatever imports something is the start or was imported itself.
    reached = {ways[0][0], *(other for _, other in ways)}
    assert {name for name, _ in ways} <= reached
