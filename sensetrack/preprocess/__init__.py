"""Image filters: one file each, found by the registry; they change pixels before a tracker sees them."""

from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.preprocess._chain import describe, preprocess_image, preprocess_pair
from sensetrack.registry import Registry

registry: Registry[ImageFilter] = Registry("sensetrack.preprocess", ImageFilter, "image filter")  # type: ignore[type-abstract]

__all__ = ["ImageFilter", "State", "describe", "preprocess_image", "preprocess_pair", "registry"]
