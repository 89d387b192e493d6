"""Splits the bursts of Sentinel-1 TOPS images, puts them together, and merges subswaths."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sensetrack.errors import GraphError, did_you_mean
from sensetrack.graph._tops import Debursted, Part, SideBySide, burst_outlines, burst_window, valid_columns
from sensetrack.graph.operators._base import MANY, Context, Names, Operator, Sources
from sensetrack.graph.operators._radar import sentinel1_of
from sensetrack.graph.pixels import Window
from sensetrack.graph.radar_scene import radar_grid
from sensetrack.graph.scene import Scene, SceneBand
from sensetrack.graph.source import derived
from sensetrack.params import param
from sensetrack.radar.grid import RadarGrid
from sensetrack.radar.swaths import seams
from sensetrack.raster.grid import Grid
from sensetrack.sensors.sentinel1 import Sentinel1Product

_ALIGNED = 0.02
"""How far, in pixels, images may lie from whole pixels of each other without a word."""

log = logging.getLogger(__name__)


class TopsarSplit(Operator):
    """Takes one subswath, and some bursts of it, out of a Sentinel-1 TOPS image.

    Bursts are counted from 1 within what the scene has. With an area, those between the first and the last burst that
    it touches are kept, and the numbers do not count.
    """

    alias = "TOPSAR-Split"
    suffix = "_split"
    since: ClassVar[Mapping[str, int]] = {"enableSingleSwathMode": 13}

    subswath: str = param("", "The subswath, such as IW1; none: the first.")
    selectedPolarisations: Names = param((), "Polarisations to keep; none: all.")
    firstBurstIndex: int = param(1, "First burst, from 1.", ge=1)
    lastBurstIndex: int = param(9999, "Last burst; the last there is where there are fewer.", ge=1)
    wktAoi: str = param("", "Area, WKT in longitude and latitude, whose bursts are kept.")
    enableSingleSwathMode: bool = param(False, "Whether one subswath alone is written; it is in any case.")

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Return the bursts.

        Raises
        ------
        GraphError
            It has no bursts, or not those that are asked for; or the area touches none.
        """
        scene = sources.one
        product = _product_with_bursts(scene, self.alias)
        bands = scene.of_polarisations(self.selectedPolarisations)
        swaths = list(dict.fromkeys(band.swath for band in bands))
        wanted = self.subswath.upper() or swaths[0]
        if wanted not in swaths:
            raise GraphError(f"subswath = '{self.subswath}': {scene.name} has none such{did_you_mean(wanted, swaths)}")
        found = [self._split(scene, product, band) for band in bands if band.swath == wanted]
        return scene.after(self.alias, found, suffix=self.suffix)

    def _split(self, scene: Scene, product: Sentinel1Product, band: SceneBand) -> SceneBand:
        about = product.annotation(band.channel)
        begin, end = burst_window(about, band)
        if self.wktAoi:
            area = _area(self.wktAoi)
            outlines = burst_outlines(about)[begin:end]
            touched = [number for number, outline in enumerate(outlines) if any(area.intersects(o) for o in outline)]
            if not touched:
                raise GraphError(
                    f"wktAoi: the area touches no burst of {band.swath} in {scene.name}; longitude comes before "
                    "latitude"
                )
            first, last = touched[0] + 1, touched[-1] + 1
        else:
            first, last = self.firstBurstIndex, min(self.lastBurstIndex, end - begin)
            if first > last:
                raise GraphError(
                    f"firstBurstIndex = {first}: {band.swath} of {scene.name} has {end - begin} bursts, and "
                    f"lastBurstIndex is {self.lastBurstIndex}"
                )
        lines, cols = about.lines_per_burst, about.shape[1]
        shape = ((last - first + 1) * lines, cols)
        source = Window(band.image, (first - 1) * lines)
        image = derived(band.image, source, grid=Grid(shape), dtype=band.image.dtype)
        return band.replace(image=image, lines=((begin + first - 1) * lines, (begin + last) * lines))


class TopsarDeburst(Operator):
    """Puts the bursts of Sentinel-1 TOPS images together, and their subswaths side by side.

    Lines and samples of all bursts and subswaths lie on one lattice of zero-Doppler time and range time, so that the
    nearest pixels are picked and none is resampled. Two bursts part in the middle of the lines that are valid in both,
    two subswaths in the middle of the samples that are; where one has nothing there, the other is taken.
    """

    alias = "TOPSAR-Deburst"
    suffix = "_Deb"

    selectedPolarisations: Names = param((), "Polarisations to keep; none: all.")

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Return one band for each polarisation and quantity, in the geometry of the radar.

        Raises
        ------
        GraphError
            It has no bursts, or its subswaths have different spacings.
        """
        scene = sources.one
        product = _product_with_bursts(scene, self.alias)
        groups: dict[str, list[SceneBand]] = {}
        for band in scene.of_polarisations(self.selectedPolarisations):
            single = _debursted(scene, product, band)
            groups.setdefault(single.name, []).append(single)
        found = [_merged(product, group, self.alias) for group in groups.values()]
        return scene.after(self.alias, found, suffix=self.suffix, orbit=None)


class TopsarMerge(Operator):
    """Puts subswaths side by side that were made from bursts one by one, as TOPSAR-Deburst does it for all at once.

    Subswaths may have been calibrated, filtered and multilooked, as long as their pixels lie on one lattice.
    """

    alias = "TOPSAR-Merge"
    slots = MANY
    suffix = "_mrg"

    selectedPolarisations: Names = param((), "Polarisations to keep; none: all.")

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Return the bands that all scenes have, each of all subswaths.

        Raises
        ------
        GraphError
            There is one scene only; they are of several products, not debursted, or have different spacings; or they
            have no band in common.
        """
        scenes = list(sources)
        if len(scenes) < 2:
            raise GraphError(f"{self.alias} takes two or three scenes, one per subswath; it got {len(scenes)}")
        products = [sentinel1_of(scene, self.alias) for scene in scenes]
        first = scenes[0]
        if len({product.name for product in products}) > 1:
            raise GraphError(f"{self.alias}: its sources are of several products: {', '.join(s.name for s in scenes)}")
        found = []
        for band in first.of_polarisations(self.selectedPolarisations):
            group = [_same_name(scene, band.name) for scene in scenes]
            if all(group):
                found.append(_merged(products[0], [each for each in group if each is not None], self.alias))
        if not found:
            raise GraphError(f"{self.alias}: its sources have no band in common: {[b.name for b in first.bands]}")
        return first.after(self.alias, found, suffix=self.suffix)


def _product_with_bursts(scene: Scene, operator: str) -> Sentinel1Product:
    product = sentinel1_of(scene, operator)
    for band in scene.bands:
        if band.lines is None:
            if "TOPSAR-Deburst" in scene.done:
                raise GraphError(f"{operator}: the bursts of {scene.name} are put together already; take the node out")
            raise GraphError(f"{operator}: band {band.name} of {scene.name} has no bursts; take the node out")
        if band.grid.shape != (band.lines[1] - band.lines[0], product.annotation(band.channel).shape[1]):
            raise GraphError(
                f"{operator}: the bursts of {scene.name} were cut; Subset and the like belong after TOPSAR-Deburst"
            )
    return product


def _debursted(scene: Scene, product: Sentinel1Product, band: SceneBand) -> SceneBand:
    """Return the bursts of one subswath put together."""
    about = product.annotation(band.channel)
    begin, end = burst_window(about, band)
    lines = end - begin
    part = dataclasses.replace(
        about, bursts=about.bursts[begin:end], shape=(lines * about.lines_per_burst, about.shape[1])
    )
    source = Debursted.of(band.image, part)
    shape = (len(source.lines), about.shape[1])
    radar = radar_grid(part, shape)
    if scene.orbit is not None:
        radar = dataclasses.replace(radar, orbit=scene.orbit)
    name = band.name.replace(f"{band.swath}_", "", 1)
    image = derived(band.image, source, grid=Grid(shape), dtype=band.image.dtype)
    return band.replace(name=name, image=image, radar=radar, lines=None)


def _same_name(scene: Scene, name: str) -> SceneBand | None:
    return next((band for band in scene.bands if band.name == name), None)


def _merged(product: Sentinel1Product, bands: Sequence[SceneBand], operator: str) -> SceneBand:
    """Return bands of several subswaths side by side."""
    if len(bands) == 1:
        return bands[0].replace(swath="")
    grids: list[tuple[RadarGrid, SceneBand]] = []
    for band in bands:
        if band.radar is None or band.radar.ground_range is not None or band.unit != bands[0].unit or not band.channel:
            raise GraphError(
                f"{operator}: band {band.name} is not one subswath in slant range; the node belongs right after "
                "TOPSAR-Deburst"
            )
        grids.append((band.radar, band))
    grids.sort(key=lambda pair: pair[0].near_range)
    first = min((radar for radar, _ in grids), key=lambda radar: radar.first_line)
    near = grids[0][0]
    parts: list[Part] = []
    valid = [valid_columns(product.annotation(band.channel), radar) for radar, band in grids]
    for radar, band in grids:
        row = (radar.first_line - first.first_line).total_seconds() / first.line_interval
        col = (radar.near_range - near.near_range) / near.range_spacing
        same = abs(radar.line_interval / first.line_interval - 1) + abs(radar.range_spacing / near.range_spacing - 1)
        if same > 1e-9:
            raise GraphError(
                f"{operator}: {band.channel} has other spacings than {grids[0][1].channel}; the node belongs before "
                "Multilook, or the looks must be the same"
            )
        if max(abs(row - round(row)), abs(col - round(col))) > _ALIGNED:
            log.warning(
                "%s: %s lies %.3f lines and %.3f samples from %s; nearest pixels are taken",
                operator,
                band.channel,
                row,
                col,
                grids[0][1].channel,
            )
        parts.append(Part(band.image, round(row), round(col)))
    ends = seams([(part.col + low, part.col + high) for part, (low, high) in zip(parts, valid, strict=True)])
    shape = tuple(
        max(start + size for start, size in zip(starts, sizes, strict=True))
        for starts, sizes in (
            ([part.row for part in parts], [radar.shape[0] for radar, _ in grids]),
            ([part.col for part in parts], [radar.shape[1] for radar, _ in grids]),
        )
    )
    source = SideBySide(tuple(parts), tuple(ends))
    radar = dataclasses.replace(
        near,
        shape=(shape[0], shape[1]),
        first_line=first.first_line,
        height=sum(each.height for each, _ in grids) / len(grids),
        origin=(0.0, 0.0),
    )
    image = derived(bands[0].image, source, grid=Grid((shape[0], shape[1])), dtype=bands[0].image.dtype)
    return bands[0].replace(image=image, radar=radar, channel="", swath="")


def _area(text: str) -> Any:
    import shapely

    try:
        return shapely.from_wkt(text)
    except shapely.errors.GEOSException as error:
        raise GraphError(f"wktAoi = '{text[:60]}': is no WKT ({' '.join(str(error).split())})") from error
