"""Co-registration in the geometry of a radar, and tracking of what is co-registered. SNAP only."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from sensetrack.graph.operators._base import MANY, Operator, Slot
from sensetrack.graph.operators._foreign import (
    DemResampling,
    FineSize,
    ImageResampling,
    Loose,
    Number,
    Power,
    WindowSize,
)
from sensetrack.params import param


class DemAssistedCoregistration(Operator):
    """Resamples scenes into the geometry of the first one by their orbits and the heights of the terrain."""

    alias: ClassVar[str] = "DEM-Assisted-Coregistration"
    slots: ClassVar[tuple[Slot, ...]] = MANY
    suffix: ClassVar[str] = "_Stack"

    demName: str = param("Copernicus 30m Global DEM", "Elevation model, or 'External DEM' for externalDEMFile.")
    demResamplingMethod: DemResampling = param("BICUBIC_INTERPOLATION", "How heights are interpolated.")
    externalDEMFile: str = param("", "Raster with heights, in any CRS.")
    externalDEMNoDataValue: float = param(0.0, "Height that means missing in externalDEMFile.", unit="m")
    resamplingType: ImageResampling = param("BISINC_5_POINT_INTERPOLATION", "How images are interpolated.")
    tileExtensionPercent: int = param(50, "How much larger a tile's terrain is than the tile.", unit="%", ge=0)
    maskOutAreaWithoutElevation: bool = param(True, "Whether pixels without height are left out.")
    outputRangeAzimuthOffset: bool = param(False, "Add the offsets as bands.")


class CrossCorrelation(Loose):
    """Finds tie points between the scenes of a stack."""

    alias: ClassVar[str] = "Cross-Correlation"
    also: ClassVar[tuple[str, ...]] = ("GCP-Selection",)

    numGCPtoGenerate: int = param(2000, "How many tie points to look for.", ge=1)
    coarseRegistrationWindowWidth: WindowSize = param(128, "Columns of the coarse window.", unit="px")
    coarseRegistrationWindowHeight: WindowSize = param(128, "Rows of the coarse window.", unit="px")
    rowInterpFactor: Power = param(2, "How many times finer the coarse peak is sampled along columns.")
    columnInterpFactor: Power = param(2, "How many times finer the coarse peak is sampled along rows.")
    maxIteration: int = param(10, "Most iterations at a point.", ge=1)
    gcpTolerance: float = param(0.5, "Change of a point below which it stays.", unit="px", gt=0)
    applyFineRegistration: bool = param(False, "Whether to refine by coherence.")
    inSAROptimized: bool = param(False, "Whether to refine as interferometry wants it.")
    fineRegistrationWindowWidth: FineSize = param(32, "Columns of the fine window.", unit="px")
    fineRegistrationWindowHeight: FineSize = param(32, "Rows of the fine window.", unit="px")
    fineRegistrationWindowAccAzimuth: Power = param(16, "Search of the fine window along columns.", unit="px")
    fineRegistrationWindowAccRange: Power = param(16, "Search of the fine window along rows.", unit="px")
    fineRegistrationOversampling: Power = param(16, "How many times finer the fine peak is sampled.")
    coherenceWindowSize: int = param(3, "Side of the window of the coherence.", unit="px", ge=1)
    coherenceThreshold: float = param(0.6, "Least coherence of a point.", ge=0)
    useSlidingWindow: bool = param(False, "Whether the window of the coherence slides.")
    computeOffset: bool = param(False, "Whether to start from the offset of the orbits.")
    onlyGCPsOnLand: bool = param(False, "Whether points on the sea are left out.")


class Warp(Loose):
    """Resamples the scenes of a stack by a polynomial through their tie points."""

    alias: ClassVar[str] = "Warp"

    rmsThreshold: float = param(0.05, "Residual above which points are dropped.", unit="px", gt=0)
    warpPolynomialOrder: int = param(2, "Degree of the polynomial.", ge=1, le=3)
    interpolationMethod: str = param("Cubic convolution (6 points)", "How images are interpolated.")
    demRefinement: bool = param(False, "Whether to correct points by the heights of the terrain.")
    demName: str = param("", "Elevation model for that.")
    excludeMaster: bool = param(False, "Whether the reference is left out of the result.")
    openResidualsFile: bool = param(False, "Show the residuals in SNAP's window.")


class OffsetTracking(Operator):
    """Displacements between two co-registered scenes by the correlation of their magnitudes.

    The trackers of this package do the same on what a graph has written, with errors and flags.
    """

    alias: ClassVar[str] = "Offset-Tracking"
    suffix: ClassVar[str] = "_Vel"

    gridAzimuthSpacing: int = param(40, "Rows between points.", unit="px", gt=1)
    gridRangeSpacing: int = param(40, "Columns between points.", unit="px", gt=1)
    registrationWindowWidth: WindowSize = param(128, "Columns of the window.", unit="px")
    registrationWindowHeight: WindowSize = param(128, "Rows of the window.", unit="px")
    xCorrThreshold: float = param(0.1, "Peak of the correlation below which nothing is kept.", ge=0)
    registrationOversampling: Annotated[Literal[2, 4, 8, 16, 32, 64, 128, 256, 512], Number] = param(
        16, "How many times finer the peak is sampled."
    )
    averageBoxSize: Annotated[Literal[3, 5, 9, 11], Number] = param(
        5, "Side of the box of spatialAverage.", unit="points"
    )
    maxVelocity: float = param(5.0, "Speed above which nothing is kept.", unit="m/d", gt=0)
    radius: int = param(4, "How far fillHoles looks.", unit="points", ge=1)
    resamplingType: ImageResampling = param("BICUBIC_INTERPOLATION", "How points become a raster.")
    spatialAverage: bool = param(True, "Whether to take the mean of neighbours.")
    fillHoles: bool = param(True, "Whether to fill holes from neighbours.")
    roiVector: str = param("", "Vector layer of the scene outside of which nothing is measured.")
