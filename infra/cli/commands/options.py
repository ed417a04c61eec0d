"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from handler.tiers.tier import Serving

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

# What encodes the corpus.
EngineName = Annotated[
    Literal["local", "ray"],
    typer.Option("--engine", help="What encodes: this machine, or the workers of a Ray cluster."),
]
RayAddress = Annotated[
    str,
    typer.Option(envvar="RAY_ADDRESS", help="Address of the Ray cluster; by default a local one."),
]
DeviceName = Annotated[
    Literal["cpu", "cuda"], typer.Option("--device", help="What the workers encode with.")
]

Serve = Annotated[
    Serving | None,
    typer.Option(help="What serves the index; docs/scale.md says which for which size."),
]

# How a corpus is read.
FieldTypes = Annotated[
    list[str] | None,
    typer.Option("--type", help="Type of a metadata field, such as year=integer; may be repeated."),
]
Ignored = Annotated[
    list[str] | None, typer.Option("--ignore", help="Metadata field to leave out; may be repeated.")
]
Table = Annotated[
    str,
    typer.Option(
        envvar="QUERYTOWER_CORPUS_TABLE", help="Table of a SQLite database, or a SELECT query."
    ),
]
Encoding = Annotated[
    str,
    typer.Option(
        envvar="QUERYTOWER_CORPUS_ENCODING", help="Encoding of text files; by default detected."
    ),
]
Vectors = Annotated[
    str,
    typer.Option(
        envvar="QUERYTOWER_CORPUS_VECTORS",
        help="Field with a vector of the same model for each record, taken instead of encoding.",
    ),
]
BaseUrl = Annotated[
    str,
    typer.Option(
        envvar="QUERYTOWER_CORPUS_BASE_URL",
        help="Where documents are on the web: https://x.org/ or https://x.org/{stem}/.",
    ),
]
