"""Stated errors made to hold: factors for them from injected displacements or from stable ground."""

from sensetrack.calibrate._run import calibrate_errors, fit_scale
from sensetrack.error_scale import Coverage, Curve, ErrorScale

__all__ = ["Coverage", "Curve", "ErrorScale", "calibrate_errors", "fit_scale"]
