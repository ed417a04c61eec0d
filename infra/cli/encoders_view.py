"""The table of `querytower export --list`."""

from rich.table import Table

from export import DEFAULT_MODEL
from export.encoders import ENCODERS, Encoder, listed

COLUMNS = (
    "bundle",
    "dimension",
    "tokens",
    "languages",
    "licence",
    "bytes a passage",
    "speed",
    "retrieval, published",
    "measured here",
)
LEGEND = (
    "bundle: int8 encoder and tokenizer. speed: multiplications per token, against the default's; "
    "static models only look up. measured here: with the real weights; the others were converted "
    "with random weights of their true shape."
)


def encoders_table() -> Table:
    """Return a table with a row for each recommended encoder."""
    table = Table(caption=LEGEND, caption_justify="left")
    table.add_column("model", overflow="fold")
    for column in COLUMNS:
        table.add_column(column, justify="right" if column in COLUMNS[:3] else "left")
    default = listed(DEFAULT_MODEL)
    for encoder in ENCODERS:
        name = f"{encoder.model} (default)" if encoder is default else encoder.model
        table.add_row(name, *_cells(encoder))
    return table


def _cells(encoder: Encoder) -> tuple[str, ...]:
    return (
        f"{encoder.bundle_bytes / 1e6:.0f} MB",
        str(encoder.dimension),
        str(encoder.tokens),
        encoder.languages,
        encoder.licence,
        str(encoder.passage_bytes),
        _speed(encoder),
        f"{encoder.score:g} ({encoder.benchmark}; {encoder.source})",
        "yes" if encoder.measured else "no",
    )


def _speed(encoder: Encoder) -> str:
    """Say how fast the encoder is beside the default."""
    default = listed(DEFAULT_MODEL)
    if default is None or not encoder.multiplications:
        return "static"
    return f"{default.multiplications / encoder.multiplications:.2g} ×"
