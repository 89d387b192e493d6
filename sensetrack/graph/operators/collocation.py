"""Brings scenes onto the grid of one of them."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import AliasChoices

from sensetrack.graph.operators._base import MANY, Names, Operator, Slot
from sensetrack.params import param


class Collocate(Operator):
    """All bands of several scenes, on the grid of the reference."""

    alias: ClassVar[str] = "Collocate"
    slots: ClassVar[tuple[Slot, ...]] = (
        Slot("sourceProducts", ("sourceProduct", "source"), many=True, optional=True),
        Slot("reference", ("referenceProduct", "master", "masterProduct"), optional=True),
        Slot("secondary", ("secondaryProduct", "slave", "slaveProduct"), optional=True),
    )

    sourceProductPaths: Names = param((), "Files to read beside the sources.")
    referenceProductName: str | None = param(
        None,
        "Name of the source whose grid is taken; none: the first.",
        validation_alias=AliasChoices("referenceProductName", "masterProductName"),
    )
    targetProductName: str | None = param(None, "Name of the result.")
    targetProductType: str = param("COLLOCATED", "Type of the result.")
    copySecondaryMetadata: bool = param(
        False,
        "Whether metadata of secondary scenes are kept.",
        validation_alias=AliasChoices("copySecondaryMetadata", "copySlaveMetadata"),
    )
    renameReferenceComponents: bool = param(
        True,
        "Whether bands of the reference get other names.",
        validation_alias=AliasChoices("renameReferenceComponents", "renameMasterComponents"),
    )
    renameSecondaryComponents: bool = param(
        True,
        "Whether bands of the others get other names.",
        validation_alias=AliasChoices("renameSecondaryComponents", "renameSlaveComponents"),
    )
    referenceComponentPattern: str = param(
        "${ORIGINAL_NAME}_M",
        "Name of a band of the reference.",
        validation_alias=AliasChoices("referenceComponentPattern", "masterComponentPattern"),
    )
    secondaryComponentPattern: str = param(
        "${ORIGINAL_NAME}_S${SLAVE_NUMBER_ID}",
        "Name of a band of another.",
        validation_alias=AliasChoices("secondaryComponentPattern", "slaveComponentPattern"),
    )
    resamplingType: Literal["NEAREST_NEIGHBOUR", "BILINEAR_INTERPOLATION", "CUBIC_CONVOLUTION"] = param(
        "NEAREST_NEIGHBOUR", "How pixels are taken from the secondary scenes."
    )


class CreateStack(Operator):
    """All bands of several scenes, on the grid of the first or on one of the same pixels with another extent."""

    alias: ClassVar[str] = "CreateStack"
    slots: ClassVar[tuple[Slot, ...]] = MANY
    suffix: ClassVar[str] = "_Stack"

    masterBands: Names = param(
        (),
        "Bands of the first scene to keep; none: all.",
        validation_alias=AliasChoices("masterBands", "masterBandNames", "referenceBands"),
    )
    sourceBands: Names = param(
        (),
        "Bands of the other scenes to keep; none: all.",
        validation_alias=AliasChoices("sourceBands", "slaveBandNames", "secondaryBands"),
    )
    resamplingType: Literal[
        "NONE",
        "NEAREST_NEIGHBOUR",
        "BILINEAR_INTERPOLATION",
        "BICUBIC_INTERPOLATION",
        "CUBIC_CONVOLUTION",
        "BISINC_5_POINT_INTERPOLATION",
        "BISINC_11_POINT_INTERPOLATION",
        "BISINC_21_POINT_INTERPOLATION",
    ] = param("NONE", "How pixels are taken from the other scenes; NONE moves them by whole pixels.")
    extent: Literal["Master", "Minimum", "Maximum"] = param(
        "Master", "Extent of the stack: of the first scene, of what all share, or of all."
    )
    initialOffsetMethod: Literal["Orbit", "Product Geolocation"] = param(
        "Orbit", "What tells how far scenes lie apart."
    )
    autoCoregisterGSLC: bool = param(True, "Whether geocoded complex scenes are coregistered.")
    skipBiasEstimation: bool = param(False, "Whether that leaves out the estimate of a bias.")
