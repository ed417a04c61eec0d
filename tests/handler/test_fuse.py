"""Two scores to one."""

import numpy as np
import pytest

from handler.search.fuse import Scale, fuse


def test_standardised_scores_have_mean_0_and_deviation_1() -> None:
    scores = np.random.default_rng(1).gamma(2, 5, 100)
    standard = Scale.of(scores).standardise(scores)
    assert standard.mean() == pytest.approx(0)
    assert standard.std() == pytest.approx(1)
    assert (np.argsort(standard) == np.argsort(scores)).all()


def test_a_scale_applies_to_scores_that_it_was_not_measured_on() -> None:
    scale = Scale.of(np.array([1.0, 3.0]))
    assert (scale.mean, scale.deviation) == (2, 1)
    assert scale.standardise(np.array([0.0, 2.0, 5.0])).tolist() == [-2, 0, 3]


@pytest.mark.parametrize("scores", [[], [7.0], [0.0, 0.0], [0.3] * 1000])
def test_scores_that_are_all_alike_say_nothing(scores: list[float]) -> None:
    values = np.array(scores, np.float32)
    assert Scale.of(values).standardise(values).tolist() == [0] * len(scores)


def test_both_parts_count_alike() -> None:
    one, other = np.array([1.0, -1.0, 0.5]), np.array([0.0, 3.0, 0.5])
    assert fuse(one, other).tolist() == fuse(other, one).tolist() == [0.5, 1, 0.5]


def test_an_outstanding_match_by_words_wins_over_slight_differences_in_meaning() -> None:
    cosines, bm25 = np.linspace(0.31, 0.30, 50), np.zeros(50)
    bm25[40] = 12
    fused = fuse(Scale.of(cosines).standardise(cosines), Scale.of(bm25).standardise(bm25))
    assert fused.argmax() == 40
