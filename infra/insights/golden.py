"""Golden queries from clicks: a proposal, for a person to read, correct and approve."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from infra.insights.analysis import Insights, QueryFigures

# What people did, as a grade: to add something to a list says more than to look at it.
GRADES = {"click": 1, "add": 2}


def propose(insights: Insights, folder: Path, at_least: int) -> int:
    """Write queries.jsonl and judgments.tsv into `folder`, and return the number of queries.

    A document is judged if people chose it `at_least` times for a query, and more often than they
    dismissed it.
    """
    found = {query: dict(_judged(each, at_least)) for query, each in insights.queries.items()}
    chosen = {query: grades for query, grades in sorted(found.items()) if grades}
    folder.mkdir(parents=True, exist_ok=True)
    queries = "".join(
        json.dumps({"_id": _id(query), "text": query}, ensure_ascii=False) + "\n"
        for query in chosen
    )
    judgments = "".join(
        f"{_id(query)}\t{document}\t{grade}\n"
        for query, grades in chosen.items()
        for document, grade in grades.items()
    )
    (folder / "queries.jsonl").write_text(queries, "utf-8")
    (folder / "judgments.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judgments}", "utf-8")
    return len(chosen)


def _judged(figures: QueryFigures, at_least: int) -> Iterator[tuple[str, int]]:
    chosen: Counter[str] = Counter()
    grades: dict[str, int] = {}
    for (kind, document), times in figures.actions.items():
        if kind in GRADES:
            chosen[document] += times
            grades[document] = max(GRADES[kind], grades.get(document, 0))
    for document, times in sorted(chosen.items()):
        usable = not {"\t", "\n", "\r"} & set(document)
        if usable and times >= at_least and times > figures.actions["dismiss", document]:
            yield document, grades[document]


def _id(query: str) -> str:
    return f"q-{hashlib.sha256(query.encode()).hexdigest()[:10]}"
