"""Readers of satellite products: one module or sub-package per sensor, found by content, opened by metadata only."""

from sensetrack.sensors._base import BandImage as BandImage
from sensetrack.sensors._base import Product as Product
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
from sensetrack.sensors._xml import Node as Node
from sensetrack.sensors._xml import parse_xml as parse_xml

__all__ = [
    "Band",
    "BandImage",
    "Container",
    "Node",
    "Orbit",
    "Product",
    "Sensor",
    "View",
    "find_product",
    "open",
    "open_product",
    "parse_xml",
    "product_at",
    "registry",
]
