"""Parameters of the operators of radar: as graphs write them, and with the defaults that SNAP declares."""

from __future__ import annotations

from typing import Any

import pytest

from sensetrack.errors import ParameterError
from sensetrack.graph.operators import operator

DEFAULTS: dict[str, dict[str, Any]] = {
    "Apply-Orbit-File": {
        "orbitType": "Sentinel Precise (Auto Download)",
        "polyDegree": 3,
        "continueOnFail": False,
    },
    "ThermalNoiseRemoval": {
        "selectedPolarisations": (),
        "removeThermalNoise": True,
        "outputNoise": False,
        "reIntroduceThermalNoise": False,
        "clipNegativeValues": True,
    },
    "Remove-GRD-Border-Noise": {"selectedPolarisations": (), "borderLimit": 500, "trimThreshold": 0.5},
    "Calibration": {
        "sourceBands": (),
        "auxFile": "Latest Auxiliary File",
        "outputImageInComplex": False,
        "outputImageScaleInDb": False,
        "createGammaBand": False,
        "createBetaBand": False,
        "selectedPolarisations": (),
        "outputSigmaBand": True,
        "outputGammaBand": False,
        "outputBetaBand": False,
        "outputDNBand": False,
    },
    "TOPSAR-Split": {"selectedPolarisations": (), "firstBurstIndex": 1, "lastBurstIndex": 9999},
    "TOPSAR-Deburst": {"selectedPolarisations": ()},
    "TOPSAR-Merge": {"selectedPolarisations": ()},
    "Multilook": {"sourceBands": (), "nRgLooks": 1, "nAzLooks": 1, "outputIntensity": False, "grSquarePixel": True},
    "Speckle-Filter": {
        "sourceBands": (),
        "filter": "Lee Sigma",
        "filterSizeX": 3,
        "filterSizeY": 3,
        "dampingFactor": 2,
        "estimateENL": False,
        "enl": 1.0,
        "numLooksStr": "1",
        "windowSize": "7x7",
        "targetWindowSizeStr": "3x3",
        "sigmaStr": "0.9",
        "anSize": 50,
    },
    "LinearToFromdB": {"sourceBands": ()},
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults(name: str) -> None:
    made = operator(name)()
    assert {key: getattr(made, key) for key in DEFAULTS[name]} == DEFAULTS[name]
    assert operator(name).is_native()


@pytest.mark.parametrize(
    ("name", "texts", "values"),
    [
        ("Calibration", {"selectedPolarisations": "VH, VV", "outputBetaBand": "true"}, (("VH", "VV"), True)),
        ("Multilook", {"nRgLooks": "4", "grSquarePixel": "false"}, (4, False)),
        ("Speckle-Filter", {"filter": "Refined Lee", "enl": "2.5"}, ("Refined Lee", 2.5)),
        ("TOPSAR-Split", {"subswath": "IW2", "lastBurstIndex": "3"}, ("IW2", 3)),
    ],
)
def test_text_of_graphs(name: str, texts: dict[str, str], values: tuple[object, ...]) -> None:
    made = operator(name)(**texts)
    assert tuple(getattr(made, key) for key in texts) == values


@pytest.mark.parametrize(
    ("name", "texts", "message"),
    [
        ("Calibration", {"outputSigma0Band": "true"}, "did you mean 'outputSigmaBand'"),
        ("Speckle-Filter", {"filter": "Refined"}, "Refined Lee"),
        ("Speckle-Filter", {"sigmaStr": "0.95"}, "sigmaStr = '0.95'"),
        ("Multilook", {"nRgLooks": "2.5"}, "nRgLooks = '2.5'"),
        ("ThermalNoiseRemoval", {"clipNegativeValues": "perhaps"}, "clipNegativeValues = 'perhaps'"),
        ("TOPSAR-Split", {"firstBurstIndex": "0"}, "firstBurstIndex = '0'"),
    ],
)
def test_wrong_values_are_named(name: str, texts: dict[str, str], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        operator(name)(**texts)
