"""What an indexing run would make of a corpus, found out in seconds from its beginning."""

import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.table import Table

from handler.corpus.document import Document, Value
from handler.corpus.findings import Findings
from handler.corpus.inference import Inference, converted, converter, schema_of
from handler.corpus.names import corpus_files
from handler.corpus.options import ReadOptions
from handler.corpus.records import Reject, read_corpus
from handler.encoder import Encoder
from handler.index.embed import encode_documents
from handler.index.writer import Options

SECONDS = 4.0
SAMPLE = 2000
ENCODED = 64
"""Documents that are encoded to find out how long all of them take."""
EXAMPLES = 3
EXAMPLE_CHARS = 30


@dataclass(kw_only=True)
class Inspection:
    """What was found in the part of a corpus that was read.

    Attributes:
        files: files of the corpus; `size` are their bytes.
        findings: what reading found out.
        inference: the types of metadata.
        documents: documents in what was read.
        rejected: reasons of rejected records and unreadable files, with the first place of each.
        rejects: how many there are by reason.
        sample: the first documents.
        whole: whether everything was read.
        rate: documents that are encoded in a second; 0 if there is no model.
    """

    files: int
    size: int
    findings: Findings
    inference: Inference
    documents: int = 0
    rejected: dict[str, str] = field(default_factory=dict)
    rejects: Counter[str] = field(default_factory=Counter)
    sample: list[Document] = field(default_factory=list)
    whole: bool = True
    rate: float = 0.0

    @property
    def total(self) -> int:
        """How many documents there are, estimated unless everything was read."""
        if self.whole or not self.documents:
            return self.documents
        if self.findings.rows:
            return max(self.findings.rows, self.documents)
        return round(self.documents * max(self.size / max(self.findings.bytes, 1), 1))


def inspect_corpus(path: Path, reading: ReadOptions, model: Path, options: Options) -> Inspection:
    """Read the beginning of a corpus, for some seconds, and measure how fast it is encoded.

    Raises:
        CorpusError: nothing is there, or a library is missing.
    """
    files = corpus_files(path)
    findings = Findings()
    found = Inspection(
        files=len(files),
        size=sum(file.stat().st_size for file in files),
        findings=findings,
        inference=Inference(forced=reading.types, most=reading.bounds.fields),
    )
    until = time.monotonic() + SECONDS
    for number, item in enumerate(read_corpus(path, reading, findings)):
        _note(found, item)
        if number % 100 == 99 and time.monotonic() > until:
            found.whole = False
            break
    if found.sample and model.is_dir():
        found.rate = _rate(found.sample, Encoder.open(model, 1), options)
    return found


def show_inspection(found: Inspection) -> None:
    """Print what was found."""
    console = Console(highlight=False, soft_wrap=True)
    about = "" if found.whole else "about "
    read = "" if found.whole else f", of which {found.documents:,} were read"
    console.print(
        f"{found.files:,} file{'s' * (found.files != 1)}, {found.size:,} bytes: "
        f"{about}{found.total:,} documents{read}",
        markup=False,
    )
    for sentence in found.findings.sentences():
        console.print(sentence, markup=False)
    if found.sample:
        first = found.sample[0]
        text = first.text[:100].replace("\n", " ")
        console.print(f"first: {first.id}: {first.title[:80]}: {text}", markup=False)
    console.print(_table(found))
    for reason, place in found.rejected.items():
        console.print(
            f"rejected: {found.rejects[reason]:,} × {reason}; first: {place}", markup=False
        )
    console.print(_encoding(found), markup=False)
    console.print("nothing was written; leave out --dry-run to index")


def _note(found: Inspection, item: Document | Reject) -> None:
    if isinstance(item, Reject):
        place = f"{item.source} line {item.line}" if item.line else item.source
        if item.reason in found.rejected or len(found.rejected) < 10:
            found.rejected.setdefault(item.reason, place)
            found.rejects[item.reason] += 1
        return
    found.documents += 1
    found.inference.observe(item.metadata)
    if len(found.sample) < SAMPLE:
        found.sample.append(item)


def _table(found: Inspection) -> Table:
    table = Table("field", "type", "filled", "examples", "does not fit", box=None, pad_edge=False)
    targets = found.inference.targets()
    for name, each in schema_of(found.inference, {}).items():
        values = [document.metadata[name] for document in found.sample if name in document.metadata]
        to = converter(targets[name]) if name in targets else None
        pairs = [(value, converted(value, to) if to else value) for value in values]
        misfits = [str(value) for value, new in pairs if new is None]
        share = each.documents / max(found.documents, 1)
        table.add_row(
            name,
            f"list of {each.kind}" if each.list else each.kind,
            f"{share:.0%}",
            _examples([new for _, new in pairs if new is not None]),
            f"{len(misfits):,}: {misfits[0][:EXAMPLE_CHARS]}" if misfits else "",
        )
    return table


def _examples(values: list[Value]) -> str:
    texts = dict.fromkeys(str(value)[:EXAMPLE_CHARS] for value in values[:100])
    return " · ".join(islice(texts, EXAMPLES))


def _rate(sample: list[Document], encoder: Encoder, options: Options) -> float:
    documents = sample[:: max(len(sample) // ENCODED, 1)][:ENCODED]
    encode_documents(documents[:2], encoder, options.split, options.precision)
    started = time.perf_counter()
    encode_documents(documents, encoder, options.split, options.precision)
    return len(documents) / (time.perf_counter() - started)


def _encoding(found: Inspection) -> str:
    if not found.rate:
        return "encoding: no model is here to measure with; make one with querytower export"
    seconds = round(found.total / found.rate)
    hours, minutes = divmod(seconds // 60, 60)
    long = f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds % 60} s"
    return f"encoding: about {long} on one core of this machine ({found.rate:,.0f} documents/s)"
