"""The drift report: figures against hand-made ones, verdicts, and a page that loads nothing."""

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handler.encoder import Encoder
from handler.index.manifest import IndexFiles
from handler.quality.changes import Changes
from handler.quality.drift import Drift, compare, profile_in, stability
from handler.quality.drift_report import render
from handler.quality.profile import CHARACTERS, COSINES, Profile
from handler.quality.verdict import Verdict
from tests.handler.reindexing import Counting, Place, record
from tests.stored_paths import PATHS


def profile(**changes: object) -> Profile:
    lengths, cosines = [0] * len(CHARACTERS), [0] * len(COSINES)
    lengths[3], cosines[5] = 1000, 300
    base = Profile(
        documents=500,
        passages=1000,
        fingerprint="model",
        centroid=[0.6, 0.0],
        lengths=lengths,
        neighbours=cosines,
        nearest=cosines,
        tops={"one": ["a", "b"], "two": ["c"]},
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def report(new: Profile, old: Profile | None = None, changes: Changes | None = None) -> Drift:
    previous = "v1" if old else ""
    return compare(new, old, changes, version="v2", created="now", previous=previous)


def test_stability_of_hand_made_counts() -> None:
    """(q - p) ln(q / p), summed: p = 0.5, 0.5 and q = 0.6, 0.4."""
    expected = 0.1 * math.log(0.6 / 0.5) - 0.1 * math.log(0.4 / 0.5)
    assert stability([500_000, 500_000, 0], [600_000, 400_000, 0])[0] == pytest.approx(
        expected, abs=1e-5
    )
    assert stability([5, 7, 0], [5, 7, 0])[0] == 0


def test_a_bin_empty_on_one_side_stays_finite() -> None:
    assert 1 < stability([100, 0], [0, 100])[0] < 100


def test_two_samples_of_one_population_are_never_called_a_change() -> None:
    rng = np.random.default_rng(5)
    shares = np.array([0.05, 0.2, 0.4, 0.2, 0.1, 0.05])
    for size in (20, 50, 300, 5000):
        for _ in range(50):
            before, now = (rng.multinomial(size, shares).tolist() for _ in range(2))
            index, chance = stability(before, now)
            assert index < max(chance, 0.1) * 1.5
    assert np.mean([index < chance for index, chance in _pairs(rng, shares)]) > 0.97


def _pairs(
    rng: np.random.Generator, shares: "np.ndarray[tuple[int], np.dtype[np.float64]]"
) -> list[tuple[float, float]]:
    return [
        stability(*(rng.multinomial(400, shares).tolist() for _ in range(2))) for _ in range(400)
    ]


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        ([500, 500, 0], "no notable drift"),
        ([700, 300, 0], "some drift: look at the new documents"),
        ([100, 900, 0], "large drift: find the cause before you trust this version"),
    ],
)
def test_verdicts(now: list[int], verdict: str) -> None:
    before = [500, 500, *[0] * (len(CHARACTERS) - 2)]
    drift = report(profile(lengths=now + before[3:]), profile(lengths=before))
    assert drift.distributions[0].verdict == verdict


def test_a_few_queries_are_not_enough_for_an_alarm() -> None:
    before, now = [0] * len(COSINES), [0] * len(COSINES)
    before[4], before[5], now[4], now[5] = 3, 2, 2, 3
    drift = report(profile(nearest=now), profile(nearest=before))
    assert drift.distributions[2].psi is not None
    assert drift.distributions[2].psi > 0.1
    assert drift.distributions[2].verdict == "no more than chance: the samples are small"


def test_centroids_of_hand_made_vectors() -> None:
    drift = report(profile(centroid=[0.3, 0.4]), profile())
    assert drift.centroid_shift == pytest.approx(1 - 0.6)
    assert drift.centroid_cosine == pytest.approx(0.3)
    assert drift.centroid_cosine_before == pytest.approx(0.6)


def test_queries_moved_counts_documents_not_their_order() -> None:
    tops = {"one": ["b", "a"], "two": ["d"], "new": ["x"]}
    drift = report(profile(tops=tops), profile())
    assert drift.moved_share == 0.5
    assert [(each.query, each.kept, each.before) for each in drift.moved] == [("two", 0, 1)]


def test_another_model_makes_cosines_incomparable_but_not_lengths_and_answers() -> None:
    drift = report(profile(fingerprint="other"), profile())
    assert (drift.centroid_shift, drift.distributions[1].psi) == (None, None)
    assert "another model" in drift.distributions[1].verdict
    assert drift.distributions[0].psi == 0
    assert drift.moved_share == 0


def test_the_first_version_has_nothing_to_compare_with() -> None:
    drift = report(profile())
    assert (drift.added, drift.centroid_shift, drift.moved_share) == (None, None, None)
    assert {each.verdict for each in drift.distributions} == {"nothing to compare with"}
    assert "compared with nothing" in render(drift, verdict())


def test_the_profile_reads_back_and_what_is_none_does_not() -> None:
    drift = report(profile())
    assert profile_in(drift.to_json()) == profile()
    raw = json.loads(drift.to_json())
    for broken in (b"", b"{}", b"[]", json.dumps(raw | {"format": 2}).encode()):
        assert profile_in(broken) is None
    raw["profile"]["lengths"].append(1)
    assert profile_in(json.dumps(raw).encode()) is None


def verdict(**differences: Any) -> Verdict:
    """Return the verdict on a good second version, with some differences."""
    usual: dict[str, Any] = {
        "version": "v2",
        "previous": "v1",
        "failures": [],
        "ndcg": None,
        "ndcg_before": None,
        "changes": None,
        "store": "s3://bucket/my books",
        "index": "books",
    }
    return Verdict(**usual | differences)


def test_the_verdict_comes_first_with_the_command_that_takes_it_back() -> None:
    html = verdict(ndcg=0.5, ndcg_before=0.45).render()
    assert "Passed: this version kept every limit and was published." in html
    assert "0.500, before 0.450" in html
    assert "rollback v1 --store &#x27;s3://bucket/my books&#x27; --name books" in html
    page = render(report(profile()), verdict())
    assert page.index("Passed") < page.index("<svg")


def test_a_refused_version_says_why_and_how_to_publish_it() -> None:
    changes = Changes(added=[], changed=["<b>"], removed=[f"d{n}" for n in range(20)], unchanged=1)
    html = verdict(failures=["too few documents"], changes=changes).render()
    assert "Refused" in html
    assert "<li>too few documents</li>" in html
    assert "1 changed: &lt;b&gt;" in html
    assert "20 removed: d0, d1" in html
    assert "d19" not in html
    assert "querytower rollback v2" in html
    assert "rollback v1" not in html


def test_the_first_version_has_nothing_to_take_back() -> None:
    html = verdict(previous="").render()
    assert "the first version" in html
    assert "querytower" not in html


class Page(HTMLParser):
    """Collects what a page would load, and whether its elements are closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []
        self.charts = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [
            f"{tag} {name}"
            for name, _ in attrs
            if name in ("src", "href", "srcset", "data", "xlink:href")
        ]
        self.charts += tag == "svg"
        if tag not in ("meta", "line"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "line":
            assert self.open.pop() == tag


def test_the_page_loads_nothing_and_escapes_what_people_typed() -> None:
    tops = {"<script>alert(1)</script> & more": ["x"], "two": ["c"]}
    old = profile(tops={query: ["gone"] for query in tops})
    changes = Changes(added=["a"] * 1234, changed=[], removed=["b"], unchanged=5)
    html = render(report(profile(tops=tops), old, changes), verdict(changes=changes))
    page = Page(html)
    assert (page.loads, page.open, page.charts) == ([], [], 3)
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in html
    assert not re.search(r"@import|url\(|https?://", html)
    assert "1,234" in html


def test_bars_are_as_high_as_their_shares() -> None:
    lengths = [0] * len(CHARACTERS)
    lengths[0], lengths[1] = 75, 25
    html = render(report(profile(lengths=lengths, neighbours=[], nearest=[])), verdict())
    heights = [float(each) for each in re.findall(r'class="now".*? height="([\d.]+)"', html)]
    assert heights[0] == pytest.approx(3 * heights[1], abs=0.2)
    assert "0–50: 75.0% in this version" in html


def test_every_version_has_its_report(encoder: Encoder, tmp_path: Path) -> None:
    place = Place(tmp_path, Counting(encoder))
    place.golden({"q": "The a1"})
    place.write("a.jsonl", [record(f"a{n}") for n in range(9)])
    first = place.run().version
    place.write("a.jsonl", [record(f"a{n}") for n in range(1, 9)] + [record("x", "New words.")])
    second = place.run().version
    root = PATHS.version(second)
    report = json.loads(place.store.get(f"{root}/{IndexFiles.DRIFT}")[0])
    assert (report["version"], report["previous"]) == (second, first)
    assert (report["added"], report["changed"], report["removed"]) == (1, 0, 1)
    index = place.current()
    passages = index.passages[index.vectors.live]
    lengths = passages["end"] - passages["start"]
    assert (
        report["distributions"][0]["now"] == np.histogram(lengths, [*CHARACTERS, 10**9])[0].tolist()
    )
    centroid = index.vectors.vectors(index.vectors.live).mean(axis=0)
    assert np.allclose(report["profile"]["centroid"], centroid, atol=1e-5)
    assert Page(place.store.get(f"{root}/{IndexFiles.REPORT}")[0].decode()).charts == 3
    assert IndexFiles.DRIFT not in index.manifest.files
