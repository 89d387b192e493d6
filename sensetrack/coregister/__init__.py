"""Coregistration: common grids, the residual shift of a pair, and images moved onto their reference.

`regrid` makes common grids and writes images onto them, `fit` finds the shift of stable ground (`shift` is the model,
`evidence` what it rests on), `resample` moves images as they are read, `spline` interpolates, `write` stores.
"""
