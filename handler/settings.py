"""Every setting of the function, declared once: name, default and help together."""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Any, Self

from handler.errors import QuerytowerError

PREFIX = "QUERYTOWER_"
# Beyond that, libraries and the clock overflow.
MOST = 10**12
WORDS = dict.fromkeys(("1", "true", "on", "yes"), True) | dict.fromkeys(
    ("0", "false", "off", "no"), False
)


class SettingError(QuerytowerError):
    """A setting has a value that can't be used."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the documentation's table: variable, default as text, meaning."""

    name: str
    default: str
    help: str


def _setting(default: Any, text: str, at_least: float | None = None, like: str = "") -> Any:
    """Declare a setting: its default, its meaning, its least value, and a pattern it must match."""
    metadata = {"help": text, "at_least": at_least, "like": like}
    return dataclass_field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of the function; `from_mapping` reads them from QUERYTOWER_… variables."""

    store: str = _setting("", "folder or URL (s3://, gs://, az://) that holds the indexes")
    index: str = _setting("default", "index that the plain routes search")
    model: str = _setting("model", "folder of the model bundle, absolute or beside handler/")
    cache: str = _setting(
        "", "folder for downloaded index versions; empty: querytower in the temporary folder"
    )
    max_indexes: int = _setting(
        10, "most indexes to keep open; the least recently used go, but not QUERYTOWER_INDEX", 1
    )
    max_index_bytes: int = _setting(
        10_000_000_000, "most bytes of the files of all open indexes, by the same rule", 1
    )
    whole_bytes: int = _setting(
        20_000_000,
        "an index of at most so many bytes is fetched whole before its first answer; of a larger "
        "one, what hits show is fetched as it is read",
        0,
    )
    fill_bytes: int = _setting(
        2_000_000_000, "most bytes that are fetched in the background then, as the disk has room", 0
    )
    block_bytes: int = _setting(
        50_000_000, "most bytes to keep of each file that is not fetched whole", 1_000_000
    )
    threads: int = _setting(1, "threads per encoding", 1)
    poll_seconds: float = _setting(30.0, "seconds between checks for a new version", 0)
    store_timeout: float = _setting(10.0, "seconds before a request to the store fails", 0.1)
    max_query_chars: int = _setting(2000, "longest query, in characters", 1)
    max_k: int = _setting(100, "most hits per answer", 1)
    max_offset: int = _setting(1000, "most hits to skip, which bounds the deepest page", 0)
    max_batch: int = _setting(64, "most queries per request", 1)
    max_embedding_tokens: int = _setting(
        100_000, "most tokens that one request for embeddings may have, after texts were cut", 1
    )
    max_encoded_chars: int = _setting(
        32_000, "most characters of all queries in a batch; as many again for highlights", 1
    )
    max_vector: int = _setting(4096, "most numbers of a vector to search by", 1)
    max_facet_values: int = _setting(1000, "most values per facet", 1)
    max_body_bytes: int = _setting(1_000_000, "largest request body, in bytes", 1)
    max_answer_bytes: int = _setting(
        6_000_000, "largest answer, in bytes as Lambda counts them, which sends 6,291,556", 10_000
    )
    max_text_chars: int = _setting(2000, "characters of a hit's text that are returned", 0)
    rerank: int = _setting(
        0, "hits that the reranker orders by default, if the model bundle carries one", 0
    )
    max_rerank: int = _setting(100, "most hits that a request may have reranked", 0)
    rerank_seconds: float = _setting(
        1.0, "seconds after which an answer keeps its order instead of being reranked", 0
    )
    cached_queries: int = _setting(1000, "query embeddings to keep in memory", 0)
    cors_origins: str = _setting(
        "", "origins that browsers may call from, separated by commas; * for any"
    )
    api_keys: str = _setting(
        "", "sha256 of each accepted key, separated by commas; empty: no key needed"
    )
    log_queries: bool = _setting(False, "log the text of queries, and what they found")
    events: str = _setting(
        "off", "what becomes of events, such as clicks: off, log, or store", like="off|log|store"
    )
    corpus: str = _setting(
        "", "corpus to index: path or URL (s3://, gs://, az://, https://) of a file or folder"
    )
    corpus_fields: str = _setting(
        "",
        "fields of the corpus that hold id, title, text and link, such as isbn,name,summary+review,; "
        "empty: guessed",
    )
    corpus_types: str = _setting(
        "",
        "types of metadata fields instead of the inferred ones, such as year=integer,code=string",
    )
    corpus_ignore: str = _setting("", "metadata fields to leave out, separated by commas")
    corpus_table: str = _setting("", "table of a SQLite corpus, or a query that starts with SELECT")
    corpus_vectors: str = _setting(
        "", "field with a vector of the same model for each record, taken instead of encoding"
    )
    corpus_encoding: str = _setting("", "encoding of the corpus's text files; empty: detected")
    corpus_base_url: str = _setting(
        "", "address of the corpus's documents on the web, such as https://docs.example/{stem}/"
    )
    corpus_hosts: str = _setting(
        "", "other hosts to which a corpus URL may redirect, separated by commas"
    )
    corpus_timeout: float = _setting(
        600.0, "seconds that one object of a web corpus may take to arrive", 1
    )
    encoders: str = _setting(
        "", "ARN of the state machine that encodes more than fits one run; empty: runs in a row"
    )
    passages: str = _setting(
        "",
        "tokens in a passage, or off; empty: as the index has it, at first 96",
        like=r"(off|[0-9]+)?",
    )
    language: str = _setting(
        "", "language of the word stems, or none; empty: as the index has it, at first english"
    )
    max_record_bytes: int = _setting(
        16_000_000, "largest record of a corpus: line, row or page, in bytes", 1000
    )
    max_object_bytes: int = _setting(
        20_000_000_000, "largest object of a corpus, after decompression, in bytes", 1000
    )
    max_fields: int = _setting(1000, "most metadata fields that can be filtered by", 0)
    max_rejects: float = _setting(
        1.0, "percentage of rejected records above which nothing is published", 0
    )
    max_drop: float = _setting(20.0, "percentage of documents that may disappear in one run", 0)
    min_self_retrieval: float = _setting(
        0.9, "least share of sampled documents that find themselves, 0 to 1", 0
    )
    min_recall: float = _setting(
        0.9, "least recall@10 of vector search against an exact one, 0 to 1", 0
    )
    max_ndcg_loss: float = _setting(0.02, "nDCG@10 that the golden queries may lose", 0)
    keep_versions: int = _setting(10, "versions to keep after a reindex", 1)
    search_page: bool = _setting(True, "serve the search page at /")
    page_title: str = _setting("Say what you mean", "title of the search page")
    page_description: str = _setting(
        "A mood, a memory, half a sentence: your own words will do.",
        "sentence below the title of the search page",
    )
    page_placeholder: str = _setting(
        "what are you looking for?", "text in the empty search box of the search page"
    )
    page_suggestions: str = _setting("", "queries that the search page offers, separated by |")
    page_fields: str = _setting(
        "",
        "metadata fields that the search page shows, separated by commas; empty: all but long texts and keys",
    )
    page_indexes: str = _setting(
        "", "indexes that the search page switches between, separated by commas; empty: no switch"
    )
    page_url: str = _setting(
        "",
        "address of the search page on the web, for previews and sitemap, such as https://x.org/",
        like=r"(https?://[^\s\"<>]+)?",
    )
    page_sitemap: int = _setting(
        0, "most documents that /sitemap.xml lists; 0: no sitemap; needs QUERYTOWER_PAGE_URL", 0
    )
    page_image_field: str = _setting(
        "", "metadata field with the address of a picture, such as a cover; empty: no pictures"
    )
    page_image_hosts: str = _setting(
        "",
        "hosts that pictures may come from, separated by commas; without http:// they need https",
        like=r"(\s*(https?://)?[A-Za-z0-9.-]+(:[0-9]+)?\s*(,|$))*",
    )
    page_accent: str = _setting(
        "#0a6b4f", "accent colour of the search page, #rrggbb", like="#[0-9a-fA-F]{6}"
    )

    @classmethod
    def from_mapping(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings from `environment`; what is unset keeps its default.

        Raises:
            SettingError: a value has the wrong type or is out of bounds.
        """
        values = {}
        for field in fields(cls):
            name = PREFIX + field.name.upper()
            if name in environment:
                values[field.name] = _parse(name, environment[name], field)
        return cls(**values)

    @property
    def cache_folder(self) -> Path:
        """Folder for downloaded index versions."""
        return Path(self.cache) if self.cache else Path(tempfile.gettempdir()) / "querytower"

    @property
    def model_folder(self) -> Path:
        """Folder of the model bundle; a relative path starts beside the handler folder."""
        return Path(__file__).parent.parent / self.model


def _parse(name: str, text: str, field: Field[Any]) -> Any:
    """Return the text of a variable as the type of its setting, or raise SettingError."""
    kind: type = type(field.default)
    bound, like = field.metadata["at_least"], field.metadata["like"]
    if kind is bool:
        word = text.strip().lower()
        if word not in WORDS:
            raise SettingError(f"{name} is {text!r}; set it to on or off")
        return WORDS[word]
    try:
        value = kind(text)
    except ValueError as cause:
        raise SettingError(f"{name} is {text!r}; set it to a number ({kind.__name__})") from cause
    if bound is not None and not value >= bound:
        raise SettingError(f"{name} is {text!r}; set it to {bound:g} or more")
    if kind in (int, float) and abs(value) > MOST:
        raise SettingError(f"{name} is {text[:40]!r}; set it to a number up to {MOST:,}")
    if like and not re.fullmatch(like, text):
        hint = f"set it to something like {field.default}"
        raise SettingError(
            f"{name} is {text!r}; {hint if field.default else 'it takes: ' + field.metadata['help']}"
        )
    return value


def _text(value: object) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


SETTINGS: tuple[Setting, ...] = tuple(
    Setting(PREFIX + f.name.upper(), _text(f.default), f.metadata["help"]) for f in fields(Settings)
)
