"""The report: one HTML page without scripts or other files, for light, dark and paper."""

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files

import numpy as np

from handler.markup import Html
from handler.quality.ndcg import Floats
from infra.evaluation.charts import difference_curve, latencies, metric_panels
from infra.evaluation.runs import Evaluation, Run
from infra.markup import element, join, page

METRIC = "ndcg@10"
SHOWN_QUERIES = 5
SHOWN_HITS = 5
TITLE_CHARS = 140


def render(evaluation: Evaluation) -> str:
    """Return the report as the text of an HTML file."""
    style = files(__package__).joinpath("report.css").read_text("utf-8")
    first, *others = evaluation.runs
    body = element(
        "main",
        _header(evaluation),
        _section("Relevance", _relevance_note(evaluation), metric_panels(evaluation.runs)),
        _section("Speed", _speed_note(evaluation), latencies(evaluation.runs)),
        *(_comparison(evaluation, first, other) for other in others),
        _section("How this was measured", "", _settings(evaluation)),
    )
    title = f"{evaluation.dataset}: evaluation by querytower"
    return page(title, style, element("body", body))


def _section(title: str, note: str, *content: str) -> Html:
    return element(
        "section", element("h2", title), element("p", note, class_="note") if note else "", *content
    )


def _header(evaluation: Evaluation) -> Html:
    manifest = evaluation.index.manifest
    warnings = [element("p", text, class_="warning") for text in evaluation.warnings]
    queries = f"{len(evaluation.queries):,} judged queries"
    counts = f"{manifest.documents:,} documents \N{MIDDLE DOT} {queries}"
    return element(
        "header",
        element("p", "Search evaluation", class_="kicker"),
        element("h1", evaluation.dataset),
        element("p", f"{counts} \N{MIDDLE DOT} {manifest.model}", class_="counts"),
        element("p", *_lede(evaluation.runs), class_="lede"),
        *warnings,
    )


def _lede(runs: Sequence[Run]) -> list[str]:
    first, *others = runs
    mean = first.scores[METRIC].mean()
    parts: list[str] = [
        f"{first.mode.capitalize()} search reaches an nDCG@10 of ",
        element("b", f"{mean:.3f}"),
    ]
    for number, other in enumerate(others):
        difference = float(mean - other.scores[METRIC].mean())
        word = "above" if difference >= 0 else "below"
        parts += [
            " and " if number else ", ",
            element("b", f"{abs(difference):.3f}"),
            f" {word} {other.mode}",
        ]
    return [*parts, "."]


def _relevance_note(evaluation: Evaluation) -> str:
    relevant = np.mean(
        [sum(grade > 0 for grade in query.grades.values()) for query in evaluation.queries]
    )
    return (
        f"Means over all queries. A query has {relevant:.1f} relevant documents on average. "
        "All bars run from 0 to 1."
    )


def _speed_note(evaluation: Evaluation) -> str:
    return (
        f"Time from text to {evaluation.settings['k']} hits, encoding included, one query after "
        "the other in one process. Solid line: median; dashed: 99th percentile. The heights of "
        "the shapes can't be compared."
    )


def _comparison(evaluation: Evaluation, first: Run, other: Run) -> Html:
    differences = first.scores[METRIC] - other.scores[METRIC]
    gains, losses = int((differences > 0).sum()), int((differences < 0).sum())
    equal = len(differences) - gains - losses
    counts = f"{gains:,} queries gain, {equal:,} stay equal, {losses:,} lose."
    title = f"{first.mode.capitalize()} against {other.mode}"
    note = (
        f"{counts} Each bar is a query's nDCG@10 in {first.mode} minus that in {other.mode}. "
        f"Below, tinted hits are relevant{', with their grade' if _graded(evaluation) else ''}."
    )
    order = np.argsort(-differences, kind="stable")
    most = [int(at) for at in order[:SHOWN_QUERIES] if differences[at] > 0]
    least = [int(at) for at in order[::-1][:SHOWN_QUERIES] if differences[at] < 0]
    lists = [
        _queries(evaluation, (first, other), differences, "Gain most", most),
        _queries(evaluation, (first, other), differences, "Lose most", least),
    ]
    return _section(title, note, difference_curve(differences, counts), *lists)


def _queries(
    evaluation: Evaluation,
    runs: tuple[Run, Run],
    differences: Floats,
    title: str,
    chosen: Sequence[int],
) -> Html:
    items = [_query(evaluation, runs, float(differences[at]), at, at == chosen[0]) for at in chosen]
    return element(
        "div",
        element("h3", title),
        *items or [element("p", "No query.", class_="none")],
        class_="queries",
    )


def _query(
    evaluation: Evaluation, runs: tuple[Run, Run], difference: float, at: int, unfolded: bool
) -> Html:
    query = evaluation.queries[at]
    sign, kind = ("+", "gain") if difference > 0 else ("\N{MINUS SIGN}", "loss")
    change = element("span", f"{sign}{abs(difference):.2f}", class_=f"change {kind}")
    columns = [_hits(evaluation, run, at) for run in runs]
    return element(
        "details",
        element("summary", element("q", query.text or "(empty)"), change),
        element("div", *columns, class_="columns"),
        open="" if unfolded else None,
    )


def _hits(evaluation: Evaluation, run: Run, at: int) -> Html:
    query, ids = evaluation.queries[at], run.hits[at]
    items = [_hit(evaluation, key, query.grades.get(key)) for key in ids[:SHOWN_HITS]]
    ranks = [rank for rank, key in enumerate(ids, start=1) if query.grades.get(key, 0) > 0]
    missing = sum(grade > 0 for grade in query.grades.values()) - len(ranks)
    found = f"Relevant at rank {_shortened(ranks)}" if ranks else "Nothing relevant"
    rest = f"; {missing:,} not among the first {evaluation.settings['k']}" if missing else ""
    heading = element("h4", run.mode, element("span", f"nDCG@10 {run.scores[METRIC][at]:.2f}"))
    listed = element("ol", *items) if items else element("p", "No hits.", class_="none")
    return element(
        "div", heading, listed, element("p", f"{found}{rest}.", class_="ranks"), data_mode=run.mode
    )


def _hit(evaluation: Evaluation, key: str, grade: int | None) -> Html:
    if grade is None:
        mark, meaning = "", "not judged"
    elif grade > 0:
        mark = str(grade) if _graded(evaluation) else "\N{CHECK MARK}"
        meaning = f"relevant, grade {grade}"
    else:
        mark, meaning = "\N{MULTIPLICATION SIGN}", "judged not relevant"
    badge = element(
        "span", mark, element("span", meaning, class_="spoken"), class_="badge", title=meaning
    )
    title = element("span", _title(evaluation, key), title=key)
    return element("li", title, badge, class_="relevant" if grade and grade > 0 else None)


def _graded(evaluation: Evaluation) -> bool:
    return any(grade > 1 for query in evaluation.queries for grade in query.grades.values())


def _title(evaluation: Evaluation, key: str) -> str:
    row = evaluation.index.row_of(key)
    if row is None:
        return key
    document = evaluation.index.document(row)
    title = document.title or document.text
    if len(title) <= TITLE_CHARS:
        return title
    return title[:TITLE_CHARS].rsplit(maxsplit=1)[0] + " \N{HORIZONTAL ELLIPSIS}"


def _shortened(ranks: Sequence[int]) -> str:
    shown = ", ".join(map(str, ranks[:8]))
    return f"{shown} and {len(ranks) - 8} more" if len(ranks) > 8 else shown


def _settings(evaluation: Evaluation) -> Html:
    manifest, settings = evaluation.index.manifest, evaluation.settings
    split = (
        f"{settings['passages']} tokens, {settings['overlap']} shared: {manifest.passages:,} in all"
    )
    rows = {
        "Model": f"{manifest.model}, fingerprint {manifest.fingerprint}",
        "Passages": "off: one vector for each document" if settings["passages"] == "off" else split,
        "Vectors": f"{manifest.dimension} dimensions in {manifest.precision}",
        "Word forms": manifest.language,
        "Judgments": f"qrels/{settings['split']}.tsv; relevant from grade 1, linear gains",
        "Hits": f"{settings['k']} for each query, without the document that is the query",
        "Index built": manifest.created,
        "Measured": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    items = [join((element("dt", name), element("dd", str(value)))) for name, value in rows.items()]
    return element("dl", *items, class_="settings")
