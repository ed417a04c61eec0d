"""Write a text index with its metadata, by Tantivy."""

import json
from pathlib import Path

import tantivy

from handler.corpus.document import Document, Value
from handler.corpus.schema import Field, Schema, date_number
from handler.files import link_files
from handler.index.analysis import (
    COMPOUNDING,
    analyzer,
    composed,
    name_analyzer,
    spaced,
    word_analyzer,
)
from handler.index.arrays import Rows
from handler.index.names import camel_parts, indexed_names

WRITER_BYTES = 256_000_000


def field_name(schema: Schema, name: str) -> str:
    """Return the text index's name of a metadata field; not every character may occur there."""
    return f"m{list(schema).index(name)}"


def words_name(schema: Schema, name: str) -> str:
    """Return the text index's name for the words in a metadata field of strings or texts."""
    return f"w{list(schema).index(name)}"


def _build_schema(schema: Schema) -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("row", indexed=True, fast=True)
    builder.add_text_field("id", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("title", tokenizer_name="words", index_option="freq")
    builder.add_text_field("all", tokenizer_name="words", index_option="position")
    builder.add_text_field("words", tokenizer_name="plain", index_option="basic")
    builder.add_text_field("names", tokenizer_name="names", index_option="freq")
    builder.add_text_field("tails", tokenizer_name="plain", index_option="basic")
    add = {
        "integer": builder.add_integer_field,
        "float": builder.add_float_field,
        "boolean": builder.add_boolean_field,
        # Tantivy's own dates end at whole seconds, and in 1677 and 2262.
        "date": builder.add_integer_field,
    }
    for name, field in schema.items():
        if field.kind in add:
            add[field.kind](field_name(schema, name), indexed=True, fast=True)
        elif field.kind == "string":
            builder.add_text_field(
                field_name(schema, name), tokenizer_name="raw", index_option="basic", fast=True
            )
        if field.kind in ("string", "text"):
            builder.add_text_field(
                words_name(schema, name), tokenizer_name="words", index_option="basic"
            )
    return builder.build()


class TextWriter:
    """Writes a new text index into a folder, one document after the other."""

    def __init__(
        self, folder: Path, schema: Schema, language: str, base: Path | None = None, rows: int = 0
    ) -> None:
        """Start in `folder`, which is made; nothing can be read before `close`.

        With `base`, the folder of a text index of the same schema and language with `rows` rows,
        its documents are in the new one too. Its files are linked to and stay as they are.
        """
        folder.mkdir(parents=True)
        if base:
            link_files(base, folder)
        self._schema = schema
        self._compounding = language in COMPOUNDING
        self._numbers = {name: number for number, name in enumerate(schema)}
        self._index = tantivy.Index(_build_schema(schema), path=str(folder))
        self._index.register_tokenizer("words", analyzer(language))
        self._index.register_tokenizer("plain", word_analyzer())
        self._index.register_tokenizer("names", name_analyzer(language))
        # One thread keeps documents in order and segments few; encoding takes far longer anyway.
        self._writer = self._index.writer(heap_size=WRITER_BYTES, num_threads=1)
        self._rows = rows

    def add(self, document: Document) -> None:
        """Add the document of the next row."""
        entry = tantivy.Document()
        entry.add_unsigned("row", self._rows)
        entry.add_text("id", document.id)
        entry.add_text("title", spaced(document.title))
        text = composed(searchable(document))
        words = spaced(text)
        entry.add_text("all", "\n".join([words, *camel_parts(text)]))
        entry.add_text("words", words)
        entry.add_text("names", indexed_names(text))
        if self._compounding:  # words from their ends, to find compounds by their last part
            entry.add_text("tails", words[::-1])
        for name, value in document.metadata.items():
            if name in self._schema:
                self._add_field(entry, name, value)
        self._writer.add_document(entry)
        self._rows += 1

    def _add_field(self, entry: tantivy.Document, name: str, value: Value) -> None:
        field, number = self._schema[name], self._numbers[name]
        _add_values(entry, f"m{number}", field, value)
        if field.kind in ("string", "text"):
            for text in _texts(value):
                entry.add_text(f"w{number}", spaced(text))

    def abort(self) -> None:
        """Stop writing now: until it is dropped, Tantivy's thread goes on making files."""
        self.__dict__.pop("_writer", None)

    def remove(self, rows: Rows) -> None:
        """Remove the documents of some rows of the base."""
        for row in rows.tolist():
            # By a query: a term made of a Python number is a signed one, which no document has.
            query = tantivy.Query.term_query(self._index.schema, "row", row)
            self._writer.delete_documents_by_query(query)

    def close(self) -> None:
        """Finish. Tantivy merges its segments by size, and drops what is removed from those."""
        self._writer.commit()
        self._writer.wait_merging_threads()
        del self._writer


def searchable(document: Document) -> str:
    """Return the text that keyword search looks at: title, text, and texts of the metadata."""
    extra = (v for v in document.metadata.values() if isinstance(v, str | list))
    return "\n".join([document.title, document.text, *("\n".join(_texts(v)) for v in extra)])


def _texts(value: Value) -> list[str]:
    """Return the texts of a value, one of which is the value itself unless it is a list."""
    values = value if isinstance(value, list) else [value]
    return [each if isinstance(each, str) else json.dumps(each) for each in values]


def _add_values(entry: tantivy.Document, name: str, field: Field, value: Value) -> None:
    for item in value if isinstance(value, list) else [value]:
        if field.kind == "integer":
            entry.add_integer(name, int(item))
        elif field.kind == "float":
            entry.add_float(name, float(item) or 0.0)  # -0.0 sorts below 0.0
        elif field.kind == "boolean":
            entry.add_boolean(name, bool(item))
        elif field.kind == "date":
            entry.add_integer(name, date_number(str(item)))
        elif field.kind == "string":
            entry.add_text(name, _texts(item)[0])
