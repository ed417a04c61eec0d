"""Encoders that fit a function well, with what is known about each. `querytower export --list`."""

from dataclasses import dataclass, field

BGE_QUERY = "Represent this sentence for searching relevant passages: "
BEIR = "BEIR average, nDCG@10"
ARCTIC_CARD = "model card of snowflake-arctic-embed"
BGE_CARD = "MTEB table in the card of bge-small-en-v1.5"
POTION = "results page of model2vec"


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoder:
    """An encoder of the list.

    Args:
        model: hub id.
        layers: number of transformer layers; 0 for a static model.
        hidden: values of a token state.
        vocabulary: number of tokens that it knows.
        dimension: length of an embedding.
        tokens: longest text in tokens.
        score: published retrieval score in per cent.
        benchmark: what the score is.
        source: who published it.
        languages: that it reads.
        licence: SPDX name.
        prompts: prefixes that its authors ask for, for models whose files don't declare them.
        measured: its real weights were converted and measured by this project.
    """

    model: str
    layers: int
    hidden: int
    vocabulary: int = 30_522
    dimension: int
    tokens: int = 512
    score: float
    benchmark: str = BEIR
    source: str
    languages: str = "English"
    licence: str
    prompts: dict[str, str] = field(default_factory=dict)
    measured: bool = False

    @property
    def multiplications(self) -> int:
        """Multiplications per token in the matrix products, which take most of the time."""
        return 12 * self.layers * self.hidden**2

    @property
    def bundle_bytes(self) -> int:
        """Bytes of the int8 encoder, to a few per cent: one for each weight, four for each scale.

        The tokenizer adds about 20 per token.
        """
        table = self.vocabulary * (self.hidden + 4 + 20)
        positions = 4 * (512 if self.layers else 0) * self.hidden
        return table + positions + self.multiplications + 150_000 * self.layers

    @property
    def passage_bytes(self) -> int:
        """Bytes of a passage's int8 vector and its scale in an index."""
        return self.dimension + 4


ENCODERS = (
    Encoder(
        model="sentence-transformers/all-MiniLM-L6-v2",
        layers=6,
        hidden=384,
        dimension=384,
        tokens=256,
        score=41.95,
        source=ARCTIC_CARD,
        licence="Apache-2.0",
        measured=True,
    ),
    Encoder(
        model="MongoDB/mdbr-leaf-ir",
        layers=6,
        hidden=384,
        dimension=768,
        score=53.55,
        source="its model card",
        licence="Apache-2.0",
        prompts={"query": BGE_QUERY},
    ),
    Encoder(
        model="Snowflake/snowflake-arctic-embed-xs",
        layers=6,
        hidden=384,
        dimension=384,
        score=50.15,
        source=ARCTIC_CARD,
        licence="Apache-2.0",
        prompts={"query": BGE_QUERY},
    ),
    Encoder(
        model="Snowflake/snowflake-arctic-embed-s",
        layers=12,
        hidden=384,
        dimension=384,
        score=51.98,
        source=ARCTIC_CARD,
        licence="Apache-2.0",
        prompts={"query": BGE_QUERY},
    ),
    Encoder(
        model="BAAI/bge-small-en-v1.5",
        layers=12,
        hidden=384,
        dimension=384,
        score=51.68,
        source="its model card",
        licence="MIT",
        prompts={"query": BGE_QUERY},
    ),
    Encoder(
        model="thenlper/gte-small",
        layers=12,
        hidden=384,
        dimension=384,
        score=49.46,
        source=BGE_CARD,
        licence="MIT",
    ),
    Encoder(
        model="intfloat/e5-small-v2",
        layers=12,
        hidden=384,
        dimension=384,
        score=49.04,
        source=BGE_CARD,
        licence="MIT",
        prompts={"query": "query: ", "document": "passage: "},
    ),
    Encoder(
        model="sentence-transformers/all-mpnet-base-v2",
        layers=12,
        hidden=768,
        vocabulary=30_527,
        dimension=768,
        tokens=384,
        score=43.81,
        source=BGE_CARD,
        licence="Apache-2.0",
        measured=True,
    ),
    Encoder(
        model="sentence-transformers/msmarco-distilbert-cos-v5",
        layers=6,
        hidden=768,
        dimension=768,
        score=70.24,
        benchmark="TREC DL 2019, nDCG@10",
        source="documentation of sentence-transformers",
        licence="Apache-2.0",
    ),
    Encoder(
        model="intfloat/multilingual-e5-small",
        layers=12,
        hidden=384,
        vocabulary=250_037,
        dimension=384,
        score=60.8,
        benchmark="MIRACL, nDCG@10",
        source="arXiv:2402.05672",
        languages="about 100",
        licence="MIT",
        prompts={"query": "query: ", "document": "passage: "},
    ),
    Encoder(
        model="minishlab/potion-retrieval-32M",
        layers=0,
        hidden=512,
        vocabulary=63_091,
        dimension=512,
        score=36.35,
        source=POTION,
        licence="MIT",
    ),
)


def listed(model: str) -> Encoder | None:
    """Return the encoder of the list with this hub id."""
    return next((encoder for encoder in ENCODERS if encoder.model == model), None)
