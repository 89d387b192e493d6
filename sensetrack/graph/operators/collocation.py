"""Brings scenes onto the grid of one of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import ClassVar, Literal

from sensetrack.errors import GraphError, did_you_mean
from sensetrack.graph.operators._base import MANY, Context, Names, Operator, Slot, Sources
from sensetrack.graph.operators.bands import with_numbers
from sensetrack.graph.operators.reproject import onto
from sensetrack.graph.pixels import may_have_gaps, window
from sensetrack.graph.reading import read_scene
from sensetrack.graph.scene import Scene, SceneBand
from sensetrack.params import param
from sensetrack.raster.crs import transform_extent
from sensetrack.raster.grid import Grid, crs_name
from sensetrack.raster.methods import Method
from sensetrack.raster.tiles import Block, whole


class Collocate(Operator):
    """All bands of several scenes, on the grid of the reference."""

    alias: ClassVar[str] = "Collocate"
    slots: ClassVar[tuple[Slot, ...]] = (
        Slot("sourceProducts", ("sourceProduct", "source"), many=True, optional=True),
        Slot("reference", ("referenceProduct", "master", "masterProduct"), optional=True),
        Slot("secondary", ("secondaryProduct", "slave", "slaveProduct"), optional=True),
    )
    renamed: ClassVar[Mapping[str, str]] = {
        "masterProductName": "referenceProductName",
        "copySlaveMetadata": "copySecondaryMetadata",
        "renameMasterComponents": "renameReferenceComponents",
        "renameSlaveComponents": "renameSecondaryComponents",
        "masterComponentPattern": "referenceComponentPattern",
        "slaveComponentPattern": "secondaryComponentPattern",
    }

    sourceProductPaths: Names = param((), "Files to read beside the sources.")
    referenceProductName: str | None = param(None, "Name of the source whose grid is taken; none: the first.")
    targetProductName: str | None = param(None, "Name of the result.")
    targetProductType: str = param("COLLOCATED", "Type of the result.")
    copySecondaryMetadata: bool = param(False, "Whether metadata of secondary scenes are kept.")
    renameReferenceComponents: bool = param(True, "Whether bands of the reference get other names.")
    renameSecondaryComponents: bool = param(True, "Whether bands of the others get other names.")
    referenceComponentPattern: str = param("${ORIGINAL_NAME}_M", "Name of a band of the reference.")
    secondaryComponentPattern: str = param("${ORIGINAL_NAME}_S${SLAVE_NUMBER_ID}", "Name of a band of another.")
    resamplingType: Literal["NEAREST_NEIGHBOUR", "BILINEAR_INTERPOLATION", "CUBIC_CONVOLUTION"] = param(
        "NEAREST_NEIGHBOUR", "How pixels are taken from the secondary scenes."
    )

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Bring the bands of all scenes onto the grid of the reference.

        Numbers of secondary scenes with a scale become the quantity that they stand for; integers without one, and
        classes, are taken by nearest. Secondary scenes are numbered from 0.
        """
        scenes = [*sources, *(read_scene(context.place(name)) for name in self.sourceProductPaths)]
        reference = self._reference(sources, scenes)
        if reference.is_radar or reference.grid.crs is None:
            raise GraphError(f"{reference.name} is not on a map, and Collocate works on maps; use CreateStack")
        target = reference.grid
        for band in reference.bands:
            if difference := target.difference(band.grid):
                raise GraphError(
                    f"the bands of {reference.name} lie on different grids ({difference}); Resample it before"
                )
        names = self._names(self.renameReferenceComponents, self.referenceComponentPattern, reference, "")
        bands = [band.replace(name=name) for band, name in zip(reference.bands, names, strict=True)]
        others = [scene for scene in scenes if scene is not reference]
        for number, scene in enumerate(others):
            if scene.is_radar or scene.grid.crs is None:
                raise GraphError(f"{scene.name} is not on a map; put it on one before, as with Terrain-Correction")
            if not any(band.grid.overlaps(target) for band in scene.bands):
                raise GraphError(f"{scene.name} does not overlap {reference.name}")
            names = self._names(self.renameSecondaryComponents, self.secondaryComponentPattern, scene, str(number))
            for band, name in zip(scene.bands, names, strict=True):
                bands.append(onto(band, target, _METHODS[self.resamplingType]).replace(name=name))
        scene = reference.after(self.alias, with_numbers(bands), suffix="_collocated", product=None)
        return scene if self.targetProductName is None else dataclasses.replace(scene, name=self.targetProductName)

    def _reference(self, sources: Sources, scenes: list[Scene]) -> Scene:
        for slot in ("reference", "referenceProduct", "master", "masterProduct"):
            if slot in sources.named:
                return sources.named[slot]
        if not scenes:
            raise GraphError("Collocate needs at least two sources")
        if self.referenceProductName is None:
            return scenes[0]
        for scene in scenes:
            if scene.name == self.referenceProductName:
                return scene
        known = [scene.name for scene in scenes]
        name = self.referenceProductName
        raise GraphError(f"referenceProductName = '{name}': no source is called so{did_you_mean(name, known)}")

    def _names(self, changes: bool, pattern: str, scene: Scene, number: str) -> list[str]:
        names = [band.name for band in scene.bands]
        if not changes:
            return names
        if "${ORIGINAL_NAME}" not in pattern:
            raise GraphError(f"pattern '{pattern}' must contain ${{ORIGINAL_NAME}}, or all bands get one name")
        for holder in ("${SLAVE_NUMBER_ID}", "${SECONDARY_NUMBER_ID}"):
            pattern = pattern.replace(holder, number)
        return [pattern.replace("${ORIGINAL_NAME}", name) for name in names]


_METHODS: dict[str, Method] = {
    "NEAREST_NEIGHBOUR": "nearest",
    "BILINEAR_INTERPOLATION": "bilinear",
    "BICUBIC_INTERPOLATION": "cubic",
    "CUBIC_CONVOLUTION": "cubic",
    "BISINC_5_POINT_INTERPOLATION": "lanczos",
    "BISINC_11_POINT_INTERPOLATION": "lanczos",
    "BISINC_21_POINT_INTERPOLATION": "lanczos",
}


class CreateStack(Operator):
    """All bands of several scenes, on the grid of the first or on one of the same pixels with another extent."""

    alias: ClassVar[str] = "CreateStack"
    slots: ClassVar[tuple[Slot, ...]] = MANY
    suffix: ClassVar[str] = "_Stack"
    renamed: ClassVar[Mapping[str, str]] = {
        "masterBandNames": "masterBands",
        "referenceBands": "masterBands",
        "slaveBandNames": "sourceBands",
        "secondaryBands": "sourceBands",
    }

    masterBands: Names = param((), "Bands of the first scene to keep; none: all.")
    sourceBands: Names = param((), "Bands of the other scenes to keep; none: all.")
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

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Put the bands of all scenes on the pixels of the first.

        With ``NONE`` scenes are moved by whole pixels, by what separates the centre of the first scene in both, and
        keep their numbers; this also works in the geometry of a radar, where the place is taken at the scene's mean
        height. Other methods are for scenes on a map; the BISINC ones use a Lanczos kernel of three pixels.

        In a radar's geometry every band keeps the times and ranges of its own acquisition (`SceneBand.radar`).
        """
        first, others = sources.one, list(sources)[1:]
        if not others:
            raise GraphError("a stack needs two sources or more")
        if self.resamplingType != "NONE" and any(scene.is_radar for scene in sources):
            raise GraphError(
                f"resamplingType = '{self.resamplingType}': scenes in the geometry of a radar are moved by whole "
                "pixels (NONE); to resample them, DEM-Assisted-Coregistration makes a stack by terrain"
            )
        grid, by_pixels = first.grid, self.resamplingType == "NONE"
        chosen = [(first, first.select(self.masterBands, "masterBands"))]
        chosen += [(scene, scene.select(self.sourceBands)) for scene in others]
        for scene, bands in chosen:
            if any(band.lines is not None for band in bands):
                raise GraphError(f"{scene.name} has bursts that are not put together; put TOPSAR-Deburst before")
            if any(band.grid.difference(bands[0].grid) for band in bands):
                raise GraphError(f"the bands of {scene.name} lie on different grids; choose one with Resample before")
        frames = [whole(grid.shape)]
        frames += [_frame(first, scene) if by_pixels else _frame_on_map(first, scene) for scene in others]
        area = self._area(frames)
        target = grid.crop(area.row, area.col, area.shape)
        stacked: list[SceneBand] = []
        for number, ((scene, bands), frame) in enumerate(zip(chosen, frames, strict=True)):
            ending = f"_slv{number}" if number else "_mst"
            ending += f"_{_date(scene)}" if scene.start else ""
            for band in bands:
                if by_pixels or not number:
                    moved = _shifted(band, area.row - frame.row, area.col - frame.col, target)
                else:
                    moved = onto(band, target, _METHODS[self.resamplingType])
                stacked.append(moved.replace(name=f"{band.name}{ending}"))
        return first.after(self.alias, with_numbers(stacked), suffix=self.suffix)

    def _area(self, frames: list[Block]) -> Block:
        """Return the extent of the stack in pixels of the first scene."""
        if self.extent == "Master":
            return frames[0]
        edges = [(f.row, f.col, -(f.row + f.height), -(f.col + f.width)) for f in frames]
        choose = max if self.extent == "Minimum" else min
        top, left, bottom, right = (choose(each) for each in zip(*edges, strict=True))
        if -bottom <= top or -right <= left:
            raise GraphError(f"extent = '{self.extent}': the scenes share no area")
        return Block(top, left, -bottom - top, -right - left)


def _frame(first: Scene, other: Scene) -> Block:
    """Return where a scene lies in pixels of the first, to whole pixels, by the place of the first one's centre."""
    if first.is_radar != other.is_radar:
        raise GraphError(f"{other.name} and {first.name}: one is on a map and the other in the geometry of a radar")
    own, grid = first.grid, other.grid
    row, col = (own.height - 1) / 2, (own.width - 1) / 2
    radar, its = first.bands[0].radar, other.bands[0].radar
    if radar is not None and its is not None:
        from sensetrack.radar.geocode import pixels_of, places_of

        found = pixels_of(its, *places_of(radar, row, col, radar.height), radar.height)
    elif own.crs is None or own.crs != grid.crs:
        raise GraphError(f"{other.name} and {first.name} do not lie on one map; bring them onto one with Reproject")
    elif not all(math.isclose(a, b, rel_tol=1e-6) for a, b in zip(own.pixel_size, grid.pixel_size, strict=True)):
        raise GraphError(f"{other.name} and {first.name} differ in the size of pixels; choose another resamplingType")
    else:
        found = grid.rowcol(*own.xy(row, col))
    down, right = (float(each) for each in found)
    if not (math.isfinite(down) and math.isfinite(right)):
        raise GraphError(f"{other.name} does not see the place of {first.name}")
    return _checked(Block(round(row - down), round(col - right), *grid.shape), first, other)


def _frame_on_map(first: Scene, other: Scene) -> Block:
    """Return the pixels of the first scene under the extent of another one, in any CRS."""
    own, grid = first.grid, other.grid
    if own.crs is None or grid.crs is None:
        raise GraphError(f"{other.name} and {first.name} are not both on a map; choose resamplingType = NONE")
    boxes = transform_extent(grid.crs, own.crs, grid.bounds)
    if len(boxes) != 1:
        raise GraphError(f"{other.name} cannot be shown in {crs_name(own.crs)}, the CRS of {first.name}")
    xmin, ymin, xmax, ymax = boxes[0]
    rows, cols = own.rowcol([xmin, xmax, xmin, xmax], [ymin, ymin, ymax, ymax])
    top, left = (math.floor(float(each.min()) + 0.5 + 1e-3) for each in (rows, cols))
    bottom, right = (math.ceil(float(each.max()) + 0.5 - 1e-3) for each in (rows, cols))
    return _checked(Block(top, left, bottom - top, right - left), first, other)


def _checked(frame: Block, first: Scene, other: Scene) -> Block:
    if frame.clip(first.grid.shape) is None:
        raise GraphError(f"{other.name} does not overlap {first.name}")
    return frame


def _shifted(band: SceneBand, row: int, col: int, target: Grid) -> SceneBand:
    """Return a band from a pixel on, on the pixels of a target."""
    part = Block(row, col, *target.shape)
    if part == whole(band.grid.shape) and band.radar is None and band.grid.difference(target) is None:
        return band
    image = window(band.image, row, col, target.shape)
    radar = None if band.radar is None else band.radar.crop(row, col, target.shape)
    inside = part.clip(band.grid.shape) == part
    placed = (band if inside else may_have_gaps(band)).replace(image=image, radar=radar)
    if band.grid.crs is not None:
        # Its own place may differ by a part of a pixel, which NONE leaves as it is.
        placed = placed.replace(image=dataclasses.replace(image, grid=target))
    return placed


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _date(scene: Scene) -> str:
    assert scene.start is not None
    return f"{scene.start.day:02d}{_MONTHS[scene.start.month - 1]}{scene.start.year}"
