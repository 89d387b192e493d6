"""Filters that judge a pixel by itself: quality and predicted error."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.displacement import Field, Flag
from sensetrack.errors import ParameterError
from sensetrack.filters.quality import Quality
from sensetrack.filters.sigma import Sigma, worst_sigma


def test_quality_threshold_is_inclusive_and_nan_fails(make_field: Callable[..., Field]) -> None:
    field = make_field(np.zeros((1, 4)), quality=np.array([[0.5, 0.49, 0.51, np.nan]]))
    assert Quality(minimum=0.5).keep(field).tolist() == [[True, False, True, False]]
    assert Quality(minimum=0.5).apply(field).flags.tolist() == [[0, Flag.LOW_QUALITY, 0, Flag.LOW_QUALITY]]


def test_worst_sigma_is_the_larger_root_of_the_covariance(make_field: Callable[..., Field]) -> None:
    rng = np.random.default_rng(0)
    sx, sy = rng.uniform(0.01, 2, (2, 4, 5)).astype(np.float32)
    rho = rng.uniform(-1, 1, (4, 5)).astype(np.float32)
    field = Field.from_layers(make_field(np.zeros((4, 5)), rho=rho).layers() | {"sigma_dx": sx, "sigma_dy": sy})
    covariance = np.stack([sx**2, rho * sx * sy, rho * sx * sy, sy**2], axis=-1).reshape(4, 5, 2, 2)
    expected = np.sqrt(np.linalg.eigvalsh(covariance.astype(np.float64))[..., 1])
    np.testing.assert_allclose(worst_sigma(field), expected, rtol=1e-5)


def test_match_that_slides_along_a_diagonal_edge_is_found(make_field: Callable[..., Field]) -> None:
    # 0.4 px in each component, but 0.56 px along the diagonal.
    field = make_field(np.zeros((1, 2)), sigma=0.4, rho=np.array([[0.99, np.nan]]))
    assert Sigma(maximum=0.5).keep(field).tolist() == [[False, True]]


def test_missing_sigma_fails(make_field: Callable[..., Field]) -> None:
    field = make_field(np.zeros((1, 4)), sigma=np.array([[0.5, 0.51, np.nan, np.inf]]))
    assert Sigma(maximum=0.5).apply(field).flags.tolist() == [[0, *[Flag.LOW_QUALITY] * 3]]


@pytest.mark.parametrize("minimum", [-0.1, 1.1, "high"])
def test_quality_out_of_range_is_refused(minimum: object) -> None:
    with pytest.raises(ParameterError, match=r"Quality: minimum = "):
        Quality(minimum=minimum)
