"""The filter of probabilities: threshold, and what stands out among a tile's candidates."""

from __future__ import annotations

import numpy as np

from sensetrack.displacement import Flag
from sensetrack.filters.probability import Probability


def with_candidates(make_field, quality, mean, std):
    quality = np.asarray(quality, np.float32)
    extra = {
        "probability_mean": np.broadcast_to(np.float32(mean), quality.shape).copy(),
        "probability_std": np.broadcast_to(np.asarray(std, np.float32), quality.shape).copy(),
    }
    return make_field(np.ones(quality.shape), quality=quality, extra=extra)


def test_the_threshold_and_the_sigmas_both_count(make_field):
    field = with_candidates(make_field, [[0.9, 0.55, 0.45, 0.6]], 0.0023, [[0.04, 0.03, 0.02, 0.25]])
    assert Probability().keep(field).tolist() == [[True, True, False, False]]
    assert Probability(sigmas=2).keep(field).tolist() == [[True, True, False, True]]
    assert Probability(minimum=0.4).keep(field).tolist() == [[True, True, True, False]]
    flags = Probability().apply(field).flags
    assert flags.tolist() == [[0, 0, Flag.LOW_QUALITY, Flag.LOW_QUALITY]]


def test_a_tie_with_the_limit_does_not_stand_out(make_field):
    field = with_candidates(make_field, [[0.75]], 0.0, [[0.25]])
    assert not Probability().keep(field).any()


def test_other_trackers_have_the_threshold_only(make_field):
    field = make_field(np.ones((1, 3)), quality=np.array([[0.2, 0.5, np.nan]]))
    assert Probability().keep(field).tolist() == [[False, True, False]]


def test_unknown_candidates_do_not_stand_out(make_field):
    field = with_candidates(make_field, [[0.9]], np.nan, [[np.nan]])
    assert not Probability().keep(field).any()
