"""The command line of a benchmark: common options, and failures in one sentence."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from handler.errors import QuerytowerError

DEMO = Path("build/demo")
DEMO_STORE, DEMO_MODEL = str(DEMO / "store"), DEMO / "model"


def start(main: Callable[..., None]) -> None:
    """Run `main` with the arguments of the process; a known failure ends it with one sentence."""
    try:
        typer.run(main)
    except QuerytowerError as error:
        sys.exit(str(error))


Place = TypeVar("Place", str, Path)


def existing(place: Place) -> Place:
    """Return a store or model folder, unless it is part of a demo that was not made yet.

    Raises:
        QuerytowerError: it is.
    """
    if Path(place).is_relative_to(DEMO) and not Path(place).exists():
        raise QuerytowerError(
            f"{place} does not exist; make the demo's model and index with: "
            "querytower demo --no-serve"
        )
    return place


StoreUrl = Annotated[
    str, typer.Option(help="Folder or URL that holds the index.", callback=existing)
]
ModelFolder = Annotated[Path, typer.Option(help="Folder of the model bundle.", callback=existing)]
