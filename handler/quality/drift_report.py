"""The drift report as one HTML page that loads nothing else."""

from handler.markup import NOTHING, Html, fill, joined
from handler.quality.drift import LARGE, SLIGHT, Distribution, Drift
from handler.quality.verdict import Verdict

WIDTH, HEIGHT, FOOT = 640, 180, 24
SHOWN = 50

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Drift: $version</title>
<style>
:root { --ink: #1c2321; --soft: #5b6663; --line: #d9dfdd; --now: #0a6b4f; --before: #a9b8b3; }
:root { color-scheme: light dark; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6ecea; --soft: #9aa8a4; --line: #34403c; --now: #46c79f; --before: #5d6d68; }
  body { background: #141a18; }
}
body { color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 2.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .3rem; }
p, dt, th, caption { color: var(--soft); } p { margin: .2rem 0; } strong { color: var(--ink); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); }
dl { gap: 1rem; margin: 1.5rem 0; }
dd { font-size: 1.4rem; font-variant-numeric: tabular-nums; margin: 0; }
svg { width: 100%; height: auto; } text { fill: var(--soft); font-size: 11px; }
.now { fill: var(--now); } .before { fill: var(--before); } line { stroke: var(--line); }
table { border-collapse: collapse; width: 100%; }
td, th { border-bottom: 1px solid var(--line); padding: .3rem 0; text-align: left; }
td + td, th + th { text-align: right; font-variant-numeric: tabular-nums; }
i { display: inline-block; width: .7em; height: .7em; margin: 0 .3em 0 .8em; }
i.n { background: var(--now); } i.b { background: var(--before); }
section { border-left: .4rem solid var(--now); margin: 1.5rem 0; padding: .2rem 0 .2rem 1rem; }
section.refused { border-color: #c2410c; } section h2 { margin: 0; }
ul { margin: .4rem 0; padding-left: 1.2rem; } li { overflow-wrap: anywhere; }
pre { margin: .2rem 0 .8rem; overflow-x: auto; }
</style>
<h1>Version $version</h1>
<p>made $created, compared with $previous</p>
$verdict
<dl>$figures</dl>
<p><i class="n"></i>this version<i class="b"></i>$previous</p>
$charts
$moved
</html>
"""
FIGURE = "<div><dt>$name</dt><dd>$value</dd></div>"
CHART = """<h2>$name</h2>
<p>$psi<strong>$verdict</strong></p>
<svg viewBox="0 0 $width $height" role="img" aria-label="Bar chart: $name, share of each bin">
$bars
</svg>
"""
BAR = (
    '<rect class="$kind" x="$x" y="$y" width="$width" height="$height"><title>$title</title></rect>'
)
LABEL = '<text x="$x" y="$y">$text</text>'
TABLE = """<h2>Queries whose top documents changed</h2>
<p>$summary</p>
<table><tr><th>query</th><th>kept of its top documents</th></tr>$rows</table>
"""
ROW = "<tr><td>$query</td><td>$kept of $before</td></tr>"


def render(drift: Drift, verdict: Verdict) -> str:
    """Return the report as a page that begins with the verdict."""
    figures = [fill(FIGURE, name=name, value=value) for name, value in _figures(drift).items()]
    charts = [_chart(each) for each in drift.distributions if sum(each.now)]
    return fill(
        PAGE,
        version=drift.version,
        created=drift.created,
        previous=drift.previous or "nothing: there is no readable version before",
        verdict=verdict.render(),
        figures=joined(figures),
        charts=joined(charts),
        moved=_moved(drift),
    )


def _figures(drift: Drift) -> dict[str, str]:
    figures = {"documents": f"{drift.documents:,}", "passages": f"{drift.passages:,}"}
    for name in ("added", "changed", "removed"):
        count = getattr(drift, name)
        figures[name] = "unknown" if count is None else f"{count:,}"
    if drift.centroid_shift is not None:
        figures["centroid shift"] = f"{drift.centroid_shift:.4f}"
        figures["mean cosine to the centroid before"] = (
            f"{drift.centroid_cosine:.3f} (was {drift.centroid_cosine_before:.3f})"
        )
    if drift.moved_share is not None:
        figures["queries with another top 10"] = f"{drift.moved_share:.0%} of {drift.queries}"
    return figures


def _chart(distribution: Distribution) -> Html:
    """Draw two bars for each bin, before and now, as shares of the highest one."""
    step = WIDTH / len(distribution.edges)
    before, now = _shares(distribution.before), _shares(distribution.now)
    peak = max(*before, *now)
    bars = []
    for kind, shares, offset, when in (
        ("before", before, 0.08, "before"),
        ("now", now, 0.5, "in this version"),
    ):
        for at, share in enumerate(shares):
            title = f"{_range(distribution, at)}: {share:.1%} {when}"
            bars.append(_bar(kind, (at + offset) * step, share / peak, 0.4 * step, title))
    axis = Html(f'<line x1="0" y1="{HEIGHT}" x2="{WIDTH}" y2="{HEIGHT}"/>')
    labels = [
        fill(LABEL, x=round(at * step, 1), y=HEIGHT + 16, text=f"{edge:g}")
        for at, edge in enumerate(distribution.edges)
    ]
    return fill(
        CHART,
        name=distribution.name,
        psi=_psi(distribution),
        verdict=distribution.verdict,
        width=WIDTH,
        height=HEIGHT + FOOT,
        bars=joined([axis, *bars, *labels]),
    )


def _shares(counts: list[int]) -> list[float]:
    return [count / (sum(counts) or 1) for count in counts]


def _psi(distribution: Distribution) -> str:
    if distribution.psi is None:
        return ""
    scale = f"below {SLIGHT} is small, above {LARGE} is large"
    return f"population stability index {distribution.psi:.3f} ({scale}): "


def _bar(kind: str, x: float, share: float, width: float, title: str) -> Html:
    """Draw a bar of the class `kind`, whose height is a `share` of the chart's."""
    height = share * (HEIGHT - 8)
    return fill(
        BAR,
        kind=kind,
        x=round(x, 1),
        y=round(HEIGHT - height, 1),
        width=round(width, 1),
        height=round(height, 1),
        title=title,
    )


def _range(each: Distribution, at: int) -> str:
    if at + 1 == len(each.edges):
        return f"{each.edges[at]:g}+"
    return f"{each.edges[at]:g}–{each.edges[at + 1]:g}"


def _moved(drift: Drift) -> Html:
    if not drift.moved:
        return NOTHING
    rows = [
        fill(ROW, query=each.query, kept=each.kept, before=each.before)
        for each in drift.moved[:SHOWN]
    ]
    more = f"; the first {SHOWN} are shown" if len(drift.moved) > SHOWN else ""
    summary = f"{len(drift.moved)} of {drift.queries} golden queries{more}"
    return fill(TABLE, summary=summary, rows=joined(rows))
