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
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress.")]

# How an index is built.
Passages = Annotated[str, typer.Option(help="Tokens in a passage, or off.")]
Overlap = Annotated[
    int, typer.Option(help="Tokens shared with the previous passage; by default a quarter.")
]
VectorPrecision = Annotated[str, typer.Option(help="Vectors in i8 (half the size) or f16.")]
Language = Annotated[str, typer.Option(help="Language of the word stems, or none.")]
Threads = Annotated[int, typer.Option(help="Texts encoded at once; 0 for all cores.", min=0)]
MaxRejects = Annotated[
    float, typer.Option(help="Largest share of rejected records, in percent.", min=0, max=100)
]
