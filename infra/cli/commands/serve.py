"""querytower serve: the function's application on this machine."""

import os
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.commands.options import IndexName, ModelFolder, StoreUrl

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)]


def serve(
    store: StoreUrl,
    name: IndexName = "default",
    model: ModelFolder = Path("model"),
    host: Host = "127.0.0.1",
    port: Port = 8000,
) -> None:
    """Serve the function's application; QUERYTOWER_… variables hold the other settings."""
    from infra.cli.server import run

    run(
        {
            **os.environ,
            "QUERYTOWER_STORE": store,
            "QUERYTOWER_INDEX": name,
            "QUERYTOWER_MODEL": str(model.absolute()),
        },
        host,
        port,
    )
