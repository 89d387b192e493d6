"""Levels of a pyramid: centres stay where they are, detail does not fold back, parts agree with the whole."""

from __future__ import annotations

import numpy as np

from sensetrack.flow.pyramid import double, halve


def test_a_ramp_stays_a_ramp_about_the_centres_of_four_pixels() -> None:
    rows, cols = np.mgrid[:12, :16]
    coarse = halve((3.0 * rows + cols).astype(np.float32))
    centre = 3.0 * (2 * np.arange(6)[:, None] + 0.5) + 2 * np.arange(8) + 0.5
    np.testing.assert_allclose(coarse[1:-1, 1:-1], centre[1:-1, 1:-1], rtol=1e-6)


def test_the_finest_detail_vanishes() -> None:
    checks = ((np.indices((16, 16)).sum(axis=0) % 2) * 2 - 1).astype(np.float32)
    stripes = np.tile(np.float32([1, -1]), (16, 8))
    for image in (checks, stripes):
        np.testing.assert_allclose(halve(image)[:, 1:-1], 0, atol=1e-6)


def test_a_flow_doubles_in_size_and_in_value() -> None:
    rows, cols = np.mgrid[:10, :14].astype(np.float32)
    fine = double(0.25 * rows - 0.5 * cols)
    at_row, at_col = (np.mgrid[:20, :28] - 0.5) / 2
    truth = 2 * (0.25 * at_row - 0.5 * at_col)
    np.testing.assert_allclose(fine[1:-1, 1:-1], truth[1:-1, 1:-1], atol=1e-5)
    np.testing.assert_array_equal(double(np.full((4, 6), 1.5, np.float32)), np.full((8, 12), 3.0))


def test_mirror_images_and_parts_give_the_same() -> None:
    image = np.random.default_rng(0).normal(size=(300, 824)).astype(np.float32)
    whole = halve(image)
    np.testing.assert_allclose(halve(np.ascontiguousarray(image[:, ::-1])), whole[:, ::-1], atol=1e-6)
    np.testing.assert_array_equal(halve(image[60:260, 200:800].copy())[2:-2, 2:-2], whole[32:128, 102:398])
    np.testing.assert_array_equal(double(whole[20:90, 30:400].copy())[2:-2, 2:-2], double(whole)[42:178, 62:798])
