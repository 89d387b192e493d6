"""Readers of satellite products: one module or sub-package per sensor, found by content, opened by metadata only."""

from sensetrack.radar.state_vectors import StateVectors as StateVectors
from sensetrack.radar.tie_points import TiePoints as TiePoints
from sensetrack.radar.timing import Timing as Timing
from sensetrack.sensors._base import RAW as RAW
from sensetrack.sensors._base import BandImage as BandImage
from sensetrack.sensors._base import Product as Product
from sensetrack.sensors._base import Reading as Reading
from sensetrack.sensors._base import Sensor as Sensor
from sensetrack.sensors._container import Container as Container
from sensetrack.sensors._door import find_product as find_product
from sensetrack.sensors._door import open_product as open_product
from sensetrack.sensors._door import open_scene as open
from sensetrack.sensors._door import product_at as product_at
from sensetrack.sensors._door import registry as registry
from sensetrack.sensors._metadata import Band as Band
from sensetrack.sensors._metadata import Orbit as Orbit
from sensetrack.sensors._metadata import View as View
from sensetrack.sensors._source import BandSource as BandSource
from sensetrack.sensors._source import Linear as Linear
from sensetrack.sensors._source import QualityBand as QualityBand
from sensetrack.sensors._xml import Node as Node
from sensetrack.sensors._xml import parse_xml as parse_xml

__all__ = [
    "Band",
    "BandImage",
    "BandSource",
    "Container",
    "Linear",
    "Node",
    "Orbit",
    "Product",
    "QualityBand",
    "RAW",
    "Reading",
    "Sensor",
    "StateVectors",
    "TiePoints",
    "Timing",
    "View",
    "find_product",
    "open",
    "open_product",
    "parse_xml",
    "product_at",
    "registry",
]
