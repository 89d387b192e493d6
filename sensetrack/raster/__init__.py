"""Rasters: grids as values, lazy images, block plans, and the writers of our files."""
