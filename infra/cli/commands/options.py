"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

StoreUrl = Annotated[
    str,
    typer.Option(
        "--to",
        "--store",
        envvar="QUERYTOWER_STORE",
        help="Folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix.",
    ),
]
IndexName = Annotated[str, typer.Option(envvar="QUERYTOWER_INDEX", help="Name of the index.")]
ModelFolder = Annotated[
    Path, typer.Option(envvar="QUERYTOWER_MODEL", help="Folder of the model bundle.")
]
