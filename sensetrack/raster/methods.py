"""The ways to resample, by name."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from rasterio.enums import Resampling

from sensetrack.errors import ParameterError, did_you_mean

Method: TypeAlias = Literal["spline", "nearest", "bilinear", "cubic", "lanczos", "average"]
"""``spline`` is the interpolating cubic B-spline of `sensetrack.raster.spline`, which displaces content least and suits
images that are to be tracked; the others are the kernels of `sensetrack.raster.resample.sample`."""

METHODS: tuple[Method, ...] = get_args(Method)


def check_method(method: Method | Resampling) -> Method:
    """Return the name of a method that can be used.

    Parameters
    ----------
    method : {"spline", "nearest", "bilinear", "cubic", "lanczos", "average"} or rasterio.enums.Resampling
        A member of rasterio's enumeration means the method of its name.

    Raises
    ------
    ParameterError
        There is no kernel for it.
    """
    name = method.name if isinstance(method, Resampling) else method
    for known in METHODS:
        if known == name:
            return known
    # A member of rasterio's enumeration is no slip of the pen.
    is_member = isinstance(method, Resampling)
    tail = f" is not supported; use {', '.join(METHODS)}" if is_member else did_you_mean(name, METHODS)
    raise ParameterError(f"resampling = '{name}'{tail}")
