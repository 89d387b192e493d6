"""Interferometry and polarimetry, whose parameters are not checked. SNAP only."""

from __future__ import annotations

from typing import ClassVar

from sensetrack.graph.operators._base import MANY, Slot
from sensetrack.graph.operators._foreign import Loose


class BackGeocoding(Loose):
    """Brings the bursts of several TOPS scenes together by orbits and the heights of the terrain."""

    alias: ClassVar[str] = "Back-Geocoding"
    slots: ClassVar[tuple[Slot, ...]] = MANY
    suffix: ClassVar[str] = "_Stack"


class EnhancedSpectralDiversity(Loose):
    """Refines the co-registration of bursts where they overlap."""

    alias: ClassVar[str] = "Enhanced-Spectral-Diversity"


class Interferogram(Loose):
    """The phase difference of two scenes of a stack."""

    alias: ClassVar[str] = "Interferogram"
    suffix: ClassVar[str] = "_Ifg"


class TopoPhaseRemoval(Loose):
    """Takes the phase of the terrain out of an interferogram."""

    alias: ClassVar[str] = "TopoPhaseRemoval"


class GoldsteinPhaseFiltering(Loose):
    """Smooths an interferogram in its spectrum."""

    alias: ClassVar[str] = "GoldsteinPhaseFiltering"


class Coherence(Loose):
    """How alike the scenes of a stack are."""

    alias: ClassVar[str] = "Coherence"


class PhaseToDisplacement(Loose):
    """From unwrapped phase to displacement along the line of sight."""

    alias: ClassVar[str] = "PhaseToDisplacement"


class PhaseToHeight(Loose):
    """From unwrapped phase to height."""

    alias: ClassVar[str] = "PhaseToHeight"


class SnaphuExport(Loose):
    """Writes what the unwrapping program snaphu reads."""

    alias: ClassVar[str] = "SnaphuExport"


class SnaphuImport(Loose):
    """Reads what the unwrapping program snaphu has written."""

    alias: ClassVar[str] = "SnaphuImport"
    slots: ClassVar[tuple[Slot, ...]] = MANY


class StackAveraging(Loose):
    """Statistics of each pixel through a stack."""

    alias: ClassVar[str] = "Stack-Averaging"


class PolarimetricMatrices(Loose):
    """Covariance or coherency of polarisations."""

    alias: ClassVar[str] = "Polarimetric-Matrices"


class PolarimetricSpeckleFilter(Loose):
    """Speckle filters of such matrices."""

    alias: ClassVar[str] = "Polarimetric-Speckle-Filter"


class PolarimetricDecomposition(Loose):
    """Splits such matrices into kinds of scattering."""

    alias: ClassVar[str] = "Polarimetric-Decomposition"


class PolarimetricParameters(Loose):
    """Figures derived from such matrices."""

    alias: ClassVar[str] = "Polarimetric-Parameters"


class PolarimetricClassification(Loose):
    """Classes from such matrices."""

    alias: ClassVar[str] = "Polarimetric-Classification"
