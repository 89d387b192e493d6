"""Synthetic scene pairs with known motion: a glacier, a landslide, an earthquake.

They show what the toolkit does without any download, and let every figure of error be checked by anyone. A synthetic
scene is kinder than nature; how well a tracker does on it says how well it can do at best.
"""

from sensetrack.scene._build import KINDS, Scene, build_scene
from sensetrack.scene._files import ScenePaths, write_scene
from sensetrack.scene._series import SeriesPaths, write_series

__all__ = ["KINDS", "Scene", "ScenePaths", "SeriesPaths", "build_scene", "write_scene", "write_series"]
