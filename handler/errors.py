"""The errors that querytower raises. Each message names the thing, the problem and the remedy."""

import os


def install_command(extra: str) -> str:
    """Return the command that installs one of the project's extras, in its clone or from a wheel."""
    in_wheel = __name__.startswith("querytower.")
    return f'pip install "querytower[{extra}]"' if in_wheel else f'pip install -e ".[{extra}]"'


def missing_library(what: str, library: str, extra: str) -> "CorpusError":
    """Return the error that some files need a library; its remedy works where this code runs."""
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        remedy = (
            "the function lacks: it reads JSON, CSV, SQLite, Markdown, AsciiDoc, notebooks and text, "
            "and archives of them. Move the others out of the corpus, or index it from a laptop, "
            "which reads them: querytower reindex --corpus URL --store URL"
        )
        return CorpusError(f"{what} needs {library}, which {remedy}")
    return CorpusError(f"{what} needs {library}; install it with: {install_command(extra)}")


class QuerytowerError(Exception):
    """Base of every error that a caller may want to catch."""


class ModelError(QuerytowerError):
    """A model or a model bundle is missing, incomplete, altered or of an unsupported kind."""


class CorpusError(QuerytowerError):
    """A corpus can't be read, is empty, or has more faulty documents than allowed."""


class CorpusChanged(CorpusError):
    """An object of the corpus was replaced or removed while it was read."""


class UnreadableFile(CorpusError):
    """One file of a corpus can't be read, wholly or from some place on; the others can."""


class StoreError(QuerytowerError):
    """The object store is unreachable, slow, full, or refuses the operation."""


class CacheFull(StoreError):
    """The disk has no room for a version that is to be downloaded."""


class ObjectNotFound(StoreError):
    """No object has this path."""


class LostRace(StoreError):
    """Somebody else replaced the object first; nothing was written."""


class IndexUnavailable(QuerytowerError):
    """An index is missing, incomplete, altered or written by a newer querytower."""


class EngineUnavailable(QuerytowerError):
    """The engine that serves an index does not answer, or is asked too much."""


class MissingEngine(IndexUnavailable):
    """The engine that serves an index needs a library that is not installed."""


class IndexNotFound(QuerytowerError):
    """The store has no index of the name that a request gives."""


class ModelMismatch(IndexUnavailable):
    """The index was built with another model than the one at hand."""


class InvalidRequest(QuerytowerError):
    """A parameter of a request is out of its bounds or of the wrong type."""


class AnswerTooLarge(QuerytowerError):
    """The answer to a request has more bytes than allowed."""


class ForeignTokens(InvalidRequest):
    """Token ids are not those of the model's tokenizer."""


class InvalidRules(QuerytowerError):
    """A rules.json has a fault."""


class DocumentNotFound(QuerytowerError):
    """The index has no document with this id."""


class ModelNotFound(QuerytowerError):
    """The function has another model than the one that a request asks about."""


class VersionGone(QuerytowerError):
    """A request goes on where another left off, in a version that is no longer current."""


class LeaseHeld(QuerytowerError):
    """Another run works on the index."""


class GatesFailed(QuerytowerError):
    """A new version is not good enough to be published."""


class OutOfTime(QuerytowerError):
    """A run stopped before its time was up; what it encoded is kept for the next one."""
