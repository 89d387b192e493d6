"""Geometry and radiometry of radar images, as functions of arrays: no files, no graphs."""
