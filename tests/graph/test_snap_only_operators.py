"""Operators that only SNAP runs: their parameters, as SNAP declares them, and that they say so when they are run."""

from __future__ import annotations

from typing import Any

import pytest
from products.graphs import graph, node

from sensetrack.errors import GraphError, ParameterError
from sensetrack.graph.model import Graph
from sensetrack.graph.operators import operator, operators
from sensetrack.graph.operators._base import Context, Operator, Sources

SNAP_ONLY = sorted(name for name, each in operators().items() if not each.is_native())

DECLARED: dict[str, dict[str, Any]] = {
    "Terrain-Flattening": {
        "demName": "Copernicus 30m Global DEM",
        "externalDEMApplyEGM": False,
        "additionalOverlap": 0.1,
    },
    "DEM-Assisted-Coregistration": {
        "demResamplingMethod": "BICUBIC_INTERPOLATION",
        "resamplingType": "BISINC_5_POINT_INTERPOLATION",
        "tileExtensionPercent": 50,
        "maskOutAreaWithoutElevation": True,
    },
    "Cross-Correlation": {"numGCPtoGenerate": 2000, "coarseRegistrationWindowWidth": 128, "coherenceThreshold": 0.6},
    "Warp": {"rmsThreshold": 0.05, "warpPolynomialOrder": 2, "interpolationMethod": "Cubic convolution (6 points)"},
    "Offset-Tracking": {
        "gridAzimuthSpacing": 40,
        "registrationWindowHeight": 128,
        "xCorrThreshold": 0.1,
        "registrationOversampling": 16,
        "averageBoxSize": 5,
        "maxVelocity": 5.0,
        "radius": 4,
        "resamplingType": "BICUBIC_INTERPOLATION",
        "spatialAverage": True,
        "fillHoles": True,
        "roiVector": "",
    },
    "SAR-Mosaic": {"average": True, "normalizeByMean": True, "maxIterations": 5000, "convergenceThreshold": 1e-4},
    "Mosaic": {"combine": "OR", "crs": "EPSG:4326", "westBound": -15.0, "northBound": 75.0, "pixelSizeX": 0.05},
    "SRGR": {"warpPolynomialOrder": 4, "numRangePoints": 100, "interpolationMethod": "Linear"},
    "SARSim-Terrain-Correction": {"rmsThreshold": 1.0, "warpPolynomialOrder": 1},
    "SAR-Simulation": {"demResamplingMethod": "BICUBIC_INTERPOLATION", "externalDEMApplyEGM": True},
    "Land-Sea-Mask": {"landMask": True, "useSRTM": True, "invertGeometry": False, "shorelineExtension": 0},
    "Terrain-Mask": {"windowSizeStr": "15x15", "thresholdInMeter": 40.0},
}
REQUIRED = {"Import-Vector": {"vectorFile": "a.shp"}}


def made(name: str, **values: Any) -> Operator:
    return operator(name)(**{**REQUIRED.get(name, {}), **values})


@pytest.mark.parametrize("name", DECLARED)
def test_defaults_are_those_that_snap_declares(name: str) -> None:
    values = made(name).model_dump()
    assert {key: values[key] for key in DECLARED[name]} == DECLARED[name]


@pytest.mark.parametrize("name", SNAP_ONLY)
def test_they_say_that_they_need_snap(name: str) -> None:
    with pytest.raises(GraphError, match=f"{name} runs in SNAP only: install SNAP"):
        made(name).apply(Sources({}), Context())


@pytest.mark.parametrize("name", SNAP_ONLY)
def test_unknown_parameters_pass_only_where_not_all_are_known(name: str) -> None:
    if operator(name).any_parameter:
        assert made(name, somethingElse="1").model_dump()["somethingElse"] == "1"
    else:
        with pytest.raises(ParameterError, match="no parameter 'somethingElse'"):
            made(name, somethingElse="1")


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("Offset-Tracking", {"registrationWindowWidth": "64"}, {"registrationWindowWidth": "65"}),
        ("Offset-Tracking", {"averageBoxSize": " 9 "}, {"averageBoxSize": "7"}),
        ("Offset-Tracking", {"gridRangeSpacing": "2"}, {"gridRangeSpacing": "1"}),
        ("Offset-Tracking", {"registrationOversampling": "512"}, {"registrationOversampling": "many"}),
        ("Cross-Correlation", {"fineRegistrationWindowWidth": "8"}, {"fineRegistrationWindowWidth": "9"}),
        ("Warp", {"warpPolynomialOrder": "3"}, {"warpPolynomialOrder": "4"}),
        ("Terrain-Flattening", {"demResamplingMethod": "DELAUNAY_INTERPOLATION"}, {"demResamplingMethod": "LINEAR"}),
        ("SAR-Mosaic", {"average": "false"}, {"average": "perhaps"}),
        ("Mosaic", {"westBound": "-180"}, {"westBound": "-181"}),
        ("Import-Vector", {"vectorFile": "b.shp"}, {"vectorFile": ""}),
    ],
)
def test_values_as_graphs_write_them(name: str, good: dict[str, str], bad: dict[str, str]) -> None:
    ((parameter, text),) = good.items()
    value = made(name, **good).model_dump()[parameter]
    assert str(value).lower() in (text.strip().lower(), f"{text}.0")
    with pytest.raises(ParameterError, match=parameter):
        made(name, **bad)


def test_conditions_of_mosaics_arrive_as_they_are() -> None:
    mosaic = node("Mosaic", "Read", conditions={"condition": {"name": "valid", "expression": "a &gt; 0"}})
    typed = Graph.from_text(graph(node("Read", file="a"), mosaic)).node("Mosaic").typed()
    assert typed.model_dump()["conditions"] == [{"name": "valid", "expression": "a > 0"}]
