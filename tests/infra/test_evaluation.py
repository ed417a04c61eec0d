import gzip
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from handler.corpus.document import Document
from handler.corpus.passages import Split
from handler.corpus.records import Reject
from handler.encoder import Encoder
from handler.errors import CorpusError, InvalidRequest, QuerytowerError, StoreError
from handler.index.index_version import IndexVersion
from handler.index.manifest import IndexFiles
from handler.index.writer import Options
from handler.quality.ndcg import ndcg
from handler.search.request import Mode
from infra.cli.commands.eval import read_modes
from infra.cli.main import app
from infra.evaluation.cached import index_folder, open_index
from infra.evaluation.dataset import Dataset, JudgedQuery, read_documents, read_qrels, read_queries
from infra.evaluation.metrics import recall, reciprocal_rank
from infra.evaluation.runs import corpus_warnings, measure, run

DEMO = Path(__file__).parents[2] / "infra" / "demo"
OPTIONS = Options(Split(0, 0))
MODES: tuple[Mode, ...] = get_args(Mode)

HOSTILE = "</title></style><script>alert('1')</script>\"'><img src=x onerror=alert(1)> &amp; ​𝔛 ☃"
ANIMALS = {
    "hostile": HOSTILE,
    "otter": "otters swim in cold rivers",
    "heron": "herons stand in rivers and wait",
    "lynx": "a lynx hunts hares in snow",
    "hare": "hares turn white before snow falls",
    "q-self": "badgers dig setts under hedges",
}


def write_lines(path: Path, *lines: object) -> Path:
    """Write text as it is and anything else as JSON, one to a line; gzipped where the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def write_animals(folder: Path, ending: str = "") -> Path:
    """Write a collection of a few sentences in the BEIR layout; `ending` is .gz or nothing."""
    queries = {
        "q1": "otters",
        "q2": "hares in snow",
        "q-self": ANIMALS["q-self"],
        "q3": HOSTILE,
        "unjudged": "moss",
    }
    documents = [
        {"_id": k, "title": "", "text": v, "metadata": {"url": "u"}} for k, v in ANIMALS.items()
    ]
    write_lines(folder / f"corpus.jsonl{ending}", *documents)
    write_lines(
        folder / f"queries.jsonl{ending}", *({"_id": k, "text": v} for k, v in queries.items())
    )
    judgments = [
        "q1\totter\t1",
        "q2\thare\t2",
        "q2\tlynx\t1",
        "q2\totter\t0",
        "q3\thostile\t1",
        "q-self\totter\t1",
    ]
    write_lines(folder / f"qrels/test.tsv{ending}", "query-id\tcorpus-id\tscore", *judgments)
    return folder


@pytest.fixture(scope="module")
def encoder(tiny_model_dir: Path) -> Encoder:
    return Encoder.open(tiny_model_dir)


@pytest.fixture(scope="module")
def animals(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return Dataset.read(write_animals(tmp_path_factory.mktemp("collections") / "animals"))


@pytest.fixture(scope="module")
def index(
    animals: Dataset, encoder: Encoder, tmp_path_factory: pytest.TempPathFactory
) -> IndexVersion:
    return open_index(animals, encoder, OPTIONS, tmp_path_factory.mktemp("cache"))


# Metrics


def test_metrics_by_hand() -> None:
    gains, grades = np.array([0.0, 2.0, 0.0, 1.0]), np.array([2.0, 1.0, 1.0, 0.0])
    best = 2 + 1 / np.log2(3) + 1 / 2
    assert ndcg(gains, grades, 10) == pytest.approx((2 / np.log2(3) + 1 / np.log2(5)) / best)
    assert ndcg(gains, grades, 1) == 0
    assert recall(gains, grades, 10) == pytest.approx(2 / 3)
    assert recall(gains, grades, 2) == pytest.approx(1 / 3)
    assert reciprocal_rank(gains, 10) == pytest.approx(1 / 2)
    assert reciprocal_rank(gains, 1) == 0
    nothing = np.array([])
    assert (
        ndcg(nothing, grades, 10),
        recall(nothing, grades, 10),
        reciprocal_rank(nothing, 10),
    ) == (0, 0, 0)


def trec_eval(queries: list[JudgedQuery], hits: list[list[str]]) -> dict[str, list[float]]:
    """Measure with trec_eval's own code. Its reciprocal rank has no cutoff, so that gets the first ten hits alone."""
    pytrec_eval = pytest.importorskip(
        "pytrec_eval", reason="pytrec-eval-terrier, of group dev, is not installed"
    )
    qrels = {query.id: query.grades for query in queries}
    wanted = {
        "ndcg@10": "ndcg_cut_10",
        "recall@10": "recall_10",
        "recall@100": "recall_100",
        "mrr@10": "recip_rank",
    }
    scores: dict[str, list[float]] = {}
    for name, measure_name in wanted.items():
        depth = 10 if name == "mrr@10" else None
        ranked = {
            q.id: {key: -float(at) for at, key in enumerate(ids[:depth])}
            for q, ids in zip(queries, hits, strict=True)
        }
        found = pytrec_eval.RelevanceEvaluator(
            qrels, {"ndcg_cut.10", "recall.10,100", "recip_rank"}
        ).evaluate(ranked)
        # A query without hits doesn't come back; trec_eval -c counts it as 0.
        scores[name] = [found[q.id][measure_name] if q.id in found else 0.0 for q in queries]
    return scores


def test_metrics_agree_with_trec_eval() -> None:
    random = np.random.default_rng(7)
    queries, hits = [], []
    for number in range(200):
        documents = [f"d{n}" for n in range(150)]
        judged = random.choice(documents, random.integers(1, 40), replace=False).tolist()
        grades = dict(zip(judged, random.integers(-1, 4, len(judged)).tolist(), strict=True)) | {
            "d-relevant": 1
        }
        queries.append(JudgedQuery(f"q{number}", "", grades))
        hits.append(
            random.permutation([*documents, "d-relevant"])[: random.integers(0, 130)].tolist()
        )
    ours = measure(hits, queries, 100)
    theirs = trec_eval(queries, hits)
    assert ours.keys() == theirs.keys()
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values, atol=1e-12, err_msg=name)
        assert 0 < np.mean(values) < 1


# Reading


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_reads_the_layout(tmp_path: Path, ending: str) -> None:
    dataset = Dataset.read(write_animals(tmp_path / "zoo", ending))
    assert dataset.name == "zoo"
    assert [query.id for query in dataset.queries] == ["q1", "q2", "q-self", "q3"]
    assert dataset.queries[1] == JudgedQuery(
        "q2", "hares in snow", {"hare": 2, "lynx": 1, "otter": 0}
    )
    documents = list(read_documents(dataset.corpus))
    assert documents == [
        Document(id=key, title="", text=text, url="", metadata={}) for key, text in ANIMALS.items()
    ]


def test_names_a_dataset_given_as_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write_animals(tmp_path / "zoo"))
    assert Dataset.read(Path()).name == "zoo"


def test_leaves_out_queries_without_a_positive_judgment(tmp_path: Path) -> None:
    folder = write_animals(tmp_path)
    write_lines(
        folder / "qrels/dev.tsv", "q1\totter\t0", "q2\thare\t1", "gone\thare\t1", "lost\thare\t0"
    )
    dataset = Dataset.read(folder, "dev")
    assert [query.id for query in dataset.queries] == ["q2"]
    assert dataset.warnings == ["1 of 2 judged queries are not in queries.jsonl"]


def test_document_ids_of_either_name_and_type(tmp_path: Path) -> None:
    lines = [{"_id": "a", "id": "x", "text": "t"}, {"id": 7, "title": "t", "text": None}]
    documents = list(read_documents(write_lines(tmp_path / "corpus.jsonl", *lines)))
    assert documents == [
        Document(id="a", title="", text="t", url="", metadata={}),
        Document(id="7", title="t", text="", url="", metadata={}),
    ]


def test_empty_and_repeated_documents_are_left_out(tmp_path: Path) -> None:
    lines = [
        {"_id": "a", "text": "first"},
        {"_id": "b", "title": " ", "text": ""},
        {"_id": "a", "text": "second"},
    ]
    first, *rest = read_documents(write_lines(tmp_path / "corpus.jsonl", *lines))
    assert isinstance(first, Document)
    assert first.text == "first"
    assert [(item.line, isinstance(item, Reject)) for item in rest if isinstance(item, Reject)] == [
        (2, True),
        (3, True),
    ]


def test_a_header_is_no_judgment_and_a_judgment_no_header(tmp_path: Path) -> None:
    assert read_qrels(write_lines(tmp_path / "a.tsv", "query-id\tcorpus-id\tscore", "1\t2\t1")) == {
        "1": {"2": 1}
    }
    assert read_qrels(write_lines(tmp_path / "b.tsv", "1\t2\t1", "", "1\t3\t-1")) == {
        "1": {"2": 1, "3": -1}
    }


@pytest.mark.parametrize(
    ("name", "lines", "problem"),
    [
        (
            "corpus.jsonl",
            ['{"_id": "a", "text": "t"}', '{"_id": "b", '],
            r"corpus\.jsonl line 2: not JSON",
        ),
        ("corpus.jsonl", ["[1]"], r"corpus\.jsonl line 1: not a JSON object"),
        ("corpus.jsonl", [{"text": "t"}], r"corpus\.jsonl line 1: _id is missing"),
        (
            "corpus.jsonl",
            [{"_id": "a", "text": ["t"], "title": "x"}],
            r"corpus\.jsonl line 1: text is no text",
        ),
        ("queries.jsonl", [{"_id": "q"}], r"queries\.jsonl line 1: text is missing"),
        ("queries.jsonl", [{"_id": True, "text": "t"}], r"queries\.jsonl line 1: _id is missing"),
        (
            "queries.jsonl",
            [{"_id": "q", "text": "t"}] * 2,
            r"queries\.jsonl line 2: id 'q' appeared before",
        ),
        ("queries.jsonl", [], r"queries\.jsonl is empty"),
        ("test.tsv", [], r"test\.tsv has no judgments"),
        ("test.tsv", ["query-id\tcorpus-id\tscore"], r"test\.tsv has no judgments"),
        ("test.tsv", ["q\td\tscore", "q\td"], r"test\.tsv line 2: expected .*'q\\td'"),
        ("test.tsv", ["q\td\tscore", "q d 1"], r"test\.tsv line 2"),
        ("test.tsv", ["q\td\t1", "q\td\t0.5"], r"test\.tsv line 2"),
        ("test.tsv", ["q\td\t1", "\td\t1"], r"test\.tsv line 2"),
        ("test.tsv", ["q\td\t1", "q\td\t1\tmore"], r"test\.tsv line 2"),
    ],
)
def test_malformed_files_are_named_with_their_line(
    tmp_path: Path, name: str, lines: list[Any], problem: str
) -> None:
    readers = {
        "corpus.jsonl": read_documents,
        "queries.jsonl": read_queries,
        "test.tsv": read_qrels,
    }
    path = write_lines(tmp_path / name, *lines)
    with pytest.raises(CorpusError, match=problem):
        list(readers[name](path))


@pytest.mark.parametrize(
    "data", [b"\x1f\x8b not gzip", gzip.compress(b"q\td\t1\n", mtime=0)[:-4], b"q\td\t1\n"]
)
def test_broken_gzip(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "test.tsv.gz"
    path.write_bytes(data)
    with pytest.raises(CorpusError, match="can't be read"):
        read_qrels(path)


def test_qrels_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "test.tsv"
    path.write_bytes(b"q\t\xff\t1\n")
    with pytest.raises(CorpusError, match="can't be read"):
        read_qrels(path)


@pytest.mark.parametrize("missing", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_missing_files(tmp_path: Path, missing: str) -> None:
    folder = write_animals(tmp_path)
    (folder / missing).unlink()
    with pytest.raises(CorpusError, match=f"{missing} does not exist; the BEIR layout is"):
        Dataset.read(folder)


def test_a_missing_split_names_those_there(tmp_path: Path) -> None:
    folder = write_animals(tmp_path)
    write_lines(folder / "qrels/train.tsv.gz", "q1\totter\t1")
    with pytest.raises(CorpusError, match=r"--split: test, train$"):
        Dataset.read(folder, "dev")


def test_judgments_of_other_queries(tmp_path: Path) -> None:
    folder = write_animals(tmp_path)
    write_lines(folder / "qrels/test.tsv", "other\totter\t1")
    with pytest.raises(CorpusError, match="check that the two belong together"):
        Dataset.read(folder)


# Indexes kept


def test_an_index_is_built_once(animals: Dataset, encoder: Encoder, tmp_path: Path) -> None:
    stages: list[str] = []
    for _ in range(2):
        index = open_index(
            animals, encoder, OPTIONS, tmp_path, progress=lambda stage, *_: stages.append(stage)
        )
        assert index.manifest.documents == len(ANIMALS)
    assert stages == ["read", "encode", "read"]
    assert [path.name for path in tmp_path.iterdir()] == [
        index_folder(animals, encoder, OPTIONS, tmp_path).name
    ]


def test_a_damaged_index_is_built_again(animals: Dataset, encoder: Encoder, tmp_path: Path) -> None:
    version = open_index(animals, encoder, OPTIONS, tmp_path).manifest.version
    folder = index_folder(animals, encoder, OPTIONS, tmp_path) / "index"
    [path] = folder.rglob(IndexFiles.VECTORS)
    path.write_bytes(path.read_bytes()[:-1])
    assert open_index(animals, encoder, OPTIONS, tmp_path).manifest.version != version


def test_other_documents_and_options_make_another_index(
    animals: Dataset, encoder: Encoder, tmp_path: Path
) -> None:
    changed = Dataset.read(write_animals(tmp_path / animals.name))
    with changed.corpus.open("a") as file:
        file.write('{"_id": "mole", "text": "moles"}\n')
    variants = [
        (animals, OPTIONS),
        (changed, OPTIONS),
        (animals, Options()),
        (animals, Options(precision="f16")),
    ]
    variants.append((animals, Options(Split(0, 0), language="none")))
    assert len(
        {index_folder(dataset, encoder, options, tmp_path) for dataset, options in variants}
    ) == len(variants)


def test_an_empty_corpus(animals: Dataset, encoder: Encoder, tmp_path: Path) -> None:
    empty = replace(animals, name="empty", corpus=write_lines(tmp_path / "corpus.jsonl"))
    with pytest.raises(CorpusError, match="empty"):
        open_index(empty, encoder, OPTIONS, tmp_path / "cache")


def test_a_cache_that_is_a_file(animals: Dataset, encoder: Encoder, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="--cache"):
        open_index(animals, encoder, OPTIONS, write_lines(tmp_path / "cache"))


# Runs


def test_words_find_their_documents(
    animals: Dataset, encoder: Encoder, index: IndexVersion
) -> None:
    asked: list[int] = []
    result = run(index, encoder, animals.queries, "keyword", 100, lambda: asked.append(1))
    assert len(asked) == len(animals.queries) == len(result.seconds)
    assert result.hits[0] == ["otter"]
    assert set(result.hits[1][:2]) == {"hare", "lynx"}
    assert result.scores["mrr@10"].tolist() == [1, 1, 0, 1]
    assert result.scores["recall@100"].tolist() == [1, 1, 0, 1]


@pytest.mark.parametrize("mode", MODES)
def test_a_query_never_gets_the_document_of_its_own_id(
    animals: Dataset, encoder: Encoder, index: IndexVersion, mode: Mode
) -> None:
    result = run(index, encoder, animals.queries, mode, 2, lambda: None)
    assert "q-self" not in result.hits[2]
    if mode != "keyword":
        assert [len(ids) for ids in result.hits] == [2] * len(animals.queries)


def test_a_stranger_with_the_id_of_a_query_stays_among_its_hits(
    encoder: Encoder, index: IndexVersion
) -> None:
    query = JudgedQuery("otter", "hares in snow and otters", {"otter": 1})
    assert "otter" in run(index, encoder, [query], "keyword", 10, lambda: None).hits[0]
    [warning] = corpus_warnings(index, [query])
    assert warning.startswith("1 query has the id of a document with another text")


def test_hits_and_metrics_of_the_sample_corpus(encoder: Encoder, tmp_path: Path) -> None:
    dataset = Dataset.read(DEMO)
    index = open_index(dataset, encoder, OPTIONS, tmp_path)
    for mode in MODES:
        result = run(index, encoder, dataset.queries, mode, 100, lambda: None)
        assert all(len(ids) == len(set(ids)) <= 100 for ids in result.hits)
        for name, values in trec_eval(dataset.queries, result.hits).items():
            np.testing.assert_allclose(
                result.scores[name], values, atol=1e-12, err_msg=f"{mode} {name}"
            )
    assert corpus_warnings(index, dataset.queries) == []


def test_judged_documents_that_are_not_there(index: IndexVersion) -> None:
    queries = [JudgedQuery("q", "otters", {"otter": 1, "gone": 1, "lost": 0})]
    [warning] = corpus_warnings(index, queries)
    assert warning.startswith("2 of 3 judged documents are not in the corpus")
    assert measure([["otter"]], queries, 100)["recall@100"] == [0.5]


# The command


def evaluate(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["eval", *map(str, arguments)], env={"COLUMNS": "80"})


@pytest.fixture(scope="module")
def written(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Folder with figures.json and report.html of a collection with hostile texts, and what was printed."""
    folder = tmp_path_factory.mktemp("written")
    collection = write_animals(folder / "<b>zoo")
    with (collection / "qrels/test.tsv").open("a") as file:
        file.write("q1\tgone\t1\n")
    files = ["--json", folder / "new" / "figures.json", "--html", folder / "new" / "report.html"]
    result = evaluate(
        collection,
        "--model",
        tiny_model_dir,
        "--cache",
        folder / "cache",
        "--passages",
        "off",
        *files,
    )
    assert result.exit_code == 0, result.output
    return folder / "new", result.output


def test_json(written: tuple[Path, str]) -> None:
    figures = json.loads((written[0] / "figures.json").read_text())
    assert list(figures) == [
        "dataset",
        "documents",
        "queries",
        "modes",
        "model",
        "settings",
        "passages",
    ]
    assert (figures["dataset"], figures["documents"], figures["queries"]) == (
        "<b>zoo",
        len(ANIMALS),
        4,
    )
    assert list(figures["modes"]) == ["hybrid", "semantic", "keyword"]
    metrics = ["ndcg@10", "recall@10", "recall@100", "mrr@10"]
    for values in figures["modes"].values():
        assert list(values) == [*metrics, "seconds", "queries_per_second", "p50_ms", "p99_ms"]
        assert all(0 <= values[name] <= 1 for name in metrics)
        assert values["queries_per_second"] == pytest.approx(4 / values["seconds"], rel=0.01)
        assert 0 < values["p50_ms"] <= values["p99_ms"]
    assert figures["settings"]["passages"] == "off"
    assert figures["modes"]["keyword"]["mrr@10"] == pytest.approx(3 / 4)


def test_table(written: tuple[Path, str]) -> None:
    figures = json.loads((written[0] / "figures.json").read_text())
    for mode, values in figures["modes"].items():
        [row] = [line for line in written[1].splitlines() if line.strip().startswith(mode)]
        assert row.split()[1:5] == [f"{values[name]:.4f}" for name in list(values)[:4]]
    assert "1 of 5 judged documents are not in the corpus" in written[1]


class Page(HTMLParser):
    """A page taken apart: its elements with their attributes, and its text outside of style."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text.append(data)


@pytest.fixture(scope="module")
def page(written: tuple[Path, str]) -> Page:
    page = Page((written[0] / "report.html").read_text("utf-8"))
    assert page.open == []
    return page


def test_report_escapes_everything(page: Page) -> None:
    tags = {tag for tag, _ in page.elements}
    assert tags.isdisjoint({"script", "img", "link", "iframe", "b-zoo", "a", "base", "object"})
    assert HOSTILE in page.text
    assert "<b>zoo" in page.text
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)


def test_report_asks_for_nothing(written: tuple[Path, str], page: Page) -> None:
    style = re.search(
        "<style>(.*)</style>", (written[0] / "report.html").read_text("utf-8"), re.DOTALL
    )
    assert style
    assert not re.search(r"url\(|@import|//", style[1])
    assert not {"src", "href", "srcset", "data"} & {
        name for _, attributes in page.elements for name in attributes
    }


def test_report_tells_what_the_figures_do(written: tuple[Path, str], page: Page) -> None:
    figures = json.loads((written[0] / "figures.json").read_text())
    for values in figures["modes"].values():
        for name in ("ndcg@10", "recall@10", "recall@100", "mrr@10"):
            assert f"{values[name]:.3f}" in page.text
    assert {"Hybrid against semantic", "Hybrid against keyword", "Gain most", "Lose most"} <= set(
        page.text
    )
    assert (
        "1 of 5 judged documents are not in the corpus; the relevant ones count as not found"
        in page.text
    )


def test_report_of_one_mode(tiny_model_dir: Path, tmp_path: Path) -> None:
    collection = write_animals(tmp_path / "zoo")
    report = tmp_path / "report.html"
    result = evaluate(
        collection,
        "--model",
        tiny_model_dir,
        "--cache",
        tmp_path,
        "--modes",
        "keyword",
        "--k",
        10,
        "--html",
        report,
    )
    assert result.exit_code == 0, result.output
    text = "".join(Page(report.read_text("utf-8")).text)
    assert "Keyword search reaches an nDCG@10 of" in text
    assert "against" not in text


def test_modes() -> None:
    assert read_modes("keyword, hybrid,keyword") == ["keyword", "hybrid"]
    for text in ("", ",", "hybrid,fuzzy"):
        with pytest.raises(InvalidRequest, match="--modes"):
            read_modes(text)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--modes", "best"], "--modes is 'best'"),
        (["--passages", "few"], "passages is 'few'"),
        (["--precision", "i4"], "precision is 'i4'"),
        (["--language", "klingon"], "'klingon'"),
        (["--split", "dev"], "splits there, to choose with --split: test"),
        (["--json", "corpus.jsonl/figures.json"], "can't be written"),
    ],
)
def test_bad_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], problem: str
) -> None:
    monkeypatch.chdir(write_animals(tmp_path))
    result = evaluate(".", *arguments)
    assert isinstance(result.exception, QuerytowerError)
    assert problem in str(result.exception)
