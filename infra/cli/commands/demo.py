"""querytower demo: the sample corpus, from weights to a page to search it."""

import os
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.commands.serve import Host, Port


def demo(
    folder: Annotated[Path, typer.Option(help="Folder for the model and the index.")] = Path(
        "build/demo"
    ),
    host: Host = "127.0.0.1",
    port: Port = 8000,
    serve: Annotated[bool, typer.Option(help="Serve at the end.")] = True,
) -> None:
    """Export the default model, index the sample corpus of books, and serve the search.

    Later calls only serve.
    """
    from infra.cli.demo_setup import PAGE, prepare
    from infra.cli.server import run

    prepare(folder)
    if serve:
        run(
            {
                **PAGE,
                **os.environ,
                "QUERYTOWER_STORE": str(folder / "store"),
                "QUERYTOWER_MODEL": str((folder / "model").absolute()),
            },
            host,
            port,
        )
