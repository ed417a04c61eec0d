"""querytower rules: synonyms, pinned and hidden documents, and boosts of an index."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.commands.options import IndexName, StoreUrl

if TYPE_CHECKING:
    from handler.index.index_version import IndexVersion
    from handler.index.rules import Rules

rules = typer.Typer(help="Check the rules of an index, or put them into use.")

RulesFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="A rules.json.", exists=True, dir_okay=False)
]


@rules.callback()
def about() -> None:
    """Check the rules of an index, or put them into use."""


@rules.command()
def check(
    file: RulesFile,
    store: Annotated[
        str, typer.Option("--store", "--to", help="Also check ids and fields by this store.")
    ] = "",
    name: IndexName = "default",
) -> None:
    """Check FILE, and with --store also that the index has its ids and fields."""
    parsed = _read(file)
    print(
        f"{file}: {len(parsed.synonyms)} synonyms, {len(parsed.pins)} pins, "
        f"{len(parsed.hidden)} hidden documents, {len(parsed.boosts)} boosts"
    )
    if store:
        problems = _misfits(parsed, store, name)
        for problem in problems:
            print(problem)
        if problems:
            raise typer.Exit(1)


@rules.command()
def put(file: RulesFile, store: StoreUrl, name: IndexName = "default") -> None:
    """Check FILE, and put it into use; functions follow within their poll interval."""
    from handler.versions.layout import Layout
    from handler.versions.repository import IndexRepository

    _read(file)
    repository = IndexRepository.open(store, name)
    repository.pointer()
    repository.folder.put(Layout.RULES, file.read_bytes())
    print(f"{repository.folder.url}/{Layout.RULES} is in use")


def _read(file: Path) -> "Rules":
    from handler.index.rules import Rules

    return Rules.parse(file.read_bytes(), str(file))


def _misfits(parsed: "Rules", store: str, name: str) -> list[str]:
    """Return a sentence for each id that the index lacks, and each filter it does not allow."""
    from handler.staging import scratch_folder
    from handler.versions.repository import IndexRepository

    repository = IndexRepository.open(store, name)
    pointer, _ = repository.pointer()
    current = next(each for each in repository.versions() if each.name == pointer.version)
    with scratch_folder() as scratch:
        index = current.open(scratch)
        return [*_unknown_ids(parsed, index), *_unusable_filters(parsed, index)]


def _unknown_ids(parsed: "Rules", index: "IndexVersion") -> list[str]:
    named = {f"pins.{at}": pin.ids for at, pin in enumerate(parsed.pins)}
    named["hidden"] = parsed.hidden
    return [
        f"{place}: the index has no document with id {each!r}; correct or remove it"
        for place, ids in named.items()
        for each in ids
        if index.row_of(each) is None
    ]


def _unusable_filters(parsed: "Rules", index: "IndexVersion") -> list[str]:
    from handler.errors import InvalidRequest
    from handler.search.lookup import compile_filter

    problems = []
    for at, boost in enumerate(parsed.boosts):
        try:
            compile_filter(index, boost.filter)
        except InvalidRequest as problem:
            problems.append(f"boosts.{at}.filter: {problem}")
    return problems
