"""Documents to quantized vectors of their passages."""

from collections.abc import Iterable, Iterator, Sequence

from handler.corpus.document import Document
from handler.corpus.passages import Split, context, passage_text, split_document
from handler.encoder import Encoder
from handler.index.embedding_cache import EncodedDocument, slices, spans_of
from handler.index.vectors import Precision, quantize

# Documents, and characters, that are handled together at most; this bounds memory.
GROUP_DOCUMENTS = 128
GROUP_CHARS = 200_000


def groups(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Yield the documents in groups of bounded size."""
    group: list[Document] = []
    size = 0
    for document in documents:
        group.append(document)
        size += len(document.text)
        if len(group) == GROUP_DOCUMENTS or size >= GROUP_CHARS:
            yield group
            group, size = [], 0
    if group:
        yield group


def encode_documents(
    documents: Sequence[Document], encoder: Encoder, split: Split, precision: Precision
) -> list[EncodedDocument]:
    """Return the passages of each document with their vectors."""
    spans = [
        split_document(each, encoder.tokenizer, split, encoder.manifest.max_tokens)
        for each in documents
    ]
    texts = [
        passage_text(context(document, start, end), document.text[start:end])
        for document, own in zip(documents, spans, strict=True)
        for start, end in own
    ]
    codes, scales = quantize(encoder.encode(texts, "document"), precision)
    places = slices(len(own) for own in spans)
    return [
        EncodedDocument(spans_of(own), codes[at], scales[at])
        for own, at in zip(spans, places, strict=True)
    ]
