"""The options of `querytower export`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from export import Converter, CpuTarget, WeightPrecision

# The table of encoders has long rows; a narrower terminal wraps or scrolls them.
LIST_WIDTH = 240


def show_list(wanted: bool) -> None:
    """Print the table of recommended encoders and end the command, if it is wanted."""
    if wanted:
        from infra.cli.encoders_view import encoders_table

        console = Console()
        console.width = max(console.width, LIST_WIDTH)
        console.print(encoders_table())
        raise typer.Exit


Bundle = Annotated[Path, typer.Option(help="Folder for the bundle.")]
Model = Annotated[str, typer.Argument(help="Model folder or hub id.")]
ConverterName = Annotated[
    Converter, typer.Option(help="How to make the graph; auto prefers direct.")
]
FromOnnx = Annotated[
    str,
    typer.Option(
        metavar="FILE",
        help="Take the graph from this file of the model folder, such as onnx/model.onnx.",
    ),
]
Precision = Annotated[WeightPrecision, typer.Option(help="Number format of the weights.")]
Target = Annotated[CpuTarget, typer.Option(help="CPU that int8 is made for.")]
MinAgreement = Annotated[
    float,
    typer.Option(
        min=0.0, max=1.0, help="Refuse int8 if fewer of the nearest texts are those of fp32."
    ),
]
Texts = Annotated[
    Path | None,
    typer.Option(help="Corpus whose rankings are compared, instead of the built-in texts."),
]
Scripts = Annotated[
    str,
    typer.Option(
        metavar="NAMES",
        help="Keep the tokens of these writing systems alone, such as latin,greek; makes "
        "multilingual models small.",
    ),
]
MaxTokens = Annotated[
    int | None,
    typer.Option(min=3, help="Longest text in tokens, instead of what the model's files say."),
]
Dimension = Annotated[
    int | None,
    typer.Option(min=1, help="Cut embeddings to so many values; for models trained for that."),
]
Reranker = Annotated[
    str, typer.Option(help="Folder or hub id of a cross-encoder for the bundle to carry.")
]
QueryPrompt = Annotated[
    str | None, typer.Option(help="Put before every query, such as 'query: ' for E5.")
]
DocumentPrompt = Annotated[
    str | None, typer.Option(help="Put before every passage, such as 'passage: '.")
]
ListEncoders = Annotated[
    bool,
    typer.Option(
        "--list", callback=show_list, is_eager=True, help="List recommended encoders, and exit."
    ),
]
