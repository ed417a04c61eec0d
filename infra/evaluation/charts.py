"""The charts of the report: shapes in SVG, stretched to their box, words and numbers in HTML."""

import math
from collections.abc import Sequence
from itertools import product

import numpy as np

from handler.markup import Html
from handler.quality.ndcg import Floats
from infra.evaluation.runs import Run
from infra.markup import element

BINS = 80
MANY_DECADES = 3
NAMES = {"ndcg": "nDCG", "recall": "Recall", "mrr": "MRR"}


def metric_panels(runs: Sequence[Run]) -> Html:
    """Draw one panel for each metric, with one bar for each run, from 0 to 1."""
    panels = []
    for name in runs[0].scores:
        values = [float(run.scores[name].mean()) for run in runs]
        bars = [
            _bar(run.mode, value, value == max(values))
            for run, value in zip(runs, values, strict=True)
        ]
        measure, cut = name.split("@")
        title = element("h3", NAMES[measure], element("small", f" @{cut}"))
        panels.append(element("div", title, element("dl", *bars), class_="panel"))
    return element("div", *panels, class_="panels")


def _bar(mode: str, value: float, best: bool) -> Html:
    fill = element("i", style=f"width:{100 * value:.2f}%")
    label = element("dt", mode)
    return element(
        "div",
        label,
        element("dd", element("span", fill, class_="track"), element("b", f"{value:.3f}")),
        class_="bar best" if best else "bar",
        data_mode=mode,
    )


def latencies(runs: Sequence[Run]) -> Html:
    """Draw the distribution of each run's query times, in milliseconds, on one logarithmic axis."""
    every = 1000 * np.concatenate([run.seconds for run in runs])
    low, high = math.log10(every.min() / 1.15), math.log10(every.max() * 1.15)

    def place(milliseconds: float) -> str:
        return f"left:{100 * (math.log10(milliseconds) - low) / (high - low):.2f}%"

    ticks = _ticks(low, high)
    lines = [element("i", class_="tick", style=place(tick)) for tick in ticks]
    rows = []
    for run in runs:
        figures = run.summary()
        marks = [
            element("i", class_=f"mark p{p}", style=place(max(figures[f"p{p}_ms"], 1e-6)))
            for p in (50, 99)
        ]
        shape = _histogram(np.log10(1000 * run.seconds), low, high)
        chart = element("div", *lines, shape, *marks, class_="plot")
        rows.append(
            element("div", _speed(run.mode, figures), chart, class_="row", data_mode=run.mode)
        )
    labels = [element("span", f"{tick:g} ms", style=place(tick)) for tick in ticks]
    axis = element("div", element("div"), element("div", *labels, class_="axis"), class_="row")
    return element("div", *rows, axis, class_="latencies")


def _speed(mode: str, figures: dict[str, float]) -> Html:
    shown = {
        "median": f"{figures['p50_ms']:.2f} ms",
        "p99": f"{figures['p99_ms']:.2f} ms",
        "queries/s": f"{figures['queries_per_second']:,.0f}",
    }
    items = [
        element("div", element("dt", name), element("dd", value)) for name, value in shown.items()
    ]
    return element("div", element("h3", mode), element("dl", *items), class_="speed")


def _histogram(values: Floats, low: float, high: float) -> Html:
    counts, _ = np.histogram(values, bins=BINS, range=(low, high))
    steps = " ".join(
        f"V{100 - 96 * count / counts.max():.2f}H{at}" for at, count in enumerate(counts, start=1)
    )
    return _stretched(BINS, 100, element("path", d=f"M0 100{steps}V100Z"))


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers whose logarithms lie between `low` and `high`."""
    steps = (1, 2, 5) if high - low < MANY_DECADES else (1,)
    decades = range(math.floor(low), math.ceil(high))
    ticks = [step * 10.0**decade for decade, step in product(decades, steps)]
    return [tick for tick in ticks if low <= math.log10(tick) <= high]


def difference_curve(differences: Floats, label: str) -> Html:
    """Draw one bar for each query, in order, up where it gains and down where it loses.

    `differences` has shape (queries,); `label` describes the chart to screen readers.
    """
    ordered = np.sort(differences)[::-1]
    top = float(np.abs(ordered).max()) or 1.0
    paths = []
    for name, part in (("gain", np.maximum(ordered, 0)), ("loss", np.minimum(ordered, 0))):
        steps = " ".join(
            f"V{50 - 49 * value / top:.2f}H{at}" for at, value in enumerate(part, start=1)
        )
        paths.append(element("path", d=f"M0 50{steps}V50Z", class_=name))
    scale = [
        element("span", f"+{top:.2f}"),
        element("span", "0"),
        element("span", f"\N{MINUS SIGN}{top:.2f}"),
    ]
    chart = element("div", _stretched(len(ordered), 100, *paths), class_="plot")
    return element(
        "div",
        element("div", *scale, class_="scale"),
        chart,
        class_="curve",
        role="img",
        aria_label=label,
    )


def _stretched(width: int, height: int, *shapes: str) -> Html:
    return element(
        "svg",
        *shapes,
        viewBox=f"0 0 {width} {height}",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
