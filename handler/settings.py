"""Every setting of the function, declared once: name, default and help together."""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Any, Self

from handler.errors import QuerytowerError

PREFIX = "QUERYTOWER_"


class SettingError(QuerytowerError):
    """A setting has a value that can't be used."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of README's table: full environment name, default as text, meaning."""

    name: str
    default: str
    help: str


def _setting(default: Any, text: str, at_least: float | None = None, like: str = "") -> Any:
    return dataclass_field(
        default=default, metadata={"help": text, "at_least": at_least, "like": like}
    )


@dataclass(frozen=True)
class Settings:
    """Settings of the function; `from_mapping` reads them from QUERYTOWER_… variables."""

    store: str = _setting("", "folder or URL (s3://, gs://, az://) that holds the indexes")
    index: str = _setting("default", "name of the index that the plain routes search")
    model: str = _setting("model", "folder of the model bundle, absolute or beside handler/")
    cache: str = _setting(
        "", "folder for downloaded index versions; empty: querytower in the temporary folder"
    )
    threads: int = _setting(1, "threads that one encoding may use", 1)
    poll_seconds: float = _setting(
        30.0, "how old the knowledge of the published version may get", 0
    )
    store_timeout: float = _setting(10.0, "seconds until a request to the store is given up", 0.1)
    max_query_chars: int = _setting(2000, "longest query, in characters", 1)
    max_k: int = _setting(100, "most hits in one answer", 1)
    max_offset: int = _setting(1000, "deepest page: hits that may be skipped", 0)
    max_batch: int = _setting(64, "most queries or texts in one request", 1)
    max_body_bytes: int = _setting(1_000_000, "largest request body, in bytes", 1)
    max_text_chars: int = _setting(2000, "text of a hit is cut after so many characters", 0)
    cached_queries: int = _setting(1000, "query embeddings that are remembered", 0)
    cors_origins: str = _setting(
        "", "origins that browsers may call from, separated by commas; * for all"
    )
    api_keys: str = _setting(
        "", "sha256 of each key that lets callers in, separated by commas; empty: no key needed"
    )
    log_queries: bool = _setting(False, "write the query text into the log")
    corpus: str = _setting(
        "", "what is indexed: a path or a URL (s3://, gs://, az://, https://) of a file or folder"
    )
    corpus_fields: str = _setting(
        "id,title,text,url", "fields of the corpus that hold id, title, text and link"
    )
    max_rejects: float = _setting(
        1.0, "records that may be rejected, in percent, before nothing is published", 0
    )
    max_drop: float = _setting(20.0, "documents that may go missing at once, in percent", 0)
    min_self_retrieval: float = _setting(
        0.9, "share of sampled documents that must find themselves, 0 to 1", 0
    )
    min_recall: float = _setting(
        0.9, "recall@10 that the graph must have against exact search, 0 to 1", 0
    )
    max_ndcg_loss: float = _setting(0.02, "nDCG@10 that the golden queries may lose", 0)
    keep_versions: int = _setting(10, "versions that are kept after a reindex", 1)
    search_page: bool = _setting(True, "answer / with the search page")
    page_title: str = _setting("Say what you mean", "title of the search page")
    page_description: str = _setting(
        "A mood, a memory, half a sentence: your own words will do.",
        "the sentence below the search page's title",
    )
    page_placeholder: str = _setting(
        "what are you looking for?", "text in the search page's empty search box"
    )
    page_suggestions: str = _setting("", "queries that the search page offers, separated by |")
    page_fields: str = _setting(
        "", "metadata fields that the search page shows, separated by commas; empty: all"
    )
    page_accent: str = _setting(
        "#0a6b4f", "colour of the search page, #rrggbb", like="#[0-9a-fA-F]{6}"
    )

    @classmethod
    def from_mapping(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings from `environment`; what is unset keeps its default.

        Raises:
            SettingError: a value of the wrong type or out of bounds.
        """
        declared = {PREFIX + f.name.upper(): f for f in fields(cls)}
        given = {name: value for name, value in environment.items() if name.startswith(PREFIX)}
        values = {}
        for name, text in given.items():
            if name in declared:
                spec = declared[name]
                values[spec.name] = _parse(
                    name, text, type(spec.default), spec.metadata["at_least"]
                )
                if spec.metadata["like"] and not re.fullmatch(spec.metadata["like"], text):
                    raise SettingError(
                        f"{name} is {text!r}; set it to something like {spec.default}"
                    )
        return cls(**values)

    @property
    def cache_folder(self) -> Path:
        """Where downloaded index versions are kept."""
        return Path(self.cache) if self.cache else Path(tempfile.gettempdir()) / "querytower"

    @property
    def model_folder(self) -> Path:
        """The model bundle; a relative path is looked up beside the handler folder."""
        return Path(__file__).parent.parent / self.model


def _parse(name: str, text: str, kind: type, at_least: float | None) -> Any:
    if kind is bool:
        words = {
            "1": True,
            "true": True,
            "on": True,
            "yes": True,
            "0": False,
            "false": False,
            "off": False,
            "no": False,
        }
        if text.strip().lower() not in words:
            raise SettingError(f"{name} is {text!r}; set it to on or off")
        return words[text.strip().lower()]
    try:
        value = kind(text)
    except ValueError as cause:
        raise SettingError(f"{name} is {text!r}; set it to a number ({kind.__name__})") from cause
    if at_least is not None and not value >= at_least:
        raise SettingError(f"{name} is {text!r}; set it to {at_least:g} or more")
    return value


def _text(value: object) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


SETTINGS: tuple[Setting, ...] = tuple(
    Setting(PREFIX + f.name.upper(), _text(f.default), f.metadata["help"]) for f in fields(Settings)
)
