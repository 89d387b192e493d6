"""BandMaths: which bands names mean, quantities, types, and where pixels lie."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import numpy as np
import pytest
from products.scenes import apply, band_of, scene_of, values_of
from pyproj import Transformer

from sensetrack.errors import GraphError
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image

A = np.arange(42, dtype=np.float64).reshape(6, 7) - 8
B = np.where(A % 5 == 0, np.nan, A / 4 + 1)


def maths(
    *scenes: object, slots: tuple[str, ...] = (), variables: list[dict] | None = None, **target: object
) -> object:
    return apply(
        "BandMaths",
        *scenes,
        slots=slots,
        targetBands=[{"name": "t", **target}],
        **({"variables": variables} if variables else {}),
    )


def computed(expression: str, *scenes: object, **options: object) -> np.ndarray:
    return values_of(maths(*(scenes or (scene_of(a=A, b=B),)), expression=expression, **options), "t")


def test_pixels_without_a_result_have_no_value() -> None:
    np.testing.assert_array_equal(computed("a + b"), A + B)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(computed("sqrt(a)"), np.sqrt(np.where(A >= 0, A, np.nan)).astype(np.float32))
    np.testing.assert_array_equal(computed("1 / a"), (1 / np.where(A == 0, np.nan, A)).astype(np.float32))
    np.testing.assert_array_equal(computed("a * 1e38"), np.where(np.abs(A) <= 3, A * 1e38, np.nan).astype(np.float32))
    np.testing.assert_array_equal(computed("a", validExpression="b > 0"), np.where(B > 0, A, np.nan))
    np.testing.assert_array_equal(computed("7"), np.full(A.shape, 7.0))


def test_several_bands_may_bear_the_names_of_others() -> None:
    found = apply(
        "BandMaths",
        scene_of(a=A, b=B),
        targetBands=[
            {"name": "a", "expression": "a * 2", "noDataValue": "-9999"},
            {"name": "ratio", "expression": "b / a", "type": "float64", "spectralWavelength": "560"},
        ],
    )
    first = found.bands[0]
    assert (first.name, first.dtype, first.nodata) == ("a", "float32", -9999.0)
    assert found.bands[1].dtype == "float32" and found.bands[1].wavelength == 560 and np.isnan(found.bands[1].nodata)
    np.testing.assert_array_equal(values_of(found, "a"), A * 2)
    assert found.done == ("BandMaths",)


def test_which_band_a_name_means() -> None:
    first, second = scene_of(a=A, b=B, name="one"), scene_of(a=-A, c=A**2, name="two")
    slots = ("sourceProduct", "sourceProduct.1")
    for expression, truth in {
        "$sourceProduct.a + $sourceProduct.1.c": A + A**2,
        "a + c": A + A**2,
        "$a.a - $b.a": 2 * A,
        "$sourceProduct.0.a + $sourceProducts.1.a": 0 * A,
        "'a' * 3": 3 * A,
    }.items():
        np.testing.assert_array_equal(computed(expression, first, second, slots=slots), truth)
    third = ("sourceProduct.1", "sourceProduct.2")
    np.testing.assert_array_equal(computed("$sourceProduct.2.a", first, second, slots=third), -A)
    odd = scene_of(band_of("B 4/x-1", A), band_of("PI", B), band_of("a.b", -A))
    np.testing.assert_array_equal(computed("'B 4/x-1' + a.b + 1", odd), 0 * A + 1)
    np.testing.assert_array_equal(computed("PI", odd), B)


def test_quantities_and_stored_numbers() -> None:
    scene = scene_of(band_of("B4", np.abs(A) * 100, dtype="uint16", nodata=0.0, scale=1e-4, offset=-0.1))
    np.testing.assert_allclose(computed("B4", scene), np.abs(A) * 0.01 - 0.1, atol=1e-7)
    np.testing.assert_array_equal(computed("B4.raw", scene), np.abs(A) * 100)
    found = maths(scene, expression="B4", type="uint16", scalingFactor="0.0001", scalingOffset="-0.1", noDataValue="0")
    np.testing.assert_array_equal(values_of(found), np.abs(A) * 100)
    band = found.bands[0]
    assert (band.dtype, band.nodata, band.scale, band.offset) == ("uint16", 0.0, 0.0001, -0.1)


def test_parts_of_complex_numbers() -> None:
    slc = (A + 1j * A[::-1]).astype(np.complex64)
    image = Image.from_array(slc)
    band = dataclasses.replace(band_of("IW1_VV", A), image=image, unit="complex")
    scene = scene_of(band, band_of("Amplitude_VH", np.abs(A), Grid(A.shape), unit="amplitude"))
    text = "i_IW1_VV * 10 + q_IW1_VV"
    np.testing.assert_array_equal(computed(text, scene), A * 10 + A[::-1])
    np.testing.assert_array_equal(computed("Intensity_IW1_VV", scene), A**2 + A[::-1] ** 2)
    np.testing.assert_array_equal(computed("Intensity_VH - sq(Amplitude_VH)", scene), 0 * A)
    with pytest.raises(GraphError, match="band 'IW1_VV' is complex; write i_IW1_VV, q_IW1_VV or Intensity_IW1_VV"):
        maths(scene, expression="IW1_VV + 1")


@pytest.mark.parametrize(("kind", "nodata"), [("uint8", 255.0), ("int16", -32768.0), ("uint32", 2.0**32 - 1)])
def test_whole_numbers(kind: str, nodata: float) -> None:
    found = maths(scene_of(a=A * 10.1), expression="a", type=kind)
    assert (found.bands[0].dtype, found.bands[0].nodata) == (kind, nodata)
    rounded = np.floor((A * 10.1).astype(np.float32) + 0.5)
    limits = np.iinfo(kind)
    truth = np.where((rounded >= limits.min) & (rounded <= limits.max), rounded, np.nan)
    np.testing.assert_array_equal(values_of(found), truth)


def test_places_and_times() -> None:
    scene = scene_of(a=A, start=datetime(2000, 1, 3, 12, tzinfo=UTC))
    rows, cols = np.mgrid[: A.shape[0], : A.shape[1]]
    np.testing.assert_array_equal(computed("X * 100 + Y", scene), (cols + 0.5) * 100 + rows + 0.5)
    lon, lat = Transformer.from_crs(32633, 4326, always_xy=True).transform(500_005 + 10 * cols, 4_999_995 - 10.0 * rows)
    np.testing.assert_allclose(computed("(LAT - 45) * 1000", scene), (lat - 45) * 1000, atol=1e-4)
    np.testing.assert_allclose(computed("(LON - 15) * 1000", scene), (lon - 15) * 1000, atol=1e-4)
    np.testing.assert_array_equal(computed("TIME", scene), np.full(A.shape, 2.5))
    plain = scene_of(band_of("a", A, Grid(A.shape)))
    with pytest.raises(GraphError, match="LAT is not known of scene"):
        maths(plain, expression="LAT")
    with pytest.raises(GraphError, match="TIME is not known of scene"):
        maths(dataclasses.replace(plain, start=None), expression="TIME")


def test_variables() -> None:
    given = [{"name": "k", "value": "2.5"}, {"name": "on", "type": "boolean", "value": "true"}]
    np.testing.assert_array_equal(computed("on ? a * k : 0", variables=given), A * 2.5)
    with pytest.raises(GraphError, match="variable 'k' = 'two': is no number"):
        maths(scene_of(a=A), expression="a * k", variables=[{"name": "k", "value": "two"}])


def test_random_numbers_do_not_depend_on_blocks() -> None:
    first = computed("random_gaussian()")  # whole and in blocks, see values_of
    other = computed("0 + random_gaussian()")
    assert first.std() > 0 and not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"expression": "aa + 1"}, r"band 't': expression, character 1: no band 'aa'; did you mean 'a'"),
        ({"expression": "a + 'PI'"}, r"character 5: no band 'PI'"),
        ({"expression": "$c.a"}, r"character 1: no band '\$c.a'"),
        ({"expression": "a +"}, r"band 't': expression, character 4"),
        ({"expression": "a", "validExpression": "c > 1"}, r"no band 'c'"),
        ({"expression": "a", "type": "float16"}, r"type = 'float16'"),
    ],
)
def test_what_is_wrong(target: dict[str, str], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        maths(scene_of(a=A, b=B), **target)


def test_bands_of_one_name_and_of_several_grids() -> None:
    twice = [{"name": "t", "expression": "1"}, {"name": "t", "expression": "2"}]
    with pytest.raises(GraphError, match="two bands are called 't'"):
        apply("BandMaths", scene_of(a=A), targetBands=twice)
    with pytest.raises(GraphError, match=r"bands a and b lie on different grids .* Resample, Collocate or Reproject"):
        maths(scene_of(band_of("a", A), band_of("b", A[:3])), expression="a + b")
    with pytest.raises(GraphError, match="needs the parameter 'targetBands'"):
        apply("BandMaths", scene_of(a=A))
